"""Figures of an evaluation: confusion matrix, curves with bands, calibration, scores, costs, epochs, sets."""

import numpy as np
import plotly.graph_objects as go

from core import words
from exports.charts import GREY, MAX_CURVES, PALETTE, base, class_color, labels, shorten

UNSEEN = {"marker": {"opacity": 0}}
MANY = 25  # classes of a confusion matrix drawn at once


def confusion_matrix(
    counts, classes: list[str], by: str = "count", order: str = "given", most: int = MANY
) -> go.Figure:
    """Counts (n_classes, n_classes), true class by row. Each cell can be clicked: its customdata is [i, j, ...].

    by : what is written into the cells, "count", or the share of the "row" or the "column";  order : of the classes,
    "given", "name", "size" or "confusion" (those most confused first);  most : classes drawn, the most confused ones
    """
    counts = np.asarray(counts)
    chosen = class_order(counts, classes, order, most)
    some = counts[np.ix_(chosen, chosen)]
    names = labels([classes[j] for j in chosen])
    of_row = counts[chosen].sum(axis=1)[:, None]
    of_column = counts[:, chosen].sum(axis=0)[None]
    shares = some / np.maximum({"column": of_column}.get(by, of_row), 1)
    n = len(chosen)
    written = None
    if n <= MANY:
        text = some.astype(str) if by == "count" else np.char.mod("%.0f%%", 100 * shares)
        written = np.where(some > 0, text, "")
    fig = base("The model says", "Truth")
    fig.add_heatmap(
        z=shares,
        x=names,
        y=names,
        text=written,
        texttemplate=None if written is None else "%{text}",
        hoverinfo="skip",
        colorscale="Cividis",
        zmin=0,
        zmax=1,
        showscale=False,
        xgap=1,
        ygap=1,
    )
    i, j = (grid.ravel() for grid in np.indices((n, n)))
    fig.add_scatter(  # a heatmap reports no clicks
        x=np.array(names)[j],
        y=np.array(names)[i],
        mode="markers",
        marker={"symbol": "square", "size": max(6, 300 // n), "opacity": 0},
        selected=UNSEEN,
        unselected=UNSEEN,
        customdata=np.column_stack(
            [np.array(chosen)[i], np.array(chosen)[j], some.ravel(), (some / np.maximum(of_row, 1)).ravel()]
        ).tolist(),  # an array would come back from the browser as an object
        hovertemplate="truth %{y}, said %{x}: %{customdata[2]:,} (%{customdata[3]:.1%} of the row)<extra></extra>",
        showlegend=False,
    )
    ends = [-0.5, n - 0.5]  # without them room is left for the markers
    tilted = -40 if max(map(len, names)) > 4 else 0
    fig.update_xaxes(type="category", side="bottom", showgrid=False, tickangle=tilted, range=ends)
    fig.update_yaxes(type="category", showgrid=False, range=ends[::-1])
    return fig


def class_order(counts: np.ndarray, classes: list[str], order: str, most: int) -> list[int]:
    """Class indices in the order asked for; of more than `most`, those with the most mistakes from or to them."""
    off = counts - np.diag(np.diag(counts))
    mistakes = off.sum(axis=0) + off.sum(axis=1)
    chosen = np.arange(len(classes))
    if len(classes) > most:
        chosen = np.sort(np.argsort(-mistakes, kind="stable")[:most])
    key = {
        "given": chosen,
        "name": np.argsort(np.argsort(np.array([classes[j].casefold() for j in chosen]))),
        "size": -counts.sum(axis=1)[chosen],
        "confusion": -mistakes[chosen],
    }[order]
    return [int(j) for j in chosen[np.argsort(key, kind="stable")]]


def roc(
    curves: list[dict], areas: dict, classes: list[str], point=None, log: bool = False, only: str = ""
) -> go.Figure:
    """ROC curves, one class against the rest, macro and micro, with the diagonal of a guess; see `_curves`."""
    fig = base("False alarms (1 - specificity)", "Recall (sensitivity)")
    line = np.geomspace(1e-3, 1, 50) if log else np.array([0, 1])
    fig.add_scatter(x=line, y=line, mode="lines", line={"dash": "dot", "color": GREY}, name="A guess", hoverinfo="skip")
    _curves(fig, curves, areas, classes, "false alarms %{x:.1%}, recall %{y:.1%}", point, only)
    return _log(_square(fig), log)


def precision_recall(curves: list[dict], areas: dict, classes: list[str], point=None, only: str = "") -> go.Figure:
    """Precision/recall curves, one class against the rest, and micro; see `_curves`."""
    fig = base("Recall", "Precision")
    _curves(fig, curves, areas, classes, "recall %{x:.1%}, precision %{y:.1%}", point, only)
    return _square(fig)


def areas(figures: dict, name: str) -> dict:
    """{"per_class", "macro", "micro"} of "auroc" or "average_precision" from figures of an evaluation."""
    return {
        "per_class": [row[name]["value"] for row in figures["per_class"]],
        "macro": figures["metrics"][f"{name}_macro"]["value"],
        "micro": figures["metrics"][f"{name}_micro"]["value"],
    }


def reliability(found: dict, before: dict | None = None, names: tuple[str, str] = ("Before", "After")) -> go.Figure:
    """Accuracy by confidence with 95% intervals per bin, and below how many samples have which confidence.

    found : as of `calibration.reliability`;  before : the same before probabilities were corrected
    """
    fig = base("How sure the model is", "How often it is right")
    fig.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot", "color": GREY}, name="As sure as right", hoverinfo="skip"
    )
    drawn = [(before, names[0], PALETTE[1]), (found, names[1], PALETTE[0])] if before else [(found, "", PALETTE[0])]
    for one, name, color in drawn:
        rows = one["bins"]
        y = np.array([row["accuracy"] for row in rows])
        fig.add_scatter(
            x=[row["confidence"] for row in rows],
            y=y,
            mode="lines+markers",
            name=f"{name}: off by {one['error']:.1%}" if name else f"Off by {one['error']:.1%}",
            line={"color": color, "width": 2},
            marker={"size": 7},
            error_y={
                "type": "data",
                "array": np.array([row["high"] for row in rows]) - y,
                "arrayminus": y - np.array([row["low"] for row in rows]),
                "color": color,
                "thickness": 1,
                "width": 3,
            },
            customdata=[[row["n"]] for row in rows],
            hovertemplate="%{customdata[0]:,} samples: sure %{x:.1%}, right %{y:.1%}<extra></extra>",
        )
    n = np.array([row["n"] for row in found["bins"]], float)
    fig.add_bar(
        x=[row["confidence"] for row in found["bins"]],
        y=n / max(n.sum(), 1),
        width=0.06,
        marker_color=GREY,
        opacity=0.35,
        name="Share of samples",
        hovertemplate="%{y:.1%} of the samples<extra></extra>",
    )
    fig = _square(fig)
    fig.update_layout(legend={"y": 0.98, "yanchor": "top", "x": 0.02, "xanchor": "left"})
    return fig


def scores(histograms: dict, classes: list[str], j: int, threshold: float | None = None) -> go.Figure:
    """How the probability of class j is spread over samples of that class and of the others, and the threshold."""
    one = histograms["classes"][j]
    edges = np.asarray(histograms["edges"])
    middle = (edges[1:] + edges[:-1]) / 2
    fig = base(f"Probability of {shorten(classes[j])}", "Share of samples")
    for values, name, color in ((one["rest"], "Others", GREY), (one["own"], shorten(classes[j]), class_color(j))):
        values = np.asarray(values, float)
        fig.add_bar(
            x=middle,
            y=values / max(values.sum(), 1),
            width=np.diff(edges),
            name=name,
            marker_color=color,
            opacity=0.65,
            customdata=values,
            hovertemplate=f"{name}: %{{customdata:,}} samples near %{{x:.2f}}<extra></extra>",
        )
    if threshold is not None:
        fig.add_vline(threshold, line={"color": PALETTE[3], "width": 2, "dash": "dash"})
    fig.update_xaxes(range=[0, 1], tickformat=".0%")
    fig.update_yaxes(tickformat=".0%")
    return fig.update_layout(barmode="overlay")


def cost_curve(curve: dict, threshold: float, best: float | None) -> go.Figure:
    """Expected cost per sample by threshold, curve {"threshold", "cost"}; the chosen and the cheapest are marked."""
    fig = base("Threshold", "Expected cost per sample")
    order = np.argsort(curve["threshold"], kind="stable")
    x, y = (np.asarray(curve[key], float)[order] for key in ("threshold", "cost"))
    fig.add_scatter(
        x=x,
        y=y,
        mode="lines",
        line={"width": 2.5, "color": PALETTE[0], "shape": "vh"},
        name="Cost",
        showlegend=False,
        hovertemplate="threshold %{x:.2f}: %{y:.3g}<extra></extra>",
    )
    for place, name, color in ((best, "Cheapest", PALETTE[2]), (threshold, "Chosen", PALETTE[3])):
        if place is not None:
            fig.add_scatter(
                x=[place],
                y=[float(np.interp(place, x, y))],
                mode="markers",
                name=f"{name}: {place:.2f}",
                marker={"size": 11, "symbol": "diamond", "color": color},
                hovertemplate=f"{name}: %{{x:.2f}}, %{{y:.3g}}<extra></extra>",
            )
    fig.update_xaxes(range=[-0.01, 1.01])
    return fig.update_layout(height=280)


def by_epoch(rows: list[dict], shown: int) -> go.Figure:
    """Metrics of validation samples after each epoch, rows {"epoch", name: value}, with the epoch shown marked."""
    fig = base("Epoch", "")
    names = [name for name in rows[0] if name != "epoch"] if rows else []
    for name, color in zip(names, PALETTE):
        fig.add_scatter(
            x=[row["epoch"] for row in rows],
            y=[row[name] for row in rows],
            name=name,
            mode="lines+markers" if len(rows) < 3 else "lines",
            line={"width": 2, "color": color},
            hovertemplate=f"{name}: %{{y:.1%}}<extra></extra>",
        )
    fig.add_vline(shown, line={"color": PALETTE[3], "width": 2, "dash": "dash"})
    fig.update_yaxes(tickformat=".0%")
    return fig.update_layout(hovermode="x unified", uirevision="epochs", height=300)


def set_sizes(counts: list[int]) -> go.Figure:
    """How many samples have a prediction set of 0, 1, 2... classes."""
    fig = base("Classes in the set", "Samples")
    fig.add_bar(
        x=list(range(len(counts))), y=counts, marker_color=PALETTE[0], hovertemplate="%{x}: %{y:,}<extra></extra>"
    )
    fig.update_xaxes(dtick=1 if len(counts) <= 12 else None)
    return fig.update_layout(height=280)


def shares(names: list[str], figures: list[dict], line: float | None = None, title: str = "Share wrong") -> go.Figure:
    """Shares with their intervals, one row each, the first on top; `line` is that of all samples."""
    fig = base(title, "")
    values = np.array([figure["value"] for figure in figures], float)
    fig.add_scatter(
        x=values,
        y=labels(names, 48),
        mode="markers",
        marker={"size": 9, "color": PALETTE[0]},
        error_x={
            "type": "data",
            "array": np.array([figure["high"] for figure in figures]) - values,
            "arrayminus": values - np.array([figure["low"] for figure in figures]),
            "color": PALETTE[0],
        },
        hovertemplate="%{y}: %{x:.1%}<extra></extra>",
        showlegend=False,
    )
    if line is not None:
        fig.add_vline(line, line={"color": GREY, "dash": "dot"})
    fig.update_xaxes(tickformat=".0%", rangemode="tozero")
    fig.update_yaxes(type="category", autorange="reversed", automargin=True)
    return fig.update_layout(height=90 + 32 * len(names))


def breaking(record: dict) -> go.Figure:
    """Accuracy by severity of each kind of corruption, with 95% bands."""
    fig = base("Severity", "Accuracy")
    for curve, color in zip(record["corruptions"], PALETTE):
        name, x = curve["title"], list(range(len(curve["accuracy"])))
        _band(
            fig,
            x,
            [figure["low"] for figure in curve["accuracy"]],
            [figure["high"] for figure in curve["accuracy"]],
            color,
            name,
        )
        fig.add_scatter(
            x=x,
            y=[figure["value"] for figure in curve["accuracy"]],
            name=shorten(name),
            legendgroup=name,
            mode="lines+markers",
            line={"width": 2, "color": color},
            hovertemplate=f"{shorten(name)}, severity %{{x}}: %{{y:.1%}}<extra></extra>",
        )
    fig.update_yaxes(tickformat=".0%")
    fig.update_xaxes(dtick=1)
    return fig


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
    return _square(fig)


def _band(fig, x, low, high, color: str, group: str) -> None:
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


def _curves(fig, curves, areas, classes, hover, point, only) -> None:
    """Add one line per curve: classes in their colours, macro and micro dashed; bands where few are drawn.

    areas : as of `areas`;  point : {"x", "y", "text"} to be marked, or None
    only : of two classes the one to be found, the second if ""
    """
    area_of = dict(zip(classes, areas["per_class"]))
    if len(classes) == 2:  # both curves say the same
        curves = [curve for curve in curves if curve["name"] == (only or classes[1])]
    drawn = 0
    for curve in curves:
        name, mean = curve["name"], curve.get("mean", False)
        drawn += not mean
        if drawn > MAX_CURVES and not mean:
            continue
        color = GREY if mean else class_color(classes.index(name))
        if len(curves) <= 3 and curve.get("low") is not None:
            _band(fig, curve["x"], curve["low"], curve["high"], color, name)
        thresholds = curve["threshold"]
        fig.add_scatter(
            x=curve["x"],
            y=curve["y"],
            mode="lines",
            name=f"{shorten(name)} {words.area(areas[name] if mean else area_of[name])}",
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


def _log(fig: go.Figure, log: bool) -> go.Figure:
    """With false alarms on a logarithmic axis, for events so rare that only the first per mille counts."""
    if log:
        fig.update_xaxes(type="log", range=[-3, 0], tickformat=".1%")
        fig.update_yaxes(scaleanchor=None)
    return fig


def _square(fig: go.Figure) -> go.Figure:
    fig.update_xaxes(range=[-0.01, 1.01], tickformat=".0%", constrain="domain")
    fig.update_yaxes(
        range=[-0.01, 1.02], tickformat=".0%", scaleanchor="x", constrain="domain", constraintoward="bottom"
    )
    return fig.update_layout(
        height=400,
        legend={
            "orientation": "v",
            "yanchor": "bottom",
            "y": 0.03,
            "xanchor": "right",
            "x": 0.99,
            "bgcolor": "rgba(138,143,152,0.12)",
        },
    )
