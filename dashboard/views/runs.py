"""Runs, the home: every run in one table; with none, what this is and one click to the first."""

import pandas as pd
import streamlit as st

from core import config, data, jobs, notes, runs, trash, words
from core.evaluation import groups
from dashboard import actions, as_code, frame, noting, sharing

EXAMPLE = "digits"
COLUMNS = {  # in pixels: the first four are in sight on a window of 900
    "\u2605": st.column_config.TextColumn(width=28, help="Starred"),
    "State": st.column_config.TextColumn(width=66),
    "Run": st.column_config.TextColumn(width=132),
    "Test (95% interval)": st.column_config.TextColumn(
        width=162,
        help="Accuracy on samples that training never saw. Of several seeds: their mean with its t-interval. "
        "Of folds: of all samples together.",
    ),
    "Spread": st.column_config.TextColumn(width=80, help="Standard deviation of test accuracy between seeds or folds"),
    "Tags": st.column_config.ListColumn(width=120),
    "Data": st.column_config.TextColumn(width=104),
    "Net": st.column_config.TextColumn(width=80),
    "Validation": st.column_config.TextColumn(
        width=84, help="Accuracy on validation samples at the best epoch; of several seeds, their mean"
    ),
    "Course": st.column_config.LineChartColumn(help="Validation accuracy by epoch", y_min=0, y_max=1, width=56),
    "When": st.column_config.TextColumn(width=122),
    "Took": st.column_config.TextColumn(width=82),
}


def train_example() -> None:
    """Start the example and watch it."""
    with st.spinner("Preparing the example"):
        run = jobs.start(config.suggest(data.get(EXAMPLE)))
    st.switch_page("views/live.py", query_params={"run": run})


def table() -> None:
    """The runs, newest first; selecting some offers where to go and what can be done with them."""
    everyone = jobs.summaries()
    with st.container(horizontal=True, vertical_alignment="center"):
        asked = _filter()
        grouped = _switch("Group seeds", "seeds", "Runs that differ only by seed, or by fold, are one row.")
        archived = any(row.get("archived") for row in everyone) and _switch(
            "Show archived", "archived", "Also those that were archived."
        )
    rows = [row for row in everyone if (archived or not row.get("archived")) and fits(row, asked)]
    if not rows:
        st.info(_nothing(asked, everyone), icon=":material/info:")
        return
    shown: list[dict] = groups.by_seed(rows) if grouped else [{"kind": "single", "rows": [row]} for row in rows]
    event = st.dataframe(
        _cells(shown, grouped),
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        # a selection is made of row numbers, so it must not outlive a change of the rows
        key=f"table-{hash(tuple(row['run'] for group in shown for row in group['rows']))}-{grouped}",
        height=min(38 + 35 * len(shown), 640),
        column_config=COLUMNS | ({"State": st.column_config.TextColumn(width=120)} if archived else {}),
        alt="Table of runs",
    )
    chosen = [row for i in event.selection.rows if i < len(shown) for row in shown[i]["rows"]]
    if len(chosen) > 1:
        of_several(chosen)
    else:
        of_one(chosen[0] if chosen else rows[0], bool(chosen))


def fits(row: dict, words_asked: str) -> bool:
    """Whether a run has all the words in its name, title, data, net, state or tags."""
    names = ("run", "title", "data", "net", "state")
    text = " ".join([*(str(row.get(name, "")) for name in names), *row.get("tags", [])]).lower()
    return all(word in text for word in words_asked.lower().split())


def _cells(shown: list[dict], grouped: bool) -> pd.DataFrame:
    """What the table shows; columns that nobody uses are left out."""
    rows = [group["rows"][0] for group in shown]  # the newest of a group speaks for it
    cells = {
        "\u2605": ["\u2605" if any(row.get("star") for row in group["rows"]) else "" for group in shown],
        "State": [_state(group) for group in shown],
        "Run": [_name(group) for group in shown],
        "Test (95% interval)": [_figure(group, "test_accuracy") for group in shown],
        "Spread": [_spread(group) for group in shown],
        "Tags": [list(dict.fromkeys(tag for row in group["rows"] for tag in row.get("tags", []))) for group in shown],
        "Data": [row.get("data", "") for row in rows],
        "Net": [row.get("net", "") for row in rows],
        "Validation": [_figure(group, "val_accuracy") for group in shown],
        "Course": [jobs.course(row["run"]) for row in rows],
        "When": [words.when(row.get("created")) for row in rows],
        "Took": [words.duration(row.get("seconds")) for row in rows],
    }
    unused = [name for name in ("\u2605", "Tags") if not any(cells[name])] + ([] if grouped else ["Spread"])
    return pd.DataFrame({name: values for name, values in cells.items() if name not in unused})


def _state(group: dict) -> str:
    row, n = group["rows"][0], len(group["rows"])
    text = row["state"]
    if n > 1:
        text = f"{group['n']} {group['kind']}" if group["done"] == n else f"{group['done']} of {n} done"
    return f"{text}, archived" if all(row.get("archived") for row in group["rows"]) else text


def _name(group: dict) -> str:
    rows = group["rows"]
    return next((row["title"] for row in rows if row.get("title")), rows[0]["run"][11:])


