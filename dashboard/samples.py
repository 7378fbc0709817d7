"""Samples behind a number: a table with pictures or rows to sort, search and open."""

import base64
import zlib

import numpy as np
import pandas as pd
import streamlit as st

from core import folds, runs, words
from core.data import Dataset
from core.evaluation import metrics, other_data, similar
from dashboard import answers, drawing, engine, pictures, run_page, url
from dashboard.answers import Answers
from exports import charts

MOST = 200  # samples shown at once
NEIGHBOURS = 8
SORTS = ("Highest loss", "Surest", "Least sure", "Smallest margin")
ROW_HEIGHT = 56  # pixels, where there are pictures


def show(
    run: str, part: str, chosen: np.ndarray, title: str, said: np.ndarray | None = None, heading: bool = True
) -> None:
    """A table of the samples at positions `chosen` of the run's predictions on `part`; a chosen one is opened below.

    title : plain text;  said : what is decided of each of all samples, int (n,), -1 for nothing; the most probable
        class if None;  heading : whether the title is written above
    """
    if heading:
        st.markdown(f"**{words.markdown(title)}**")
    if not len(chosen):
        st.info("There is no such sample.", icon=":material/info:")
        return
    found = answers.of(run, part)
    said = found.y_pred if said is None else said
    left, right = st.columns([2, 3])
    with left:
        sort = url.select("Sort by", SORTS, "sort", SORTS[0])
    asked = right.text_input("Search", key="find-sample", placeholder="Words in the name, a class or a value")
    dataset = dataset_for(run, part)
    order = chosen[np.argsort(-sort_key(found, sort, chosen), kind="stable")]
    if asked.strip():
        order = order[holds(run, part, found, said, order, dataset, asked)]
    if not len(order):
        st.info("No sample holds these words.", icon=":material/info:")
        return
    more = f" The first {MOST}." if len(order) > MOST else ""
    st.caption(f"{words.count(len(order), 'sample')}.{more} Choose a row to open it.")
    order = order[:MOST]
    shown = table(run, found, said, order, dataset)
    tall = dataset is not None and dataset.kind == "image"
    event = st.dataframe(
        shown,
        hide_index=True,
        placeholder="",
        on_select="rerun",
        selection_mode="single-row",
        key=f"samples-{zlib.crc32(''.join(found.ids[order].tolist()).encode())}",  # another list has nothing chosen
        row_height=ROW_HEIGHT if tall else None,
        height=min(40 + (ROW_HEIGHT if tall else 35) * len(shown), 430),
        column_config=_columns(
            dataset,
            Sure=st.column_config.NumberColumn(format="percent", help="Probability of the most probable class"),
            Loss=st.column_config.NumberColumn(format="%.2f", help="How surprised it is by the truth; 0 is not"),
        ),
        alt=f"Samples: {title}",
    )
    rows = [i for i in event.selection.rows if i < len(shown)]
    if rows:
        one(run, part, int(order[rows[0]]), dataset, int(said[order[rows[0]]]))


def sort_key(found: answers.Answers, sort: str, where: np.ndarray) -> np.ndarray:
    """What the samples at `where` are sorted by, the highest first, float (n,)."""
    y_prob = found.y_prob[where]
    if sort == "Highest loss":
        return metrics.losses(found.y_true[where], y_prob, "log_loss")
    if sort == "Smallest margin":
        two = np.partition(y_prob, max(y_prob.shape[1] - 2, 0), axis=1)[:, -2:]
        return two[:, 0] - two[:, -1]
    sure = y_prob.max(axis=1)
    return sure if sort == "Surest" else -sure


def dataset_for(run: str, part: str) -> Dataset | None:
    """The data of the predictions, or None with the reason on the page if it is gone."""
    try:
        if not part.startswith(other_data.PREFIX):
            return run_page.dataset_of(run)
        return run_page.stored(*other_data.stored(run, part.removeprefix(other_data.PREFIX)))
    except (ValueError, LookupError) as error:
        reason = words.markdown(str(error.args[0]))
        st.warning(f"{words.literal(reason)} Only ids can be shown.", icon=":material/warning:")
        return None


def table(run: str, found: Answers, said: np.ndarray, order: np.ndarray, dataset: Dataset | None) -> pd.DataFrame:
    """The samples at `order`, one row each, with their pictures or their cells where the data is there."""
    classes = np.array([*runs.schema(run).classes, "nothing"], object)
    frame = pd.DataFrame(
        {
            "Sample": found.ids[order],
            "Truth": classes[found.y_true[order]],
            "Says": classes[said[order]],
            "Sure": found.y_prob[order].max(axis=1),
            "Loss": metrics.losses(found.y_true[order], found.y_prob[order], "log_loss"),
        }
    )
    if dataset is None:
        return frame
    places = pd.Index(dataset.ids).get_indexer(found.ids[order])
    if dataset.kind == "table":
        return beside(frame, dataset, places)
    frame.insert(0, "Picture", [picture(dataset, i) for i in places])
    return frame


def beside(frame: pd.DataFrame, dataset: Dataset, places: np.ndarray) -> pd.DataFrame:
    """The frame with the cells of the rows at `places` (-1: none) beside it; names that it has get a number."""
    rows = dataset.frame.iloc[places].reset_index(drop=True)
    rows[places < 0] = None
    both = pd.concat([frame, rows], axis=1)
    while not both.columns.is_unique:  # one that was given a number may be there already
        both.columns = words.distinct([str(name) for name in both.columns])
    return both


