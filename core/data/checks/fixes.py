"""The fixes that change the data, as functions from a data set to another."""

import dataclasses

import numpy as np

from core.data.checks.finding import KINDS, Fix
from core.data.dataset import Dataset, LeftOut


def apply(dataset: Dataset, fix: Fix) -> Dataset:
    """The data set after the fix; the one given stays as it is. "resample" changes training, not the data.

    A class that loses its last sample is dropped. Raises ValueError if nothing to train on would be left, or the fix
    names what is not there.
    """
    if fix.kind == "drop_samples":
        return _keep(dataset, ~np.isin(dataset.ids, np.array(fix.arguments["ids"], dtype=str)))
    if fix.kind == "drop_classes":
        names = fix.arguments["names"]
        _known(names, dataset.classes, "class", dataset.name)
        dropped = np.array([name in names for name in dataset.classes])
        return _keep(dataset, ~dropped[dataset.targets], dropped)
    if fix.kind == "leave_out_columns":
        return _leave_out(dataset, fix.arguments["names"], fix.arguments["reason"])
    if fix.kind == "resample":
        return dataset
    raise ValueError(f'There is no fix "{fix.kind}"; there are {", ".join(KINDS)}.')


def _keep(dataset: Dataset, kept: np.ndarray, dropped: np.ndarray | None = None) -> Dataset:
    """The samples where `kept` is true, without the classes that are `dropped` or have lost their last sample."""
    before, after = (np.bincount(targets, minlength=len(dataset.classes)) for targets in _targets(dataset, kept))
    gone = (before > 0) & (after == 0)
    if dropped is not None:
        gone |= dropped
    classes = tuple(name for name, is_gone in zip(dataset.classes, gone) if not is_gone)
    if len(classes) < 2 or not kept.any():
        raise ValueError(
            f"{dataset.name} would have {len(classes)} of its {len(dataset.classes)} classes left; "
            "training needs samples of 2 or more, so leave this as it is."
        )
    place = np.cumsum(~gone) - 1
    return dataclasses.replace(
        dataset,
        targets=place[dataset.targets[kept]].astype(np.int64),
        classes=classes,
        ids=dataset.ids[kept],
        images=None if dataset.images is None else dataset.images[kept],
        table=None if dataset.table is None else dataset.table[kept].reset_index(drop=True),
        about=dataset.about[kept].reset_index(drop=True) if len(dataset.about) else dataset.about,
    )


def _targets(dataset: Dataset, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return dataset.targets, dataset.targets[kept]


def _leave_out(dataset: Dataset, names: list[str], reason: str) -> Dataset:
    _known(names, [column.name for column in dataset.columns], "column", dataset.name)
    columns = tuple(column for column in dataset.columns if column.name not in names)
    if not columns:
        raise ValueError(f"{dataset.name} would have no column left to learn from; leave in at least one.")
    out = [LeftOut(column.name, column.type, reason) for column in dataset.columns if column.name in names]
    return dataclasses.replace(dataset, columns=columns, left_out=(*dataset.left_out, *out))


def _known(names, known, thing: str, whose: str) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f'{whose} has no {thing} "{name}"; it may have been changed since the data was checked.')
