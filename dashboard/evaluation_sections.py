"""What the Evaluate page shows below its figures, one at a time: samples, slices, and further questions."""

import numpy as np
import pandas as pd
import streamlit as st

from core import runs, words
from core.evaluation import breaking, conditions, conformal, filters, intervals, leaks, metrics, other_data, slices
from core.evaluation.operating import SILENT
from dashboard import actions, answers, drawing, engine, operating_panel, run_page, samples, url
from exports.charts import confusion as confusion_charts
from exports.charts import evaluation as charts

COURSE = ("accuracy", "balanced_accuracy", "f1_macro")  # what is drawn by epoch
CORNER = 0.995  # confidence of a set, at most
HOW_TO = "Such as: age > 30 and sex = male; city in (Rome, 'New York'); not (income is missing)"


def cell(text: str, classes: list[str]) -> tuple[int, int] | None:
    """The cell of a confusion matrix that "3-8" names, or None."""
    try:
        i, j = (int(part) for part in text.split("-"))
    except ValueError:
        return None
    return (i, j) if 0 <= i < len(classes) and 0 <= j < len(classes) else None


def of_samples(run: str, part: str, classes: list[str], said: np.ndarray) -> None:
    """The samples of a cell of the confusion matrix, of a bin of confidence, those that are wrong, or all."""
    found = answers.of(run, part)
    picked = cell(url.asked("cell"), classes)
    kinds = {"wrong": "Wrong ones", "right": "Right ones", "all": "All", "silent": "Nothing said"}
    if not (said == SILENT).any():
        kinds.pop("silent")
    bin_asked = url.asked("bin")
    in_bin = bin_asked.isdecimal() and len(bin_asked) < 3 and int(bin_asked) < metrics.N_BINS
    if picked or in_bin:
        back = {"cell": None, "bin": None}
        st.button("All mistakes", icon=":material/arrow_back:", type="tertiary", on_click=url.put, kwargs=back)
    if picked:
        i, j = picked
        title = f"{classes[i]}, said {classes[j]}"
        where = np.flatnonzero((found.y_true == i) & (said == j))
    elif in_bin:
        k, n_bins = int(bin_asked), metrics.N_BINS
        title = f"Sure of its answer from {k / n_bins:.0%} to {(k + 1) / n_bins:.0%}"
        where = np.flatnonzero(metrics.gaps(found.y_true, found.y_prob)[0] == k)
    else:
        kind = url.select("Which", list(kinds), "which", "wrong", format_func=kinds.get, width=220)
        wrong = (said != found.y_true) & (said != SILENT)
        chosen = {"wrong": wrong, "right": said == found.y_true, "silent": said == SILENT}.get(kind)
        where = np.arange(len(said)) if chosen is None else np.flatnonzero(chosen)
        title = kinds[kind]
    samples.show(run, part, where, title, said, heading=bool(picked or in_bin))


# ------------------------------------------------------------------------------------------------------ slices


@st.cache_resource(show_spinner="Looking for slices", max_entries=4)  # never to be changed
def _slices(run: str, part: str, stamp: int, said: np.ndarray, of_class: str | None) -> dict:  # noqa: ARG001 (key)
    return slices.of_run(run, part, of_class, said)


