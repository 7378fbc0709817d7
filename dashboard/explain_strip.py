"""Which sample the Explain page is about: the wrong ones first, the chosen one in the URL (`?sample=`)."""

import pathlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from core import words
from core.data.dataset import Dataset, Schema
from dashboard import answers, samples, url

STRIP = 16  # pictures side by side; where there is no room for all, they can be pushed
LETTERS = 12  # below a small picture
LISTED = 500  # samples in the list, at most
WHICH = {"all": "All", "wrong": "Wrong ones", "right": "Right ones"}
ANY = "Any class"
STYLE = """
<style>
.st-key-strip { flex-wrap: nowrap; overflow-x: auto; padding-bottom: .3rem; }
.st-key-strip [data-testid="stElementToolbar"], .st-key-near [data-testid="stElementToolbar"] { display: none; }
.st-key-strip .stButton button, .st-key-near .stButton button {
  min-height: 1.6rem; padding: 0 .2rem; position: relative;
}
.st-key-strip .stButton button::after { content: ""; position: absolute; inset: -76px 0 0 0; }  /* the picture too */
.st-key-near .stButton button::after { content: ""; position: absolute; inset: -104px 0 0 0; }
.st-key-pick { flex-wrap: nowrap; }
[data-testid="stLayoutWrapper"]:has(> .st-key-pick) { min-width: min(18rem, 100%); }
@media (max-width: 1150px) {
  .st-key-shown [data-testid="stColumn"] { min-width: min(12rem, 100%); flex: 1 1 12rem; }
}
</style>
"""
AFTER = {"target": None, "against": None}  # leave the URL when another sample is chosen


@dataclass(frozen=True, eq=False)
class Chosen:
    """A sample: its id, its part, its class, what the run says of it (None where that is not stored), where it lies.

    part : "test", "val", or "train" for any other of the data;  y_prob : (n_classes,) or None
    place : position in the data set, -1 if that does not have it
    """

    sample: str
    part: str
    true: str
    predicted: str | None
    y_prob: np.ndarray | None
    place: int

    @property
    def wrong(self) -> bool:
        """Whether something is said of the sample, and not its true class."""
        return self.predicted is not None and self.predicted != self.true

    @property
    def asked_class(self) -> str:
        """The class that is explained unless another is chosen."""
        return self.predicted or self.true


