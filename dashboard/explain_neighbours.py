"""The training samples that are most like a sample to the net, and whether it is far from all of them."""

import numpy as np
import pandas as pd
import streamlit as st

from core import runs, words
from core.data.dataset import Dataset, Schema
from core.evaluation import similar
from dashboard import drawing, engine, explain_sample, frame, pictures, samples, url
from dashboard.explain_strip import AFTER, Chosen
from exports.charts import maps as map_charts

MOST = 12
AT_ONCE = 5000  # training samples that are compared in the page's own process, at most
FAR, RATHER_FAR = 0.99, 0.95  # percentiles from which a sample is said to be so


@st.fragment
@frame.in_a_sentence
def tab(run: str, schema: Schema, dataset: Dataset, chosen: Chosen) -> None:
    """How far away it is, its neighbours right and wrong, and the one that is opened beside it."""
    out = _found("Comparing with training samples", similar.outlying, run, chosen.sample)
    near = _found("Looking for similar samples", similar.nearest, run, chosen.sample, MOST)
    if near is None:
        return
    near = [(name, distance, place) for name, distance, place in _placed(near, dataset) if place >= 0]
    if not near:
        st.info("The data does not have the nearest training samples any more.", icon=":material/info:")
        return
    wanted = chosen.asked_class
    same = [schema.classes[dataset.targets[place]] == wanted for _, _, place in near]
    st.markdown(f"**{summary(near, same, chosen, schema, dataset)}** {distance_words(out) if out else ''}")
    shown = st.segmented_control(
        "Neighbours",
        ["All", "Of this class", "Of other classes"],
        default="All",
        key="neighbours-shown",
        label_visibility="collapsed",
    )
    kept = [one for one, as_said in zip(near, same) if shown in ("All", None) or as_said == (shown == "Of this class")]
    if not kept:
        st.info("None of the nearest is like that.", icon=":material/info:")
        return
    if schema.kind == "image":
        opened = _pictures(schema, dataset, kept, wanted)
    else:
        opened = _rows(schema, dataset, kept, chosen)
    if opened is not None:
        _open(schema, dataset, chosen, *opened)


def summary(near: list, same: list[bool], chosen: Chosen, schema: Schema, dataset: Dataset) -> str:
    """How many of the nearest are of the class that the model says, and which classes the others have, in Markdown."""
    said, n = words.markdown(chosen.asked_class), len(near)
    verb = "as the model says" if chosen.predicted is not None else "as it is itself"
    text = f"Of the {n} nearest training samples {sum(same)} are {said}, {verb}"
    others = pd.Series([schema.classes[dataset.targets[place]] for _, _, place in near])
    counts = others[others != chosen.asked_class].value_counts()
    if len(counts):
        text += "; " + ", ".join(f"{count} {words.markdown(name)}" for name, count in counts.head(3).items())
    return text + "."


def distance_words(out: dict) -> str:
    """Whether the sample is far from all training data, in words with the percentile."""
    share = out["percentile"]
    if share is None:
        return "Without validation samples it cannot be said whether it is unusually far from training."
    if share >= FAR:
        return f"It is far from all training data: farther than {share:.0%} of validation samples. Do not rely on it."
    if share >= RATHER_FAR:
        return f"It is rather far from training: farther than {share:.0%} of validation samples."
    return f"It is not unusual: {share:.0%} of validation samples are nearer to training."


def _found(text: str, function, run: str, sample: str, *more):
    """What the function finds of the sample, kept for the session; None while it is on its way."""
    key = (function.__name__, run, sample, tuple(runs.weights_stamp(run)), *more)
    kept = st.session_state.setdefault("neighbours-found", {})
    if key not in kept:
        here = similar.ready(run, sample, AT_ONCE)
        found = function(run, [sample], *more) if here else engine.ask(text, function, run, [sample], *more)
        if found is None:
            return None
        kept[key] = found[sample]
    return kept[key]