def of_slices(run: str, part: str, classes: list[str], said: np.ndarray) -> None:
    """Where the run, deciding as `said`, fails more than elsewhere, and a slice of a person's own."""
    missed = {f"{name} missed": name for name in classes}
    kind = url.select("Mistakes", ["all mistakes", *missed], "mistakes", "all mistakes", width=260)
    of_class = missed.get(kind)
    found = actions.attempt(_slices, run, part, answers.stamp(run, part), said, of_class)
    if not found or not len(found["table"]):
        return
    st.markdown(f"**{words.markdown(found['sentence'])}**")
    rows, wrong, asked = found["slices"], found["wrong"], url.asked("slice")
    if rows:
        drawing.chart(
            charts.shares([row["text"] for row in rows], [row["error"] for row in rows], float(wrong.mean())),
            "slices",
            "Share wrong in each slice, with 95% intervals",
        )
        st.caption(
            "At the operating point. Found on one half of the samples and measured on the other, so that luck does not "
            "show; at most 5 of 100 are expected to be there by chance. Dotted: all samples."
        )
        texts = [row["filter"] for row in rows]
        own = [asked] if asked and asked not in texts else []
        named = {row["filter"]: row["text"] for row in rows}
        asked = url.select(
            "Slice",
            ["", *texts, *own],
            "slice",
            "",
            format_func=lambda text: named.get(text, text) or "Choose one to see its samples",
        )
    with st.form("own-slice", border=False):
        left, right = st.columns([5, 1], vertical_alignment="bottom")
        example = _example(found["table"])
        text = left.text_input(
            "A slice of your own", value=asked, placeholder=example, max_chars=filters.LONGEST, help=HOW_TO
        )
        if right.form_submit_button("Look", width="stretch"):
            url.put(slice=text or None)
            st.rerun(scope="fragment")
    if asked:
        member = actions.attempt(filters.mask, found["table"], asked)
        if member is not None:
            places = np.arange(len(said))
            if of_class is not None:
                places = np.flatnonzero(answers.of(run, part).y_true == classes.index(of_class))
            _one_slice(run, part, asked, member, wrong, places, said)
    with st.expander("Columns to filter by"):
        st.markdown(words.markdown(", ".join(map(str, found["table"]))))


