"""Search: settings chosen by a sampler, many runs judged on validation, and what they say together."""

import functools
import shlex

import pandas as pd
import streamlit as st

from core import config, data, nets, runs, search, words
from core.evaluation.metrics import METRICS
from core.search import Search, space
from core.workspace import command
from dashboard import actions, drawing, frame, run_page, url
from dashboard import settings as settings_form
from exports.charts import search as search_charts

START = ("lr", "weight_decay", "net.dropout")  # what is searched first, where there is such a setting
ONLY_TOGETHER = 2  # trials that are done, from which figures say something


def new_search() -> None:
    """What to search, filled with a good start; a button starts it."""
    left, right = st.columns([2, 3])
    with left:
        name = st.selectbox("Data", data.available(), format_func=lambda name: words.cut(data.title(name), 60))
        dataset = run_page.dataset(name)
        fitting = [net for net in nets.available() if dataset.kind in nets.kinds(net) and net != "own"]
        place = fitting.index(config.default_net(dataset.kind))
        net = st.selectbox("Net", fitting, index=place, format_func=lambda name: nets.module(name).TITLE)
        objectives = [*search.HISTORY_OBJECTIVES, *METRICS]
        objective = st.selectbox("Objective, on validation", objectives, index=1, format_func=titled)
        one, two = st.columns(2)
        trials = one.number_input("Runs, at most", 1, 10_000, 20)
        minutes = two.number_input("Minutes, 0 is no limit", 0, 100_000, 0)
        pruning = st.checkbox(
            "End poor runs early", True, help="A run whose validation is worse than half of the others is ended."
        )
    with right:
        settings = what_to_search(net, dataset.kind)
    asked = {"objective": objective, "trials": int(trials), "minutes": float(minutes), "pruning": pruning}
    with st.container(horizontal=True, vertical_alignment="center"):
        go = st.button("Start the search", type="primary", icon=":material/play_arrow:", disabled=not settings)
        with st.popover("As command line", icon=":material/terminal:"):
            st.code(as_command(name, net, settings, asked), language="bash", wrap_lines=True)
    if go:
        with st.spinner("Trying each end of the ranges"):
            started = actions.attempt(functools.partial(search.start, **asked), dataset, net, settings)
        if started:
            st.query_params["search"] = started
            st.rerun()


def titled(objective: str) -> str:
    """What an objective is called where it is chosen."""
    own = {"val_loss": "Loss", "val_accuracy": "Accuracy of the best epoch"}
    return own.get(objective) or METRICS[objective].title


def what_to_search(net: str, kind: str) -> list[str]:
    """A box for the values of each chosen setting, filled in; the settings, with what is wrong with one below it."""
    known = space.choosable(net)
    chosen = st.multiselect(
        "Settings to search",
        known,
        [name for name in START if name in known],
        key=f"chosen-{net}",
        format_func=called,
        placeholder="Choose a setting or more",
    )
    settings, boxes = [], st.columns(2)
    for i, name in enumerate(chosen):
        box = boxes[i % 2]
        given = box.text_input(
            called(name),
            space.usual(name, known[name], kind),
            key=f"values-{net}-{name}",
            help=words.markdown(f"{name}: {known[name].metadata['help']}. Its default is {known[name].default}."),
        )
        settings.append(f"{name}={given.strip()}")
        try:
            space.parse(settings[-1:])
        except ValueError as error:
            box.caption(f":red[{words.markdown(str(error))}]")
    st.caption(
        "`0.001..0.1` is a range; with `:log` behind it, tenths and hundredths are tried as often as whole ones. "
        "`adam,sgd` is a list, `5` one value for all."
    )
    return settings


def called(setting: str) -> str:
    """A setting as the Train page calls it; that of a net is told apart."""
    name = setting.removeprefix("net.")
    return settings_form.label(name) + (" of the net" if name != setting else "")


def as_command(name: str, net: str, settings: list[str], asked: dict) -> str:
    """The same search for a shell."""
    parts = [*settings, "--data", name, "--net", net]
    parts += ["--objective", asked["objective"], "--trials", str(asked["trials"])]
    if asked["minutes"]:
        parts += ["--minutes", f"{asked['minutes']:g}"]
    if not asked["pruning"]:
        parts.append("--no-pruning")
    return f"{command('core')} sweep {shlex.join(parts)}"


def course(name: str, watched: bool) -> None:
    """How far the search is and what it found; when one that is watched is over, the whole page is drawn again."""
    try:
        asked, status, rows = search.load(name), search.status(name), search.trials(name)
    except (ValueError, LookupError) as error:
        st.error(words.markdown(str(error.args[0])), icon=":material/error:")
        return
    working = status["state"] in runs.WORKING
    if watched and not working:
        st.rerun(scope="app")
    st.markdown(
        f"{frame.chip(status['state'])}&ensp;{words.markdown(asked.data)}&ensp;{words.markdown(asked.net or '')}&ensp;"
        f"{words.markdown(asked.objective)}"
    )
    st.header(words.markdown(search.sentence(asked, status, rows)), anchor=False)
    if status["state"] in ("failed", "lost"):
        st.error(words.literal(status.get("message", "")), icon=":material/error:")
    over = sum(row["state"] not in ("running", "waiting") for row in rows)
    if working:
        st.progress(min(1.0, over / asked.trials), text=progress_text(asked, rows, over))
    buttons(name, asked, status, working)
    if rows:
        figures(name, asked, rows)
        table(rows, asked)


