"""What would change a decision, asked of the exported file, by the operating point in use."""

import numpy as np

from core import runs
from core.data.dataset import Dataset, encode
from core.evaluation import points
from core.explain import Explanation
from core.whatif import kept
from core.whatif.counterfactuals import Wish
from exports import live


def counterfactuals(run: str, sample: str, wish: Wish, dataset: Dataset | None = None) -> Explanation:
    """Ways to another decision for a sample, see `core.whatif.kept.make`; what is kept with the run is read.

    Raises LookupError if there is no exported file or sample, ValueError for images or a wish that cannot be.
    """
    if runs.schema(run).kind != "table":
        raise ValueError("Ways to another decision are looked for in tables; an image has no columns to change.")
    used = points.used(run)
    point = None if used is None else used.to_dict()
    return kept.read(run, sample, wish, point) or kept.make(
        run,
        sample,
        wish,
        point,
        runs.dataset(run) if dataset is None else dataset,
        lambda rows: live.predict(run, rows),
        lambda y_prob: live.decide(run, y_prob),
    )


def changed(run: str, sample: str, values: dict[str, str]) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (2, n_classes) of a sample before and after its columns took these values, and what is said, (2,).

    values : by column, as text, as a table would have it; "" is missing
    Raises LookupError for an unknown sample or column, ValueError for a value that does not fit its column.
    """
    import pandas as pd

    dataset = runs.dataset(run)
    where = np.flatnonzero(dataset.ids == sample)
    if not len(where):
        raise LookupError(f"There is no sample {sample!r} in the data of run {run}; choose another one.")
    row = dataset.frame.iloc[[where[0]]].copy()
    types = {column.name: column for column in dataset.columns}
    for name, value in values.items():
        if name not in types:
            raise LookupError(f"There is no column {name!r} that the model reads; there are {', '.join(types)}.")
        kind = types[name].type
        try:
            if kind == "number":
                row[name] = float(value) if value else np.nan
            elif kind == "date":
                row[name] = pd.Timestamp(value) if value else pd.NaT
            else:
                row[name] = pd.Series([value or None], index=row.index, dtype=object)
        except ValueError:
            raise ValueError(f"{value!r} is no {kind}, and {name} is one; give another value.") from None
    x = np.stack([dataset.x[where[0]], encode(row, dataset.columns)[0]]).astype(np.float32)
    y_prob = live.predict(run, x)
    return y_prob, live.decide(run, y_prob)
