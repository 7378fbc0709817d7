"""Figures of an evaluation: cells that can be clicked, curves with bands, nothing undefined."""

import json

import numpy as np
import pytest

from core.evaluation import calibration, curves, summary
from exports.charts import evaluation as charts
from exports.charts.confusion import confusion_matrix
from exports.charts.curves import areas, lift, precision_recall, roc


def figures(classes, y_true, y_prob) -> dict:
    return summary.figures(np.array(y_true), np.array(y_prob), tuple(classes), resamples=50)


def many_classes(n: int) -> tuple[list[str], dict]:
    """Each class seen once and recognised."""
    names = [f"class {j}" for j in range(n)]
    return names, figures(names, np.arange(n), np.full((n, n), 0.1 / (n - 1)) + np.eye(n) * (0.9 - 0.1 / (n - 1)))


def drawn(fig) -> list[str]:
    return [trace.name for trace in fig.data if trace.name]


# ---------------------------------------------------------------------------------------------------- confusion matrix


@pytest.mark.parametrize("n", [1, 2, 30])
def test_the_confusion_matrix_has_a_cell_for_each_pair_of_classes(n):
    cells, clicked = confusion_matrix(np.eye(n, dtype=int), [f"class {j}" for j in range(n)], most=30).data
    assert np.asarray(cells.z).shape == (n, n)
    assert len(cells.x) == len(cells.y) == n
    assert len(clicked.x) == n * n


def test_a_click_says_which_cell_it_is():
    clicked = confusion_matrix([[3, 1], [0, 4]], ["a", "b"]).data[1]
    assert np.asarray(clicked.customdata)[1].tolist() == [0, 1, 1, 0.25]  # truth a, said b, once, a quarter of the row
    assert (clicked.y[1], clicked.x[1]) == ("a", "b")


def test_colours_are_shares_of_the_row_or_of_the_column():
    counts = [[3, 1], [0, 4]]
    np.testing.assert_array_equal(confusion_matrix(counts, ["a", "b"]).data[0].z, [[0.75, 0.25], [0, 1]])
    by_column = confusion_matrix(counts, ["a", "b"], by="column").data[0]
    np.testing.assert_array_equal(by_column.z, [[1, 0.2], [0, 0.8]])
    assert np.asarray(by_column.text).tolist() == [["100%", "20%"], ["", "80%"]]


def test_counts_are_written_into_the_cells_but_not_zeros():
    assert np.asarray(confusion_matrix([[3, 1], [0, 4]], ["a", "b"]).data[0].text).tolist() == [
        ["3", "1"],
        ["", "4"],
    ]


def test_of_many_classes_those_with_the_most_mistakes_are_drawn():
    counts = np.diag(np.full(200, 5))
    counts[7, 150] = 3
    cells, clicked = confusion_matrix(counts, [str(j) for j in range(200)]).data
    assert len(cells.x) == charts.MANY
    assert {"7", "150"} <= set(cells.x)
    pairs = {tuple(row[:2]) for row in np.asarray(clicked.customdata)}
    assert (7, 150) in pairs


@pytest.mark.parametrize(
    ("order", "expected"), [("given", "cab"), ("name", "abc"), ("size", "bac"), ("confusion", "cba")]
)
def test_classes_are_sorted_as_asked(order, expected):
    # c, a, b with 5, 6 and 9 samples and 4, 1 and 3 mistakes from or to them
    counts = [[2, 0, 3], [1, 5, 0], [0, 0, 9]]
    assert "".join(confusion_matrix(counts, ["c", "a", "b"], order=order).data[0].x) == expected


def test_a_class_without_samples_is_a_row_of_zeros():
    np.testing.assert_array_equal(confusion_matrix([[0, 0], [1, 1]], ["a", "b"]).data[0].z[0], [0, 0])


ALIKE = ["a very long class name, the left one", "a very long class name, the right one"]


