"""Numbers become figures: the same class in the same colour, nothing undefined, no name read as markup."""

import html
import json

import numpy as np
import pytest

from core.evaluation import summary
from exports import charts
from exports.charts import confusion as confusion_charts
from exports.charts import curves as curve_charts
from exports.charts.curves import areas


def epochs(n: int) -> list[dict]:
    figures = {"train_loss": 1.0, "val_loss": 1.0, "train_accuracy": 0.5, "val_accuracy": 0.5}
    return [{"epoch": epoch, **figures} for epoch in range(1, n + 1)]


def figures(classes, y_true, y_prob) -> dict:
    return summary.figures(np.array(y_true), np.array(y_prob), tuple(classes))


def many_classes(n: int) -> tuple[list[str], dict]:
    """Each class seen once and recognised."""
    names = [f"class {j}" for j in range(n)]
    return names, figures(names, np.arange(n), np.full((n, n), 0.1 / (n - 1)) + np.eye(n) * (0.9 - 0.1 / (n - 1)))


def trace(fig, name: str):
    (found,) = [trace for trace in fig.data if trace.name and trace.name.startswith(name)]
    return found


def numbers(fig):
    """Every number that a figure draws."""
    for drawn in fig.data:
        for values in (drawn.x, drawn.y, getattr(drawn, "z", None)):
            if values is not None and np.asarray(values).dtype.kind in "fiu":
                yield np.asarray(values, float)


# ---------------------------------------------------------------------------------------------------- colours


def test_ten_classes_have_ten_colours_and_the_rest_are_grey():
    assert len({charts.class_color(j) for j in range(10)}) == 10
    assert {charts.class_color(j) for j in range(10, 30)} == {charts.GREY}


def test_a_class_has_its_colour_in_every_figure():
    names, test = many_classes(3)
    drawn = [
        trace(curve_charts.roc(test["roc"], areas(test, "auroc"), names), "class 2").line.color,
        trace(
            curve_charts.precision_recall(test["precision_recall"], areas(test, "average_precision"), names),
            "class 2",
        ).line.color,
        charts.probabilities([0.1, 0.2, 0.7], names).data[0].marker.color[-1],  # the largest is on top
    ]
    assert drawn == [charts.class_color(2)] * 3


def test_a_class_keeps_its_colour_if_another_one_has_no_curve():
    names = ["never seen", "b", "c"]
    test = figures(names, [1, 2, 1, 2], [[0.1, 0.6, 0.3], [0.2, 0.2, 0.6], [0.1, 0.7, 0.2], [0.1, 0.3, 0.6]])
    assert trace(curve_charts.roc(test["roc"], areas(test, "auroc"), names), "c ").line.color == charts.class_color(2)


# ---------------------------------------------------------------------------------------------------- learning curves


@pytest.mark.parametrize("n", [2_000, 3_999, 10_000])
def test_long_curves_are_thinned(n):
    fig = charts.learning_curve(epochs(n), "loss", None)
    assert max(len(drawn.x) for drawn in fig.data) <= charts.MAX_POINTS


def test_the_last_epoch_is_drawn_also_in_a_thinned_curve():
    assert charts.learning_curve(epochs(10_000), "loss", None).data[0].x[-1] == 10_000


def test_the_best_epoch_is_marked():
    best = trace(charts.learning_curve(epochs(5), "accuracy", 3), "Best epoch")
    assert (list(best.x), list(best.y)) == ([3], [0.5])


def test_the_best_epoch_is_marked_also_in_a_thinned_curve():
    assert list(trace(charts.learning_curve(epochs(10_000), "loss", 4_444), "Best epoch").x) == [4_444]


def test_a_run_without_a_best_epoch_yet_has_two_curves():
    names = [drawn.name for drawn in charts.learning_curve(epochs(1), "loss", None).data]
    assert names == ["Training", "Validation"]


def test_no_epochs_yet_is_an_empty_figure():
    assert all(len(drawn.x or ()) == 0 for drawn in charts.learning_curve([], "loss", None).data)


# ---------------------------------------------------------------------------------------------------- names


ALIKE = ["a very long class name, the left one", "a very long class name, the right one"]


def test_long_names_that_begin_alike_stay_two_bars_of_probability():
    assert len(set(charts.probabilities([0.4, 0.6], ALIKE).data[0].y)) == 2


def test_long_names_that_begin_alike_stay_two_classes_in_the_balance():
    fig = charts.class_balance({"train": [1, 2], "val": [1, 1], "test": [1, 1]}, ALIKE)
    assert len(set(fig.data[0].x)) == 2


def test_at_most_ten_probabilities_are_drawn_the_largest_on_top():
    (bars,) = charts.probabilities([j / 66 for j in range(12)], [str(j) for j in range(12)]).data
    assert list(bars.y) == [str(j) for j in range(2, 12)]


# ---------------------------------------------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("b", "b"),
        ("<b>bold</b>", "&lt;b>bold&lt;/b>"),
        ("R&D", "R&amp;D"),
        ("&lt;", "&amp;lt;"),
        ("eighteen letters!!", "eighteen letters!!"),
        ("nineteen letters!!!", "nineteen letters!…"),
    ],
)
def test_a_name_fits_beside_an_axis_as_plain_text(name, expected):
    assert charts.shorten(name) == expected


