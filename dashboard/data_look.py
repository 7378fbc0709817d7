"""What a data set looks like: gallery, sizes and mean images, or columns with their distributions."""

import numpy as np
import pandas as pd
import streamlit as st

from core import words
from core.data import Dataset, insight
from core.data.tables import columns
from dashboard import drawing, engine, pictures, side_by_side
from exports import charts
from exports.charts import data as data_charts

ROWS = 200  # of a table that are shown
GALLERY_CLASSES = 20


def show(dataset: Dataset, version: str) -> None:
    """Everything there is to see of it; computed in the engine at the first look, then kept."""
    found = engine.attempt("Looking at the data", insight.profile, dataset.name, version)
    if found and dataset.kind == "image":
        _images(dataset, version, found)
    elif found:
        _table(dataset, found)


def balance(sizes: dict, classes: list[str], key: str) -> None:
    """Samples of each class in every part."""
    st.markdown("**Class balance**")
    shown = {part: counts[:GALLERY_CLASSES] for part, counts in sizes.items()}
    figure = charts.class_balance(shown, list(classes[:GALLERY_CLASSES])).update_layout(height=280)
    drawing.chart(figure, key, "Samples per class in training, validation and test")
    if len(classes) > GALLERY_CLASSES:
        st.caption(f"The first {GALLERY_CLASSES} of {len(classes)} classes.")


def _images(dataset: Dataset, version: str, found: dict) -> None:
    classes = list(dataset.classes)
    chosen = st.multiselect(
        "Classes",
        classes,
        placeholder="All classes, or choose some",
        label_visibility="collapsed",
        key="gallery-classes",
    )
    shown = [classes.index(name) for name in chosen] or list(range(min(10, len(classes))))
    st.markdown("**Some images of each class**")
    small = max(dataset.schema.shape[1:]) <= 64
    for target in shown[:GALLERY_CLASSES]:
        count = int((dataset.targets == target).sum())
        with st.container(gap=None):
            st.markdown(f"{words.markdown(classes[target])} &ensp;:gray[{count:,}]")
            strip = pictures.strip(dataset, version, target, 20 if small else 10)
            width = "stretch" if strip.shape[1] > 600 else "content"
            st.image(strip, width=width, alt=f"Images of {classes[target]}")
    left, right = side_by_side.columns("images")
    with left:
        balance(found["sizes"], classes, "look-balance")
        if dataset.kind == "image":
            _means(dataset, version, classes)
    with right:
        st.markdown("**Sizes of the original images**")
        if found["n_shapes"] == 1:
            width, height, n = found["most_frequent"][0]
            st.markdown(f"All {n:,} are {width} x {height} pixels.")
        else:
            drawing.chart(data_charts.sizes(found["most_frequent"]), "sizes", "Most frequent sizes of images")
            st.caption(
                f"{found['n_shapes']:,} different sizes; the {len(found['most_frequent'])} most frequent are drawn."
            )
            st.markdown("**Width by height**")
            figure = _histogram(found["aspect"], found["classes"], "Width / height")
            drawing.chart(figure, "aspect", "Aspect ratios of the images")
        st.markdown("**Brightness**")
        drawing.chart(
            _histogram(found["brightness"], found["classes"], "Mean level, from black (0) to white (1)"),
            "brightness",
            "Mean brightness of the images by class",
        )


def _means(dataset: Dataset, version: str, classes: list[str]) -> None:
    st.markdown("**Mean image of each class**")
    means = engine.attempt("Averaging", insight.means, dataset.name, version)
    if means is None:
        return
    with st.container(horizontal=True, gap="small"):
        for name, image in list(zip(classes, means))[:GALLERY_CLASSES]:
            with st.container(width=84, gap=None):
                st.image(pictures.thumbnail(image, 80), width=80, alt=f"Mean image of {name}")
                st.caption(words.markdown(words.cut(name, 12)))


def _histogram(found: dict, classes: list[str], title: str):
    return data_charts.histogram(found["edges"], found["counts"], classes, title)