def test_long_names_that_begin_alike_stay_two_classes():
    cells = confusion_matrix([[3, 1], [0, 4]], ALIKE).data[0]
    assert len(set(cells.x)) == len(set(cells.y)) == 2


# ---------------------------------------------------------------------------------------------------- curves


def test_areas_that_are_not_defined_have_no_curve():
    names = ["never seen", "b", "c"]
    test = figures(names, [1, 2, 1, 2], [[0.1, 0.6, 0.3], [0.2, 0.2, 0.6], [0.1, 0.7, 0.2], [0.1, 0.3, 0.6]])
    found = areas(test, "auroc")
    assert found["per_class"][0] is None
    names_drawn = drawn(roc(test["roc"], found, names))
    assert names_drawn == ["A guess", "b 1.000", "c 1.000", "macro 1.000", f"micro {found['micro']:.3f}"]


def test_one_class_alone_has_no_curve_but_a_figure():
    test = figures(("a", "b"), [0, 0], [[0.9, 0.1], [0.8, 0.2]])
    assert drawn(roc(test["roc"], areas(test, "auroc"), ["a", "b"])) == ["A guess"]


def test_of_two_classes_one_curve_is_drawn_with_its_band():
    test = figures(("a", "b"), [0, 0, 1, 1], [[0.9, 0.1], [0.4, 0.6], [0.7, 0.3], [0.1, 0.9]])
    fig = roc(test["roc"], areas(test, "auroc"), ["a", "b"])
    assert drawn(fig) == ["A guess", "b 0.750"]
    assert sum(trace.fill == "toself" for trace in fig.data) == 1
    assert drawn(roc(test["roc"], areas(test, "auroc"), ["a", "b"], only="a")) == [
        "A guess",
        "a 0.750",
    ]


def test_at_most_ten_classes_are_drawn_and_both_means():
    names, test = many_classes(30)
    found = [name.rsplit(" ", 1)[0] for name in drawn(roc(test["roc"], areas(test, "auroc"), names))[1:]]
    assert found == [*names[:10], "macro", "micro"]


def test_of_many_classes_the_legend_names_the_lowest_and_the_means():
    names, test = many_classes(30)
    found = areas(test, "auroc")
    fig = roc(test["roc"], found, names)
    named = [trace.name.rsplit(" ", 1)[0] for trace in fig.data if trace.showlegend is not False][1:]
    lowest = sorted(zip(found["per_class"][:10], names))[:3]
    assert sorted(named) == sorted([*(name for _, name in lowest), "macro", "micro"])
    few, of_few = many_classes(4)
    assert all(trace.showlegend is not False for trace in roc(of_few["roc"], areas(of_few, "auroc"), few).data)


def test_a_class_named_macro_keeps_its_own_area():
    found = {"per_class": [0.25, 0.75, 0.5], "macro": 0.5, "micro": None}
    made = [{"name": name, "x": [0, 1], "y": [0, 1], "threshold": [1, 0]} for name in ("macro", "other")]
    assert drawn(roc(made, found, ["macro", "other", "third"]))[1:] == ["macro 0.250", "other 0.750"]


def test_the_operating_point_is_marked_and_one_that_is_not_defined_is_not():
    test = figures(("a", "b"), [0, 1], [[0.9, 0.1], [0.1, 0.9]])
    found = areas(test, "auroc")
    point = {"x": 0.25, "y": 0.5, "text": "At 0.50"}
    fig = roc(test["roc"], found, ["a", "b"], point)
    assert (fig.data[-1].name, fig.data[-1].x, fig.data[-1].y) == ("At 0.50", (0.25,), (0.5,))
    assert "At 0.50" not in drawn(roc(test["roc"], found, ["a", "b"], {**point, "y": None}))


def test_rare_events_have_a_logarithmic_axis():
    test = figures(("a", "b"), [0, 1], [[0.9, 0.1], [0.1, 0.9]])
    fig = roc(test["roc"], areas(test, "auroc"), ["a", "b"], log=True)
    assert fig.layout.xaxis.type == "log" and fig.layout.xaxis.dtick == 1  # a decade


