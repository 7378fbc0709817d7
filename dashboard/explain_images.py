"""What if the picture were another: paint out, crop, turn, brighten and blur it, and see what the model says then."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from core import words
from core.data.dataset import Dataset, Schema
from dashboard import drawing, engine, frame
from dashboard.explain_strip import Chosen
from exports import charts, edits, live
from exports.charts import maps as map_charts
from exports.edits import WHOLE, Edits

FIRST = (0.3, 0.7)  # of the rectangle, until one is chosen
STEP = 0.05


@st.fragment
@frame.in_a_sentence
def tab(run: str, schema: Schema, dataset: Dataset, chosen: Chosen) -> None:
    """The edits, the picture before and after, and the probabilities of both."""
    if not live.ready(run) and engine.ask("Preparing the model for live answers", live.make, run) is None:
        return
    image = np.asarray(dataset.pictures[chosen.place])
    if st.session_state.get("edited") != (run, chosen.sample):  # another picture begins afresh
        st.session_state["edited"] = (run, chosen.sample)
        reset()
    tools, shown = st.container(key="shown").columns([1, 3], gap="medium")
    with tools:
        made = choose()
    edited = edits.apply(image, made)
    y_prob = live.predict(run, np.stack([image, edited]))
    with shown:
        st.markdown(f"**{sentence(run, schema, y_prob, made)}**")
        before, after = st.columns(2, gap="medium")
        with before:
            st.markdown("As it is. Drag a rectangle over a part of it.")
            _original(image)
        with after:
            st.markdown(words.markdown(sentence_case(edits.describe(made)) or "Nothing changed yet"))
            drawing.chart(map_charts.picture(edited), "edited-picture", "The picture as it is changed")
        figure = bars(y_prob, list(schema.classes))
        drawing.chart(figure, "edited-probabilities", "Probability of each class before and after")


def sentence(run: str, schema: Schema, y_prob: np.ndarray, made: Edits) -> str:
    """What the model says of the picture and of the changed one, y_prob (2, n_classes), in Markdown.

    It decides by the operating point in use.
    """
    names = [words.markdown(name) for name in (*schema.classes, "nothing")]
    first, second = (int(said) for said in live.decide(run, y_prob))
    j = first if first >= 0 else int(y_prob[0].argmax())
    if not edits.describe(made):
        return f"The model says {names[first]} ({y_prob[0, j]:.1%})."
    moved = f"The probability of {names[j]} went from {y_prob[0, j]:.1%} to {y_prob[1, j]:.1%}."
    if first == second:
        return f"It still says {names[first]}. {moved}"
    return f"Now it says {names[second]} instead of {names[first]}. {moved}"


def sentence_case(text: str) -> str:
    """The text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def choose() -> Edits:
    """The widgets of the edits; their state is the session's, and `reset` empties it."""
    with st.container(key="what-if-tools"):
        st.slider("Left to right", 0.0, 1.0, step=STEP, key="edit-x", format="percent", help="Of the rectangle.")
        st.slider("Top to bottom", 0.0, 1.0, step=STEP, key="edit-y", format="percent", help="Of the rectangle.")
        with st.container(horizontal=True, gap="small"):
            st.button("Paint out", icon=":material/format_paint:", on_click=_paint, key="edit-paint")
            st.button("Crop", icon=":material/crop:", on_click=_crop, key="edit-crop")
        st.selectbox("Paint with", list(edits.FILLS), key="edit-fill", format_func=lambda name: edits.FILLS[name])
        degrees = st.slider("Turn", -180, 180, step=5, key="edit-degrees", format="%d°")
        brightness = st.slider("Brightness", 0.2, 2.0, step=0.05, key="edit-brightness", format="percent")
        blur = st.slider("Blur", 0.0, 0.1, step=0.005, key="edit-blur", format="percent", help="Share of the side.")
        st.button("Reset", icon=":material/restart_alt:", on_click=reset, key="edit-reset", width="stretch")
    state = st.session_state
    return Edits(
        tuple(state["edit-painted"]), state["edit-fill"], state["edit-cropped"], float(degrees), brightness, blur
    )


