"""Figures of what a model does with the columns of a table. Numbers -> Plotly figures, in the form of `charts`."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from core import words
from core.data.dataset import Column
from exports import _columns
from exports.charts import GREY, MAX_CURVES, PALETTE, base, class_color, labels, shorten
from exports.charts.effects import accumulated_local_effects, interactions, partial_dependence, surface

__all__ = [
    "accumulated_local_effects", "beeswarm", "dependence", "interactions", "mean_bars", "partial_dependence", "place",
    "surface", "waterfall",
]  # fmt: skip

FOR, AGAINST = PALETTE[1], PALETTE[0]
LOW_HIGH = ((0, PALETTE[0]), (0.5, "#b9b2ac"), (1, PALETTE[1]))  # seen on light and dark ground alike
MOST = 12  # columns drawn; the others are added up
LONG = 34  # characters of a name with its value
BINS = 30


# ---------------------------------------------------------------------------------------------------- one row


def waterfall(
    names: list[str],
    shares: ArrayLike,
    start: float | None,
    total: float,
    unit: str = "probability",
    error: ArrayLike | None = None,
) -> go.Figure:
    """From the base rate to what is said of a row, column by column, the largest share on top.

    names : of the columns, with their values;  shares : float (n_columns,), in probability or logits (`unit`)
    start, total : what shares add up from and to; without a start they are bars from 0
    error : standard errors of the shares, or None
    """
    shares = np.asarray(shares, float)
    order = np.argsort(-np.abs(shares), kind="stable")
    shown, rest = order[:MOST], order[MOST:]
    named = [*labels([names[j] for j in shown], LONG)]
    steps = shares[shown]
    sizes = None if error is None else np.asarray(error, float)[shown]
    if len(rest):
        named.append(words.count(len(rest), "other column"))
        steps = np.append(steps, shares[rest].sum())
        if sizes is not None:
            sizes = np.append(sizes, np.sqrt((np.asarray(error, float)[rest] ** 2).sum()))
    whole, percent = start is not None, unit == "probability"
    form, of = ("+.1%", ".1%") if percent else ("+.3f", ".3f")
    fig = base({"probability": "Probability", "logit": "Score of the class"}.get(unit, unit), "")
    ends = (start if whole else 0.0) + np.cumsum(steps) if whole else steps
    starts = ends - steps
    told = [format(step, form) for step in steps]
    if sizes is not None:
        told = [f"{text} (standard error {size:.1%})" for text, size in zip(told, sizes)]
    fig.add_bar(
        x=steps,
        base=starts,
        y=named,
        orientation="h",
        marker_color=[FOR if step >= 0 else AGAINST for step in steps],
        error_x=None if sizes is None else {"array": 1.96 * sizes, "color": GREY, "thickness": 1.5},
        customdata=told,
        text=[format(step, form) for step in steps],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{customdata}<extra></extra>",
        showlegend=False,
    )
    for i, end in enumerate(ends[:-1] if whole else []):
        line = {"color": GREY, "width": 1}
        fig.add_shape(type="line", x0=end, x1=end, y0=i, y1=i + 1, line=line)
    reach = np.concatenate([starts, ends])
    if whole:
        begins = "base rate" if unit == "probability" else "neutral row"
        for value, text, up in (
            (start, f"{begins} {start:{of}}", 0),
            (total, f"here {total:{of}}", 15),
        ):
            fig.add_vline(x=value, line={"color": GREY, "width": 1, "dash": "dot"})
            fig.add_annotation(x=value, y=1, yref="paper", yanchor="bottom", text=text, showarrow=False, yshift=up)
        reach = np.append(reach, total)
    margin = 0.2 * (np.ptp(reach) or 0.1)
    fig.update_xaxes(range=[reach.min() - margin, reach.max() + margin], tickformat=".0%" if percent else None)
    fig.update_yaxes(type="category", autorange="reversed", showgrid=False)
    return fig.update_layout(height=110 + 25 * len(named), margin={"t": 40, "b": 8, "l": 8, "r": 8}, bargap=0.25)


def place(column: Column, values: np.ndarray, value: float, targets: np.ndarray, classes: Sequence[str]) -> go.Figure:
    """Where a row's value lies among those of other rows, which are counted by class.

    values : float (n,), raw, of those rows;  targets : int (n,), their classes;  value : the row's own, NaN if missing
    """
    names = labels(list(classes))
    fig = base(_columns.title(column), "Rows")
    if column.type == "category":
        codes = np.nan_to_num(values, nan=-1).astype(int)
        order = [
            code for code in np.argsort(-np.bincount(codes + 1), kind="stable")[:MOST] - 1 if (codes == code).any()
        ]
        mine = -1 if np.isnan(value) else int(value)
        if mine not in order:
            order = [*order[: MOST - 1], mine]
        ticks = labels([_columns.category(column, code) for code in order], 22)
        for k, name in _classes(names):
            counts = [int(((codes == code) & _of_class(targets, k)).sum()) for code in order]
            fig.add_bar(x=ticks, y=counts, name=name, marker_color=class_color(k), hovertemplate=_counted(name))
        here, known = ticks[order.index(mine)], True
        fig.update_xaxes(type="category")
    else:
        known = not np.isnan(value)
        there = values[~np.isnan(values)]
        ends = np.append(there, value if known else [])
        low, high = (ends.min(), ends.max()) if len(ends) else (0.0, 1.0)
        distinct = np.unique(there)
        if len(distinct) <= BINS and (distinct == distinct.round()).all() and high - low <= 2 * BINS:
            edges = np.arange(np.floor(low) - 0.5, np.ceil(high) + 1)
        else:
            edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
        middle = _columns.axis(column, (edges[:-1] + edges[1:]) / 2)
        for k, name in _classes(names):
            counts, _ = np.histogram(values[_of_class(targets, k) & ~np.isnan(values)], edges)
            fig.add_bar(x=middle, y=counts, name=name, marker_color=class_color(k), hovertemplate=_counted(name))
        here = _columns.axis(column, np.array([value]))[0] if known else None
    if known:
        fig.add_scatter(
            x=[here],
            y=[0],
            mode="markers",
            marker={"symbol": "triangle-up", "size": 15, "color": PALETTE[3], "line": {"width": 1, "color": "white"}},
            name="this row",
            cliponaxis=False,
            hovertemplate="this row: %{x}<extra></extra>",
        )
    else:
        fig.add_annotation(x=0.5, y=1, xref="paper", yref="paper", text="missing in this row", showarrow=False)
    fig.update_yaxes(rangemode="tozero", nticks=4)
    return fig.update_layout(barmode="stack", bargap=0.06, height=230, margin={"t": 8, "b": 8, "l": 8, "r": 8})


# ---------------------------------------------------------------------------------------------------- many rows


def mean_bars(
    names: list[str],
    mean: ArrayLike,
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
    title: str = "Mean share",
    percent: bool = True,
    most: int = 15,
) -> go.Figure:
    """Horizontal bars of a figure of each column with its interval, the largest on top, at most so many."""
    mean = np.asarray(mean, float)
    order = np.argsort(-mean, kind="stable")[:most][::-1]
    form = ".1%" if percent else ".3g"
    error, told = None, [format(mean[j], form) for j in order]
    if low is not None and high is not None:
        low, high = np.asarray(low, float), np.asarray(high, float)
        error = {"array": (high - mean)[order], "arrayminus": (mean - low)[order], "color": GREY, "thickness": 1.5}
        told = [f"{text} ({low[j]:{form}} to {high[j]:{form}})" for text, j in zip(told, order)]
    fig = base(title, "")
    fig.add_bar(
        x=mean[order],
        y=labels([names[j] for j in order], LONG),
        orientation="h",
        marker_color=AGAINST,
        error_x=error,
        customdata=told,
        hovertemplate="%{y}: %{customdata}<extra></extra>",
    )
    fig.update_xaxes(tickformat=".1%" if percent else None, zeroline=True, zerolinecolor=GREY)
    fig.update_yaxes(type="category", showgrid=False)
    return fig.update_layout(height=90 + 24 * len(order))


def beeswarm(values: np.ndarray, x: np.ndarray, columns: Sequence[Column], most: int = MOST) -> go.Figure:
    """Shares of each column in many rows, a point each, coloured by how high the column's value is.

    values : float (n, n_columns), shares in probability;  x : raw rows (n, n_columns);  columns : the schema's
    Categories, which have no order, and missing values are grey.
    """
    order = np.argsort(-np.abs(values).mean(axis=0), kind="stable")[:most][::-1]
    names = labels([columns[j].name for j in order], 28)
    across, up, height, told = [], [], [], []
    span = np.ptp(values[:, order]) or 1.0
    for row, j in enumerate(order):
        across.append(values[:, j])
        up.append(row + _spread_out(values[:, j], span))
        height.append(_rank(x[:, j]) if columns[j].type != "category" else np.full(len(x), np.nan))
        told += [f"{names[row]} = {text}" for text in _columns.shown_values(columns[j], x[:, j])]
    across, up, height = map(np.concatenate, (across, up, height))
    fig = base("Share in the probability", "")
    add = fig.add_scattergl if len(across) > 5000 else fig.add_scatter
    for which, marker in (
        (np.isnan(height), {"color": GREY}),
        (~np.isnan(height), {"color": height[~np.isnan(height)], "colorscale": LOW_HIGH, "cmin": 0, "cmax": 1}),
    ):
        add(
            x=across[which],
            y=up[which],
            mode="markers",
            marker={"size": 4, "opacity": 0.75, **marker},
            customdata=np.array(told, object)[which],
            hovertemplate="%{customdata}: %{x:+.1%}<extra></extra>",
            showlegend=False,
        )
    fig.update_xaxes(tickformat="+.0%", zeroline=True, zerolinecolor=GREY)
    fig.update_yaxes(tickvals=list(range(len(order))), ticktext=names, range=[-0.7, len(order) - 0.3], showgrid=False)
    return fig.update_layout(height=90 + 27 * len(order))


def dependence(
    values: np.ndarray, x: np.ndarray, columns: Sequence[Column], j: int, other: int | None = None
) -> go.Figure:
    """The share of column j in many rows by its value, coloured by the value of another column."""
    column = columns[j]
    fig = base(_columns.title(column), "Share in the probability")
    at, ticks = _columns.places(column, x[:, j])
    if column.type == "category":
        at = at + np.random.default_rng(0).uniform(-0.25, 0.25, len(at))  # points of one value side by side
    there = ~np.isnan(x[:, j])
    told = _columns.shown_values(column, x[:, j])
    groups = [(there, {"color": AGAINST}, "")]
    if other is not None:
        with_it, name = _columns.shown_values(columns[other], x[:, other]), shorten(columns[other].name, 20)
        told = [f"{text}, {name} {more}" for text, more in zip(told, with_it)]
        if columns[other].type == "category":
            groups = _by_value(np.array(with_it, object), there)
        else:
            bar = {
                "title": {"text": name, "side": "right"},
                "thickness": 10,
                "tickvals": [0, 1],
                "ticktext": ["low", "high"],
            }
            scale = {"colorscale": LOW_HIGH, "cmin": 0, "cmax": 1, "colorbar": bar}
            groups = [(there, {"color": _rank(x[:, other])[there], **scale}, "")]
    add = fig.add_scattergl if len(x) > 5000 else fig.add_scatter
    for which, marker, name in groups:
        add(
            x=at[which],
            y=values[which, j],
            mode="markers",
            marker={"size": 6, "opacity": 0.75, **marker},
            customdata=np.array(told, object)[which],
            hovertemplate="%{customdata}: %{y:+.1%}<extra></extra>",
            name=name,
            showlegend=bool(name),
        )
    if ticks:
        fig.update_xaxes(tickvals=list(range(len(ticks))), ticktext=ticks)
    fig.update_yaxes(tickformat="+.0%", zeroline=True, zerolinecolor=GREY)
    return fig.update_layout(height=340)


# ---------------------------------------------------------------------------------------------------- parts


def _classes(names: list[str]):
    """Class numbers and names to draw; beyond those that have a colour, the others together under number -1."""
    shown = list(enumerate(names[:MAX_CURVES]))
    return shown if len(names) <= MAX_CURVES else [*shown, (MAX_CURVES, "all others")]


def _of_class(targets: np.ndarray, k: int) -> np.ndarray:
    return targets == k if k < MAX_CURVES else targets >= k


def _counted(name: str) -> str:
    return f"%{{x}}: %{{y:,}} of {name.replace('%', '&#37;')}<extra></extra>"


def _by_value(texts: np.ndarray, there: np.ndarray) -> list[tuple]:
    """Rows by the value of a category, the most frequent first: (which rows, marker, name); the rest is grey."""
    found, counts = np.unique(texts[there].astype(str), return_counts=True)
    common = found[np.argsort(-counts, kind="stable")][: MAX_CURVES - 1]
    groups = [(there & (texts == value), {"color": PALETTE[i]}, str(value)) for i, value in enumerate(common)]
    rest = there & ~np.isin(texts.astype(str), common)
    return [*groups, (rest, {"color": GREY}, "all others")] if rest.any() else groups


def _rank(values: np.ndarray) -> np.ndarray:
    """How high each value is among all, from 0 to 1; equal ones alike, NaN for a missing one."""
    there = ~np.isnan(values)
    distinct, place_of, counts = np.unique(values[there], return_inverse=True, return_counts=True)
    ranks = np.full(len(values), np.nan)
    if len(distinct):
        middle = np.cumsum(counts) - counts / 2
        ranks[there] = 0.5 if len(distinct) == 1 else ((middle - middle[0]) / (middle[-1] - middle[0]))[place_of]
    return ranks


def _spread_out(values: np.ndarray, span: float) -> np.ndarray:
    """How far up or down each point is moved, in [-0.4, 0.4], so that points of like value lie side by side."""
    bins = np.floor(values / span * 80).astype(int)
    _, place_of, counts = np.unique(bins, return_inverse=True, return_counts=True)
    rank = np.empty(len(values))
    order = np.argsort(place_of, kind="stable")
    rank[order] = np.concatenate([np.arange(count) for count in counts]) if len(values) else []
    step = 0.8 / max(16, counts.max(initial=1))
    return (rank - (counts[place_of] - 1) / 2) * step