def _example(table: pd.DataFrame) -> str:
    """A filter that fits the table, about its first column that holds anything."""
    for name in map(str, table.columns):
        values = table[name].dropna()
        if not len(values):
            continue
        column = name if name.isidentifier() and name.lower() not in filters.GRAMMAR else f"`{name.replace('`', '``')}`"
        value = values.iloc[len(values) // 2]
        if isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
            return f"{column} > {value:.3g}"
        if isinstance(value, pd.Timestamp):
            return f"{column} >= {value:%Y-%m-%d}"
        return words.cut(conditions.filter_text([{"column": name, "kind": "is", "value": str(value)}]), 80)
    return ""


def _one_slice(run: str, part: str, text: str, member, wrong, places, said) -> None:
    """The samples of a slice, those that are wrong first in the count."""
    n, k = int(member.sum()), int((member & wrong).sum())
    rest = intervals.proportion(int((~member & wrong).sum()), int((~member).sum()))
    if not n:
        st.info("No sample is in this slice.", icon=":material/info:")
        return
    inside = intervals.proportion(k, n)
    st.markdown(f"{words.count(n, 'sample')}, wrong on {words.interval(inside)}; elsewhere on {words.interval(rest)}.")
    samples.show(run, part, places[member], text, said)


# ------------------------------------------------------------------------------------------------------ more


def of_breaking(run: str) -> None:
    """Accuracy under graded corruption."""
    if run_page.folds_instead(run, "evaluate", look=url.asked("look")):
        return
    record = breaking.read(run)
    if record is None or not record["corruptions"]:
        st.markdown("How much noise, blur or missing values does it take to break the model? Nothing is measured yet.")
        if st.button("Measure it", type="primary", icon=":material/science:", key="break"):
            record = engine.attempt("Spoiling test samples", breaking.curves, run)
        if record is None:
            return
    st.markdown(f"**{words.markdown(breaking.sentence(record))}**")
    drawing.chart(charts.breaking(record), "breaking", "Accuracy by severity of each corruption")
    st.caption(f"On {words.count(record['n'], 'test sample')}; severity 0 is clean. Bands: 95% intervals.")


def of_leaks(run: str, part: str) -> None:
    """Accuracy without the samples that have a near twin in training."""
    if run_page.folds_instead(run, "evaluate", look=url.asked("look")):
        return
    if part == "test":
        record = engine.attempt("Looking for twins of test samples in training", leaks.of_run, run)
    else:
        record = other_data.read(run, part.removeprefix(other_data.PREFIX)).get("twins")
    if not record:
        return
    st.markdown(f"**{words.markdown(record['sentence'])}**")
    if record["n_twins"]:
        with st.container(horizontal=True):
            st.metric("As it is", words.interval(record["accuracy"]), width=300)
            st.metric("Without twins", words.interval(record["accuracy_without"]), width=300)
        st.dataframe(
            pd.DataFrame(record["pairs"], columns=["Sample", "Its twin in training"]),
            hide_index=True,
            height=300,
            alt="Samples with a near twin in training",
        )


@st.cache_data(show_spinner=False, max_entries=8)
def _course(run: str, workspace: str, n_epochs: int, stamp: int) -> list[dict]:  # noqa: ARG001 (parts of the key)
    _, y_true, logits = runs.epochs(run)  # ty: ignore[not-iterable]
    rows = []
    for i in range(n_epochs):
        said, found = np.array(logits[i], np.float32), dict.fromkeys(COURSE)
        if np.isfinite(said).all():
            found = metrics.values(y_true, metrics.softmax(said), list(COURSE))
        rows.append({"epoch": i + 1, **{metrics.METRICS[name].title: value for name, value in found.items()}})
    return rows


def of_epochs(run: str, classes: list[str]) -> None:
    """How confusion and metrics of the validation samples developed."""
    if run_page.folds_instead(run, "evaluate", look=url.asked("look")):
        return
    kept = runs.epochs(run)
    if kept is None:
        st.info("This run kept no predictions of its epochs; a new one will.", icon=":material/info:")
        return
    _, y_true, logits = kept
    n, n_classes = len(logits), len(classes)
    whole = n and logits.shape[1:] == (len(y_true), n_classes)
    if not whole or (len(y_true) and not 0 <= y_true.min() <= y_true.max() < n_classes):
        st.info("What this run kept of its epochs does not fit its data, so it is not shown.", icon=":material/info:")
        return
    epoch = int(url.slider("Epoch", "epoch", 1, n, n, 1)) if n > 1 else 1
    left, right = st.columns(2)
    with left:
        y_pred = np.array(logits[epoch - 1]).argmax(axis=1)
        counts = metrics.confusion(y_true, y_pred, n_classes)
        figure = confusion_charts.confusion_matrix(counts, classes).update_layout(height=360)
        drawing.chart(figure, "epoch-confusion", f"Confusion matrix after epoch {epoch}")
    with right:
        stamp = runs.path(run, "predictions", "epochs.bin").stat().st_mtime_ns
        course = _course(run, str(runs.workspace()), n, stamp)
        drawing.chart(charts.by_epoch(course, epoch), "by-epoch", "Metrics by epoch")
        st.caption(f"On {words.count(len(y_true), 'validation sample')}, after epoch {epoch}.")
        if any(row[metrics.METRICS["accuracy"].title] is None for row in course):
            st.caption("Where a line has a gap, the net said NaN or infinity.")


def of_sets(run: str, part: str, classes: list[str]) -> None:
    """Conformal sets: as many classes for each sample as a promised coverage takes."""
    left, right = st.columns(2)
    with left:
        coverage = url.slider(
            "Coverage", "coverage", 0.5, CORNER, 0.9, 0.005, help="Share of sets that are to hold the true class."
        )
        by_class = url.toggle("For each class alone", "by-class", help="Promise it for the samples of each class.")
        val, found = operating_panel.validation(run), answers.of(run, part)
        if val is None:
            return
        quantiles = conformal.calibrate(val.y_prob, val.y_true, coverage, by_class)
        seen = conformal.observed(conformal.sets(found.y_prob, quantiles), found.y_true)
        st.metric("Coverage on test", words.interval(seen["coverage"]))
        size, few = seen["size"], len(val.y_true) + 1 < 1 / (1 - coverage)
        if size["value"] is not None:
            shown = f"{size['value']:.2f} ({size['low']:.2f} to {size['high']:.2f})"
            st.metric("Classes in a set, on average", shown)
        text = f"Calibrated on {words.count(len(val.y_true), 'validation sample')}"
        if few:
            st.caption(f"{text}: too few to promise this much, so each set holds every class.")
        elif seen["n"]:
            low, high = conformal.expected(len(val.y_true), coverage, seen["n"])
            st.caption(f"{text}: promised are {low:.1%} to {high:.1%} on this test.")
    with right:
        drawing.chart(charts.set_sizes(seen["sizes"]), "set-sizes", "How many sets have how many classes")
    if by_class:
        rows = pd.DataFrame(
            {
                "Class": classes,
                "Coverage": [words.interval(row["coverage"]) for row in seen["by_class"]],
                "Samples": [row["n"] for row in seen["by_class"]],
            }
        )
        st.dataframe(rows, hide_index=True, alt="Coverage of each class")