def choose(run: str, schema: Schema, dataset: Dataset | None) -> Chosen | None:
    """Show the samples to choose from and return the chosen one; None, with the reason, if there is none."""
    found = answers.of(run, "test")
    if not len(found.ids):
        st.info("This run has no test sample to explain.", icon=":material/info:")
        return None
    asked = url.asked("sample")
    outside = _outside(run, asked, schema, dataset) if asked and asked not in set(found.ids) else None
    if asked and outside is None and asked not in set(found.ids):
        st.warning(
            f"There is no sample {words.markdown(asked)} in this run; this is another one.", icon=":material/warning:"
        )
        asked = ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="choose"):
        left = st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="pick")
        which = url.select(
            "Which samples", list(WHICH), "which", "all", format_func=WHICH.get, label_visibility="collapsed", width=130
        )
        of_class = url.select("Of class", [ANY, *schema.classes], "of", ANY, label_visibility="collapsed", width=150)
    order = ordered(found, which, None if of_class == ANY else list(schema.classes).index(of_class))
    listed = found.ids[order[:LISTED]].tolist()
    sample = asked or (listed[0] if listed else str(found.ids[0]))
    options = listed if sample in listed else [sample, *listed]
    labels = _labels(found, schema, options)
    with left:
        previous = st.container(width="content")
        sample = url.select(
            "Sample",
            options,
            "sample",
            options[0],
            drops=tuple(AFTER),
            format_func=lambda name: labels.get(name, name),
            label_visibility="collapsed",
        )
        at = options.index(sample)
        _step(previous, "Previous", ":material/chevron_left:", options[at - 1] if at else None)
        _step(st.container(width="content"), "Next", ":material/chevron_right:", (options[at + 1 :] or [None])[0])
    if not len(order):
        st.info("No test sample is like that.", icon=":material/info:")
    if len(order) > LISTED:
        st.caption(f"The first {LISTED} of {len(order):,}, the wrong ones first; Evaluate leads to each.")
    if schema.kind == "image" and dataset is not None:
        first = (at // STRIP) * STRIP
        strip(found, schema, dataset, options[first : first + STRIP], sample)
    st.html(STYLE)
    if outside is not None and sample == outside.sample:
        return outside
    i = int(np.flatnonzero(found.ids == sample)[0])
    return Chosen(
        sample,
        "test",
        schema.classes[found.y_true[i]],
        schema.classes[found.y_prob[i].argmax()],
        found.y_prob[i],
        place_of(dataset, sample),
    )


def ordered(found: answers.Answers, which: str = "all", of_class: int | None = None) -> np.ndarray:
    """Positions of the test samples, wrong ones first, of each the surest on top; only those that are asked for."""
    wrong = found.y_pred != found.y_true
    order = np.lexsort((-found.y_prob.max(axis=1), ~wrong))
    keep = np.ones(len(order), bool)
    if which != "all":
        keep &= wrong if which == "wrong" else ~wrong
    if of_class is not None:
        keep &= found.y_true == of_class
    return order[keep[order]]


def place_of(dataset: Dataset | None, sample: str) -> int:
    """Where a sample lies in the data, -1 if it is not there."""
    return -1 if dataset is None else int(pd.Index(dataset.ids).get_indexer([sample])[0])


def strip(found: answers.Answers, schema: Schema, dataset: Dataset, shown: list[str], chosen: str) -> None:
    """Some samples as small pictures to click."""
    places = pd.Index(dataset.ids).get_indexer(shown)
    rows = pd.Index(found.ids).get_indexer(shown)
    with st.container(horizontal=True, gap="small", key="strip"):
        for sample, place, i in zip(shown, places, rows):
            if place < 0:
                continue
            true = schema.classes[dataset.targets[place]]
            said = schema.classes[found.y_prob[i].argmax()] if i >= 0 else None
            about = "not of the test" if i < 0 else "right" if said == true else f"taken for {said}"
            with st.container(width=92, gap=None):
                st.image(samples.picture(dataset, int(place)), width=72, alt=f"{sample}, of class {true}, {about}")  # ty: ignore[invalid-argument-type]
                st.button(
                    words.markdown(_below(true, said)),
                    key=f"pick-{sample}",
                    type="secondary" if sample == chosen else "tertiary",
                    width="stretch",
                    on_click=url.put,
                    kwargs={"sample": sample, **AFTER},
                    help=words.markdown(f"{pathlib.PurePath(sample).name}: {true}, {about}"),
                )


def _below(true: str, said: str | None) -> str:
    """The class of a sample, and what it was taken for, in as much as fits below a small picture."""
    if said in (None, true):
        return words.cut(true, LETTERS)
    both = f"{true} → {said}"
    return both if len(both) <= LETTERS else words.cut(f"→ {said}", LETTERS)


def _labels(found: answers.Answers, schema: Schema, names: list[str]) -> dict[str, str]:
    """What the list says of each sample."""
    labels = {}
    for sample, i in zip(names, pd.Index(found.ids).get_indexer(names)):
        if i < 0:
            labels[sample] = f"{sample}: not of the test"
            continue
        true, said = schema.classes[found.y_true[i]], schema.classes[found.y_prob[i].argmax()]
        verdict = "right" if true == said else f"taken for {said}"
        labels[sample] = f"{true}, {verdict} ({found.y_prob[i].max():.1%}): {sample}"
    return labels


def _step(column, name: str, icon: str, sample: str | None) -> None:
    with column:
        st.button(
            icon,
            key=f"step-{name}",
            help=f"{name} sample",
            type="tertiary",
            disabled=sample is None,
            on_click=url.put,
            kwargs={"sample": sample, **AFTER},
        )


def _outside(run: str, sample: str, schema: Schema, dataset: Dataset | None) -> Chosen | None:
    """A sample that is not in the test: of validation with what was said of it, of training without."""
    place = place_of(dataset, sample)
    try:
        found = answers.of(run, "val")
        rows = np.flatnonzero(found.ids == sample)
    except (ValueError, LookupError):
        rows = np.array([], int)
    if len(rows):
        i = int(rows[0])
        said = schema.classes[found.y_prob[i].argmax()]
        return Chosen(sample, "val", schema.classes[found.y_true[i]], said, found.y_prob[i], place)
    if dataset is None or place < 0:
        return None
    return Chosen(sample, "train", schema.classes[dataset.targets[place]], None, None, place)
