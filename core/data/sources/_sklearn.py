"""A table that comes with scikit-learn as a Dataset."""

import numpy as np

from core.data.dataset import Column, Dataset


def table(name: str, loader: str, origin: str) -> Dataset:
    """The table behind `sklearn.datasets.<loader>`, all of its columns numbers, in its own order."""
    from sklearn import datasets

    bunch = getattr(datasets, loader)(as_frame=True)
    return Dataset(
        name=name,
        kind="table",
        table=bunch.data,
        columns=tuple(Column(column, "number") for column in bunch.data.columns),
        targets=bunch.target.to_numpy(np.int64),
        classes=tuple(str(c) for c in bunch.target_names),
        ids=np.array([f"{i:03d}" for i in range(len(bunch.data))]),
        origin=origin,
        licence="CC BY 4.0",
    )
