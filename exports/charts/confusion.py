"""The confusion matrix as a figure, its classes in the order asked for."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from exports.charts import base, labels

UNSEEN = {"marker": {"opacity": 0}}
MANY = 25  # classes drawn at once


def confusion_matrix(
    counts: ArrayLike, classes: list[str], by: str = "count", order: str = "given", most: int = MANY
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
