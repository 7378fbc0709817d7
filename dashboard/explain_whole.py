"""What the model looks at overall: importance, single columns and pairs, shortcuts, typical samples, their map."""

import numpy as np
import pandas as pd
import streamlit as st

from core import explain, words
from core.data.dataset import Dataset, Schema
from core.explain import _paint
from dashboard import drawing, engine, frame, pictures, samples, sharing, side_by_side, url
from exports.charts import effects as effect_charts
from exports.charts import tables as table_charts
from exports.charts import whole as whole_charts

VIEWS = {
    "table": ("Columns", "One column", "Two columns", "Shortcuts", "Map of samples", "Typical samples"),
    "image": ("Shortcuts", "Mean maps", "Map of samples", "Typical samples"),
}
SHOWN_CLASSES = 12  # with pictures of their own, at once


@st.fragment
@frame.in_a_sentence
def tab(run: str, schema: Schema, dataset: Dataset | None) -> None:
    """One view at a time; what is stored opens at once, the rest is computed when it is looked at."""
    views = VIEWS[schema.kind]
    view = url.segments("View", views, "whole", views[0])
    {
        "Columns": _columns,
        "One column": _one_column,
        "Two columns": _two_columns,
        "Shortcuts": _shortcuts,
        "Mean maps": _mean_maps,
        "Map of samples": _map_of_samples,
        "Typical samples": _typical,
    }[view](run, schema, dataset)


def found(run: str, method: str, options: dict | None = None) -> explain.Explanation | None:
    """The stored explanation of the whole model, or one made now; None if it is on its way or there is none."""
    stored, title = explain.kept(run, method, None, None, None, options), explain.module(method).TITLE
    return engine.stored_or_asked(stored, f"Computing: {title}", explain.explain_model, run, method, options)


def heading(method: str, kept: explain.Explanation | None, text: str = "") -> None:
    """What the method found in a sentence (`text` instead), what it answers and what not; a way into the report."""
    module = explain.module(method)
    if kept is None:
        st.markdown(f"**{module.TITLE}**")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"**{words.markdown(text or kept.record['sentence'])}**",
            help=f"{module.ANSWERS} {module.SILENT}",
            width="content",
        )
        if method in IN_REPORT:
            to_report(kept)


def to_report(kept: explain.Explanation) -> None:
    """A button that puts an explanation into the report, or takes it out."""
    if sharing.read_only():
        return
    run, name = kept.record["run"], kept.record["name"]
    there = name in {one.record["name"] for one in explain.pinned(run)}
    text, icon = ("In the report", ":material/check:") if there else ("Add to report", ":material/add:")
    act = explain.unpin if there else explain.pin
    help_text = "A click takes it out." if there else "The report on the Share page will show it."
    st.button(text, icon=icon, key=f"pin-{name}", type="tertiary", on_click=act, args=(run, name), help=help_text)


IN_REPORT = ("permutation_importance", "shapley_summary", "partial_dependence", "shortcuts", "mean_maps")


# ---------------------------------------------------------------------------------------------------- columns


def _columns(run: str, schema: Schema, dataset: Dataset | None) -> None:  # noqa: ARG001 (one signature for all)
    target = class_box(schema, "whole-class")
    left, right = side_by_side.columns("whole", gap="medium")
    with left:
        importance = found(run, "permutation_importance")
        heading("permutation_importance", importance)
        if importance is not None:
            names, arrays = [column.name for column in schema.columns], importance.arrays
            figure = table_charts.mean_bars(
                names, arrays["mean"], arrays["low"], arrays["high"], "Accuracy lost when shuffled", percent=True
            )
            drawing.chart(figure, "importance", "Accuracy lost when each column is shuffled")
            st.caption(f"{explain.module('permutation_importance').SILENT} The lines are 95% intervals.")
    with right:
        summary = found(run, "shapley_summary", {"target": target})
        heading("shapley_summary", summary)
        if summary is not None:
            values, x = summary.arrays["values"], summary.arrays["x"]
            drawing.chart(
                table_charts.beeswarm(values, x, schema.columns), "beeswarm", "Shares of each column, by value"
            )
            st.caption(
                "Each point is a validation row; colour is the column's value, from low (blue) to high (orange)."
            )
    if summary is None:
        return
    order = np.argsort(-summary.arrays["mean_absolute"])
    names = [schema.columns[j].name for j in order]
    with st.container(horizontal=True):
        name = url.select("Share by value of", names, "share-of", names[0], width=260)
        others = [other for other in names if other != name]
        coloured = url.select(
            "Coloured by", ["", *others], "coloured", "", format_func=lambda one: one or "nothing", width=260
        )
    j = [column.name for column in schema.columns].index(name)
    other = [column.name for column in schema.columns].index(coloured) if coloured else None
    figure = table_charts.dependence(values, x, schema.columns, j, other)
    drawing.chart(figure, "dependence", f"Share of {name} by its value")


