"""Choices that live in the URL, so that a copied link opens the same view and Back works."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from core import runs


def current_run() -> str | None:
    """The run that the URL names (`?run=`), else the last one looked at, else the newest; None if there is none."""
    names = runs.names()
    for run in (st.query_params.get("run"), st.session_state.get("last-run"), *names[:1]):
        if run in names:
            st.session_state["last-run"] = run
            return run
    return None


def select(
    label: str,
    options: Sequence[str],
    key: str,
    default: str,
    widget: Callable = st.selectbox,
    drops: Sequence[str] = (),
    **how: Any,
) -> str:
    """A widget to choose one of a list, whose choice lives in the URL as `?key=choice`.

    The default, and what is not on offer, do not live there. drops : other keys that a new choice takes from the URL

    A change of the URL alone is a step of the browser's history, so the default is never written there by itself.
    """
    asked = st.query_params.get(key)
    st.session_state[key] = asked if asked in options else default
    return widget(label, options, key=key, on_change=_write, args=(key, default, drops), **how)


def segments(label: str, options: Sequence[str], key: str, default: str, **how) -> str:
    """As `select`, with all options in sight."""
    asked = st.query_params.get(key)
    st.session_state[key] = asked if asked in options else default
    made = st.segmented_control(
        label, options, key=key, on_change=_write, args=(key, default), label_visibility="collapsed", **how
    )
    return made or default


def slider(label: str, key: str, low: float, high: float, default: float, step: float, **how) -> float:
    """A slider whose value lives in the URL as `?key=0.35`; what is no number from low to high is not there."""
    try:
        asked = float(st.query_params.get(key, default))
    except ValueError:
        asked = default
    st.session_state[key] = asked if low <= asked <= high else default
    return st.slider(label, low, high, step=step, key=key, on_change=_write, args=(key, default), **how)


def number(label: str, key: str, low: float, high: float, default: float, **how) -> float:
    """A box for a number whose value lives in the URL as `?key=5`; what is no number from low to high is not there."""
    try:
        asked = float(st.query_params.get(key, default))
    except ValueError:
        asked = default
    st.session_state[key] = asked if low <= asked <= high else default
    return st.number_input(label, low, high, key=key, on_change=_write, args=(key, default), **how)


def toggle(label: str, key: str, **how) -> bool:
    """A toggle that lives in the URL as `?key=1` while it is on."""
    st.session_state[key] = st.query_params.get(key) == "1"
    return st.toggle(label, key=key, on_change=lambda: put(**{key: 1 if st.session_state[key] else None}), **how)


def asked(key: str) -> str:
    """What the URL says under a key, "" if nothing."""
    return st.query_params.get(key, "")


def put(**values) -> None:
    """Write choices into the URL, to be found there by the widgets drawn next; None takes one out."""
    for key, value in values.items():
        if value is None:
            st.query_params.pop(key, None)
        else:
            st.query_params[key] = f"{value:.7g}" if isinstance(value, float) else str(value)


def _write(key: str, default, drops=()) -> None:
    """Put the new choice where it is looked for."""
    for other in drops:
        st.query_params.pop(other, None)
    choice = st.session_state[key]
    if choice is None or (choice == default and key != "run"):
        st.query_params.pop(key, None)
    else:
        st.query_params[key] = f"{choice:.7g}" if isinstance(choice, float) else choice
