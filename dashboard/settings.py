"""Widgets for settings that describe themselves: one for each field of a dataclass made with core.options."""

import dataclasses
from collections.abc import Container
from typing import TYPE_CHECKING, Any

import streamlit as st

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

WORDS = {
    "lr": "Learning rate",
    "ema": "EMA",
    "optimizer": "Optimiser",
    "Backbone lr": "Backbone's share of rate",
}  # in place of a field's name
WIDE = 350  # pixels of a text field; other widgets have half


def settings(
    record: "DataclassInstance",
    prefix: str,
    rare: bool | None,
    only: Container[str] | None = None,
    skip: Container[str] = (),
) -> dict:
    """One widget for each field of a settings dataclass; returns the values.

    rare : the rare ones, the others, or (None) all of them
    only, skip : names of the fields to take, all by default, and of those to leave out
    """
    fields = [
        field
        for field in dataclasses.fields(record)
        if "help" in field.metadata
        and (rare is None or field.metadata["rare"] is rare)
        and (only is None or field.name in only)
        and field.name not in skip
    ]
    with st.container(horizontal=True):
        return {field.name: widget(field, getattr(record, field.name), f"{prefix}-{field.name}") for field in fields}


def widget(field: dataclasses.Field, value: Any, key: str) -> Any:
    """The widget for one field of a settings dataclass, filled with `value`; returns what it says."""
    facts = field.metadata
    help_text = facts["help"][0].upper() + facts["help"][1:] + "."
    shared: dict[str, Any] = {"label": label(field.name), "help": help_text, "key": key, "width": 170}
    if isinstance(value, bool):
        return st.toggle(value=value, **shared)
    if facts["choices"]:
        return st.selectbox(options=facts["choices"], index=facts["choices"].index(value), **shared)
    if isinstance(value, str):
        shared["width"] = WIDE
        return st.text_input(value=value, **shared).strip()
    whole = isinstance(field.default, int)
    low, high = facts["low"], facts["high"]
    empty = value == 0 and facts["zero"]  # then the field says what 0 means
    said = st.number_input(
        min_value=low if whole or low is None else float(low),
        max_value=high if whole or high is None else float(high),
        value=None if empty else value if whole else float(value),
        placeholder=facts["zero"] or None,
        step=1 if whole else value / 2 or 0.01,
        format="%d" if whole else "%g",
        **shared,
    )
    return type(field.default)(0) if said is None else said


def label(name: str) -> str:
    """A field's name as a person reads it."""
    text = name.replace("_", " ").capitalize()
    return WORDS.get(name) or WORDS.get(text, text)