# ---------------------------------------------------------------------------------------------------- others


def test_reliability_shows_both_sides_of_a_correction_with_intervals():
    y_true, y_prob = np.array([0, 1, 1, 1]), np.array([[0.6, 0.4], [0.2, 0.8], [0.3, 0.7], [0.9, 0.1]])
    found = calibration.reliability(y_true, y_prob)
    fig = charts.reliability(found, found, ("Before", "After"))
    error = f"{found['error']:.1%}"
    assert drawn(fig)[1:3] == [f"Before: off by {error}", f"After: off by {error}"]
    assert all(value >= 0 for value in (*fig.data[1].error_y.array, *fig.data[1].error_y.arrayminus))


def test_a_wide_figure_keeps_its_square_and_its_legend_together():
    found = calibration.reliability(np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]]))
    fig = charts.reliability(found)
    assert fig.layout.xaxis.constraintoward == "left" and fig.layout.legend.xanchor == "left"
    assert fig.layout.xaxis.dtick == fig.layout.yaxis.dtick == 0.2  # both ends are written


def test_scores_of_a_class_and_of_the_others_are_shares():
    histograms = curves.scores(np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]]), ("a", "b"))
    fig = charts.scores(histograms, ["a", "b"], 1, 0.5)
    assert [sum(trace.y) for trace in fig.data] == [1.0, 1.0]
    assert fig.layout.shapes[0].x0 == 0.5


def test_the_chosen_threshold_is_marked_on_the_curve_of_costs():
    curve = {"threshold": [1.0, 0.5, 0.0], "cost": [3.0, 1.0, 2.0]}  # as of operating.sweep, from above
    fig = charts.cost_curve(curve, 0.5, 0.25)
    assert [(trace.x, trace.y) for trace in fig.data[1:]] == [((0.25,), (1.5,)), ((0.5,), (1.0,))]


def test_slices_are_shares_with_their_intervals():
    fig = charts.shares(["a slice"], [{"value": 0.3, "low": 0.2, "high": 0.5}], 0.1)
    assert fig.data[0].error_x.array[0] == pytest.approx(0.2)
    assert fig.data[0].error_x.arrayminus[0] == pytest.approx(0.1)


@pytest.mark.parametrize("nasty", ["<b>x</b>", "<script>"])
def test_no_figure_reads_a_name_as_markup(nasty):
    names = [nasty, "b", "c"]
    test = figures(names, [0, 1, 2], np.eye(3) * 0.7 + 0.1)
    made = [
        confusion_matrix(test["confusion"], names),
        roc(test["roc"], areas(test, "auroc"), names),
        precision_recall(test["precision_recall"], areas(test, "average_precision"), names),
        charts.scores(test["scores"], names, 0),
        charts.shares([nasty], [{"value": 0.3, "low": 0.2, "high": 0.5}]),
        lift(curves.lift_and_gain(np.array([1, 0]), np.array([0.9, 0.1])), nasty),
    ]
    text = json.dumps([json.loads(fig.to_json()) for fig in made], ensure_ascii=False)
    assert "&lt;" in text and nasty not in text


def test_no_figure_holds_a_number_that_is_not_one():
    names = ["never seen", "b", "c"]
    test = figures(names, [1, 2, 1, 2], [[0.1, 0.6, 0.3], [0.2, 0.2, 0.6], [0.1, 0.7, 0.2], [0.1, 0.3, 0.6]])
    for fig in (
        confusion_matrix(test["confusion"], names),
        roc(test["roc"], areas(test, "auroc"), names),
        charts.reliability(test["calibration"]),
        charts.scores(test["scores"], names, 0),
    ):
        assert "NaN" not in fig.to_json() and "Infinity" not in fig.to_json()
