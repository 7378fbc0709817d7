"""The Evaluate page: figures of a run, and for two classes a threshold that moves them."""

import numpy as np
import pytest

from core import runs
from tests.dashboard import pages
from tests.dashboard.pages import box, metric

# probability of benign: two malignant samples, then three benign ones; at 0.5 one of each is taken for the other
TARGETS, BENIGN = [0, 0, 1, 1, 1], np.array([0.1, 0.6, 0.4, 0.7, 0.9])


@pytest.fixture
def run(finished):
    """A run of two classes whose test predictions are known by hand."""
    name = finished["breast_cancer"]
    logits = np.log(np.stack([1 - BENIGN, BENIGN], axis=1))
    runs.write_predictions(name, "test", np.array([f"{i}" for i in range(5)]), np.array(TARGETS), logits)
    return name


def panel(page, positive="benign") -> tuple[str, str, str]:
    """Recall, precision and accuracy at the operating point."""
    accuracy = [metric.value for metric in page.metric if metric.label == "Accuracy"][-1]  # the first is the headline's
    return metric(page, f"Recall of {positive}"), metric(page, f"Precision of {positive}"), accuracy


@pytest.mark.parametrize("kind", ["digits", "breast_cancer"])
def test_the_headline_has_the_figures_of_the_test_split(show, finished, kind):
    page, test = show("evaluate", run=finished[kind]), runs.evaluation(finished[kind])["test"]
    assert page.metric[0].value == f"{test['accuracy']['value']:.1%}"
    assert metric(page, "F1 (macro)") == f"{test['macro']['f1']:.1%}"
    assert metric(page, "Log loss") == f"{test['log_loss']:.3f}"


def test_each_class_has_a_row(show, finished):
    table = show("evaluate", run=finished["digits"]).dataframe[0].value
    assert table["Class"].tolist() == list("0123456789")
    assert table["Test samples"].sum() == 359


def test_ten_classes_have_no_threshold(show, finished):
    assert not show("evaluate", run=finished["digits"]).slider


def test_a_threshold_of_a_half_at_first(show, run):
    page = show("evaluate", run=run)
    assert (page.slider[0].value, panel(page)) == (0.5, ("66.7%", "66.7%", "60.0%"))


@pytest.mark.parametrize(
    ("threshold", "expected"),
    [
        (0.0, ("100.0%", "60.0%", "60.0%")),  # all are called benign
        (1.0, ("0.0%", "not defined", "40.0%")),  # none is
        (0.65, ("66.7%", "100.0%", "80.0%")),
        (0.35, ("100.0%", "75.0%", "80.0%")),
    ],
)
def test_moving_the_threshold_moves_the_figures(show, run, threshold, expected):
    page = show("evaluate", run=run)
    page.slider[0].set_value(threshold).run()
    assert panel(page) == expected


@pytest.mark.parametrize(
    ("threshold", "sentence"),
    [
        (0.0, "At 0.00: 0 of 3 benign missed, 2 false alarms in 2 malignant."),
        (0.5, "At 0.50: 1 of 3 benign missed, 1 false alarm in 2 malignant."),
        (1.0, "At 1.00: 3 of 3 benign missed, 0 false alarms in 2 malignant."),
    ],
)
def test_the_threshold_is_said_in_words(show, run, threshold, sentence):
    page = show("evaluate", run=run, threshold=f"{threshold}")
    assert sentence in [caption.value for caption in page.caption]


def test_the_table_of_classes_moves_along(show, run):
    page = show("evaluate", run=run, threshold="0")
    assert page.dataframe[0].value["Recall"].tolist() == ["0.0%", "100.0%"]


def test_the_other_class_can_be_looked_for(show, run):
    page = show("evaluate", run=run)
    box(page, "Look for").set_value("malignant").run()
    assert panel(page, "malignant") == ("50.0%", "50.0%", "60.0%")
    assert page.query_params["positive"] == "malignant"


def test_threshold_and_class_are_taken_from_the_url(show, run):
    page = show("evaluate", run=run, threshold="0.35", positive="malignant")
    assert (page.slider[0].value, box(page, "Look for").value) == (0.35, "malignant")
    assert panel(page, "malignant") == ("100.0%", "66.7%", "80.0%")


@pytest.mark.parametrize("threshold", ["many", "", "1.01", "-0.1", "nan", "inf", "1e99", "0,5"])
def test_a_threshold_that_is_none_is_not_there(show, run, threshold):
    page = show("evaluate", run=run, threshold=threshold)
    pages.check(page)
    assert page.slider[0].value == 0.5


def test_a_class_that_is_none_is_not_there(show, run):
    assert box(show("evaluate", run=run, positive="nobody"), "Look for").value == "benign"


def test_the_chosen_threshold_is_in_the_url_and_the_usual_one_is_not(show, run):
    page = show("evaluate", run=run)
    assert "threshold" not in page.query_params
    page.slider[0].set_value(0.3).run()
    assert page.query_params["threshold"] == "0.3"
    page.slider[0].set_value(0.5).run()
    assert "threshold" not in page.query_params


def test_a_change_of_the_url_alone_moves_the_threshold(show, run):
    page = show("evaluate", run=run, threshold="0.3")
    page.query_params["threshold"] = "0.8"  # Back, or an edited address
    page.run()
    assert page.slider[0].value == 0.8