def _table(dataset: Dataset, found: dict) -> None:
    left, right = side_by_side.columns("columns", [3, 4])
    with left:
        st.markdown("**Columns**", help="Select one to see it by class.")
        rows = found["columns"]
        table = pd.DataFrame(
            {
                "Column": [row["name"] for row in rows],
                "Type": [row["type"] for row in rows],
                "Missing": [words.percent(row["missing"]) if row["missing"] else "" for row in rows],
                "Values": [row["distinct"] for row in rows],
                "Read": ["yes" if row["used"] else "no" for row in rows],
            }
        )
        event = st.dataframe(
            table,
            hide_index=True,
            on_select="rerun",
            selection_mode="single-row",
            key=f"columns-{dataset.name}",
            height=min(38 + 35 * len(rows), 460),
            alt="Columns with type, missing cells and number of values",
        )
        chosen = event.selection.rows
        column = rows[chosen[0] if chosen and chosen[0] < len(rows) else 0]
    with right:
        _column(column, found)
    left, right = side_by_side.columns("missing")
    with left:
        balance(found["sizes"], list(dataset.classes), "look-balance")
    with right:
        gaps = [(row["name"], row["missing"]) for row in rows if row["missing"]]
        if gaps:
            st.markdown("**Missing cells**")
            gaps = sorted(gaps, key=lambda gap: -gap[1])[:20]
            figure = data_charts.missing([gap[0] for gap in gaps], [gap[1] for gap in gaps])
            drawing.chart(figure, "missing", "Share of missing cells per column")
        else:
            st.markdown("**Missing cells**")
            st.markdown("No cell is missing.")
    matrix = found["correlation"]
    if len(matrix["columns"]) > 1:
        st.markdown("**Correlation of the numbers**")
        drawing.chart(
            data_charts.correlation(matrix["columns"], matrix["matrix"]),
            "correlation",
            "Correlations of number columns",
        )
    st.markdown(f"**First {min(ROWS, len(dataset))} rows**")
    rows = first_rows(dataset, np.arange(min(ROWS, len(dataset))))
    st.dataframe(rows, height=320, placeholder="", alt="The first rows of the table with their class")
    st.download_button(
        "Download these rows as CSV",
        columns.neutral(rows.reset_index()).to_csv(index=False),
        file_name=f"{dataset.name}.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )


def first_rows(dataset: Dataset, where: np.ndarray) -> pd.DataFrame:
    """Rows with their class and id, for a person to read."""
    rows = dataset.frame.iloc[where].copy()
    rows.insert(0, "class", np.array(dataset.classes, object)[dataset.targets[where]], allow_duplicates=True)
    rows.columns = words.distinct([words.cut(str(name), 60) for name in rows.columns])
    rows.index = pd.Index(dataset.ids[where], name="row")
    return rows


def _column(column: dict, found: dict) -> None:
    """One column by class, and what is known of it."""
    st.markdown(f"**{words.markdown(column['name'])}**: {column['type']}, {words.count(column['distinct'], 'value')}")
    if column["reason"]:
        st.markdown(f":orange-badge[left out] {words.markdown(column['reason'])}")
    if "values" in column:
        if column["type"] in ("text", "identifier"):
            st.caption("For example: " + words.markdown(", ".join(column["values"][:5])))
            return
        figure = data_charts.values(column["values"], column["counts"], column["rest"], found["classes"])
    elif column["edges"]:
        figure = _histogram(column, found["classes"], charts.shorten(column["name"], 40))
    else:
        st.markdown("It has no known value.")
        return
    drawing.chart(figure, "column", f"Distribution of {column['name']} by class")
    outside = column.get("below", 0) + column.get("above", 0)
    if outside:
        low, high = column["edges"][0], column["edges"][-1]
        low, high = (f"{edge:,.4g}" if isinstance(edge, float) else edge for edge in (low, high))
        st.caption(f"{words.count(outside, 'row')} outside {low} to {high} not drawn.")
