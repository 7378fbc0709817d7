"""Compare: whether one run is better than another, what differs between them, and on which samples."""

import pandas as pd
import streamlit as st

from core import jobs, runs, words
from core.evaluation import compare, groups, metrics, pairing
from dashboard import compared, drawing, flipped, frame, run_page, sharing, url
from exports.charts import comparison as compare_charts

MAIN = ("accuracy", "f1_macro", "auroc_macro", "log_loss", "ece")  # metrics in the first table
CURVES = {"Accuracy": "val_accuracy", "Loss": "val_loss", "Training loss": "train_loss"}
SIGNS = {"better": "green", "worse": "red", "equivalent": "blue", "unknown": "gray"}


def controls(sides: list[dict]) -> tuple[dict, dict, str, float]:
    """Which is A, which is B, what decides, and which difference does not matter."""
    by_run = {side["runs"][0]: side for side in sides}
    names = list(by_run)
    titles = {name: known.title for name, known in metrics.METRICS.items()}

    def called(run):
        return by_run[run]["name"]

    with st.container(horizontal=True):
        a = url.select("A", names, "a", names[0], format_func=called, width=212)
        others = [run for run in names if run != a]
        b = url.select("Is B better than A?", others, "b", others[0], format_func=called, width=212)
        metric = url.select("Decided by", list(titles), "metric", "accuracy", format_func=titles.get, width=212)
        margin = url.slider(
            "Equivalent within",
            "margin",
            0.0,
            0.1,
            0.01,
            0.005,
            format="percent" if metrics.METRICS[metric].form == "percent" else "%.3f",
            help="Differences up to this do not matter to you.",
            width=212,
        )
    return by_run[a], by_run[b], metric, margin


def verdict(a: dict, b: dict, metric: str, margin: float) -> dict | None:
    """The sentence; None, with the reason on the page, if the two cannot be compared."""
    try:
        found = _verdict(tuple(a["runs"]), tuple(b["runs"]), metric, margin, _stamp(a, b))
    except (ValueError, LookupError) as error:
        st.warning(words.markdown(str(error.args[0])), icon=":material/info:")
        return None
    badge = {"unknown": "unclear"}.get(found["answer"], found["answer"])
    st.header(f":{SIGNS[found['answer']]}-badge[{badge}] {words.markdown(found['sentence'])}", anchor=False)
    return found


@st.cache_data(show_spinner="Comparing", max_entries=64)
def _verdict(a: tuple, b: tuple, metric: str, margin: float, stamp: tuple) -> dict:  # noqa: ARG001 (part of the key)
    return compare.verdict(list(a), list(b), metric, margin)


@st.cache_data(show_spinner=False, max_entries=4)
def _paired(a: tuple, b: tuple, stamp: tuple) -> pairing.Paired:  # noqa: ARG001 (part of the key)
    return pairing.paired(list(a), list(b))


def _stamp(*sides: dict) -> tuple:
    """What changes when a run is evaluated again, trained on, or called something else."""
    rows = [row for side in sides for row in side["rows"]]
    files = [runs.path(row["run"], "predictions", "test.parquet") for row in rows]
    times = [file.stat().st_mtime_ns if file.exists() else 0 for file in files]
    return str(runs.workspace()), *times, *(f"{row['state']} {row.get('title')}" for row in rows)


def settings(sides: list[dict]) -> None:
    """What differs in the settings, and only that."""
    st.markdown("**What differs**")
    rows = groups.differing([side["runs"][0] for side in sides])
    if not rows:
        st.caption("Nothing: these runs have the same settings.")
        return
    cells = {"Setting": [row["setting"] for row in rows]}
    for i, side in enumerate(sides):
        values = [row["values"][i] for row in rows]
        cells[side["name"]] = ["" if value is None else sharing.clean(str(value)) for value in values]
    st.dataframe(
        pd.DataFrame(cells),
        hide_index=True,
        height=min(38 + 35 * len(rows), 340),
        column_config={"Setting": st.column_config.TextColumn(pinned=True)},
        alt="Settings that differ between the runs",
    )


