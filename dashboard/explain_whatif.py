"""What if a row of a table were another: a form with live probabilities, and what would change the model's mind."""

import numpy as np
import streamlit as st

from core import words
from core.data.dataset import Dataset, Schema
from core.whatif import kept
from core.whatif.counterfactuals import COLUMNS, Wish, described, plain
from dashboard import drawing, engine, explain_images, explain_whole, frame
from dashboard import explain_whatif_form as row_form
from exports import charts, live, whatif
from exports.charts import tables as table_charts

ANY = "any other"
STYLE = """
<style>
@media (max-width: 1150px) { .st-key-whatif [data-testid="stColumn"] { min-width: min(22rem, 100%); flex: 1 1 22rem; } }
</style>
"""


@st.fragment
@frame.in_a_sentence
def table_tab(run: str, sample: str, schema: Schema, dataset: Dataset) -> None:
    """The form and, beside it, what the exported file says of the row; below, the ways to another decision."""
    if not live.ready(run) and engine.ask("Preparing the model for live answers", live.make, run) is None:
        return
    x = np.asarray(dataset.x[int(np.flatnonzero(dataset.ids == sample)[0])], np.float32)
    row_form.begin(run, sample, x)
    left, right = st.container(key="whatif").columns([3, 2], gap="medium")
    with left:
        row_form.form(schema, x, row_form.ranges(run, schema, dataset))
    with right:
        answer(run, schema, x)
    explanation(run, schema)
    ways(run, sample, schema, dataset, x)
    st.html(STYLE)


# ------------------------------------------------------------------------------------------------------ the answer


def answer(run: str, schema: Schema, x: np.ndarray) -> None:
    """What the model says of the row now and of the sample, what was changed, and, if asked, why."""
    row = row_form.row_now()
    y_prob = live.predict(run, np.stack([x, row]))
    said = live.decide(run, y_prob)
    changes = described(schema, x, row)
    st.markdown(f"**{sentence(schema, y_prob, said, bool(changes))}**")
    classes = list(schema.classes)
    figure = explain_images.bars(y_prob, classes) if changes else charts.probabilities(list(y_prob[0]), classes)
    drawing.chart(figure, "whatif-probabilities", "Probability of each class before and after the change")
    if changes:
        st.markdown("; ".join(change_text(*change) for change in changes))
    st.caption("The exported file itself answers here: what it says, everyone gets who is given it.")
    if changes:
        k = int(said[1]) if said[1] >= 0 else int(y_prob[1].argmax())
        text = f"Why {words.markdown(schema.classes[k])} now?"
        if st.button(text, key="whatif-why", icon=":material/query_stats:"):
            st.session_state["whatif-reason"] = {"target": k}


def sentence(schema: Schema, y_prob: np.ndarray, said: np.ndarray, changed: bool) -> str:
    """What is said of the sample and of the changed row, in Markdown; y_prob (2, n_classes), said (2,)."""
    names = [words.markdown(name) for name in (*schema.classes, "nothing")]
    before, after = (int(index) for index in said)
    j = before if before >= 0 else int(y_prob[0].argmax())
    if not changed:
        return f"The model says {names[before]} ({y_prob[0, j]:.1%})."
    moved = f"The probability of {names[j]} went from {y_prob[0, j]:.1%} to {y_prob[1, j]:.1%}."
    if before == after:
        return f"The model still says {names[before]}. {moved}"
    return f"Now the model says {names[after]} instead of {names[before]}. {moved}"


def change_text(name: str, old: object, new: object) -> str:
    """A change as "age: 39 → 45", in Markdown."""
    old, new = (words.markdown(words.cut(row_form.text(value), 30)) for value in (old, new))
    return f"{words.markdown(words.cut(name, 30))}: {old} → **{new}**"


def explanation(run: str, schema: Schema) -> None:
    """If it was asked, each column's share in the probability of the class that is said of the changed row."""
    why, row = st.session_state.get("whatif-reason"), row_form.row_now()  # forgotten when the row changes
    if why is None:
        return
    target = why["target"]
    if "found" not in why:
        values = tuple(float(value) for value in row)
        why["found"] = engine.ask("Computing Shapley values of the changed row", kept.shares, run, values, target)
    if (found := why["found"]) is None:
        del why["found"]
        return
    names = [f"{column.name} = {row_form.text(plain(column, value))}" for column, value in zip(schema.columns, row)]
    st.markdown(f"**How the probability of {words.markdown(schema.classes[target])} comes about in the changed row**")
    figure = table_charts.waterfall(names, found["shares"], found["base"], found["score"], error=found["error"])
    drawing.chart(figure, "whatif-shares", f"Share of each column in the probability of {schema.classes[target]}")


# ------------------------------------------------------------------------------------------------------ the ways


def ways(run: str, sample: str, schema: Schema, dataset: Dataset, x: np.ndarray) -> None:
    """What may change, a button, and the cheapest ways to another decision, each to be tried in the form."""
    now = int(live.decide(run, live.predict(run, x[None]))[0])
    wish = _wish(schema, now)
    if st.button("What would change its mind?", key="whatif-find", type="primary", icon=":material/alt_route:"):
        st.session_state["whatif-search"] = True
    if not st.session_state["whatif-search"]:
        st.caption(
            f"The fewest and smallest changes, of up to {COLUMNS} columns, to values that the training data holds."
        )
        return
    found = whatif.counterfactuals(run, sample, wish, dataset)
    record, rows = found.record, found.arrays["rows"]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(words.markdown(record["sentence"]), width="content")
        if len(rows):
            explain_whole.to_report(found)
    if not len(rows):
        return
    with st.container(border=True, gap="small"):
        for i, (changes, said) in enumerate(zip(record["changes"], record["said"])):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                texts = [change_text(*change) for change in changes]
                st.markdown(f"{i + 1}\\. " + "; ".join(texts), width="stretch")
                probability = found.arrays["y_prob"][i, said]
                st.markdown(f"{words.markdown(schema.classes[said])} ({probability:.1%})", width="content")
                st.button("Try it", key=f"whatif-try-{i}", type="tertiary", on_click=row_form.put, args=(rows[i],))
    st.caption(
        "Each column is changed as if nothing else followed from it. "
        "Whether it can be changed so in the world, the model does not know."
    )


def _wish(schema: Schema, now: int) -> Wish:
    """What a person wants of the changes."""
    names = [column.name for column in schema.columns]
    ordered = [column.name for column in schema.columns if column.type != "category"]
    others = [name for k, name in enumerate(schema.classes) if k != now]
    if st.session_state.get("whatif-class") not in others:  # as of another sample
        st.session_state.pop("whatif-class", None)
    with st.container(horizontal=True, gap="small"):
        fixed = st.multiselect("Keep fixed", names, key="whatif-fixed", placeholder="Nothing", width=320)
        up = st.multiselect("Only up", ordered, key="whatif-up", placeholder="Nothing", width=200)
        down = st.multiselect("Only down", ordered, key="whatif-down", placeholder="Nothing", width=200)
        target = st.selectbox(
            "Wanted class", ["", *others], key="whatif-class", format_func=lambda name: name or ANY, width=172
        )
    return Wish(tuple(fixed), tuple(up), tuple(down), target or None)
