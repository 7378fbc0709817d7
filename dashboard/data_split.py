"""How samples are divided into training, validation and test: the controls, and what comes out."""

import contextlib
import dataclasses
from collections.abc import Mapping

import numpy as np
import streamlit as st

from core import data, words
from core.config import DataConfig
from core.data import Dataset, split
from core.options import check
from dashboard import data_look, sharing

NAMES = {
    "auto": "As the data says, else the same shares of each class",
    "stratified": "The same shares of each class",
    "group": "By group: no patient, house or user on both sides",
    "time": "By time: the newest samples are the test",
    "column": "A column says it",
    "given": "As the data's own folders or files say",
}


def controls(dataset: Dataset, suggested: DataConfig, key: str) -> DataConfig:
    """Widgets for the way to split, filled with `suggested`; returns the plan."""
    ways = [way for way in split.WAYS if way not in ("given",) or dataset.given_parts is not None]
    if dataset.kind == "image":
        ways = [way for way in ways if way not in ("group", "time", "column")]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        how = st.selectbox(
            "How to split",
            ways,
            index=ways.index(suggested.split) if suggested.split in ways else 0,
            format_func=NAMES.__getitem__,
            key=f"{key}-how",
            width=360,
        )
        by = ""
        if how in ("group", "time", "column"):
            names = list(dataset.frame.columns)
            first = names.index(suggested.split_by) if suggested.split_by in names else 0
            by = st.selectbox("Column", names, index=first, key=f"{key}-by", width=200)
        validation = _share("Validation, %", suggested.val_fraction, f"{key}-val")
        test = _share("Test, %", suggested.test_fraction, f"{key}-test")
        seed = st.number_input("Seed", 0, 2**31 - 1, suggested.split_seed, key=f"{key}-seed", width=120)
        folds = st.number_input(
            "Folds",
            0,
            50,
            suggested.folds,
            key=f"{key}-folds",
            width=110,
            help="Parts of a k-fold split, each the test part in turn; 0 makes a single split.",
        )
        fold = 0
        if folds >= 2:
            fold = st.number_input(
                "This fold", 0, folds - 1, min(suggested.fold, folds - 1), key=f"{key}-fold", width=110
            )
    return dataclasses.replace(
        suggested,
        split=how,
        split_by=by,
        val_fraction=validation,
        test_fraction=test,
        split_seed=int(seed),
        folds=0 if folds < 2 else int(folds),
        fold=int(fold),
    )


def _share(label: str, share: float, key: str) -> float:
    """A field for a share, in per cent; where nobody changes it, it is the same to the last digit."""
    shown = 100 * share
    given = st.number_input(label, 1.0, 80.0, shown, 1.0, "%g", key=key, width=120)
    return share if given == shown else given / 100


def parts(dataset: Dataset, plan: DataConfig) -> np.ndarray | None:
    """The part of each sample, or None with the reason on the page."""
    try:
        return data.parts(dataset, plan)
    except (ValueError, LookupError) as error:
        st.error(words.markdown(str(error.args[0])), icon=":material/error:")
        return None


def sentence(found: np.ndarray) -> str:
    """The sizes in words."""
    n = {part: int((found == part).sum()) for part in (*split.PARTS, "out")}
    text = f"{n['train']:,} to train on, {n['val']:,} to choose the best epoch, {n['test']:,} for the final figures."
    return text + (f" {n['out']:,} left out, as they are twins of samples in another part." if n["out"] else "")


def show(dataset: Dataset) -> None:
    """The split that training takes, and what another one would be."""
    plan = controls(dataset, DataConfig(name=dataset.name), f"split-{dataset.name}")
    found = parts(dataset, plan)
    if found is None:
        return
    st.markdown(sentence(found))
    data_look.balance(split.sizes(found, dataset.targets, len(dataset.classes)), list(dataset.classes), "split-balance")
    st.caption(
        "Samples with the same content are always in the same part. The part of each sample is kept by its id, "
        "so that samples added later leave it where it is."
    )
    if sharing.read_only():
        return
    st.page_link(
        "views/train.py",
        label="Train with this split",
        icon=":material/model_training:",
        query_params={"data": dataset.name, **as_query(plan)},
    )


FIELDS = ("split", "split_by", "val_fraction", "test_fraction", "split_seed", "folds", "fold")


def as_query(plan: DataConfig) -> dict[str, str]:
    """What of the plan is not as always, for a link."""
    return {name: str(getattr(plan, name)) for name in FIELDS if getattr(plan, name) != getattr(DataConfig(), name)}


def from_query(query: Mapping[str, str]) -> dict:
    """The settings that a link carries; what is no value of its setting is left out."""
    found = {}
    for name in FIELDS:
        with contextlib.suppress(KeyError, ValueError):
            value = type(getattr(DataConfig(), name))(query[name])
            check(dataclasses.replace(DataConfig(), **{name: value}))
            found[name] = value
    return found
