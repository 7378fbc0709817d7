"""Why the model decided so for one sample: each method's picture, how far it can be trusted, a way into the report."""

import numpy as np
import pandas as pd
import streamlit as st

from core import explain, trust, words
from core.data.dataset import EPOCH, Dataset, Schema
from dashboard import drawing, engine, explain_whole, frame, pictures, settings, side_by_side, url
from dashboard.explain_strip import Chosen
from exports import charts
from exports.charts import maps as map_charts
from exports.charts import tables as table_charts

FIRST = {"image": ("gradcam", "integrated_gradients"), "table": ("shapley",)}  # methods shown unless others are chosen
BESIDE = 3  # pictures in a row
LAID_OVER = "Over the picture"
VERDICTS = {  # colour and words
    "yes": ("green", "Can be trusted"),
    "care": ("orange", "With care"),
    "no": ("red", "Not to be trusted"),
}
MARKS = {True: ":green[:material/check:]", False: ":red[:material/close:]", None: ":gray[:material/remove:]"}


@st.fragment
@frame.in_a_sentence
def tab(run: str, schema: Schema, dataset: Dataset | None, chosen: Chosen) -> None:
    """What is explained, and each method's answer."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{sentence(chosen)}**", width="content")
        classes = list(schema.classes)
        target = url.select(
            "What speaks for",
            classes,
            "target",
            chosen.asked_class,
            width=185,
            format_func=lambda name: f"Why {name}",
            label_visibility="collapsed",
        )
        against = url.select(
            "Instead of",
            ["", *(name for name in classes if name != target)],
            "against",
            "",
            width=170,
            format_func=lambda name: f"and not {name}" if name else "and not another",
            label_visibility="collapsed",
        )
        with st.popover("Methods", icon=":material/tune:", type="tertiary"):
            methods = choose_methods(schema.kind)
            how, opacity = _how_shown() if schema.kind == "image" else ("", 0.0)
    asked = (chosen.sample, target, against or None)
    with st.container(key="shown"):
        if schema.kind == "image":
            _images(run, schema, dataset, chosen, asked, methods, how, opacity)
        else:
            _table(run, schema, dataset, chosen, asked, methods)


def sentence(chosen: Chosen) -> str:
    """What the model says of the sample, how sure it is, and whether it is right, in Markdown."""
    true = words.markdown(chosen.true)
    if chosen.predicted is None or chosen.y_prob is None:
        return f"A training sample of class {true}. The net learnt from it, so that it is right here says little."
    said = f"The model says {words.markdown(chosen.predicted)} ({chosen.y_prob.max():.1%}) and is "
    said += f"wrong: it is {true}." if chosen.wrong else "right."
    return said + (" A validation sample." if chosen.part == "val" else "")


def choose_methods(kind: str) -> list[str]:
    """The methods that are shown side by side; they are in the URL (`?methods=`)."""
    offered = explain.available(kind, "sample")
    first = [name for name in FIRST[kind] if name in offered] or offered[:1]
    asked = [name for name in url.asked("methods").split(",") if name in offered]
    st.session_state["methods"] = asked or first

    def write() -> None:
        chosen = st.session_state["methods"]
        url.put(methods=",".join(chosen) if chosen and chosen != first else None)

    chosen = st.multiselect(
        "Methods", offered, key="methods", format_func=lambda name: explain.module(name).TITLE, on_change=write
    )
    return chosen or first


def explained(run: str, method: str, asked: tuple, options: dict) -> explain.Explanation | None:
    """The explanation, kept or made now; None if it is on its way or there is none, with that on the page."""
    sample, target, against = asked
    stored, title = explain.kept(run, method, sample, target, against, options), explain.module(method).TITLE
    asked = (explain.explain, run, sample, method, target, against, options)
    return engine.stored_or_asked(stored, f"Computing {title}", *asked)


# ------------------------------------------------------------------------------------------------------ images


def _how_shown() -> tuple[str, float]:
    how = url.select("Map", [LAID_OVER, "Alone"], "map", LAID_OVER)
    opacity = 0.0
    if how == LAID_OVER:
        opacity = st.slider("Opacity", 0.0, 1.0, 0.6, 0.05, key="opacity", format="percent")
    return how, opacity


def _images(run, schema, dataset, chosen, asked, methods, how, opacity) -> None:
    """The picture, and beside it each method's map."""
    found, options, below = {}, {}, {}
    rows = [st.columns(BESIDE, gap="medium") for _ in range(-(-(len(methods) + 1) // BESIDE))]
    first, *others = [column for row in rows for column in row]
    for column, method in zip(others, methods):
        with column:
            options[method] = _title(method)
            found[method] = explained(run, method, asked, options[method])
            if found[method] is not None:
                _map(found[method], method, how, opacity, chosen.sample)
            below[method] = st.container(gap="small")
    _below(run, asked, found, options, below)
    with first:
        with st.container(horizontal=True, vertical_alignment="center", key="title-picture"):
            st.markdown("**The picture**")
        image = dataset.images[chosen.place] if chosen.place >= 0 else None
        kept = [one.arrays["x"] for one in found.values() if one is not None]
        if image is None and kept:
            image = kept[0]
        if image is not None:
            st.image(pictures.thumbnail(image, 340), width=300, alt=f"{chosen.sample} as it is")
        _probabilities(schema, chosen, next(filter(None, found.values()), None))


def _map(found, method: str, how: str, opacity: float, sample: str) -> None:
    image, attribution = found.arrays["x"], found.arrays["attribution"]
    over = how == LAID_OVER
    figure = map_charts.overlay(image, attribution, opacity) if over else map_charts.raw_map(attribution)
    drawing.chart(figure, f"map-{method}", f"{explain.module(method).TITLE} of image {sample}")


def _probabilities(schema: Schema, chosen: Chosen, found) -> None:
    values = chosen.y_prob if chosen.y_prob is not None else found and np.array(found.record["probabilities"])
    if values is not None:
        figure = charts.probabilities(list(values), list(schema.classes))
        drawing.chart(figure, "probabilities", "Probability of each class")


# ------------------------------------------------------------------------------------------------------ tables


def _table(run, schema, dataset, chosen, asked, methods) -> None:
    """Each method's shares, and beside them the row."""
    left, right = side_by_side.columns("shares", [3, 2], gap="medium")
    found, options, below = {}, {}, {}
    with left:
        for method in methods:
            options[method] = _title(method)
            found[method] = explained(run, method, asked, options[method])
            if found[method] is not None:
                _shares(schema, found[method], method, chosen.sample, cells(schema, found[method].arrays["x"]))
            below[method] = st.container(gap="small")
    _below(run, asked, found, options, below)
    with right:
        with st.container(horizontal=True, vertical_alignment="center", key="title-row"):
            st.markdown("**The row**")
        kept = next(filter(None, found.values()), None)
        x = dataset.x[chosen.place] if chosen.place >= 0 else kept and kept.arrays["x"]
        percent = kept is not None and kept.record["unit"] == "probability"  # as in the figure beside it
        if x is not None:
            shown = pd.DataFrame(
                {"Column": [column.name for column in schema.columns], "Value": cells(schema, np.asarray(x))}
            )
            if kept is not None:
                shown.insert(2, "Share", kept.arrays["attribution"])
                shown = shown.reindex(shown["Share"].abs().sort_values(ascending=False, kind="stable").index)
            st.dataframe(
                shown,
                hide_index=True,
                height=min(38 + 35 * len(shown), 320),
                column_config={"Share": st.column_config.NumberColumn(format="percent" if percent else "%+.3f")},
                alt=f"Values of row {chosen.sample}",
            )
            _place(schema, dataset, chosen, np.asarray(x), shown["Column"].tolist())
        _probabilities(schema, chosen, kept)


def _shares(schema: Schema, found, method: str, sample: str, values: list[str]) -> None:
    names = [f"{column.name} = {words.cut(value, 16)}" for column, value in zip(schema.columns, values)]
    record, arrays = found.record, found.arrays
    figure = table_charts.waterfall(
        names, arrays["attribution"], record["base"], record["score"], record["unit"], arrays.get("error")
    )
    drawing.chart(figure, f"shares-{method}", f"{explain.module(method).TITLE} of row {sample}")


def cells(schema: Schema, x: np.ndarray) -> list[str]:
    """A raw row, float32 (n_columns,), as a person reads it."""
    shown = []
    for column, value in zip(schema.columns, x.tolist()):
        if column.type == "category":
            known = 0 <= value < len(column.categories)
            shown.append(column.categories[int(value)] if known else "missing or unknown")
        elif np.isnan(value):
            shown.append("missing")
        elif column.type == "date":
            shown.append(f"{EPOCH + pd.Timedelta(days=value):%Y-%m-%d}")
        else:
            shown.append(f"{value:.6g}")
    return shown


def _place(schema, dataset, chosen, x, names: list[str]) -> None:
    """On request, where the row's value lies in the distribution of its column."""
    if dataset is None:
        return
    column = st.selectbox("Place in its column", names, index=None, key="column-place", placeholder="Choose a column")
    if column is None:
        return
    j = [one.name for one in schema.columns].index(column)
    figure = table_charts.place(schema.columns[j], dataset.x[:, j], float(x[j]), dataset.targets, schema.classes)
    drawing.chart(figure, "place", f"Where row {chosen.sample} lies in {column}")


# ------------------------------------------------------------------------------------------------------ both


def _title(method: str) -> dict:
    """The method's name, and its options folded; returns those that differ from the defaults."""
    module = explain.module(method)
    plain = module.Options()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{module.TITLE}**", help=f"{module.ANSWERS} {module.SILENT}", width="content")
        if not plain.__dataclass_fields__:
            return {}
        with st.popover(":material/tune:", type="tertiary", help="Options of this method"):
            values = settings.settings(plain, f"option-{method}", None)
    return explain.options_key(method, values)


def _below(run: str, asked: tuple, found: dict, options: dict, places: dict) -> None:
    """Below each picture how far it can be trusted, asked for after all pictures, and a way into the report."""
    for method, explanation in found.items():
        if explanation is not None:
            with places[method]:
                below(run, method, asked, options[method], explanation)


@st.fragment
@frame.in_a_sentence
def below(run: str, method: str, asked: tuple, options: dict, explanation: explain.Explanation) -> None:
    """The verdict on an explanation with the numbers a click away, and a way into the report and out of it."""
    sample, target, against = asked
    arguments = (run, sample, method, target, against, options)
    found = trust.kept(*arguments)
    if found is None:
        found = engine.ask("Checking how far this can be trusted", trust.judge, *arguments, patience=0)
    if found is not None:
        color, said = VERDICTS[found["verdict"]]
        st.markdown(f":{color}-badge[{said}] {words.markdown(found['sentence'])}")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if found is not None:
            with st.popover("Why", type="tertiary", icon=":material/fact_check:", key=f"why-{method}"):
                for check in found["checks"]:
                    _check(check, method)
        explain_whole.to_report(explanation)


def _check(check: dict, method: str) -> None:
    """One check of a verdict: passed or not, its number, its sentence, and its curves if it has any."""
    value = check.get("value")
    number = f" :gray[{round(value, 2) + 0.0:.2f}]" if isinstance(value, float) else ""
    st.markdown(
        f"{MARKS[check['passed']]} **{words.markdown(check['title'])}** {words.markdown(check['text'])}{number}"
    )
    if check.get("curves"):
        drawing.chart(map_charts.curves(check["curves"]), f"curves-{method}-{check['name']}", check["title"])