def progress_text(asked: Search, rows: list[dict], over: int) -> str:
    """How many runs are over, and about how long the others will take."""
    text = f"{over} of {words.count(asked.trials, 'run')}"
    seconds = [row["seconds"] for row in rows if row["seconds"]]
    if seconds:
        text += f", about {words.duration(sum(seconds) / len(seconds) * (asked.trials - over))} left"
    return text


def buttons(name: str, asked: Search, status: dict, working: bool) -> None:
    """Stop a search that is at work; let one that is over go on, up to a number of runs."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if working:
            stopping = search.path(name, "stop").exists()
            label = "Stopping" if stopping else "Stop"
            if st.button(label, icon=":material/stop:", key="stop-search", disabled=stopping):
                actions.attempt(search.stop, name)
                st.rerun(scope="fragment")
            return
        start = asked.trials + (10 if status["state"] == "done" else 0)
        more = st.number_input("Runs in all", 1, max(10_000, start), start, width=160, key="in-all")
        if st.button("Go on", icon=":material/resume:", key="resume-search"):
            actions.attempt(search.resume, name, int(more))
            st.rerun(scope="app")


def figures(name: str, asked: Search, rows: list[dict]) -> None:
    """The course, and from two trials on what the settings do."""
    views = ["Course", "Settings together", "Each setting", "Two settings", "Importance"]
    n_done = sum(row["value"] is not None for row in rows)
    searched = list(next(row["params"] for row in rows)) if rows else []
    view = url.segments("Figure", views, "figure", views[0])
    if view != "Course" and n_done < ONLY_TOGETHER:
        st.info("Two runs must be done before their settings can be compared.", icon=":material/info:")
        return
    if view == "Course":
        figure = search_charts.course(rows, asked.objective, asked.maximise)
    elif view == "Settings together":
        figure = search_charts.parallel(search.study(name), asked.objective)
    elif view == "Each setting":
        figure = search_charts.slices(search.study(name), asked.objective)
    elif view == "Two settings":
        if len(searched) < 2:
            st.info("Only one setting was searched.", icon=":material/info:")
            return
        left, right = st.columns(2)
        first = left.selectbox("Across", searched, key="across")
        second = right.selectbox("Up", [other for other in searched if other != first], key="up")
        figure = search_charts.contour(search.study(name), asked.objective, first, second)
    else:
        shares = search.importances(name)
        if not shares:
            st.info("Too few runs are done to say which setting matters.", icon=":material/info:")
            return
        figure = search_charts.importance(shares)
    drawing.chart(figure, f"search-{view}", view)


def table(rows: list[dict], asked: Search) -> None:
    """All trials, the best first; a chosen one leads to its run."""
    sign = -1 if asked.maximise else 1
    rows = sorted(rows, key=lambda row: (row["value"] is None, sign * (row["value"] or 0)))
    names = list(rows[0]["params"])
    shown = pd.DataFrame(
        {
            "Trial": [row["number"] + 1 for row in rows],
            "State": [row["state"] for row in rows],
            asked.objective: ["" if row["value"] is None else f"{row['value']:.4f}" for row in rows],
            **{name: [row["params"].get(name) for row in rows] for name in names},
            "Took": [words.duration(row["seconds"]) for row in rows],
            "Run": [(row["run"] or "")[11:] for row in rows],
        }
    )
    if any(row["message"] for row in rows):
        shown["Note"] = [row["message"] for row in rows]
    event = st.dataframe(
        shown,
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        height=min(38 + 35 * len(rows), 425),
        key="trials",
        alt="Table of the trials of this search",
    )
    chosen = rows[event.selection.rows[0]] if event.selection.rows and event.selection.rows[0] < len(rows) else rows[0]
    if chosen["run"] in runs.names():
        where = {"run": chosen["run"]}
        with st.container(horizontal=True, vertical_alignment="center"):
            label = "Chosen" if event.selection.rows else "Best"
            st.markdown(f"{label}: **{chosen['run'][11:]}**", width="content")
            st.page_link("views/live.py", label="Live", icon=":material/monitoring:", query_params=where)
            st.page_link("views/evaluate.py", label="Evaluate", icon=":material/analytics:", query_params=where)


left, right = st.columns([3, 2], vertical_alignment="bottom")
left.title("Search")
found = search.names()
if not found:
    st.markdown(
        "Let the machine choose settings: it trains one run after another, learns from those before, and keeps to "
        "validation samples, so that the test stays honest."
    )
    new_search()
else:
    asked = st.query_params.get("search")
    if asked is not None and asked not in found:
        st.warning(f"There is no search {words.literal(words.cut(asked, 60))} in this workspace; this is another one.")
    with right:
        name = url.select("Search", found, "search", found[0], label_visibility="collapsed")
    search.load(name)  # a damaged one is said here, where one sentence becomes of it
    working = search.status(name)["state"] in runs.WORKING
    frame.repeated(course, 2 if working else None, name, working)
    with st.expander("New search"):
        new_search()