def _placed(near: list, dataset: Dataset) -> list[tuple[str, float, int]]:
    places = pd.Index(dataset.ids).get_indexer([name for name, _ in near])
    return [(name, distance, int(place)) for (name, distance), place in zip(near, places)]


def _pictures(schema: Schema, dataset: Dataset, near: list, wanted: str) -> tuple | None:
    """The neighbours as pictures to click; returns the opened one."""
    opened = st.session_state.get("neighbour")
    with st.container(horizontal=True, gap="small", key="near"):
        for name, distance, place in near:
            true = schema.classes[dataset.targets[place]]
            with st.container(width=104, gap=None):
                st.image(pictures.thumbnail(dataset.pictures[place], 100), width=100, alt=f"{name}, of class {true}")
                st.button(
                    (":green" if true == wanted else ":red") + f"[{words.markdown(words.cut(true, 11))}]",
                    key=f"near-{name}",
                    type="secondary" if name == opened else "tertiary",
                    width="stretch",
                    help=words.markdown(f"{name}: {true}, distance {distance:.3f}"),
                    on_click=lambda name=name: st.session_state.update(neighbour=name),
                )
    st.caption("The nearest first. Green: of the class that the model says; red: of another. Click one to open it.")
    return next((one for one in near if one[0] == opened), None)


def _rows(schema: Schema, dataset: Dataset, near: list, chosen: Chosen) -> tuple | None:
    """The neighbours as rows to choose; returns the chosen one."""
    classes = [schema.classes[dataset.targets[place]] for _, _, place in near]
    shown = pd.DataFrame(
        {
            "Sample": [name for name, _, _ in near],
            "Truth": classes,
            "As said": ["yes" if name == chosen.asked_class else "no" for name in classes],
            "Distance": [distance for _, distance, _ in near],
        }
    )
    shown = samples.beside(shown, dataset, np.array([place for _, _, place in near]))
    event = st.dataframe(
        shown,
        hide_index=True,
        placeholder="",
        on_select="rerun",
        selection_mode="single-row",
        key=f"near-{chosen.sample}-{len(near)}",
        height=38 + 35 * min(len(shown), 8),
        column_config={"Distance": st.column_config.NumberColumn(format="%.3f")},
        alt=f"Training samples most similar to {chosen.sample}",
    )
    st.caption("The nearest first. Choose a row to compare it.")
    picked = [i for i in event.selection.rows if i < len(near)]
    return near[picked[0]] if picked else None


def _open(schema: Schema, dataset: Dataset, chosen: Chosen, name: str, distance: float, place: int) -> None:
    """A neighbour beside the sample, and a way to its own explanation."""
    true = schema.classes[dataset.targets[place]]
    text = f"{words.markdown(name)}: {words.markdown(true)}, distance {distance:.3f}"
    if schema.kind == "image":
        left, right = st.columns(2)
        with left:
            st.markdown(f"**{words.markdown(chosen.sample)}**")
            drawing.chart(map_charts.picture(dataset.pictures[chosen.place]), "near-this", f"Image {chosen.sample}")
        with right:
            st.markdown(f"**{text}**")
            drawing.chart(map_charts.picture(dataset.pictures[place]), "near-that", f"Image {name}")
    else:
        st.markdown(f"**{text}**")
        pair = [explain_sample.cells(schema, dataset.x[i]) for i in (chosen.place, place)]
        shown = pd.DataFrame({"Column": [one.name for one in schema.columns], "This": pair[0], "Neighbour": pair[1]})
        shown.insert(3, "Same", ["yes" if a == b else "no" for a, b in zip(*pair)])
        st.dataframe(shown, hide_index=True, height=min(38 + 35 * len(shown), 380), alt=f"{chosen.sample} and {name}")
    if st.button("Explain this neighbour", icon=":material/search_insights:", key="explain-neighbour"):
        st.session_state.pop("neighbour", None)
        url.put(sample=name, look=None, **AFTER)
        st.rerun()