def curves(sides: list[dict], classes: list[str]) -> None:
    """Learning curves over one another, or ROC curves."""
    shown = url.segments("Curve", [*CURVES, "ROC"], "curve", "Accuracy")
    if shown == "ROC":
        rocs(sides, classes)
        return
    series = []
    for side in sides:  # the run that pools folds has no course of its own
        names = [row["run"] for row in side["rows"]] if side["kind"] == "folds" else side["runs"]
        series.append({"name": side["name"], "histories": [runs.history(run) for run in names]})
    if not any(rows for one in series for rows in one["histories"]):
        st.caption("None of these runs has finished an epoch yet.")
        return
    figure = compare_charts.courses(series, CURVES[shown])
    drawing.chart(figure, "courses", f"{shown} by epoch, one line per run")
    if any(len(one["histories"]) > 1 for one in series):
        st.caption("Of several seeds or folds: their mean, in a band from the lowest to the highest.")


def figures(sides: list[dict]) -> tuple[dict[str, dict], list[str]]:
    """The metrics of each side that has them, by name, and a sentence for each that does not."""
    found, missing = {}, []
    for side in sides:
        try:
            each = [compare.figures(run) for run in side["runs"]]
        except ValueError as error:
            missing.append(str(error.args[0]))
            continue
        found[side["name"]] = each[0] if len(each) == 1 else _together(each, side["kind"])
    return found, missing


def _together(each: list[dict], kind: str) -> dict:
    """Metrics of several runs: mean with t-interval over seeds; over folds without, as folds are not independent."""
    found = {}
    for name in each[0]:
        values = [one[name]["value"] for one in each if one.get(name) and one[name]["value"] is not None]
        share = metrics.METRICS[name].form != "number"
        found[name] = groups.over_seeds(values, share) if values else {"value": None, "low": None, "high": None}
        if kind == "folds":
            found[name] |= {"low": None, "high": None}
    return found