def _one_column(run: str, schema: Schema, dataset: Dataset | None) -> None:  # noqa: ARG001
    names = [column.name for column in schema.columns]
    with st.container(horizontal=True):
        name = url.select("Column", names, "column", _most_important(run, schema), width=260)
        target = class_box(schema, "whole-class")
    column, k = schema.columns[names.index(name)], schema.classes.index(target)
    left, right = side_by_side.columns("whole", gap="medium")
    with left:
        dependence = found(run, "partial_dependence", {"column": name, "target": target})
        heading("partial_dependence", dependence)
        if dependence is not None:
            drawing.chart(
                effect_charts.partial_dependence(dependence.arrays, column, k), "pdp", f"Probability by {name}"
            )
            st.caption(
                "Thick: the average. Thin: single validation rows. " + explain.module("partial_dependence").SILENT
            )
    with right:
        if column.type == "category":
            st.info(
                "Accumulated local effects need a column with an order, and this is a category.", icon=":material/info:"
            )
            return
        effects = found(run, "accumulated_local_effects", {"column": name})
        heading("accumulated_local_effects", effects)
        if effects is not None:
            figure = effect_charts.accumulated_local_effects(effects.arrays, column, k)
            drawing.chart(figure, "ale", f"Effect of {name} among rows that lie there")
            st.caption(explain.module("accumulated_local_effects").ANSWERS + " The band is a 95% interval.")


def _two_columns(run: str, schema: Schema, dataset: Dataset | None) -> None:  # noqa: ARG001
    names = [column.name for column in schema.columns]
    with st.container(horizontal=True):
        target = class_box(schema, "whole-class")
        one = url.select(
            "Column", ["", *names], "pair-1", "", format_func=lambda name: name or "the strongest pair", width=240
        )
        rest = [name for name in names if name != one]
        two = url.select("With", rest, "pair-2", rest[0], width=240) if one and rest else ""
    kept = found(run, "interactions", {"target": target} | ({"column": one, "other": two} if two else {}))
    heading("interactions", kept)
    if kept is None:
        return
    left, right = side_by_side.columns("whole", gap="medium")
    with left:
        figure = effect_charts.interactions(names, kept.arrays["strength"], kept.arrays["size"])
        drawing.chart(figure, "pairs", "Which columns work together")
    with right:
        pair = [schema.columns[names.index(kept.record[key])] for key in ("column", "other")]
        figure = effect_charts.surface(kept.arrays["surface"], kept.arrays["grid_1"], kept.arrays["grid_2"], *pair)
        drawing.chart(figure, "surface", f"Probability of {target} by two columns")
    st.caption(explain.module("interactions").SILENT)


def _most_important(run: str, schema: Schema) -> str:
    """The column that importance puts first, where it is known."""
    stored = explain.kept(run, "permutation_importance", None, None)
    return schema.columns[int(stored.arrays["mean"].argmax()) if stored is not None else 0].name


def class_box(schema: Schema, key: str) -> str:
    """The class that a view is about: the second of two, else the first, unless another is chosen."""
    classes = list(schema.classes)
    return url.select("Class", classes, key, classes[1] if len(classes) == 2 else classes[0], width=200)


# -------------------------------------------------------------------------------------------------- shortcuts


def _shortcuts(run: str, schema: Schema, dataset: Dataset | None) -> None:  # noqa: ARG001
    kept = found(run, "shortcuts")
    n = len(kept.record["findings"]) if kept is not None else 0
    heading("shortcuts", kept, f"{words.count(n, 'shortcut')} found." if n else "")
    if kept is None:
        return
    for i, row in enumerate(kept.record["findings"]):
        left, right = st.columns([1, 5], vertical_alignment="center")
        if f"patch_{i}" in kept.arrays:
            patch = kept.arrays[f"patch_{i}"]
            shown = np.nan_to_num(patch, nan=float(np.nanmean(patch))).astype(schema.dtype)
            left.image(pictures.thumbnail(shown, 140), caption="The place alone", alt="The place that the net uses")
        right.warning(words.markdown(row["text"]), icon=":material/warning:")
    if kept.record["checked"]:
        st.markdown("Looked for without a finding:")
        st.markdown("\n".join(f"- {words.markdown(row['text'])}" for row in kept.record["checked"]))
    st.caption(explain.module("shortcuts").SILENT)


# ----------------------------------------------------------------------------------------------------- images


def _mean_maps(run: str, schema: Schema, dataset: Dataset | None) -> None:  # noqa: ARG001
    way = url.select(
        "Method",
        list(explain.module("mean_maps").WAYS),
        "mean-way",
        "gradcam",
        format_func=lambda name: explain.module(name).TITLE,
        width=260,
    )
    kept = found(run, "mean_maps", {"way": way})
    heading("mean_maps", kept)
    if kept is None:
        return
    st.caption(explain.module("mean_maps").SILENT)
    there = np.flatnonzero(kept.arrays["count"])[:SHOWN_CLASSES]
    with st.container(horizontal=True, gap="medium"):
        for k in there:
            image, attribution = kept.arrays["image"][k], kept.arrays["map"][k][None]
            with st.container(width=150, gap="small"):
                painted = _paint.png(_paint.overlay(image, attribution, 0.65))
                st.image(painted, width=150, alt=f"Where the net looks for {schema.classes[k]}, on average")
                st.caption(f"{words.markdown(schema.classes[k])}, {words.count(int(kept.arrays['count'][k]), 'image')}")
    if (kept.arrays["count"] > 0).sum() > len(there):
        st.caption(f"The first {len(there)} classes.")


