"""The samples that one side of a comparison gets right and the other wrong."""

import pathlib
from urllib.parse import quote

import numpy as np
import pandas as pd
import streamlit as st

from core import words
from core.data import Dataset
from core.evaluation import metrics, pairing
from dashboard import pictures

SHOWN = 12  # pictures of each kind
MOST_ROWS = 1000  # of a table


def table(pair: pairing.Paired, classes: list[str], ids: list[str]) -> pd.DataFrame:
    """Truth and answers of both sides for the samples `ids`, those on top of which B is surest."""
    where = np.flatnonzero(np.isin(pair.ids, ids))
    sure = np.mean([metrics.softmax(logits[where]).max(axis=1) for logits in pair.b], axis=0) if len(where) else []
    where = where[np.argsort(-np.asarray(sure), kind="stable")]
    names = np.array(classes)
    said = [names[pairing.votes(tuple(logits[where] for logits in side)).argmax(axis=1)] for side in (pair.a, pair.b)]
    frame = {"Sample": pair.ids[where], "Truth": names[pair.targets[where]], "A says": said[0], "B says": said[1]}
    return pd.DataFrame(frame)


def show(
    title: str, pair: pairing.Paired, classes: list[str], ids: list[str], dataset: Dataset | None, key: str
) -> None:
    """One direction: pictures with a link to their explanation, or a table."""
    st.markdown(f"**{title}: {words.count(len(ids), 'sample')}**")
    if not ids:
        st.caption("None.")
        return
    rows = table(pair, classes, ids)
    run = pair.b_runs[0]
    if dataset is None or dataset.kind != "image":
        _rows(title, rows, run, key)
        return
    _gallery(rows, run, dataset)
    if len(rows) > SHOWN:
        with st.expander(f"All {len(rows):,} as a table"):
            _rows(title, rows, run, key)


def _rows(title: str, rows: pd.DataFrame, run: str, key: str) -> None:
    shown = rows.head(MOST_ROWS).assign(
        Explain=[f"explain?run={quote(run)}&sample={quote(sample, safe='')}" for sample in rows["Sample"][:MOST_ROWS]]
    )
    st.dataframe(
        shown,
        hide_index=True,
        height=min(38 + 35 * len(shown), 285),
        key=key,
        column_config={"Explain": st.column_config.LinkColumn(display_text="Explain", width="small")},
        alt=f"{title}: samples with truth and answers",
    )
    if len(rows) > MOST_ROWS:
        st.caption(f"The first {MOST_ROWS:,} of {len(rows):,}.")


def _gallery(rows: pd.DataFrame, run: str, dataset: Dataset) -> None:
    wanted = rows["Sample"][:SHOWN].tolist()
    position = dict(zip(*_found(dataset.ids, wanted)))
    with st.container(horizontal=True, gap="small"):
        for row in rows[:SHOWN].itertuples(index=False):
            sample, truth, said_a, said_b = row
            with st.container(width=84, gap=None):
                if sample in position:
                    picture = pictures.thumbnail(dataset.pictures[position[sample]], 76)
                    st.image(picture, width=76, alt=f"{sample}, of class {truth}")
                st.page_link(
                    "views/explain.py",
                    label=words.markdown(words.cut(pathlib.PurePath(sample).stem, 9)),
                    query_params={"run": run, "sample": sample},
                    help=words.markdown(f"It is {truth}. A says {said_a}, B says {said_b}."),
                )
                wrong = f"A: {words.cut(said_a, 8)}" if said_b == truth else f"B: {words.cut(said_b, 8)}"
                st.caption(words.markdown(f"{words.cut(truth, 8)}, {wrong}"))


def _found(ids: np.ndarray, wanted: list[str]) -> tuple[list[str], list[int]]:
    where = np.flatnonzero(np.isin(ids, wanted))
    return ids[where].tolist(), where.tolist()
