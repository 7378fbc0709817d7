"""ROC, precision/recall and lift curves, with bands, squared axes and points to click."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from core import words
from exports.charts import GREY, MAX_CURVES, PALETTE, SQUARE, base, class_color, shorten

UNSEEN = {"marker": {"opacity": 0}}
NAMED = 3  # of many classes, those with the smallest areas are named, beside the means


def roc(
    curves: list[dict], areas: dict, classes: list[str], point: dict | None = None, log: bool = False, only: str = ""
) -> go.Figure:
    """ROC curves, one class against the rest, macro and micro, with the diagonal of a guess; see `_curves`."""
    fig = base("False alarms (1 - specificity)", "Recall (sensitivity)")
    line = np.geomspace(1e-3, 1, 50) if log else np.array([0, 1])
    fig.add_scatter(x=line, y=line, mode="lines", line={"dash": "dot", "color": GREY}, name="A guess", hoverinfo="skip")
    _curves(fig, curves, areas, classes, "false alarms %{x:.1%}, recall %{y:.1%}", point, only)
    return _log(square(fig), log)


def precision_recall(
    curves: list[dict], areas: dict, classes: list[str], point: dict | None = None, only: str = ""
) -> go.Figure:
    """Precision/recall curves, one class against the rest, and micro; see `_curves`."""
    fig = base("Recall", "Precision")
    _curves(fig, curves, areas, classes, "recall %{x:.1%}, precision %{y:.1%}", point, only)
    return square(fig)


def areas(figures: dict, name: str) -> dict:
    """{"per_class", "macro", "micro"} of "auroc" or "average_precision" from figures of an evaluation."""
    return {
        "per_class": [row[name]["value"] for row in figures["per_class"]],
        "macro": figures["metrics"][f"{name}_macro"]["value"],
        "micro": figures["metrics"][f"{name}_micro"]["value"],
    }


def lift(curve: dict, name: str) -> go.Figure:
    """Which share of the class is found among the samples with the highest scores, beside a guess."""
    fig = base("Share of samples, the highest scores first", f"Share of {shorten(name)} found")
    fig.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot", "color": GREY}, name="A guess", hoverinfo="skip"
    )
    fig.add_scatter(
        x=curve["share"],
        y=curve["gain"],
        mode="lines",
        name="Model",
        line={"width": 2.5, "color": PALETTE[0]},
        customdata=[list(pair) for pair in zip(curve["lift"], curve["threshold"])],
        hovertemplate="first %{x:.0%}: %{y:.1%} found, %{customdata[0]:.2f} times a guess<extra></extra>",
    )
    return square(fig)


def clickable(fig: go.Figure) -> go.Figure:
    """The figure, its lines covered by points that cannot be seen: a line alone reports no clicks."""
    for trace in list(fig.data):
        mode = getattr(trace, "mode", None) or ""
        if mode == "lines" and trace.hoverinfo != "skip":
            fig.add_scatter(
                x=trace.x,
                y=trace.y,
                mode="markers",
                marker={"opacity": 0, "size": 9},
                selected=UNSEEN,
                unselected=UNSEEN,
                showlegend=False,
                customdata=trace.customdata,
                hovertemplate=trace.hovertemplate,
            )
            trace.update(hoverinfo="skip", hovertemplate=None)  # of two at one place, the line would take the click
        elif "markers" in mode:
            trace.update(unselected={"marker": {"opacity": 1}})  # what is not clicked does not fade
    return fig


def _curves(fig, curves, areas, classes, hover, point, only) -> None:
    """Add one line per curve: classes in their colours, macro and micro dashed; bands where few are drawn.

    A legend of all of many classes would cover the curves: it names the lowest, and the pointer finds the others.

    areas : as of `areas`;  point : {"x", "y", "text"} to be marked, or None
    only : of two classes the one to be found, the second if ""
    """
    area_of = dict(zip(classes, areas["per_class"]))
    if len(classes) == 2:  # both curves say the same
        curves = [curve for curve in curves if curve["name"] == (only or classes[1])]
    drawn = 0
    known = sorted((area_of[name], name) for name in classes[:MAX_CURVES] if area_of[name] is not None)
    named = {name for _, name in known[:NAMED]} if len(classes) > 2 * NAMED else set(classes)
    for curve in curves:
        name, mean = curve["name"], curve.get("mean", False)
        drawn += not mean
        if drawn > MAX_CURVES and not mean:
            continue
        color = GREY if mean else class_color(classes.index(name))
        if len(curves) <= 3 and curve.get("low") is not None:
            band(fig, curve["x"], curve["low"], curve["high"], color, name)
        thresholds = curve["threshold"]
        fig.add_scatter(
            x=curve["x"],
            y=curve["y"],
            mode="lines",
            name=f"{shorten(name)} {words.area(areas[name] if mean else area_of[name])}",
            showlegend=mean or name in named,
            line={"color": color, "width": 2, "dash": {"macro": "dash", "micro": "dot"}.get(name) if mean else None},
            customdata=None if thresholds is None else [[t if t is not None else 1] for t in thresholds],
            hovertemplate=f"{shorten(name)}: {hover}"
            + ("" if thresholds is None else " at threshold %{customdata[0]:.2f}")
            + "<extra></extra>",
        )
    if point and None not in (point["x"], point["y"]):
        fig.add_scatter(
            x=[point["x"]],
            y=[point["y"]],
            mode="markers",
            name=point["text"],
            marker={"size": 12, "symbol": "diamond", "color": PALETTE[3], "line": {"width": 1, "color": "white"}},
            hovertemplate=f"{point['text']}<extra></extra>",
        )


def _log(fig: go.Figure, log: bool) -> go.Figure:
    """With false alarms on a logarithmic axis, for events so rare that only the first per mille counts."""
    if log:
        fig.update_xaxes(type="log", range=[-3, 0.01], tickformat=".1%", dtick=1)
        fig.update_yaxes(scaleanchor=None)
    return fig


def band(fig: go.Figure, x: Sequence, low: Sequence, high: Sequence, color: str, group: str) -> None:
    """A band at 20% opacity between two lines."""
    red, green, blue = (int(color[k : k + 2], 16) for k in (1, 3, 5))
    fig.add_scatter(
        x=[*x, *reversed(list(x))],
        y=[*high, *reversed(list(low))],
        mode="lines",
        fill="toself",
        fillcolor=f"rgba({red},{green},{blue},0.2)",
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
        legendgroup=group,
    )


def square(fig: go.Figure) -> go.Figure:
    """The figure with both axes from 0 to 100%, as long as each other."""
    ends = {"range": [-0.01, 1.02], "tickformat": ".0%", "dtick": 0.2, "constrain": "domain"}
    fig.update_xaxes(**ends, constraintoward="left")  # else a wide figure's legend would lie over its axis
    fig.update_yaxes(**ends, scaleanchor="x", constraintoward="bottom")
    return fig.update_layout(
        height=SQUARE,
        margin_r=24,  # half of the last "100%"
        legend={
            "orientation": "v",
            "yanchor": "bottom",
            "y": 0.03,
            "xanchor": "right",
            "x": 0.99,
            "bgcolor": "rgba(138,143,152,0.12)",
        },
    )
