"""Runs, the home: every run in one table; with none, what this is and one click to the first."""

import pandas as pd
import streamlit as st

from core import config, data, jobs, runs, words
from dashboard import actions

EXAMPLE = "digits"


def train_example() -> None:
    """Start the example and watch it."""
    with st.spinner("Preparing the example"):
        run = jobs.start(config.suggest(data.get(EXAMPLE)))
    st.switch_page("views/live.py", query_params={"run": run})


def table() -> None:
    """All runs, newest first; selecting some offers where to go and what can be done with them."""
    rows = jobs.summaries()
    names = [row["run"] for row in rows]
    shown = pd.DataFrame(
        {
            "State": [row["state"] for row in rows],
            "Run": [run[11:] for run in names],
            "Data": [row.get("data", "") for row in rows],
            "Net": [row.get("net", "") for row in rows],
            "Course": [[epoch["val_accuracy"] for epoch in runs.history(run)][-60:] for run in names],
            "Validation": [words.percent(row["val_accuracy"]) if "val_accuracy" in row else "" for row in rows],
            "Test (95% interval)": [
                words.interval(row["test_accuracy"]) if "test_accuracy" in row else "" for row in rows
            ],
            "Took": [words.duration(row.get("seconds")) for row in rows],
            "When": [words.when(row.get("created")) for row in rows],
        }
    )
    event = st.dataframe(
        shown,
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key="table",
        height=min(38 + 35 * len(rows), 640),
        column_config={
            "Course": st.column_config.LineChartColumn(
                "Course", help="Validation accuracy by epoch", y_min=0, y_max=1, width="small"
            ),
            "Validation": st.column_config.TextColumn(help="Accuracy on validation samples at the best epoch"),
            "Test (95% interval)": st.column_config.TextColumn(help="Accuracy on samples that training never saw"),
        },
        alt="Table of all runs",
    )
    chosen = [rows[i] for i in event.selection.rows if i < len(rows)]
    if len(chosen) > 1:
        of_several(chosen)
    else:
        of_one(chosen[0] if chosen else rows[0], bool(chosen))


def of_one(row: dict, chosen: bool) -> None:
    """Where to go with a run, the newest if none is chosen, and what can be done with it."""
    where = {"run": row["run"]}
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{row['run'][11:]}**" if chosen else f"Newest: **{row['run'][11:]}**", width="content")
        st.page_link("views/live.py", label="Live", icon=":material/monitoring:", query_params=where)
        if "test_accuracy" in row:
            st.page_link("views/evaluate.py", label="Evaluate", icon=":material/analytics:", query_params=where)
            st.page_link("views/explain.py", label="Explain", icon=":material/search_insights:", query_params=where)
            st.page_link("views/export.py", label="Export", icon=":material/deployed_code:", query_params=where)
        if not chosen:
            st.caption("Select one row or several for more.", width="content")
    if chosen:
        with st.container(horizontal=True, vertical_alignment="center"):
            if row["state"] in runs.WORKING:
                stop_button([row])
            actions.buttons(row, "runs")
            actions.code(row, "runs")
    if row["state"] in ("failed", "lost", "damaged"):
        st.error(f"{row['run'][11:]}: {row['message']}", icon=":material/error:")


def of_several(chosen: list[dict]) -> None:
    """What can be done with several runs at once."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{words.count(len(chosen), 'run')}** selected", width="content")
        if working := [row for row in chosen if row["state"] in runs.WORKING]:
            stop_button(working)
        if st.button(
            f"Delete {words.count(len(chosen), 'run')}",
            icon=":material/delete:",
            key="delete-several",
            help="Move them to the trash. Those at work are stopped first.",
        ):
            with st.spinner("Moving them to the trash"):
                actions.delete([row["run"] for row in chosen])
            st.rerun(scope="app")


def stop_button(working: list[dict]) -> None:
    """Stop the runs that are queued or at work, the last ones first, so that none of them starts meanwhile."""
    label = "Stop" if len(working) == 1 else f"Stop {words.count(len(working), 'run')}"
    if st.button(label, icon=":material/stop:", key="stop-some"):
        with st.spinner("Stopping"):
            done = [actions.attempt(jobs.stop, row["run"]) for row in working]
        if None not in done:
            st.rerun(scope="app")


def trash() -> None:
    """The runs that were deleted, to be restored, or deleted for good."""
    gone = runs.trash()
    if not gone:
        return
    with st.expander(f"Trash: {words.count(len(gone), 'run')}"):
        chosen = st.multiselect("Runs in the trash", gone, placeholder="Choose some to restore", key="in-trash")
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Restore", icon=":material/restore_from_trash:", disabled=not chosen, key="restore"):
                for run in chosen:
                    actions.attempt(actions.restored, run)
                st.rerun()
            with st.popover("Empty the trash", icon=":material/delete_forever:"):
                st.markdown(f"{words.count(len(gone), 'run')} will be deleted for good, their weights too.")
                sure = st.button("Delete for good", type="primary", key="empty")
                if sure and actions.attempt(runs.empty_trash) is not None:
                    st.rerun()


left, right = st.columns([3, 2], vertical_alignment="bottom")
left.title("Runs")
actions.undo()
if runs.names():
    with right.container(horizontal=True, horizontal_alignment="right"):
        st.page_link("views/train.py", label="Train a new run", icon=":material/add:")
    st.fragment(table, run_every=2 if jobs.working() else None)()
else:
    st.markdown(
        "Vitrine trains a classifier on your images or tables, shows how good it is and why, "
        "and gives you a model file that is proved to decide as the trained net did."
    )
    st.markdown("Nothing has been trained yet. Start with an example: a small net that reads handwritten digits.")
    with st.container(horizontal=True, vertical_alignment="center"):
        go = st.button("Train the example (20 seconds)", type="primary", icon=":material/play_arrow:")
        st.page_link("views/train.py", label="Choose data and net yourself", icon=":material/tune:")
    if go:
        train_example()
trash()
