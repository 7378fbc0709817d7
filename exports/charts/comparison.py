"""Figures of several runs over one another. Numbers -> Plotly figures, in the form of `charts`."""

import numpy as np
import plotly.graph_objects as go

from exports.charts import GREY, PALETTE, base, labels, shorten, thinned

MAX_RUNS = 10  # that have a colour of their own
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")  # beside the colours, for those who do not see these
FIGURES = {
    "val_accuracy": ("Validation accuracy", ".0%", ":.1%"),
    "val_loss": ("Validation loss", None, ":.4f"),
    "train_accuracy": ("Training accuracy", ".0%", ":.1%"),
    "train_loss": ("Training loss", None, ":.4f"),
}


def color(index: int) -> str:
    """The colour of a run among those compared."""
    return PALETTE[index] if index < min(MAX_RUNS, len(PALETTE)) else GREY


def courses(series: list[dict], figure: str = "val_accuracy") -> go.Figure:
    """One line per run by epoch; runs with different seeds are a line of their mean in a band from lowest to highest.

    series : [{"name", "histories": [rows of history.jsonl of each run]}, ...];  figure : a key of FIGURES
    """
    title, ticks, form = FIGURES[figure]
    fig = base("Epoch", title)
    names = _names(series)
    longest = 0
    for i, (name, one) in enumerate(zip(names, series)):
        epochs, values = aligned(one["histories"], figure)
        if not len(epochs):
            continue
        longest = max(longest, len(epochs))
        keep = thinned(len(epochs))
        x, values = epochs[keep], values[:, keep]
        if len(values) > 1:
            _band(fig, x, values.min(axis=0), values.max(axis=0), color(i), name)
        fig.add_scatter(
            x=x,
            y=values.mean(axis=0),
            name=name,
            legendgroup=name,
            mode="lines+markers" if len(x) == 1 else "lines",
            line={"color": color(i), "width": 2.5, "dash": DASHES[i // len(PALETTE) % len(DASHES)]},
            customdata=np.stack([values.min(axis=0), values.max(axis=0)], axis=1),
            hovertemplate=f"{name}: %{{y{form}}}"
            + (f" (%{{customdata[0]{form}}} to %{{customdata[1]{form}}})" if len(values) > 1 else "")
            + "<extra></extra>",
        )
    fig.update_yaxes(tickformat=ticks)
    fig.update_xaxes(dtick=1 if longest <= 12 else None)
    return fig.update_layout(hovermode="x unified", uirevision=figure)


def aligned(histories: list[list[dict]], figure: str) -> tuple[np.ndarray, np.ndarray]:
    """Epochs (n,) that all runs have, and the values of each run, float (n_runs, n)."""
    columns = [{row["epoch"]: row[figure] for row in rows if row.get(figure) is not None} for rows in histories]
    columns = [column for column in columns if column]
    shared = sorted(set.intersection(*map(set, columns))) if columns else []
    return np.array(shared, int), np.array([[column[epoch] for epoch in shared] for column in columns], float)


def rocs(series: list[dict], title: str) -> go.Figure:
    """ROC curves of one class against the rest, one line per run.

    series : [{"name", "x": false alarms, "y": recall, "area": text, and, where known, "low", "high": of y}, ...]
    """
    fig = base(f"False alarms for {shorten(title)}", f"Recall of {shorten(title)}")
    line = {"dash": "dot", "color": GREY}
    fig.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=line, name="A guess", hoverinfo="skip", showlegend=False)
    for i, (name, one) in enumerate(zip(_names(series), series)):
        if one.get("low") is not None and one.get("high") is not None:
            _band(fig, one["x"], one["low"], one["high"], color(i), name)
        fig.add_scatter(
            x=one["x"],
            y=one["y"],
            mode="lines",
            name=f"{name} {one['area']}",
            legendgroup=name,
            line={"color": color(i), "width": 2, "dash": DASHES[i // len(PALETTE) % len(DASHES)]},
            hovertemplate=f"{name}: false alarms %{{x:.1%}}, recall %{{y:.1%}}<extra></extra>",
        )
    fig.update_xaxes(range=[-0.01, 1.01], tickformat=".0%", constrain="domain")
    fig.update_yaxes(
        range=[-0.01, 1.02], tickformat=".0%", scaleanchor="x", constrain="domain", constraintoward="bottom"
    )
    legend = {"orientation": "v", "yanchor": "bottom", "y": 0.03, "xanchor": "right", "x": 0.99}
    return fig.update_layout(height=400, legend={**legend, "bgcolor": "rgba(138,143,152,0.12)"})


def intervals(series: list[dict], per_cent: bool = True) -> go.Figure:
    """One metric of each run as a point on its 95% interval, the first run on top.

    series : [{"name", "value", "low", "high"}, ...]; those whose value is None are left out
    """
    fig = base("", "")
    names = _names(series)
    form = ":.1%" if per_cent else ":.3f"
    for i, (name, one) in enumerate(zip(names, series)):
        if one["value"] is None:
            continue
        known = one.get("low") is not None and one.get("high") is not None
        fig.add_scatter(
            x=[one["value"]],
            y=[name],
            mode="markers",
            marker={"color": color(i), "size": 10},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [one["high"] - one["value"] if known else 0],
                "arrayminus": [one["value"] - one["low"] if known else 0],
                "color": color(i),
                "thickness": 2,
            },
            customdata=[[one.get("low"), one.get("high")]],
            hovertemplate=f"{name}: %{{x{form}}}"
            + (f" (%{{customdata[0]{form}}} to %{{customdata[1]{form}}})" if known else "")
            + "<extra></extra>",
        )
    fig.update_xaxes(tickformat=".0%" if per_cent else None)
    fig.update_yaxes(type="category", autorange="reversed", automargin=True)
    fig.update_xaxes(title=None, nticks=5)
    return fig.update_layout(height=50 + 30 * len(series), showlegend=False)


def _names(series: list[dict], length: int = 26) -> list[str]:
    return labels([one["name"] for one in series], length)


def _band(fig: go.Figure, x, low, high, shade: str, name: str) -> None:
    """An area between two lines, at 20% opacity."""
    red, green, blue = (int(shade[i : i + 2], 16) for i in (1, 3, 5))
    fig.add_scatter(
        x=np.concatenate([x, x[::-1]]),
        y=np.concatenate([high, low[::-1]]),
        fill="toself",
        fillcolor=f"rgba({red},{green},{blue},0.2)",
        mode="lines",
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
        legendgroup=name,
    )
