"""A run judged on other data than its own: next month's rows, photographs of another camera."""

import contextlib
import dataclasses
import time
from typing import Any

import numpy as np
import pandas as pd

from core import evaluation, folds, progress, runs, words
from core.data import split, store
from core.data.dataset import Dataset, Schema, encode
from core.evaluation import leaks, metrics, summary
from core.workspace import command

PREFIX = "on-"  # of the part of a run's predictions that is another data set


def evaluate(run: str, other: Dataset) -> dict:
    """Predict all samples of another data set, store predictions and figures under its name, return the record.

    {"format", "data", "fingerprint", "made", "weights", "pixels", "figures": see `summary.figures`, "twins": which of
    the samples were in training too, see `leaks.of_other`, "unseen": [{"column", "share", "example"}, ...] of values
    that the run does not know}. ValueError if the run cannot be asked about such data.
    """
    from core import model as models

    if folds.members(run):
        raise ValueError(f"Run {run} pools folds, each with a net of its own; evaluate one of them, or train on all.")
    asked = fitted(runs.schema(run), other)
    model = models.load(run)
    with progress.within(0, 2):
        logits, pixels = evaluation.answers(model, asked, np.arange(len(asked)))
    with progress.within(1, 2):
        twins = _twins(run, asked, logits.argmax(axis=1))
    temperature = (runs.evaluation(run) or {}).get("temperature", 1.0)
    record = {
        "format": runs.EVALUATION,
        "data": other.name,
        "fingerprint": other.fingerprint,
        "made": time.time(),
        "weights": runs.weights_stamp(run),
        "pixels": pixels,
        "figures": summary.figures(asked.targets, metrics.softmax(logits), asked.classes, temperature=temperature),
        "twins": twins,
        "unseen": _unseen(asked) if asked.kind == "table" else [],
    }
    runs.write_predictions(run, f"{PREFIX}{other.name}", asked.ids, asked.targets, logits)
    runs.write_record(run, f"predictions/{PREFIX}{other.name}.json", record)
    return record


def evaluate_named(run: str, name: str) -> dict:
    """`evaluate` on the current version of a stored data set."""
    from core import data

    return evaluate(run, data.get(name))


def known(run: str) -> list[str]:
    """The names of the data sets that a run, with the weights it has now, was evaluated on besides its own."""
    found = []
    for file in runs.path(run, "predictions").glob(f"{PREFIX}*.json"):
        with contextlib.suppress(runs.DamagedRun):  # listed too; whoever asks for it is told
            if not runs.of_these_weights(run, runs.read_json(run, f"predictions/{file.name}", runs.EVALUATION)):
                continue
        found.append(file.stem.removeprefix(PREFIX))
    return sorted(found)


def read(run: str, name: str) -> dict:
    """The record of `evaluate`; LookupError if there is none."""
    if name not in known(run):
        ask = f"{command('core')} evaluate {run} --data {name}"
        raise LookupError(f"Run {run} was not evaluated on {name}; do so: {ask}")
    return runs.read_json(run, f"predictions/{PREFIX}{name}.json", runs.EVALUATION)


def dataset(run: str, name: str) -> Dataset:
    """The data set that a record is about, as the run took it; ValueError if that is gone."""
    from core import data

    return fitted(runs.schema(run), data.get(*stored(run, name)))


def stored(run: str, name: str) -> tuple[str, str]:
    """Name and version in the store of the data that a record is about; ValueError if that is gone."""
    fingerprint = read(run, name)["fingerprint"]
    holder = store.find(fingerprint, name)
    if holder is None:
        raise ValueError(f"The data set {name} is not there any more as run {run} was evaluated on it.")
    return holder, fingerprint[:12]


def possible(run: str) -> list[str]:
    """The names of the stored data sets that a run could be evaluated on, also its own if changed; from small files."""
    if folds.members(run):
        return []
    schema, own, found = runs.schema(run), runs.fingerprint(run), []
    for name in store.names():
        with contextlib.suppress(LookupError, ValueError, OSError):  # a damaged set is no candidate
            facts = store.facts(name)
            theirs = Schema.from_dict(facts["schema"])
            columns = {column.name for column in theirs.columns} | {left["name"] for left in facts.get("left_out", [])}
            _check(schema, name, theirs, columns)
            if facts.get("fingerprint") != own:
                found.append(name)
    return sorted(found)


