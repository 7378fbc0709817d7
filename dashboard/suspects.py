"""The samples of a run whose labels are most likely wrong, and a training without those that are marked."""

import dataclasses

import pandas as pd
import streamlit as st

from core import folds, jobs, runs, words
from core.data import lists
from core.data.tables import columns
from core.evaluation import labels
from dashboard import actions, answers, samples, sharing

PARTS = ("val", "test")  # those that the net did not learn from


@st.cache_resource(show_spinner=False, max_entries=4)  # never to be changed
def _suspects(run: str, workspace: str, stamps: tuple) -> pd.DataFrame:  # noqa: ARG001 (parts of the key)
    parts = PARTS[1:] if folds.members(run) else PARTS  # pooled, the test part has each sample once
    for part in parts:
        answers.of(run, part)  # DamagedRun if these are none
    return labels.of_run(run, parts)


def show(run: str) -> None:
    """The held-out samples whose labels are most likely wrong; marked ones can be left out of a new training."""
    table = actions.attempt(_suspects, run, str(runs.workspace()), tuple(answers.stamp(run, part) for part in PARTS))
    if table is None:
        return
    n = int(table["suspected"].sum())
    st.markdown(
        f"**{words.count(n, 'label')} of {len(table):,} may be wrong.** The net, which did not learn from these, "
        "is confident of another class."
        if n
        else "**No label looks wrong.** The net is confident of no other class than the one given."
    )
    shown = table.head(max(20, min(200, n))).copy()
    dataset = samples.dataset_for(run, "test")
    if dataset is not None and dataset.kind == "image":
        where = pd.Index(dataset.ids).get_indexer(shown["id"])
        shown.insert(1, "Picture", [samples.picture(dataset, i) for i in where])
    shown = shown.rename(
        columns={
            "id": "Sample",
            "part": "Part",
            "label": "Label",
            "suggested": "Looks like",
            "score": "Doubt",
            "probability": "Sure of label",
        }
    )
    st.caption("The most likely wrong first. Look at each before you trust the list; select rows to mark them.")
    event = st.dataframe(
        shown.drop(columns="suspected"),
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key=f"suspects-{run}",
        row_height=samples.ROW_HEIGHT if "Picture" in shown else None,
        height=430,
        column_config={
            "Picture": st.column_config.ImageColumn("", width="small"),
            "Doubt": st.column_config.ProgressColumn(min_value=0, max_value=1, format="percent"),
            "Sure of label": st.column_config.NumberColumn(format="percent"),
        },
        alt="Samples whose labels are most likely wrong",
    )
    marked = shown.iloc[[i for i in event.selection.rows if i < len(shown)]]
    n_kept = 0 if folds.members(run) else int((marked["Part"] == "test").sum())
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.download_button(
            "Download the list",
            lambda: columns.neutral(table).to_csv(index=False),
            f"{run}-labels.csv",
            "text/csv",
            icon=":material/download:",
        )
        if sharing.read_only():
            return
        name = st.text_input("Name of the list", "wrong-labels", key="list-name", width=200)
        label = (
            f"Train again without {words.count(len(marked), 'sample')}" if len(marked) else "Train again without them"
        )
        if st.button(label, disabled=not len(marked), icon=":material/replay:", key="train-without"):
            train_without(run, name, marked["Sample"].tolist())
    st.caption(
        "They are left out of training and validation only; the test stays as it is, so both runs can be compared."
        + (f" Of those marked, {words.count(n_kept, 'sample')} stay in the test." if n_kept else "")
    )


def train_without(run: str, name: str, ids: list[str]) -> None:
    """Start the run once more without these samples, and without those that it left out itself."""
    config = runs.config_now(run)

    def go() -> str:
        before = lists.load(config.data.name, config.data.without) if config.data.without else []
        lists.save(config.data.name, name, [*before, *ids])
        new = dataclasses.replace(config, data=dataclasses.replace(config.data, without=name))
        if members := folds.members(run):
            return folds.start(new, len(members))
        started = jobs.create(new)
        runs.write_status(started, instead_of=run)  # to be compared with it when it is done
        jobs.start_process(started)
        return started

    new = actions.attempt(go)
    if new:
        st.switch_page("views/live.py", query_params={"run": new})
