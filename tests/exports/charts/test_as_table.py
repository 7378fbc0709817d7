"""The numbers of a figure: what is drawn, and nothing else."""

import numpy as np

from exports import charts
from exports.charts import confusion
from exports.charts.as_table import has_numbers, table

ROWS = [{"epoch": i, "train_loss": 0.5 / i, "val_loss": 0.6 / i} for i in (1, 2)]


def test_each_curve_has_its_points_under_the_titles_of_the_axes():
    rows = table(charts.learning_curve(ROWS, "loss", 2))
    assert list(rows.columns) == ["Curve", "Epoch", "Cross-entropy loss"]
    assert rows.values.tolist() == [
        ["Training", 1, 0.5],
        ["Training", 2, 0.25],
        ["Validation", 1, 0.6],
        ["Validation", 2, 0.3],
        ["Best epoch", 2, 0.3],
    ]


def test_cells_have_row_column_and_value_and_what_is_there_for_the_pointer_is_left_out():
    rows = table(confusion.confusion_matrix([[3, 1], [0, 4]], ["<cat>", "dog"]))
    assert rows.values.tolist() == [
        ["<cat>", "<cat>", 0.75, "3"],
        ["<cat>", "dog", 0.25, "1"],
        ["dog", "<cat>", 0.0, ""],
        ["dog", "dog", 1.0, "4"],
    ]
    assert list(rows.columns) == ["Truth", "The model says", "Value", "Written"]


def test_a_picture_has_no_numbers():
    assert not has_numbers(charts.base("", "").add_image(z=np.zeros((2, 2, 3))))
    assert not has_numbers(charts.base("", ""))
    assert not has_numbers(charts.base("", "").add_scatter(x=[], y=[]))


def test_two_axes_of_one_name_are_two_columns():
    figure = charts.base("Share", "Share").add_scatter(x=[0, 1], y=[1, 0])
    assert list(table(figure).columns) == ["Share", "Share, upward"]


def test_an_axis_below_has_its_own_title():
    steps = [{"epoch": i / 4, "loss": 1.0, "lr": 0.1} for i in range(4)]
    assert {"Loss", "Learning rate"} <= set(table(charts.step_curve(steps)).columns)