def title(run: str, name: str) -> str:
    """What a person reads for the data set `name`, which may be the run's own: changed since, or the whole of it."""
    if name != runs.config_now(run).data.name:
        return name
    with contextlib.suppress(LookupError, runs.DamagedRun):  # there is no record, or whoever asks for it is told
        if read(run, name)["fingerprint"] == runs.fingerprint(run):
            return f"{name}, all of it"
    return f"{name}, another version"


def is_current(record: dict) -> bool:
    """Whether a record of `evaluate` is of the data set as it is now; also if that is gone."""
    try:
        return record["fingerprint"].startswith(store.version(record["data"]))
    except (LookupError, ValueError):
        return True


def fitted(schema: Schema, other: Dataset) -> Dataset:
    """The data set `other` with the columns and classes of a run's schema; ValueError if it cannot have them."""
    _check(schema, other.name, other.schema, set(other.frame.columns) if other.kind == "table" else set())
    place = np.array([schema.classes.index(name) for name in other.classes])
    made = dataclasses.replace(
        other, classes=schema.classes, targets=place[other.targets].astype(np.int64), columns=schema.columns
    )
    if schema.kind == "table":
        made = dataclasses.replace(made, table=made.frame.assign(**_as_categories(made)))
        _check_cells(made)
    return made


def _check_cells(other: Dataset) -> None:
    """ValueError with the sentence if a column does not hold what the run needs."""
    kinds = {"number": "numbers", "date": "dates", "category": "text"}
    for column in other.columns:
        try:
            encode(other.frame, (column,))
        except (ValueError, TypeError) as error:
            raise ValueError(
                f"The column {column.name} of {other.name} does not hold {kinds[column.type]}, which the run needs "
                "there; add the data again and choose that type for it."
            ) from error


def _as_categories(other: Dataset) -> dict[str, pd.Series]:
    """The columns that are categories to the run and numbers in this data, as text: 3.0 is "3"."""
    numbers = {
        column.name: other.frame[column.name]
        for column in other.columns
        if column.type == "category" and pd.api.types.is_numeric_dtype(other.frame[column.name].dtype)
    }
    return {
        name: values.map(
            {one: str(int(one)) if float(one).is_integer() else str(one) for one in values.dropna().unique()}
        )
        for name, values in numbers.items()
    }


def _unseen(asked: Dataset) -> list[dict]:
    """Categories with values that the run does not know: {"column", "share" of its cells, "example"}, most first."""
    found = []
    for column in asked.columns:
        if column.type != "category":
            continue
        values = asked.frame[column.name].dropna().map(str)
        values = values[values != ""]
        new = values[~values.isin(column.categories)]
        if len(new):
            found.append({"column": column.name, "share": len(new) / len(values), "example": new.iloc[0]})
    return sorted(found, key=lambda row: -row["share"])


def unseen_sentence(record: dict) -> str:
    """What values of the data the run does not know, "" if there are none."""
    rows = record.get("unseen", [])
    if not rows:
        return ""
    said = [f"{row['column']} ({row['share']:.1%}, such as {words.quoted(row['example'], 30)})" for row in rows[:5]]
    more = f" and {words.count(len(rows) - 5, 'more column')}" if len(rows) > 5 else ""
    return f"Values that were not seen in training count as missing: {', '.join(said)}{more}."


def _check(schema: Schema, name: str, theirs: Schema, columns: set[str]) -> None:
    """ValueError with the sentence if data of another schema, with these columns, is nothing for a run."""
    if theirs.kind != schema.kind:
        kinds = {"image": "images", "table": "tables"}
        raise ValueError(f"The run is for {kinds[schema.kind]} but {name} has {kinds[theirs.kind]}.")
    if unknown := [one for one in theirs.classes if one not in schema.classes]:
        raise ValueError(
            f"{name} has classes that the run does not know ({', '.join(unknown[:5])}); "
            f"it knows {', '.join(schema.classes[:10])}."
        )
    if schema.kind == "image":
        if theirs.shape[0] != schema.shape[0]:
            raise ValueError(f"{name} has {theirs.shape[0]} channels; the run was trained on {schema.shape[0]}.")
    elif missing := [column.name for column in schema.columns if column.name not in columns]:
        raise ValueError(f"{name} has no column {', '.join(missing)}; the run needs each of its columns.")


def _twins(run: str, other: Dataset, y_pred: np.ndarray) -> dict[str, Any]:
    try:
        own = runs.dataset(run)
        train = split.load(runs.path(run, "split.parquet"), own.ids)["train"]
    except (LookupError, ValueError, OSError):
        return leaks.unknown("its data or its split is gone")
    return leaks.of_other(own, train, other, y_pred)
