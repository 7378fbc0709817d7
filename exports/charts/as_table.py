"""The numbers that a figure draws, as a table to take elsewhere."""

import html

import pandas as pd
import plotly.graph_objects as go


def table(figure: go.Figure) -> pd.DataFrame | None:
    """One row for each point, bar or cell drawn; None where a figure is a picture and has none.

    Columns are the titles of the axes, with "Curve" before them where there are several. Cells have "Value", what
    their colour says, and "Written", what is written into them.
    """
    named = [trace for trace in figure.data if trace.type in ("scatter", "scattergl", "bar", "heatmap")]
    parts = [part for trace in named if (part := _rows(trace, _titles(figure, trace))) is not None]
    if not parts:
        return None
    curves = [part["Curve"].iloc[0] for part in parts]
    rows = pd.concat(parts, ignore_index=True)
    return rows if len(curves) > 1 and any(curves) else rows.drop(columns="Curve")


def _titles(figure: go.Figure, trace) -> tuple[str, str]:
    """What stands beside the axes of a trace, else "x" and "y"."""
    titles = []
    for letter, name in (("x", trace.xaxis), ("y", trace.yaxis)):
        axis = figure.layout[f"{letter}axis{(name or letter)[1:]}"]
        titles.append(_plain(axis.title.text or letter))
    return titles[0], titles[1] if titles[1] != titles[0] else f"{titles[1]}, upward"


def _rows(trace, titles: tuple[str, str]) -> pd.DataFrame | None:
    """The rows of one trace; None of one that is there for the pointer only, or draws nothing."""
    if trace.type == "heatmap":
        cells = pd.DataFrame(trace.z)
        cells.index = pd.Index(range(len(cells)) if trace.y is None else list(trace.y), name=titles[1])
        cells.columns = pd.Index(range(cells.shape[1]) if trace.x is None else list(trace.x), name=titles[0])
        rows = cells.stack(future_stack=True).rename("Value").reset_index()
        if trace.text is not None:
            rows["Written"] = [text for line in trace.text for text in line]
    else:
        if trace.x is None or trace.y is None or not len(trace.x) or (trace.marker and trace.marker.opacity == 0):
            return None
        rows = pd.DataFrame({titles[0]: list(trace.x), titles[1]: list(trace.y)})
    rows = rows.map(lambda value: _plain(value) if isinstance(value, str) else value)
    rows.insert(0, "Curve", _plain(trace.name or ""))
    return rows


def _plain(text: str) -> str:
    """Words as they are read in a figure: without tags, and with the signs that tags would be made of."""
    return html.unescape(text.replace("<b>", "").replace("</b>", "").replace("<br>", " "))