def reset() -> None:
    """Take all edits back."""
    st.session_state.update(
        {
            "edit-x": FIRST,
            "edit-y": FIRST,
            "edit-fill": "mean",
            "edit-degrees": 0,
            "edit-brightness": 1.0,
            "edit-blur": 0.0,
            "edit-painted": [],
            "edit-cropped": WHOLE,
        }
    )


def _rectangle() -> tuple[float, float, float, float] | None:
    """The chosen one, or None if it is empty."""
    (left, right), (top, bottom) = st.session_state["edit-x"], st.session_state["edit-y"]
    return (left, top, right, bottom) if left < right and top < bottom else None


def _paint() -> None:
    if rectangle := _rectangle():
        st.session_state["edit-painted"] = [*st.session_state["edit-painted"], rectangle]


def _crop() -> None:
    if rectangle := _rectangle():
        st.session_state["edit-cropped"] = rectangle


def _original(image: np.ndarray) -> None:
    """The picture, on which a rectangle can be dragged, with the chosen one drawn."""
    height, width = image.shape[1:]
    figure = map_charts.picture(image)
    across, down = np.meshgrid(np.linspace(0, width - 1, min(width, 24)), np.linspace(0, height - 1, min(height, 24)))
    figure.add_scatter(
        x=across.ravel(), y=down.ravel(), mode="markers", marker={"opacity": 0}, hoverinfo="skip", showlegend=False
    )  # what a dragged rectangle can hold on to
    if rectangle := _rectangle():
        left, top, right, bottom = rectangle
        figure.add_shape(
            type="rect",
            x0=left * width - 0.5,
            x1=right * width - 0.5,
            y0=top * height - 0.5,
            y1=bottom * height - 0.5,
            line={"color": charts.PALETTE[1], "width": 2, "dash": "dot"},
        )
    figure.update_layout(dragmode="select", newselection={"line": {"color": charts.PALETTE[1]}})
    st.plotly_chart(
        figure,
        key=f"edit-original-{st.session_state.get('edit-drags', 0)}",
        config=drawing.PLOT,
        alt="The picture as it is",
        on_select=lambda: _dragged(height, width),
        selection_mode="box",
    )


def _dragged(height: int, width: int) -> None:
    """Take the rectangle that was dragged."""
    n = st.session_state.get("edit-drags", 0)
    boxes = st.session_state[f"edit-original-{n}"]["selection"]["box"]
    if not boxes:
        return
    for key, ends, side in (("edit-x", boxes[0]["x"], width), ("edit-y", boxes[0]["y"], height)):
        low, high = sorted((float(end) + 0.5) / side for end in ends)
        low, high = (round(round(min(max(end, 0), 1) / STEP) * STEP, 4) for end in (low, high))
        st.session_state[key] = (low, high) if low < high else (min(low, 1 - STEP), min(low, 1 - STEP) + STEP)
    st.session_state["edit-drags"] = n + 1  # the figure is drawn anew, without Plotly's own box


def bars(y_prob: np.ndarray, classes: list[str], most: int = 5) -> go.Figure:
    """Bars of the probabilities before (grey) and after, the classes that matter in either."""
    order = np.argsort(-y_prob.max(axis=0))[:most][::-1]
    names = np.array(charts.labels(classes))[order]
    figure = charts.base("Probability", "")
    for i, (name, color) in enumerate((("As it is", charts.GREY), ("Changed", charts.PALETTE[1]))):
        figure.add_bar(
            x=y_prob[i, order],
            y=names,
            name=name,
            orientation="h",
            marker_color=color,
            hovertemplate=f"%{{y}}, {name.lower()}: %{{x:.2%}}<extra></extra>",
        )
    figure.update_xaxes(range=[0, 1], tickformat=".0%")
    figure.update_yaxes(type="category", automargin=True)
    return figure.update_layout(barmode="group", height=90 + 34 * len(order))
