"""The form of a row of a table: a field for each column, within what the training data holds."""

import datetime
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core import words
from core.data.dataset import EPOCH, Column, Dataset, Schema
from core.whatif import kept
from core.whatif.counterfactuals import plain

WIDTH = 172  # of a field, in pixels: three beside one another on a wide page, two on a telephone
SHOWN = 30  # fields at once; the others are folded


def begin(run: str, sample: str, x: np.ndarray) -> None:
    """The row that is being changed is this sample; another sample begins afresh."""
    before = st.session_state.get("whatif-of", ("", ""))
    if before != (run, sample):
        if before[0] != run:  # its columns are others
            for key in ("whatif-fixed", "whatif-up", "whatif-down"):
                st.session_state.pop(key, None)
        st.session_state["whatif-of"] = (run, sample)
        st.session_state["whatif-search"] = False
        put(x)


def put(row: np.ndarray) -> None:
    """Let the form hold this row."""
    st.session_state["whatif-row"] = np.array(row, np.float32)
    st.session_state.pop("whatif-reason", None)


def row_now() -> np.ndarray:
    """The row in the form, float32 (n_columns,)."""
    return st.session_state["whatif-row"]


@st.cache_data(show_spinner=False, max_entries=16)
def ranges(run: str, _schema: Schema, _dataset: Dataset) -> list[dict]:
    """What each column holds in the training rows: low, high, missing, whole (numbers), seen (codes)."""
    rows = kept.reference(run, _dataset)
    found = []
    for j, column in enumerate(_schema.columns):
        values = rows[:, j]
        known = values[values >= 0] if column.type == "category" else values[~np.isnan(values)]
        whole = column.type == "number" and bool((known == known.round()).all()) and bool((np.abs(known) < 2**24).all())
        found.append(
            {
                "low": float(known.min()) if len(known) else 0.0,
                "high": float(known.max()) if len(known) else 0.0,
                "missing": len(known) < len(values),
                "whole": whole,
                "seen": sorted({int(code) for code in known}) if column.type == "category" else [],
            }
        )
    return found


# ------------------------------------------------------------------------------------------------------ the form


def form(schema: Schema, x: np.ndarray, seen: list[dict]) -> None:
    """A field for each column; what a person writes there is the row's at once."""
    changed = sum(differs(old, new) for old, new in zip(x, row_now()))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**The row**", width="content")
        st.caption(f"{words.count(changed, 'value')} changed" if changed else "as it is in the data", width="content")
        st.button(
            "Back to the sample",
            key="whatif-back",
            icon=":material/undo:",
            type="tertiary",
            disabled=not changed,
            on_click=put,
            args=(x,),
        )
    numbered = list(enumerate(schema.columns))
    _fields(numbered[:SHOWN], x, seen)
    if len(numbered) > SHOWN:
        with st.expander(f"{words.count(len(numbered) - SHOWN, 'more column')}"):
            _fields(numbered[SHOWN:], x, seen)


def _fields(columns: list[tuple[int, Column]], x: np.ndarray, seen: list[dict]) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        for j, column in columns:
            _field(j, column, float(x[j]), seen[j])


def _field(j: int, column: Column, before: float, seen: dict) -> None:
    """One column's widget. The row is what counts: the widget shows it, and writes into it when a person changes it."""
    key, now = f"whatif-value-{j}", float(row_now()[j])
    changed = differs(before, now)
    label = words.markdown(words.cut(column.name, 28))
    label = f"**:orange[{label}]**" if changed else label
    was = f"It was {text(plain(column, before))}. " if changed else ""
    may_miss = seen["missing"] or np.isnan(before) or (column.type == "category" and before < 0)
    shared: dict[str, Any] = {"key": key, "width": WIDTH, "on_change": _take, "args": (j, column)}
    if column.type == "category":
        options = sorted({*seen["seen"], *(int(value) for value in (before, now) if value >= 0)})
        options += [-1] if may_miss else []
        st.session_state[key] = int(now)
        st.selectbox(
            label,
            options,
            format_func=lambda code: "missing" if code < 0 else column.categories[code],
            help=words.markdown(was) or None,
            **shared,
        )
        return
    low, high = (plain(column, np.float32(value)) for value in (seen["low"], seen["high"]))
    told = f"{was}Seen in training: {low} to {high}{', or empty' if may_miss else ''}."
    if column.type == "date":
        st.session_state[key] = None if np.isnan(now) else _date(now)
        bounds = [value for value in (before, now, seen["low"], seen["high"]) if not np.isnan(value)]
        limits = (_date(min(bounds)), _date(max(bounds)))
        st.date_input(
            label,
            value=None if may_miss else limits[0],
            min_value=limits[0],
            max_value=limits[1],
            help=words.markdown(told),
            **shared,
        )
        return
    kind = int if seen["whole"] and all(np.isnan(v) or v == round(v) for v in (before, now)) else float
    bounds = [kind(plain(column, np.float32(v))) for v in (before, now, seen["low"], seen["high"]) if not np.isnan(v)]  # ty: ignore[invalid-argument-type]
    st.session_state[key] = None if np.isnan(now) else kind(plain(column, np.float32(now)))  # ty: ignore[invalid-argument-type]
    st.number_input(  # ty: ignore[no-matching-overload]
        label,
        value=None if may_miss else "min",  # with None it may be left empty
        min_value=min(bounds),
        max_value=max(bounds),
        step=1 if kind is int else _step(seen["high"] - seen["low"]),
        format="%d" if kind is int else "%g",
        placeholder="missing",
        help=words.markdown(told),
        **shared,
    )


def _take(j: int, column: Column) -> None:
    """Put what a person wrote into the row; an empty field is a missing value."""
    value, row = st.session_state[f"whatif-value-{j}"], row_now().copy()
    if value is None:
        row[j] = np.nan
    elif column.type == "date":
        row[j] = (pd.Timestamp(value) - EPOCH) / pd.Timedelta(days=1)  # ty: ignore[unsupported-operator]
    else:
        row[j] = value
    put(row)


def differs(old: float, new: float) -> bool:
    """Whether two raw values are another value; two missing ones are the same."""
    return bool(old != new and not (np.isnan(old) and np.isnan(new)))


def _date(days: float) -> datetime.date:
    return (EPOCH + pd.Timedelta(days=np.floor(days))).date()  # ty: ignore[invalid-explicit-return]


def _step(width: float) -> float:
    """About a fiftieth of a range, as a round number."""
    return float(10 ** np.floor(np.log10(width / 20))) if width > 0 else 1.0


def text(value: object) -> str:
    """A plain value as a person reads it."""
    return "missing" if value is None else str(value)
