"""The numbers behind the figures as one table."""

import io

import numpy as np
import pandas as pd

from core.evaluation import summary
from exports import numbers


def test_every_figure_gives_its_rows_and_they_survive_a_file():
    y_true = np.array([0, 0, 0, 1, 1, 1])
    p = np.array([0.9, 0.8, 0.4, 0.7, 0.6, 0.2])
    figures = summary.figures(y_true, np.stack([p, 1 - p], axis=1), ["no", "yes"])
    made = numbers.table(figures)
    read = pd.read_csv(io.StringIO(made.to_csv(index=False)))
    assert list(read.columns) == list(numbers.COLUMNS)
    accuracy = read[(read["figure"] == "metric") & (read["other"] == "accuracy")].iloc[0]
    assert accuracy["value"] == 0.5 and accuracy["low"] < 0.5 < accuracy["high"]
    counts = read[read["figure"] == "confusion"].set_index(["class", "other"])["value"]
    assert counts.to_dict() == {("no", "no"): 2, ("no", "yes"): 1, ("yes", "no"): 2, ("yes", "yes"): 1}
    curve = read[(read["figure"] == "roc") & (read["class"] == "yes")]
    assert curve["x"].tolist()[0] == 0 and curve["value"].tolist()[-1] == 1
    assert read[read["figure"] == "calibration"]["n"].sum() == 6
    assert (read["figure"] == "class metric").sum() == 2 * 5
