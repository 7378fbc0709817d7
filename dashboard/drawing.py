"""Figures on a page, each with a text for those who do not see it, its picture and its numbers."""

from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    import plotly.graph_objects as go

PLOT = {  # a figure says nothing but itself; under the pointer it offers its picture
    "displaylogo": False,
    "modeBarButtons": [["toImage"]],
    "toImageButtonOptions": {"format": "svg", "filename": "figure"},
    "scrollZoom": False,
}


def clicked(figure: "go.Figure", key: str, alt: str) -> list[dict]:
    """Draw a figure as `chart` does; the points that a person clicked in it."""
    with st.container(key=f"figure-{key}"):
        event = st.plotly_chart(figure, key=key, config=PLOT, alt=alt, on_select="rerun", selection_mode="points")
        _numbers(figure, key)
    return event.selection.points


def chart(figure: "go.Figure", key: str, alt: str) -> None:
    """Draw a figure over the whole width, in the colours of the theme, with a text for those who do not see it.

    Under the pointer it offers its picture and its numbers.
    """
    with st.container(key=f"figure-{key}"):
        st.plotly_chart(figure, key=key, config=PLOT, alt=alt)
        _numbers(figure, key)


def _numbers(figure: "go.Figure", key: str) -> None:
    """A button for what the figure draws as CSV, made when it is asked for; none of a picture, or where nothing is."""
    from exports.charts import as_table

    if not as_table.has_numbers(figure):
        return
    st.download_button(
        "CSV",
        lambda: _csv(figure),
        f"{key}.csv",
        "text/csv",
        key=f"csv-{key}",
        help="The numbers of this figure",
        type="tertiary",
        on_click="ignore",
    )


def _csv(figure: "go.Figure") -> str:
    from core.data.tables import columns
    from exports.charts import as_table

    return columns.neutral(as_table.table(figure)).to_csv(index=False)