# ---------------------------------------------------------------------------------------------------- samples


def _map_of_samples(run: str, schema: Schema, dataset: Dataset | None) -> None:
    with st.container(horizontal=True):
        ways = {"pca": "PCA (at once)", "tsne": "t-SNE (groups stand out)"}
        way = url.select("By", list(ways), "way", "pca", format_func=ways.get, width=240)
        part = url.select("Samples", ["test", "val", "train"], "map-part", "test", width=160)
        coloured = url.select("Coloured by", list(whole_charts.COLOURED), "map-colour", "class", width=180)
    kept = found(run, "embedding", {"way": way, "part": part})
    heading("embedding", kept)
    if kept is None:
        return
    left, right = st.columns([3, 1], gap="medium")
    with left:
        figure = whole_charts.samples_in_two(kept.arrays, list(schema.classes), coloured)
        points = drawing.clicked(figure, f"map-{way}-{part}-{coloured}", whole_charts.title_of(kept.arrays))
        st.caption(explain.module("embedding").SILENT + " Click a point to see the sample.")
    with right:
        if not points:
            st.info("Click a point to see its sample.", icon=":material/touch_app:")
            return
        i = int(points[0]["customdata"][0])
        sample = str(kept.arrays["id"][i])
        true, said = (schema.classes[int(kept.arrays[name][i])] for name in ("target", "predicted"))
        st.markdown(f"**{words.markdown(sample)}**  \n{words.markdown(true)}, said {words.markdown(said)}")
        _see(dataset, sample)
        st.page_link(
            "views/explain.py",
            label="Explain this decision",
            icon=":material/search_insights:",
            query_params={"run": run, "sample": sample},
        )


def _see(dataset: Dataset | None, sample: str) -> None:
    """The sample itself: its picture or its values."""
    place = -1 if dataset is None else int(pd.Index(dataset.ids).get_indexer([sample])[0])
    if dataset is None or place < 0:
        st.info("The data is not there any more.", icon=":material/info:")
    elif dataset.kind == "image":
        st.image(pictures.thumbnail(dataset.pictures[place], 200), alt=sample)
    else:
        row = dataset.frame.iloc[place]
        shown = pd.DataFrame({"Column": row.index, "Value": row.astype("string").fillna("").to_numpy()})
        st.dataframe(shown, hide_index=True, height=360, alt=f"Values of {sample}")


def enlarged(images: np.ndarray, side: int = 64) -> np.ndarray:
    """Small images (n, c, h, w) so many times as large, each pixel sharp, as brings them to about `side` pixels."""
    times = max(1, side // max(images.shape[2:]))
    return images.repeat(times, axis=2).repeat(times, axis=3)


def _typical(run: str, schema: Schema, dataset: Dataset | None) -> None:
    part = url.select("Samples", ["train", "val", "test"], "typical-part", "train", width=160)
    kept = found(run, "prototypes", {"part": part})
    heading("prototypes", kept)
    if kept is None:
        return
    if dataset is None:
        st.info("The data is not there any more, so only ids could be shown.", icon=":material/info:")
        return
    st.caption(explain.module("prototypes").SILENT)
    if schema.kind == "image":
        for title, column in zip(("Most typical", "Furthest from it"), st.columns([1, 5, 5])[1:]):
            column.caption(title)
        for k in range(min(len(schema.classes), SHOWN_CLASSES)):
            name, *sides = st.columns([1, 5, 5], vertical_alignment="center")
            name.markdown(f"**{words.markdown(schema.classes[k])}**")
            for column, key in zip(sides, ("most", "least")):
                places = pd.Index(dataset.ids).get_indexer([name for name in kept.arrays[key][k] if name])
                if (places >= 0).any():
                    images = np.stack([dataset.pictures[i] for i in places if i >= 0])
                    alt = f"Images of {schema.classes[k]}: {'most typical' if key == 'most' else 'least typical'}"
                    column.image(pictures.row(enlarged(images)), width="stretch", alt=alt)
        return
    target = class_box(schema, "typical-class")
    k = schema.classes.index(target)
    for key, title in (("most", "Most typical"), ("least", "Furthest from it")):
        ids = [name for name in kept.arrays[key][k] if name]
        places = pd.Index(dataset.ids).get_indexer(ids)
        near = kept.arrays[f"similarity_{key}"][k][: len(ids)]
        st.markdown(f"**{title}**")
        shown = samples.beside(pd.DataFrame({"Sample": ids, "Similarity": near}), dataset, places)
        st.dataframe(shown, hide_index=True, alt=f"{title} of {target}")
