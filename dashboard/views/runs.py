"""Runs, the home: every run in one table; with none, what this is and one click to the first."""

import pandas as pd
import streamlit as st

from core import config, data, jobs, runs, words

EXAMPLE = "digits"


def train_example() -> None:
    """Start the example and watch it."""
    with st.spinner("Preparing the example"):
        run = jobs.start(config.suggest(data.get(EXAMPLE)))
    st.switch_page("views/live.py", query_params={"run": run})


def table() -> None:
    """All runs, newest first; a click on one offers where to go."""
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
        selection_mode="single-row",
        key="table",
        height=min(38 + 35 * len(rows), 640),
        column_config={
            "Course": st.column_config.LineChartColumn("Course", help="Validation accuracy by epoch", y_min=0, y_max=1),
            "Validation": st.column_config.TextColumn(help="Accuracy on validation samples at the best epoch"),
            "Test (95% interval)": st.column_config.TextColumn(help="Accuracy on samples that training never saw"),
        },
        alt="Table of all runs",
    )
    chosen = event.selection.rows
    actions(rows[chosen[0]] if chosen and chosen[0] < len(rows) else rows[0], bool(chosen))


def actions(row: dict, chosen: bool) -> None:
    """Where to go with a run, the newest if none is chosen."""
    where = {"run": row["run"]}
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{row['run'][11:]}**" if chosen else f"Newest: **{row['run'][11:]}**", width="content")
        st.page_link("views/live.py", label="Live", icon=":material/monitoring:", query_params=where)
        if "test_accuracy" in row:
            st.page_link("views/evaluate.py", label="Evaluate", icon=":material/analytics:", query_params=where)
            st.page_link("views/explain.py", label="Explain", icon=":material/search_insights:", query_params=where)
            st.page_link("views/export.py", label="Export", icon=":material/deployed_code:", query_params=where)
        if not chosen:
            st.caption("Select a row for another run.", width="content")
    if row["state"] in ("failed", "lost", "damaged"):
        st.error(f"{row['run'][11:]}: {row['message']}", icon=":material/error:")


left, right = st.columns([3, 2], vertical_alignment="bottom")
left.title("Runs")
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
