"""Figures of a file's variants: which is worth choosing. Numbers -> Plotly figures, in the form of `charts`."""

import numpy as np
import plotly.graph_objects as go

from core import words
from exports.charts import GREY, PALETTE, base

COLORS = {"equivalent": PALETTE[2], "better": PALETTE[2], "worse": PALETTE[3], "unknown": PALETTE[8], None: PALETTE[0]}
SAID = {
    "equivalent": "as accurate",
    "better": "more accurate",
    "worse": "less accurate",
    "unknown": "cannot be told",
    None: "as trained",
}


def choice(record: dict, batch: int = 1, threads: int = 1) -> go.Figure:
    """Accuracy with its interval by the time of an answer; the area of a point is its file's size.

    record : as `exports.variants.make` gives it;  batch, threads : of the answers
    """
    fig = base(f"Milliseconds for {words.count(batch, 'sample')}, {words.count(threads, 'thread')}", "Accuracy")
    rows = [row for row in record["variants"] if "error" not in row and row["accuracy"]["value"] is not None]
    rows = [(row, latency(row, batch, threads)) for row in rows]
    rows = [(row, timed) for row, timed in rows if timed is not None]
    if not rows:
        return fig
    largest = max(row["bytes"] for row, _ in rows)
    rows.sort(key=lambda pair: pair[1]["median"])
    for i, (row, timed) in enumerate(rows):
        accuracy, answer = row["accuracy"], (row.get("equivalence") or {}).get("answer")
        told = [
            f"{row['name']}: {1000 * timed['median']:.3g} ms (95% within {1000 * timed['p95']:.3g})",
            f"accuracy {words.interval(accuracy)}",
            f"{words.size(row['bytes'])}, {SAID[answer]}",
        ]
        fig.add_scatter(
            x=[1000 * timed["median"]],
            y=[accuracy["value"]],
            error_y={
                "array": [accuracy["high"] - accuracy["value"]],
                "arrayminus": [accuracy["value"] - accuracy["low"]],
                "color": GREY,
                "thickness": 1,
            },
            mode="markers+text",
            text=[row["name"]],
            textposition=("top right", "bottom right")[i % 2],  # of neighbours, on either side
            marker={
                "size": 12 + 28 * np.sqrt(row["bytes"] / largest),
                "color": COLORS[answer],
                "opacity": 0.8,
                "line": {"width": 1, "color": "white"},
            },
            showlegend=False,
            cliponaxis=False,
            hovertemplate="<br>".join(told) + "<extra></extra>",
        )
    times = np.array([1000 * timed["median"] for _, timed in rows])
    if times.max() > 5 * times.min():
        low, high = np.log10(times.min()), np.log10(times.max())
        pad = 0.18 * (high - low)
        ticks = [step * 10.0**power for power in range(-4, 6) for step in (1, 2, 5)]
        fig.update_xaxes(type="log", range=[low - pad, high + pad], tickvals=ticks, ticktext=[f"{t:g}" for t in ticks])
    else:
        fig.update_xaxes(range=[0, 1.2 * times.max()])
    fig.update_yaxes(tickformat=".1%")
    return fig


def latency(row: dict, batch: int, threads: int) -> dict | None:
    """The times of a variant for these answers; None if they were not taken."""
    return next((one for one in row["latency"] if one["batch"] == batch and one["threads"] == threads), None)
