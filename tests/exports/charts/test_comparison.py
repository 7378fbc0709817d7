"""Figures of several runs over one another."""

import numpy as np
import pytest

from exports.charts import comparison as compare_charts


def history(*values) -> list[dict]:
    return [{"epoch": i + 1, "val_accuracy": value, "val_loss": 1 - value} for i, value in enumerate(values)]


def lines(figure) -> list:
    return [trace for trace in figure.data if trace.showlegend is not False]


def test_each_run_is_a_line_by_epoch():
    series = [{"name": "old", "histories": [history(0.5, 0.6)]}, {"name": "new", "histories": [history(0.7, 0.8, 0.9)]}]
    old, new = lines(compare_charts.courses(series))
    assert (old.name, list(old.x), list(old.y)) == ("old", [1, 2], [0.5, 0.6])
    assert (new.name, list(new.y)) == ("new", [0.7, 0.8, 0.9])
    assert old.line.color != new.line.color


def test_seeds_are_one_line_of_their_mean_in_a_band():
    series = [{"name": "new", "histories": [history(0.5, 0.7), history(0.7, 0.9)]}]
    band, line = compare_charts.courses(series).data
    assert list(line.y) == pytest.approx([0.6, 0.8])
    assert list(band.y) == pytest.approx([0.7, 0.9, 0.7, 0.5]) and band.fillcolor.endswith("0.2)")


def test_seeds_of_different_length_are_drawn_as_far_as_all_go():
    epochs, values = compare_charts.aligned([history(0.5, 0.7, 0.8), history(0.7, 0.9)], "val_accuracy")
    assert epochs.tolist() == [1, 2] and values.shape == (2, 2)


def test_a_run_without_an_epoch_is_left_out():
    series = [{"name": "young", "histories": [[]]}, {"name": "old", "histories": [history(0.5)]}]
    assert [line.name for line in lines(compare_charts.courses(series))] == ["old"]


def test_names_of_markup_are_plain_text_and_equal_ones_are_told_apart():
    series = [{"name": "<b>x</b>", "histories": [history(0.5)]}] * 2
    assert [line.name for line in lines(compare_charts.courses(series))] == ["&lt;b>x&lt;/b>", "&lt;b>x&lt;/b> (2)"]


def test_more_runs_than_colours_differ_in_their_dashes():
    series = [{"name": f"{i}", "histories": [history(0.5, 0.6)]} for i in range(12)]
    drawn = lines(compare_charts.courses(series))
    assert len({(line.line.color, line.line.dash) for line in drawn[:10]}) == 10
    assert drawn[10].line.dash != drawn[0].line.dash


def test_roc_curves_have_their_area_in_the_name_and_their_band():
    curve = {"name": "new", "x": [0, 0.5, 1], "y": [0, 0.8, 1], "low": [0, 0.7, 1], "high": [0, 0.9, 1]}
    figure = compare_charts.rocs([{**curve, "area": "0.650"}], "<3>")
    (line,) = lines(figure)
    assert line.name == "new 0.650" and figure.layout.xaxis.title.text == "False alarms for &lt;3>"
    assert len(figure.data) == 3  # the diagonal, the band, the line


def test_intervals_reach_from_low_to_high_and_what_is_not_defined_is_left_out():
    series = [{"name": "old", "value": 0.9, "low": 0.8, "high": 0.95}, {"name": "new", "value": None}]
    (point,) = compare_charts.intervals(series).data
    np.testing.assert_allclose([point.error_x.array[0], point.error_x.arrayminus[0]], [0.05, 0.1])