def metric_table(found: dict[str, dict]) -> None:
    """Metrics with their intervals, a row per run, to be sorted by any of them."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Metrics on test samples, with 95% intervals**", width="content")
        everything = url.toggle("All metrics", "all-metrics")
    names = [
        name
        for name in (metrics.METRICS if everything else MAIN)
        if any((values.get(name) or {"value": None})["value"] is not None for values in found.values())
    ]
    frame_of = pd.DataFrame(
        {
            metrics.METRICS[name].title: [(values.get(name) or {}).get("value") for values in found.values()]
            for name in names
        },
        dtype=float,
    )
    frame_of.insert(0, "Run", list(found))
    styled = frame_of.style
    for i, values in enumerate(found.values()):  # sorted as numbers, shown with their intervals
        for name in names:
            text = compare.shown(values.get(name), name)
            styled = styled.format(lambda _, text=text: text, subset=pd.IndexSlice[[i], [metrics.METRICS[name].title]])
    st.dataframe(
        styled,
        hide_index=True,
        column_config={"Run": st.column_config.TextColumn(pinned=True)}
        | {known.title: st.column_config.NumberColumn(help=known.text) for known in metrics.METRICS.values()},
        alt="Metrics of each run with their intervals",
    )


def one_metric(found: dict[str, dict], metric: str) -> None:
    """The metric that decides, of each run, as points on their intervals."""
    st.markdown(f"**{metrics.METRICS[metric].title} on test samples**")
    known = metrics.METRICS[metric]
    series = [{"name": name, **(values.get(metric) or {"value": None})} for name, values in found.items()]
    drawing.chart(compare_charts.intervals(series, known.form == "percent"), "intervals", known.title)
    st.caption("Overlapping intervals do not mean equal runs: the sentence above pairs the samples.")


def rocs(sides: list[dict], classes: list[str]) -> None:
    """ROC curves of all runs for a class."""
    chosen = url.select("ROC of class", classes, "class", classes[-1] if len(classes) == 2 else classes[0])
    series = []
    for side in sides:
        test = (runs.evaluation(side["runs"][0]) or {}).get("test", {})
        curve = next((one for one in test.get("roc", []) if one["name"] == chosen and not one.get("mean")), None)
        if curve and "metrics" in test:
            area = next((row["auroc"]["value"] for row in test["per_class"] if row["class"] == chosen), None)
            # without their bands, which would cover one another
            series.append({"name": side["name"], "x": curve["x"], "y": curve["y"], "area": words.area(area)})
    if not series:
        st.caption(f"No test sample is {words.markdown(chosen)}, or every one is: there is no curve.")
        return
    drawing.chart(compare_charts.rocs(series, chosen), "rocs", f"ROC curves for {chosen}, one line per run")
    if any(len(side["runs"]) > 1 for side in sides):
        st.caption("Of several seeds, the curve is that of the first run.")


def flips(a: dict, b: dict, found: dict, classes: list[str]) -> None:
    """The samples on which the two differ."""
    pair = _paired(tuple(a["runs"]), tuple(b["runs"]), _stamp(a, b))
    gains, losses = len(found["wrong_to_right"]), len(found["right_to_wrong"])
    right = int(pairing.majority(pair.b, pair.targets).sum())
    st.header("Samples that flipped", anchor=False)
    majority = " Of several seeds, what most of them say counts." if len(pair.a) + len(pair.b) > 2 else ""
    st.markdown(
        f"Both are right on {right - gains:,} and wrong on {pair.n - right - losses:,} of {pair.n:,} test samples. "
        f"From A to B, {gains:,} went from wrong to right and {losses:,} from right to wrong.{majority}"
    )
    try:
        dataset = run_page.dataset_of(b["runs"][0])
    except (ValueError, LookupError) as error:
        dataset = None
        st.caption(words.markdown(str(error.args[0])))
    with st.container(horizontal=True):
        for title, name in (("Right to wrong", "right_to_wrong"), ("Wrong to right", "wrong_to_right")):
            with st.container(width=470):
                flipped.show(title, pair, classes, found[name], dataset, name)


st.title("Compare")
everyone = jobs.summaries()
if not everyone:
    st.info("No runs yet. Train one first; the example takes about 20 seconds.", icon=":material/info:")
    st.page_link("views/runs.py", label="Go to Runs")
    st.stop()
chosen = compared.choose(
    [row for row in everyone if not row.get("archived") or row["run"] in st.query_params.get("runs", "")]
)
if damaged := [row for row in chosen if row["state"] == "damaged"]:
    st.error(words.markdown(damaged[0]["message"]), icon=":material/error:")
sides = compared.sides_of([row for row in chosen if row["state"] != "damaged"])
if len(sides) < 2:
    what = (
        "Runs that differ only by seed are one side of a comparison; choose a run with other settings too."
        if len(chosen) > 1 and len(sides) == 1 and not damaged
        else "Choose two runs or more that were trained on the same data, here or on the Runs page."
    )
    st.info(what, icon=":material/info:")
    st.page_link("views/runs.py", label="Go to Runs")
    st.stop()
a, b, metric, margin = controls(sides)
found = verdict(a, b, metric, margin)
frame.let_it_paint()
classes = list(runs.schema(a["runs"][0]).classes)
numbers, missing = figures(sides)
with st.container(horizontal=True):  # one below the other where the window is narrow
    with st.container(width=365):
        settings(sides)
        if numbers:
            one_metric(numbers, metric)
    with st.container():
        curves(sides, classes)
for sentence in missing:
    st.info(words.markdown(sentence), icon=":material/info:")
if numbers:
    metric_table(numbers)
if found:
    flips(a, b, found, classes)
