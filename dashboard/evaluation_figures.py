"""The figures of the Evaluate page that follow the operating point: confusion matrix, curves, calibration, costs."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core import words
from core.data.tables import columns
from core.evaluation import curves, metrics, operating
from core.evaluation.operating import OperatingPoint
from dashboard import answers, drawing, operating_panel, url
from exports import numbers
from exports.charts import SQUARE
from exports.charts import confusion as confusion_charts
from exports.charts import curves as curve_charts
from exports.charts import evaluation as charts

VIEWS = ("ROC", "Precision and recall", "Calibration", "Scores", "Costs", "Gain")
FEW_ALARMS = 0.1
ABOVE = 20  # pixels above the confusion matrix, for what it offers under the pointer
# The row and the column under the pointer are brighter; Plotly's line behind each is hidden by `frame.STYLE`.
BAND = {"showspikes": True, "spikemode": "across", "spikedash": "solid", "spikecolor": "rgba(255,255,255,.3)"}
WORDS = 110  # pixels of its height that its axes' words need at most
ORDERS = {"given": "As given", "name": "By name", "size": "By size", "confusion": "By confusion"}
OF_TWO = " Diamond: the operating point. Band: 95% intervals."
OF_MANY = " Named are the classes with the smallest areas; the pointer tells the others."
HOW = {  # one line on how to read each of them
    "ROC": "The closer to the upper left corner, the better. The number is the area under the curve.",
    "Precision and recall": "The closer to the upper right corner, the better. The number is the average precision.",
    "Calibration": "On the dotted line the model is right as often as it says. Grey: how many samples are so sure. "
    "Click a bin to see its samples.",
    "Scores": "The less the two overlap, the better they can be told apart. Dashed: the threshold.",
    "Costs": "What deciding by each threshold costs on these samples. The cheapest was found on validation samples.",
    "Gain": "Taking the samples with the highest scores first, how many of the class are found how soon.",
}


def headline(figures: dict) -> None:
    """The figures that sum it up, each with its interval, one beside the other where the container says so."""
    names = ["accuracy", "auroc_macro", "f1_macro", "log_loss"]
    if min(row["support"] for row in figures["per_class"]) < 0.5 * figures["n"] / len(figures["classes"]):
        names.insert(1, "balanced_accuracy")
    for name in names:
        about, figure = metrics.METRICS[name], figures["metrics"][name]
        ends = (
            None
            if figure["value"] is None
            else f"{_end(figure['low'], about.form)} to {_end(figure['high'], about.form)}"
        )
        st.metric(
            about.title,
            shown(figure["value"], about.form),
            ends,
            delta_color="off",
            delta_arrow="off",
            width=170,
            help=f"{about.text} Below: its 95% interval.",
        )


def _end(value: float, form: str) -> str:
    return f"{100 * value:.1f}" if form == "percent" else f"{value:.3f}"


def shown(value: float | None, form: str) -> str:
    """A metric as a person reads it."""
    if form == "percent":
        return words.percent(value)
    if form == "area":
        return words.area(value)
    return "not defined" if value is None else f"{value:.3f}"


def confusion(found: dict, classes: list[str], to_samples: Callable[[int, int], None]) -> None:
    """The confusion matrix; a click on a cell calls `to_samples` with the two classes."""
    order = "given"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("**Confusion matrix**", width="content")
        with st.popover(":material/tune:", type="tertiary", help="What is in the cells, and the order of the classes"):
            cells = {"count": "Counts", "row": "% of truth", "column": "% of said"}
            by = url.select("In the cells", list(cells), "cells", "count", format_func=cells.get)
            if len(classes) > 3:
                order = url.select("Sorted", list(ORDERS), "order", "given", format_func=ORDERS.get)
    most = len(classes) if url.asked("all-classes") else charts.MANY
    figure = confusion_charts.confusion_matrix(found["confusion"], classes, by, order, most)
    figure.update_layout(height=SQUARE + ABOVE, margin_t=8 + ABOVE)
    if len(classes) > 2:
        band = {**BAND, "spikethickness": (SQUARE - WORDS) // len(figure.data[0].x)}
        figure.update_xaxes(band).update_yaxes(band)
    alt = "Confusion matrix: truth by row, decision by column"
    picked = drawing.clicked(figure, f"confusion-{_n_clicks()}", alt)
    text = "Each row is a true class; off the diagonal are the mistakes. Click a cell to see its samples."
    if len(classes) > charts.MANY:
        text = f"The {charts.MANY} classes with the most mistakes. {text}"
        st.toggle("All classes", key="every-class", value=most > charts.MANY, on_change=_toggle)
    st.caption(text)
    if picked:
        i, j = (int(value) for value in picked[0]["customdata"][:2])
        _forget()
        to_samples(i, j)


def _n_clicks() -> int:
    return st.session_state.get("clicks", 0)


def _forget() -> None:
    """Let figures be drawn anew: a click stays selected, and would lead to the same place again and again."""
    st.session_state["clicks"] = _n_clicks() + 1


def _toggle() -> None:
    url.put(**{"all-classes": "1" if st.session_state["every-class"] else None})


def others(run: str, part: str, figures: dict, found: dict, point: OperatingPoint) -> None:
    """One of the other figures, chosen in the URL, with a line on how to read it.

    A click on a curve of two classes takes that threshold, one on a bin of the calibration opens its samples.
    """
    classes = figures["classes"]
    two = len(classes) == 2
    views = VIEWS if two else [*VIEWS[:4], "Gain"]
    j, log = point.positive if two else 0, False
    with st.container(horizontal=True, vertical_alignment="center"):
        view = url.select("Figure", views, "figure", VIEWS[0], label_visibility="collapsed", width=195)
        if view in ("Scores", "Gain") and not two:
            chosen = url.select("Class", classes, "of-class", classes[0], label_visibility="collapsed", width=150)
            j = classes.index(chosen)
        elif view == "ROC":
            log = url.toggle("Rare events", "log-alarms", help="False alarms on a logarithmic axis, from 0.1%.")
    if view == "ROC":
        at, only = _marked(found, point, log), classes[j] if two else ""
        figure = curve_charts.roc(figures["roc"], curve_charts.areas(figures, "auroc"), classes, at, log, only)
    elif view == "Precision and recall":
        at, only = _marked(found, point), classes[j] if two else ""
        areas = curve_charts.areas(figures, "average_precision")
        figure = curve_charts.precision_recall(
            figures["precision_recall"], areas, classes, at and {**at, "x": at["y"], "y": at["precision"]}, only
        )
    elif view == "Calibration":
        figure = calibrated(figures)
    elif view == "Scores":
        figure = charts.scores(figures["scores"], classes, j, point.thresholds[0] if two and point.thresholds else None)
    else:
        figure = _costs(run, part, point) if view == "Costs" else _gain(run, part, classes, j)
        if figure is None:
            return
    if two:
        figure = curve_charts.clickable(figure)
    picked = drawing.clicked(figure, f"figure-{view}-{_n_clicks()}", view)
    more = OF_TWO if two else OF_MANY if len(classes) > 2 * curve_charts.NAMED else ""
    st.caption(HOW[view] + (more if view in ("ROC", "Precision and recall") else ""))
    if view == "ROC" and two:
        _partial(run, part, j)
    _clicked(view, two, picked, figures)


def _marked(found: dict, point: OperatingPoint, log: bool = False) -> dict | None:
    """The operating point of two classes as charts mark it; None for more classes."""
    if len(found["confusion"]) != 2 or not point.thresholds:
        return None
    j, table = point.positive, np.array(found["confusion"])
    alarms = float(table[1 - j, j] / max(table[1 - j].sum(), 1))
    return {
        "x": max(alarms, 1e-3) if log else alarms,
        "y": found["per_class"][j]["recall"]["value"],
        "precision": found["per_class"][j]["precision"]["value"],
        "text": f"At {point.thresholds[0]:.2f}",
    }


def _costs(run: str, part: str, point: OperatingPoint):
    """Cost by threshold, with the cheapest of validation; None with a sentence where it is not defined."""
    found, val, j = answers.of(run, part), operating_panel.validation(run), point.positive
    if not point.costs or not point.thresholds:
        st.info("Give costs at the left to see what each threshold costs.", icon=":material/info:")
        return None
    costs = np.array(point.costs)[::-1, ::-1] if j == 0 else np.array(point.costs)
    curve = operating.sweep(found.y_true == j, found.y_prob[:, j], costs)
    best = operating.cheapest(val.y_true, val.y_prob, point.costs, j) if val else None
    return charts.cost_curve(curve, point.thresholds[0], best["threshold"] if best else None)


def _gain(run: str, part: str, classes: list[str], j: int):
    """How soon the samples of a class are found; None with a sentence if there are none."""
    found = answers.of(run, part)
    gain = curves.lift_and_gain(found.y_true == j, found.y_prob[:, j])
    if gain is None:
        st.info(f"No sample is {words.markdown(classes[j])}.", icon=":material/info:")
        return None
    return curve_charts.lift(gain, classes[j])


def _clicked(view: str, two: bool, picked: list, figures: dict) -> None:
    """Go where a click on a figure leads: to a threshold, or to the samples of a bin."""
    if not picked:
        return
    first = picked[0]
    if two and view in ("ROC", "Precision and recall", "Gain", "Costs"):
        data = first.get("customdata")
        value = first["x"] if view == "Costs" else data[-1] if isinstance(data, list) else None
        if isinstance(value, (int, float)) and 0 <= value <= 1 and url.asked("threshold") != f"{value:.7g}":
            _forget()
            url.put(threshold=float(value))
            st.rerun(scope="fragment")
    elif view == "Calibration" and first.get("curve_number") == 1 and "calibration_uncorrected" not in figures:
        chosen = str(int(np.clip(np.ceil(first["x"] * metrics.N_BINS) - 1, 0, metrics.N_BINS - 1)))
        if (url.asked("bin"), url.asked("look")) != (chosen, "Samples"):
            _forget()
            url.put(bin=chosen, cell=None, look="Samples")
            st.rerun(scope="fragment")


def calibrated(figures: dict) -> go.Figure:
    """The reliability diagram, with what was corrected before it: class shares, or the temperature."""
    if before := figures.get("calibration_uncorrected"):
        return charts.reliability(figures["calibration"], before, ("Before correction of class shares", "After"))
    scaled = figures.get("calibration_scaled")
    if scaled:
        return charts.reliability(scaled, figures["calibration"], ("As it is", "With temperature"))
    return charts.reliability(figures["calibration"])


def _partial(run: str, part: str, j: int) -> None:
    """The area where false alarms are few."""
    found = answers.of(run, part)
    area = curves.partial_auroc_interval(found.y_true == j, found.y_prob[:, j], FEW_ALARMS)
    if area["value"] is not None:
        st.caption(
            f"AUROC where at most {FEW_ALARMS:.0%} are false alarms, scaled so that 0.5 is a guess: "
            f"{words.figure(area, 'area')}."
        )


def class_table(found: dict, figures: dict) -> None:
    """Precision, recall and F1 of each class at the operating point, and the areas under its curves."""
    rows = [
        {
            "Class": name,
            "Recall": words.interval(row["recall"]),
            "Precision": words.interval(row["precision"]),
            "F1": words.percent(row["f1"]["value"] if isinstance(row["f1"], dict) else row["f1"]),
            "AUROC": words.area(fixed["auroc"]["value"]),
            "Average precision": words.area(fixed["average_precision"]["value"]),
            "Samples": row["support"],
        }
        for name, row, fixed in zip(figures["classes"], found["per_class"], figures["per_class"])
    ]
    help_text = {
        "Recall": "Of those that are this class, the share that is called so.",
        "Precision": "Of those called this class, the share that is.",
        "AUROC": "Chance that a sample of the class gets a higher score for it than another one.",
    }
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height=min(38 + 35 * len(rows), 425),
        column_config={name: st.column_config.TextColumn(help=text) for name, text in help_text.items()},
        alt="Figures of each class",
    )
    st.caption("In brackets: 95% intervals.")


def all_metrics(figures: dict, name: str) -> None:
    """Every metric with its interval, by the most probable class; a file of them and all curves is `name`-figures."""
    rows = [
        {
            "Metric": about.title,
            "Test (95% interval)": words.figure(figures["metrics"][metric], about.form),
            "What it is": about.text,
        }
        for metric, about in metrics.METRICS.items()
        if (figures["metrics"].get(metric) or {}).get("value") is not None
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, height=min(38 + 35 * len(rows), 680), alt="All metrics")
    st.caption("By the most probable class, whatever the operating point. Sources are named in core/evaluation.")
    st.download_button(
        "The numbers of all figures as CSV",
        lambda: columns.neutral(numbers.table(figures)).to_csv(index=False),
        f"{name}-figures.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
