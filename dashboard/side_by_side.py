"""Two things side by side, one below the other where the window has no room for both, see `frame.STYLE`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator


def columns(key: str, spec: int | Sequence[float] = 2, **how) -> Sequence["DeltaGenerator"]:
    """As `st.columns`; `key` is one of a kind on its page."""
    return st.container(key=f"beside-{key}").columns(spec, **how)
