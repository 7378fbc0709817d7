"""Two things side by side, one below the other where the window has no room for both."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

STYLE = """
<style>
@media (max-width: 1150px) {
  [class*="st-key-beside-"] [data-testid="stColumn"] { min-width: min(20rem, 100%); flex: 1 1 20rem; }
}
</style>
"""


def style() -> None:
    """What `columns` needs; a page calls it once, outside of fragments."""
    st.html(STYLE)


def columns(key: str, spec: int | Sequence[float] = 2, **how) -> Sequence["DeltaGenerator"]:
    """As `st.columns`; `key` is one of a kind on its page."""
    return st.container(key=f"beside-{key}").columns(spec, **how)