def test_a_long_name_is_cut_between_its_letters_and_not_inside_an_escape():
    name = "sixteen letters <b>and more</b>"
    assert html.unescape(charts.shorten(name)) == "sixteen letters <…"


@pytest.mark.parametrize("nasty", ["<b>x</b>", "<script>"])
def test_no_figure_reads_a_class_name_as_markup(nasty):
    names = [nasty, "b", "c"]
    test = figures(names, [0, 1, 2], np.eye(3) * 0.7 + 0.1)
    drawn = [
        confusion_charts.confusion_matrix(test["confusion"], names),
        curve_charts.roc(test["roc"], areas(test, "auroc"), names),
        curve_charts.precision_recall(test["precision_recall"], areas(test, "average_precision"), names),
        charts.class_balance({"train": [1, 1, 1], "val": [1, 1, 1], "test": [1, 1, 1]}, names),
        charts.probabilities([0.2, 0.3, 0.5], names),
    ]
    texts = json.dumps([json.loads(fig.to_json()) for fig in drawn], ensure_ascii=False)
    assert "&lt;" in texts and nasty not in texts


def test_no_figure_holds_a_number_that_is_not_one():
    names = ["never seen", "b", "c"]
    test = figures(names, [1, 2, 1, 2], [[0.1, 0.6, 0.3], [0.2, 0.2, 0.6], [0.1, 0.7, 0.2], [0.1, 0.3, 0.6]])
    for fig in (
        confusion_charts.confusion_matrix(test["confusion"], names),
        curve_charts.roc(test["roc"], areas(test, "auroc"), names),
        curve_charts.precision_recall(test["precision_recall"], areas(test, "average_precision"), names),
        charts.learning_curve(epochs(3), "loss", 2),
    ):
        assert all(np.isfinite(values).all() for values in numbers(fig))
        assert "NaN" not in fig.to_json()


# ---------------------------------------------------------------------------------------------------- training


def steps(n: int) -> list[dict]:
    return [
        {"step": i + 1, "epoch": (i + 1) / 50, "loss": 2.0 - (i % 2), "lr": 0.01, "grad_norm": 1.0} for i in range(n)
    ]


def test_smoothing_keeps_a_constant_and_evens_out_what_swings():
    np.testing.assert_allclose(charts.smoothed(np.full(50, 3.0)), 3.0)
    assert np.ptp(charts.smoothed(np.tile([1.0, 2.0], 500))[100:]) < 0.1


def test_smoothing_leaves_out_what_is_no_number():
    np.testing.assert_allclose(charts.smoothed(np.array([3.0, np.nan, 3.0])), 3.0)


def test_many_steps_are_thinned_to_2000_points_with_both_ends():
    fig = charts.step_curve(steps(10_000))
    assert all(len(drawn.x) == charts.MAX_POINTS for drawn in fig.data)
    assert (fig.data[0].x[0], fig.data[0].x[-1]) == (1 / 50, 200)


def test_the_learning_rate_is_below_the_loss_on_the_same_axis():
    fig = charts.step_curve(steps(10))
    rate = trace(fig, "Learning rate")
    assert rate.yaxis == "y2" and fig.layout.yaxis2.domain[1] < fig.layout.yaxis.domain[0]
    assert set(rate.y) == {0.01}


def test_a_zoom_survives_new_steps():
    assert charts.step_curve(steps(3)).layout.uirevision == charts.step_curve(steps(30)).layout.uirevision == "steps"


def test_steps_whose_gradient_was_not_looked_at_are_left_out():
    some = steps(4)
    del some[1]["grad_norm"]
    some[2]["grad_norm"] = float("nan")
    fig = charts.effort([{**row, "samples_per_second": 9.0} for row in epochs(2)], some)
    assert len(trace(fig, "Gradient norm").x) == 2 and list(trace(fig, "Samples/s").y) == [9, 9]


def test_the_ticks_of_the_gradient_norm_are_written_in_full():
    some = [{**row, "grad_norm": norm} for row, norm in zip(steps(2), (0.6, 4.0))]
    axis = charts.effort([], some).layout.yaxis
    assert axis.ticktext == ("0.1", "0.2", "0.5", "1", "2", "5", "10", "20", "50")  # not 5, 1, 2, 5
    some[1]["grad_norm"] = 4000.0
    assert charts.effort([], some).layout.yaxis.ticktext == ("0.1", "1", "10", "100", "1000", "10000")


def test_runs_without_steps_and_norms_have_empty_figures():
    assert all(len(drawn.x) == 0 for drawn in (*charts.step_curve([]).data, *charts.effort([], []).data))


def test_the_suggested_learning_rate_lies_on_the_curve():
    found = {"lr": [1e-4, 1e-2, 1.0], "loss": [2.0, 1.0, 3.0], "suggested": 1e-3}
    (mark,) = [drawn for drawn in charts.learning_rates(found).data if drawn.mode == "markers"]
    assert (mark.x, mark.name) == ((1e-3,), "Suggested: 0.001")
    np.testing.assert_allclose(mark.y, 1.5)
