"""Figures of a search: its course, which settings did well together, and which of them matter."""

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objs as go

from exports import charts

if TYPE_CHECKING:
    import optuna

SCALE = "Viridis"


def course(rows: list[dict], objective: str, maximise: bool) -> go.Figure:
    """The objective of each trial in turn, rows as of `core.search.trials`, and the best until then."""
    done = [row for row in rows if row["value"] is not None]
    x, y = [row["number"] + 1 for row in done], np.array([row["value"] for row in done], float)
    best = (np.maximum if maximise else np.minimum).accumulate(y) if len(y) else y
    fig = charts.base("Trial", objective)
    fig.add_scatter(
        x=x,
        y=y,
        name="Trials",
        mode="markers",
        marker={"size": 8, "color": charts.PALETTE[4]},
        customdata=[[_settings(row)] for row in done],
        hovertemplate="trial %{x}: %{y:.4f}<br>%{customdata[0]}<extra></extra>",
    )
    fig.add_scatter(
        x=x,
        y=best,
        name="Best so far",
        mode="lines",
        line={"width": 3, "color": charts.PALETTE[0], "shape": "hv"},
        hoverinfo="skip",
    )
    fig.update_xaxes(dtick=1 if len(x) <= 12 else None)
    if len(y):  # trials that are all alike would be drawn on an axis from 0 on
        room = max(0.1 * (y.max() - y.min()), 0.01 * abs(best[-1]), 1e-6)
        fig.update_yaxes(range=[y.min() - room, y.max() + room])
    return fig.update_layout(uirevision="course")


def parallel(study: "optuna.Study", objective: str) -> go.Figure:
    """One line per trial through its settings and its result."""
    from optuna import visualization
    from plotly import colors

    fig = _ours(visualization.plot_parallel_coordinate(study, target=_value, target_name=objective))
    lines = [
        trace
        for trace in fig.data
        if trace.type == "scatter" and trace.mode == "lines" and trace.customdata is not None
    ]
    values = np.array([float(line.customdata[0][1]) for line in lines])
    share = (values - values.min()) / max(np.ptp(values), 1e-12) if len(values) else values
    for line, color in zip(
        lines, colors.sample_colorscale(SCALE, share.tolist())
    ):  # its own end in white, or near black
        line.update(line={"color": color, "width": 1.5}, opacity=0.8)
    fig.update_traces(
        marker={"colorscale": SCALE, "reversescale": False, "showscale": len(set(values)) > 1},
        selector={"mode": "markers"},
    )
    return fig.update_layout(margin={"l": 70, "r": 30, "t": 50, "b": 30})


def slices(study: "optuna.Study", objective: str) -> go.Figure:
    """The result by each setting alone."""
    from optuna import visualization

    fig = _ours(visualization.plot_slice(study, target=_value, target_name=objective))
    return fig.update_traces(
        marker={"colorscale": SCALE, "reversescale": False, "showscale": False, "size": 8, "line": {"width": 0}}
    )


def contour(study: "optuna.Study", objective: str, first: str, second: str) -> go.Figure:
    """The result by two settings together."""
    from optuna import visualization

    fig = visualization.plot_contour(study, params=[first, second], target=_value, target_name=objective)
    fig = _ours(fig)
    return fig.update_traces(colorscale=SCALE, reversescale=False, selector={"type": "contour"})


def importance(shares: dict[str, float]) -> go.Figure:
    """How much of the differences between trials each setting explains, the most important on top."""
    names = list(shares)[::-1]
    fig = charts.base("Share of the differences between trials", "")
    fig.add_bar(
        x=[shares[name] for name in names],
        y=charts.labels(names, 28),
        orientation="h",
        marker_color=charts.PALETTE[0],
        hovertemplate="%{y}: %{x:.0%}<extra></extra>",
    )
    fig.update_xaxes(tickformat=".0%", range=[0, 1])
    fig.update_yaxes(type="category")
    return fig.update_layout(height=90 + 30 * len(names))


def _ours(fig) -> go.Figure:
    """A figure of Optuna's in our form."""
    plain = charts.base("", "").layout
    fig.update_layout(
        template="none",
        title=None,
        paper_bgcolor=plain.paper_bgcolor,
        plot_bgcolor=plain.plot_bgcolor,
        margin=plain.margin.to_plotly_json(),
        height=360,
    )
    fig.update_annotations(font_color=charts.GREY)  # the theme colours axes, but not these
    fig.update_traces(textfont={"color": charts.GREY}, selector={"mode": "text"})
    fig.update_xaxes(automargin=True, gridcolor="rgba(138,143,152,0.25)", zeroline=False)
    fig.update_yaxes(automargin=True, gridcolor="rgba(138,143,152,0.25)", zeroline=False)
    return fig


def _value(trial) -> float:
    return trial.value


def _settings(row: dict) -> str:
    shown = [
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in row["params"].items()
    ]
    return "<br>".join(charts.shorten(text, 40) for text in shown)