def _figure(group: dict, name: str) -> str:
    figure = group[name] if len(group["rows"]) > 1 else group["rows"][0].get(name)
    if not isinstance(figure, dict):
        return "" if figure is None else words.percent(figure)
    alone = name == "val_accuracy" or figure.get("low") is None
    return words.percent(figure["value"]) if alone else words.interval(figure)


def _spread(group: dict) -> str:
    figure = group.get("test_accuracy") or {}
    return f"{100 * figure['sd']:.1f} points" if figure.get("sd") is not None else ""


def _nothing(asked: str, everyone: list[dict]) -> str:
    """Why no run is shown, and what to do."""
    if asked:
        return f"No run has all of these words: {words.markdown(asked)}. Change the filter, or clear it."
    n = len(everyone)
    which = "The only run is" if n == 1 else f"All {words.count(n, 'run')} are"
    return f"{which} archived. Switch on Show archived to see {'it' if n == 1 else 'them'}."


def _filter() -> str:
    """The words that are looked for; they are in the URL (`?filter=`)."""
    st.session_state["filter"] = st.query_params.get("filter", "")[:200]
    return st.text_input(
        "Filter",
        key="filter",
        on_change=_keep,
        args=("filter",),
        placeholder="Filter: name, data, net, state, tag",
        label_visibility="collapsed",
        icon=":material/search:",
        width=290,
    )


def _switch(label: str, key: str, text: str) -> bool:
    """A toggle that is in the URL (`?key=1`) when it is on."""
    st.session_state[key] = st.query_params.get(key) == "1"
    return st.toggle(label, key=key, on_change=_keep, args=(key,), help=text)


def _keep(key: str) -> None:
    """Put a choice into the URL; what is empty or off is not there."""
    value = st.session_state[key]
    if value:
        st.query_params[key] = "1" if value is True else value
    else:
        st.query_params.pop(key, None)


def of_one(row: dict, chosen: bool) -> None:
    """Where to go with a run, the newest if none is chosen, and what can be done with it."""
    where = {"run": row["run"]}
    with st.container(horizontal=True, vertical_alignment="center"):
        name = words.markdown(row.get("title") or row["run"][11:])
        st.markdown(f"**{name}**" if chosen else f"Newest: **{name}**", width="content")
        st.page_link("views/live.py", label="Live", icon=":material/monitoring:", query_params=where)
        if "test_accuracy" in row:
            st.page_link("views/evaluate.py", label="Evaluate", icon=":material/analytics:", query_params=where)
            st.page_link("views/explain.py", label="Explain", icon=":material/search_insights:", query_params=where)
            st.page_link("views/compare.py", label="Compare", icon=":material/compare_arrows:", query_params=where)
            st.page_link("views/export.py", label="Export", icon=":material/deployed_code:", query_params=where)
            st.page_link("views/share.py", label="Share", icon=":material/ios_share:", query_params=where)
        if not chosen:
            st.caption("Select one row or several for more.", width="content")
    if chosen:
        with st.container(horizontal=True, vertical_alignment="center"):
            if row["state"] in runs.WORKING:
                stop_button([row])
            noting.star(row, "runs")
            noting.edit(row, "runs")
            actions.buttons(row, "runs")
            noting.archive([row], "runs")
            actions.delete_button(row, "runs")
            as_code.popovers(row, "runs")
        if note := notes.read(row["run"]).note:
            st.caption(words.markdown(note))
        if problem := notes.problem(row["run"]):
            st.warning(words.literal(sharing.clean(problem)), icon=":material/warning:")
    if row["state"] in ("failed", "lost", "damaged"):
        st.error(f"{row['run'][11:]}: {words.literal(sharing.clean(row['message']))}", icon=":material/error:")


def of_several(chosen: list[dict]) -> None:
    """What can be done with several runs at once."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{words.count(len(chosen), 'run')}** selected", width="content")
        st.page_link(
            "views/compare.py",
            label="Compare",
            icon=":material/compare_arrows:",
            query_params={"runs": ",".join(row["run"] for row in reversed(chosen))},  # the older against the newer
        )
        noting.tag(chosen, "several")
        noting.archive(chosen, "several")
        if working := [row for row in chosen if row["state"] in runs.WORKING]:
            stop_button(working)
        if not sharing.read_only() and st.button(
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
    if sharing.read_only():
        return
    label = "Stop" if len(working) == 1 else f"Stop {words.count(len(working), 'run')}"
    if st.button(label, icon=":material/stop:", key="stop-some"):
        with st.spinner("Stopping"):
            done = [actions.attempt(jobs.stop, row["run"]) for row in working]
        if None not in done:
            st.rerun(scope="app")


def deleted_runs() -> None:
    """The runs that were deleted, to be restored, or deleted for good."""
    gone = trash.names()
    if not gone or sharing.read_only():
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
                if sure and actions.attempt(trash.empty) is not None:
                    st.rerun()


left, right = st.columns([3, 2], vertical_alignment="bottom")
left.title("Runs")
actions.undo()
if runs.names():
    if not sharing.read_only():
        with right.container(horizontal=True, horizontal_alignment="right"):
            st.page_link("views/train.py", label="Train a new run", icon=":material/add:")
    frame.repeated(table, 2 if jobs.working() else None)
elif sharing.read_only():
    st.info("There are no runs to look at yet. Whoever runs this dashboard trains them.", icon=":material/info:")
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
deleted_runs()