def holds(
    run: str, part: str, found: Answers, said: np.ndarray, order: np.ndarray, dataset: Dataset | None, asked: str
) -> np.ndarray:
    """Which of the samples at `order` hold each of the words asked for, in any case of letters, bool (n,)."""
    texts = _texts(run, str(runs.workspace()), part, answers.stamp(run, part), found, dataset).iloc[order]
    classes = np.array([*(name.casefold() for name in runs.schema(run).classes), "nothing"], object)
    keep = np.ones(len(order), bool)
    for word in asked.casefold().split():
        of_class = np.array([word in name for name in classes])
        keep &= texts.str.contains(word, regex=False).to_numpy() | of_class[said[order]] | of_class[found.y_true[order]]
    return keep


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs={Dataset: lambda dataset: dataset.fingerprint})
def _texts(run: str, workspace: str, part: str, stamp: int, _found, dataset: Dataset | None) -> pd.Series:  # noqa: ARG001
    """What can be searched of each sample, in small letters: its id and, of a table, its cells."""
    text = pd.Series(_found.ids.astype(object))
    if dataset is not None and dataset.kind == "table":
        places = pd.Index(dataset.ids).get_indexer(_found.ids)
        rows = dataset.frame.iloc[places].reset_index(drop=True)
        for j in range(rows.shape[1]):
            text = text + "\n" + rows.iloc[:, j].astype("string").fillna("").astype(object)
    return text.str.casefold()


def one(run: str, part: str, place: int, dataset: Dataset | None, said: int) -> None:
    """One sample: itself, its probabilities, what the net finds most similar in training, a way to its explanation."""
    found = answers.of(run, part)
    sample, classes = str(found.ids[place]), list(runs.schema(run).classes)
    truth, decision = classes[found.y_true[place]], "nothing" if said < 0 else classes[said]
    st.markdown(f"**{words.markdown(sample)}**: {words.markdown(truth)}, said {words.markdown(decision)}")
    left, middle, right = st.columns([2, 3, 4] if dataset is not None and dataset.kind == "image" else [3, 3, 4])
    if dataset is not None:
        where = int(pd.Index(dataset.ids).get_indexer([sample])[0])
        with left:
            if where < 0:
                st.info("The data does not have this sample any more.", icon=":material/info:")
            elif dataset.kind == "image":
                st.image(pictures.thumbnail(dataset.pictures[where], 200), alt=f"{sample}, of class {truth}")
            else:
                row = dataset.frame.iloc[where]
                values = pd.DataFrame({"Column": row.index, "Value": row.astype("string").fillna("").to_numpy()})
                st.dataframe(values, hide_index=True, height=260, alt=f"Values of {sample}")
    with middle:
        drawing.chart(
            charts.probabilities(found.y_prob[place].tolist(), classes),
            f"sample-{sample}",
            f"Probabilities of {sample}",
        )
        if part == "test" and not folds.members(run):
            st.page_link(
                "views/explain.py",
                label="Explain this decision",
                icon=":material/search_insights:",
                query_params={"run": run, "sample": sample},
            )
    with right:
        if part.startswith(other_data.PREFIX) or folds.members(run):  # other training samples, or none in this run
            return
        if st.toggle("Most similar in training", key="similar", help="By what the net's last layer sees of them."):
            neighbours(run, sample, dataset, classes)


def neighbours(run: str, sample: str, dataset: Dataset | None, classes: list[str]) -> None:
    """The training samples that the net finds most similar."""
    near = engine.attempt("Looking for similar samples", similar.nearest, run, [sample], NEIGHBOURS)
    if not near:
        return
    near = near[sample]
    names = [name for name, _ in near]
    if dataset is None:
        st.markdown(words.markdown(", ".join(names)))
        return
    where = pd.Index(dataset.ids).get_indexer(names)
    there = [classes[j] for j in dataset.targets[where]]
    shown = pd.DataFrame(
        {
            "Sample": names,
            "Truth": [name if i >= 0 else "" for name, i in zip(there, where)],
            "Distance": [distance for _, distance in near],
        }
    )
    if dataset.kind == "image":
        shown.insert(0, "Picture", [picture(dataset, i) for i in where])
    else:
        shown = beside(shown, dataset, where)
    st.dataframe(
        shown,
        hide_index=True,
        placeholder="",
        row_height=ROW_HEIGHT if dataset.kind == "image" else None,
        height=260,
        column_config=_columns(dataset, Distance=st.column_config.NumberColumn(format="%.3f")),
        alt=f"Training samples most similar to {sample}",
    )


def _columns(dataset: Dataset | None, **how) -> dict:
    """How columns are shown; "Picture" is one of pictures unless a table of a person's own has such a column."""
    if dataset is not None and dataset.kind == "image":
        how["Picture"] = st.column_config.ImageColumn("", width="small")
    return how


def picture(dataset: Dataset, place: int) -> str | None:
    """The image at `place` as a small picture for a table; None for -1, which is none."""
    return None if place < 0 else _picture(dataset, int(place))


@st.cache_data(show_spinner=False, max_entries=5000, hash_funcs={Dataset: lambda dataset: dataset.fingerprint})
def _picture(dataset: Dataset, place: int) -> str:
    image = pictures.thumbnail(dataset.pictures[place], ROW_HEIGHT)
    return "data:image/png;base64," + base64.b64encode(image).decode()
