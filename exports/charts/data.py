"""Figures of a data set before training: distributions by class, correlations, sizes. Numbers -> Plotly figures."""

import numpy as np
import plotly.graph_objects as go

from exports.charts import DIVERGING, GREY, MAX_CURVES, PALETTE, base, class_color, labels

MOST_NAMED = 6  # classes in a legend; hovering names the others too
SHORT = 22  # characters of a name on an axis


def histogram(edges: list, counts: list[list[int]], classes: list[str], x_title: str) -> go.Figure:
    """Stacked bars by class between `edges` (n_bins + 1 numbers or ISO dates); counts [[n, ...] by class]."""
    fig = base(x_title, "Samples")
    dates = bool(edges) and isinstance(edges[0], str)
    places = np.array(edges, "datetime64[s]") if dates else np.array(edges, float)
    left, widths = places[:-1], np.diff(places)
    middle = left + widths / 2 if not dates else left + widths // 2
    for j, (name, row) in enumerate(_told_apart(classes, counts)):
        fig.add_bar(
            x=middle,
            y=row,
            width=widths.astype("timedelta64[ms]").astype(float) if dates else widths,
            name=name,
            marker={"color": class_color(j) if j < MAX_CURVES else GREY, "line": {"width": 0}},
            hovertemplate=f"%{{x}}: %{{y:,}} of {name}<extra></extra>",
        )
    return fig.update_layout(barmode="stack", bargap=0, height=300, showlegend=len(classes) <= MOST_NAMED)


def values(names: list[str], counts: list[list[int]], rest: list[int], classes: list[str]) -> go.Figure:
    """Horizontal bars by class of the most frequent values of a category, the most frequent on top."""
    shown = [*names, "all others"] if sum(rest) else list(names)
    fig = base("Rows", "")
    for j, (name, row) in enumerate(_told_apart(classes, [[*row, more] for row, more in zip(counts, rest)])):
        fig.add_bar(
            y=labels(shown, SHORT)[::-1],
            x=row[: len(shown)][::-1],
            orientation="h",
            name=name,
            marker_color=class_color(j) if j < MAX_CURVES else GREY,
            hovertemplate=f"%{{y}}: %{{x:,}} of {name}<extra></extra>",
        )
    fig.update_yaxes(type="category", automargin=True)
    return fig.update_layout(
        barmode="stack", height=max(200, 110 + 22 * len(shown)), showlegend=len(classes) <= MOST_NAMED
    )


def correlation(names: list[str], matrix: list[list[float]]) -> go.Figure:
    """Correlations of number columns, from -1 (blue) to 1 (orange)."""
    fig = base("", "")
    short = labels(names, SHORT)
    r = np.array(matrix, dtype=float)
    fig.add_heatmap(
        z=r,
        x=short,
        y=short,
        zmin=-1,
        zmax=1,
        colorscale=DIVERGING,
        text=np.char.mod("%.2f", np.nan_to_num(r)) if len(names) <= 12 else None,
        texttemplate="%{text}" if len(names) <= 12 else None,
        hovertemplate="%{y} and %{x}: %{z:.2f}<extra></extra>",
        xgap=1,
        ygap=1,
        showscale=False,
    )
    fig.update_xaxes(type="category", tickangle=-40, showgrid=False)
    fig.update_yaxes(type="category", autorange="reversed", showgrid=False)
    return fig.update_layout(height=min(700, 180 + 32 * len(names)))


def missing(names: list[str], shares: list[float]) -> go.Figure:
    """Share of rows in which each column is missing, horizontal bars, the largest on top."""
    order = np.argsort(shares)
    fig = base("Missing", "")
    fig.add_bar(
        y=np.array(labels(names, SHORT))[order],
        x=np.array(shares)[order],
        orientation="h",
        marker_color=PALETTE[0],
        hovertemplate="%{y}: %{x:.1%} missing<extra></extra>",
    )
    fig.update_xaxes(tickformat=".0%", rangemode="tozero")
    fig.update_yaxes(type="category", automargin=True)
    return fig.update_layout(height=100 + 24 * len(names))


def sizes(frequent: list[list[int]]) -> go.Figure:
    """The most frequent sizes of images, [[width, height, n], ...], as bubbles."""
    fig = base("Width in pixels", "Height in pixels")
    n = np.array([row[2] for row in frequent], float)
    fig.add_scatter(
        x=[row[0] for row in frequent],
        y=[row[1] for row in frequent],
        mode="markers",
        marker={"size": 8 + 32 * np.sqrt(n / n.max()), "color": PALETTE[0], "opacity": 0.6},
        customdata=n,
        hovertemplate="%{x} x %{y}: %{customdata:,} images<extra></extra>",
    )
    for update in (fig.update_xaxes, fig.update_yaxes):
        update(rangemode="tozero")
    return fig.update_layout(height=300)


def _told_apart(classes: list[str], counts: list[list[int]]) -> list[tuple[str, list[int]]]:
    """Name and counts of each class; beyond those that have a colour, all others together."""
    rows = [(label, list(row)) for label, row in zip(labels(classes), counts)]
    if len(rows) <= MAX_CURVES:
        return rows
    others = np.sum([row for _, row in rows[MAX_CURVES:]], axis=0).tolist()
    return [*rows[:MAX_CURVES], ("all others", others)]
