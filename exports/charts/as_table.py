"""The numbers that a figure draws, as a table to take elsewhere."""

import html

import pandas as pd
import plotly.graph_objects as go

KINDS = ("scatter", "scattergl", "bar", "heatmap")


def has_numbers(figure: go.Figure) -> bool:
    """Whether `table` has something to say of a figure: not of a picture, nor where nothing is drawn."""
    return not any(trace.type == "image" for trace in figure.data) and any(map(_draws, figure.data))


def table(figure: go.Figure) -> pd.DataFrame:
    """One row for each point, bar or cell drawn, of a figure that has numbers.

    Columns are the titles of the axes, with "Curve" before them where there are several. Cells have "Value", what
    their colour says, and "Written", what is written into them.
    """
    parts = [_rows(trace, _titles(figure, trace)) for trace in figure.data if _draws(trace)]
    named = any(part["Curve"].iloc[0] for part in parts)
    rows = pd.concat(parts, ignore_index=True)
    return rows if len(parts) > 1 and named else rows.drop(columns="Curve")


def _draws(trace) -> bool:
    """Whether a trace shows numbers: one that is there for the pointer only does not."""
    if trace.type == "heatmap":
        return trace.z is not None and len(trace.z) > 0
    if trace.type not in KINDS or trace.x is None or trace.y is None:
        return False
    return len(trace.x) > 0 and trace.marker.opacity != 0


def _titles(figure: go.Figure, trace) -> tuple[str, str]:
    """What stands beside the axes of a trace, else "x" and "y"."""
    titles = []
    for letter, name in (("x", trace.xaxis), ("y", trace.yaxis)):
        axis = figure.layout[f"{letter}axis{(name or letter)[1:]}"]
        titles.append(_plain(axis.title.text or letter))
    return titles[0], titles[1] if titles[1] != titles[0] else f"{titles[1]}, upward"


def _rows(trace, titles: tuple[str, str]) -> pd.DataFrame:
    """The rows of one trace that draws some."""
    if trace.type == "heatmap":
        cells = pd.DataFrame(trace.z)
        cells.index = pd.Index(range(len(cells)) if trace.y is None else list(trace.y), name=titles[1])
        cells.columns = pd.Index(range(cells.shape[1]) if trace.x is None else list(trace.x), name=titles[0])
        rows = cells.stack(future_stack=True).rename("Value").reset_index()
        if trace.text is not None:
            rows["Written"] = [text for line in trace.text for text in line]
    else:
        rows = pd.DataFrame({titles[0]: list(trace.x), titles[1]: list(trace.y)})
    rows = rows.map(lambda value: _plain(value) if isinstance(value, str) else value)
    rows.insert(0, "Curve", _plain(trace.name or ""))
    return rows


def _plain(text: str) -> str:
    """Words as they are read in a figure: without tags, and with the signs that tags would be made of."""
    return html.unescape(text.replace("<b>", "").replace("</b>", "").replace("<br>", " "))
