"""Figures of a model as a whole: samples in two dimensions, and where maps lie."""

import numpy as np
import plotly.graph_objects as go

from core import words
from exports import charts

COLOURED = ("class", "mistakes", "confidence")


def samples_in_two(arrays: dict, classes: list[str], coloured: str = "class") -> go.Figure:
    """Samples where `core.explain.embedding` puts them, coloured by class, by mistakes or by confidence.

    Each point's customdata is its place in the arrays. Mistakes are drawn last, so that nothing hides them.
    """
    xy, target, predicted = arrays["xy"], arrays["target"], arrays["predicted"]
    fig = charts.base("", "")
    names, wrong = np.array(charts.labels(list(classes)), object), target != predicted
    text = np.array([f"{charts.shorten(str(sample), 30)}" for sample in arrays["id"]], object)
    said = names[predicted] + " (" + np.array([f"{p:.0%}" for p in arrays["probability"]], object) + ")"
    data = np.stack([np.arange(len(xy)).astype(object), text, names[target], said], axis=1)
    hover = "%{customdata[1]}<br>is %{customdata[2]}<br>said %{customdata[3]}<extra></extra>"

    def add(which: np.ndarray, name: str, marker: dict, legend: bool = True) -> None:
        where = np.flatnonzero(which)
        if len(where):
            fig.add_scattergl(
                x=xy[where, 0],
                y=xy[where, 1],
                mode="markers",
                name=name,
                marker={"size": 5 if len(xy) > 2000 else 7, "opacity": 0.75, **marker},
                customdata=data[where],
                hovertemplate=hover,
                showlegend=legend,
            )

    if coloured == "class":
        shown = range(min(len(classes), charts.MAX_CURVES))
        for k in shown:
            add(target == k, names[k], {"color": charts.class_color(k)})
        add(target >= len(shown), "other classes", {"color": charts.GREY})
    elif coloured == "mistakes":
        add(~wrong, "right", {"color": charts.GREY, "opacity": 0.35})
        add(wrong, "wrong", {"color": charts.PALETTE[3], "size": 9})
    else:
        bar = {"title": "Sure", "tickformat": ".0%", "thickness": 12}
        marker = {"color": arrays["probability"], "colorscale": "Viridis", "colorbar": bar, "cmax": 1}
        add(np.ones(len(xy), bool), "samples", marker, legend=False)
    fig.update_xaxes(showticklabels=False, showgrid=False, title=None)
    fig.update_yaxes(showticklabels=False, showgrid=False, title=None, scaleanchor="x")
    return fig.update_layout(height=520, dragmode="pan")


def title_of(arrays: dict) -> str:
    """What the figure shows, for those who do not see it."""
    return f"{words.count(len(arrays['xy']), 'sample')} placed by how alike they are to the net"
