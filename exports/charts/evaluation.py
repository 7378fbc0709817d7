"""Figures of an evaluation beside its curves: calibration, scores, costs, epochs, sets, shares, broken samples."""

import numpy as np
import plotly.graph_objects as go

from exports.charts import GREY, PALETTE, base, class_color, labels, shorten
from exports.charts.curves import band, square

UNSEEN = {"marker": {"opacity": 0}}
MANY = 25  # classes of a confusion matrix drawn at once


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
    fig = square(fig)
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
        band(
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
