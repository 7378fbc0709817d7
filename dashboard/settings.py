"""Widgets for settings that describe themselves: one for each field of a dataclass made with core.options."""

import dataclasses

import streamlit as st


def settings(record, prefix: str, rare: bool) -> dict:
    """One widget for each field of a settings dataclass, the rare ones or the others; returns the values."""
    values = {}
    fields = [field for field in dataclasses.fields(record) if field.metadata.get("rare", False) is rare]
    with st.container(horizontal=True):
        for field in fields:
            facts, value, key = field.metadata, getattr(record, field.name), f"{prefix}-{field.name}"
            label = field.name.replace("_", " ").capitalize().replace("Lr", "Learning rate")
            shared = {"label": label, "help": facts["help"].capitalize() + ".", "key": key, "width": 170}
            if isinstance(value, bool):
                values[field.name] = st.toggle(value=value, **shared)
            elif facts["choices"]:
                values[field.name] = st.selectbox(
                    options=facts["choices"], index=facts["choices"].index(value), **shared
                )
            else:
                whole = isinstance(value, int)
                values[field.name] = st.number_input(
                    min_value=facts["low"] if whole else float(facts["low"]),
                    max_value=facts["high"] if whole else float(facts["high"]),
                    value=value,
                    step=1 if whole else value / 2 or 0.01,
                    format="%d" if whole else "%g",
                    **shared,
                )
    return values
