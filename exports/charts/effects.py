"""Figures of what a model says as columns of a table are moved. Numbers -> Plotly figures, in the form of `charts`."""

import numpy as np
import plotly.graph_objects as go

from core import words
from core.data.dataset import Column
from exports import _columns
from exports.charts import GREY, PALETTE, base, class_color, labels

MOST = 12  # pairs drawn


def partial_dependence(arrays: dict, column: Column, k: int) -> go.Figure:
    """The probability of class k as a column is moved (`core.explain.partial_dependence`): average and single rows."""
    grid, mean, single = arrays["grid"], arrays["mean"][:, k], arrays["individual"]
    fig = base(_columns.title(column), "Probability")
    if column.type == "category":
        names = labels([_columns.category(column, int(code)) for code in grid], 22)
        low, high = np.quantile(single, (0.1, 0.9), axis=0)
        fig.add_bar(
            x=names,
            y=mean,
            marker_color=class_color(k),
            error_y={"array": np.maximum(high - mean, 0), "arrayminus": np.maximum(mean - low, 0), "color": GREY},
            customdata=np.stack([low, high], axis=1),
            hovertemplate="%{x}: %{y:.1%} on average; 8 rows of 10 from %{customdata[0]:.1%} "
            "to %{customdata[1]:.1%}<extra></extra>",
            showlegend=False,
        )
        fig.update_xaxes(type="category")
    else:
        at = _columns.axis(column, grid)
        gaps = np.full((len(single), 1), np.nan)
        fig.add_scatter(
            x=np.tile(np.append(at, at[-1:]), len(single)),
            y=np.hstack([single, gaps]).ravel(),
            mode="lines",
            line={"width": 0.8, "color": GREY},
            opacity=0.35,
            hoverinfo="skip",
            name="single rows",
        )
        fig.add_scatter(
            x=at,
            y=mean,
            mode="lines",
            line={"width": 3.5, "color": class_color(k)},
            name="average",
            hovertemplate="%{x}: %{y:.1%}<extra></extra>",
        )
        _rug(fig, column, arrays.get("density"), float(grid.min()), float(grid.max()))
    fig.update_yaxes(tickformat=".0%", range=[-0.03, 1.03])
    return fig.update_layout(height=340)


def accumulated_local_effects(arrays: dict, column: Column, k: int) -> go.Figure:
    """How the probability of class k moves with a column among rows near (`core.explain.accumulated_local_effects`)."""
    at, color = _columns.axis(column, arrays["grid"]), class_color(k)
    fig = base(_columns.title(column), "Change of the probability")
    fig.add_scatter(
        x=np.concatenate([at, at[::-1]]),
        y=np.concatenate([arrays["high"][:, k], arrays["low"][::-1, k]]),
        fill="toself",
        mode="lines",
        line={"width": 0},
        fillcolor=color,
        opacity=0.2,
        hoverinfo="skip",
        name="95% interval",
    )
    fig.add_scatter(
        x=at,
        y=arrays["effect"][:, k],
        mode="lines",
        line={"width": 3, "color": color},
        name="effect",
        hovertemplate="%{x}: %{y:+.1%}<extra></extra>",
    )
    fig.update_yaxes(tickformat="+.0%", zeroline=True, zerolinecolor=GREY)
    return fig.update_layout(height=340)


def interactions(names: list[str], strength: np.ndarray, size: np.ndarray | None = None, most: int = MOST) -> go.Figure:
    """The pairs of columns that work together most, horizontal bars.

    strength : H in [0, 1], (n_columns, n_columns), NaN where a pair was not looked at
    size : how much of the probability is theirs together alone, likewise; the bars if it is there, else H is
    """
    shown = strength if size is None else size
    first, second = np.triu_indices(len(names), 1)
    figures = shown[first, second]
    order = np.argsort(-np.nan_to_num(figures, nan=-1.0), kind="stable")[:most]
    order = order[~np.isnan(figures[order])][::-1]
    pairs = [f"{words.cut(names[first[i]], 18)} and {words.cut(names[second[i]], 18)}" for i in order]
    fig = base("Interaction strength H" if size is None else "Moved only together", "")
    fig.add_bar(
        x=figures[order],
        y=labels(pairs, 44),
        orientation="h",
        marker_color=PALETTE[0],
        customdata=strength[first, second][order],
        hovertemplate="%{y}: %{x:.2f}<extra></extra>"
        if size is None
        else "%{y}: %{x:.1%}, H %{customdata:.2f}<extra></extra>",
    )
    fig.update_xaxes(tickformat=None if size is None else ".1%", rangemode="tozero")
    fig.update_yaxes(type="category", showgrid=False)
    return fig.update_layout(height=90 + 25 * len(order))


def surface(
    values: np.ndarray, grid_1: np.ndarray, grid_2: np.ndarray, column_1: Column, column_2: Column
) -> go.Figure:
    """The mean probability, float (g1, g2), with two columns set to the values of their grids."""
    fig = base(_columns.title(column_1), _columns.title(column_2))
    axes = []
    for column, grid, update in ((column_1, grid_1, fig.update_xaxes), (column_2, grid_2, fig.update_yaxes)):
        category = column.type == "category"
        axes.append(
            labels([_columns.category(column, int(code)) for code in grid], 22)
            if category
            else _columns.axis(column, grid)
        )
        update(type="category" if category else None, showgrid=False)
    fig.add_heatmap(
        x=axes[0],
        y=axes[1],
        z=np.asarray(values).T,
        colorscale="Cividis",
        colorbar={"tickformat": ".0%", "thickness": 10},
        hovertemplate="%{x}, %{y}: %{z:.1%}<extra></extra>",
    )
    return fig.update_layout(height=360)


def _rug(fig: go.Figure, column: Column, values, low: float, high: float) -> None:
    """A mark at the foot for each of some rows, where they lie."""
    if values is None:
        return
    values = values[(values >= low) & (values <= high)]
    values = (
        values[np.linspace(0, len(values) - 1, min(200, len(values))).round().astype(int)] if len(values) else values
    )
    fig.add_scatter(
        x=_columns.axis(column, values),
        y=np.full(len(values), -0.015),
        mode="markers",
        marker={"symbol": "line-ns-open", "size": 7, "color": GREY, "opacity": 0.5},
        hoverinfo="skip",
        name="rows",
        showlegend=False,
    )
