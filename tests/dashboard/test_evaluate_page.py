"""The Evaluate page: figures of a run, an operating point that moves them, and the samples behind them."""

import dataclasses
import json
import re

import numpy as np
import pytest

from core import data, runs
from core.evaluation import other_data, points
from tests.dashboard import pages
from tests.dashboard.pages import box, button, metric

# probability of benign: two malignant samples, then three benign ones; at 0.5 one of each is taken for the other
TARGETS, BENIGN = [0, 0, 1, 1, 1], np.array([0.1, 0.6, 0.4, 0.7, 0.9])


@pytest.fixture
def run(finished):
    """A run of two classes whose predictions on validation and test are known by hand."""
    name = finished["breast_cancer"]
    logits = np.log(np.stack([1 - BENIGN, BENIGN], axis=1))
    ids = runs.dataset(name).ids[:5]
    for part in ("val", "test"):
        runs.write_predictions(name, part, ids, np.array(TARGETS), logits)
    return name


def said(page) -> str:
    """What the page says of the operating point."""
    (text,) = [element.value for element in page.markdown if element.value.startswith("Of ")]
    return text


def table(page, column: str):
    """The first table that has this column."""
    return next(element.value for element in page.dataframe if column in element.value)


@pytest.mark.parametrize("kind", ["digits", "breast_cancer"])
def test_the_headline_has_the_figures_of_the_test_split_with_intervals(show, finished, kind):
    page, test = show("evaluate", run=finished[kind]), runs.evaluation(finished[kind])["test"]["metrics"]
    assert page.metric[0].value == f"{test['accuracy']['value']:.1%}"
    assert page.metric[0].delta == f"{100 * test['accuracy']['low']:.1f} to {100 * test['accuracy']['high']:.1f}"
    assert metric(page, "F1 (macro)") == f"{test['f1_macro']['value']:.1%}"
    assert metric(page, "Log loss") == f"{test['log_loss']['value']:.3f}"


def test_each_class_has_a_row(show, finished):
    rows = table(show("evaluate", run=finished["digits"]), "Samples")
    assert rows["Class"].tolist() == list("0123456789")
    assert rows["Samples"].sum() == 359


def test_ten_classes_have_no_threshold_but_may_stay_silent(show, finished):
    assert [slider.label for slider in show("evaluate", run=finished["digits"]).slider] == ["Say nothing below"]


def test_a_threshold_of_a_half_at_first(show, run):
    page = show("evaluate", run=run)
    assert page.slider[0].value == 0.5
    assert said(page).startswith("Of 5 test rows 60.0%")
    assert "recall 66.7%" in said(page) and "1 of 3 missed, 1 false alarm in 2." in said(page)


@pytest.mark.parametrize(
    ("threshold", "right", "recall", "precision"),
    [
        (0.0, "60.0%", "recall 100.0%", "precision 60.0%"),  # all are called benign
        (1.0, "40.0%", "recall 0.0%", "precision not defined"),  # none is
        (0.65, "80.0%", "recall 66.7%", "precision 100.0%"),
        (0.35, "80.0%", "recall 100.0%", "precision 75.0%"),
    ],
)
def test_moving_the_threshold_moves_the_figures(show, run, threshold, right, recall, precision):
    page = show("evaluate", run=run)
    page.slider[0].set_value(threshold).run()
    assert all(text in said(page) for text in (f"rows {right}", recall, precision))


def test_the_table_of_classes_moves_along(show, run):
    rows = table(show("evaluate", run=run, threshold="0"), "Recall")
    assert [text.split()[0] for text in rows["Recall"]] == ["0.0%", "100.0%"]


def test_the_other_class_can_be_looked_for(show, run):
    page = show("evaluate", run=run)
    box(page, "Look for").set_value("malignant").run()
    assert "malignant: recall 50.0%" in said(page)
    assert page.query_params["positive"] == "malignant"


def test_threshold_and_class_are_taken_from_the_url(show, run):
    page = show("evaluate", run=run, threshold="0.35", positive="malignant")
    assert (page.slider[0].value, box(page, "Look for").value) == (0.35, "malignant")
    assert "recall 100.0%" in said(page) and "precision 66.7%" in said(page)


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


# ---------------------------------------------------------------------------------------------------- costs, silence


def test_the_cheapest_threshold_of_validation_is_one_click_away(show, run):
    page = show("evaluate", run=run, miss="5")
    (cheapest,) = [widget for widget in page.button if widget.label.startswith("Take the cheapest")]
    # a miss costs five false alarms: the surest malignant one is let go, the other is called benign
    assert cheapest.label == "Take the cheapest: 0.25"
    cheapest.click().run()
    assert page.slider[0].value == 0.25
    assert "Cost for each row: 0.2 " in said(page) and said(page).endswith("1 in all.")
    assert "are right at this point." in said(page)  # what stands above is of another one


def test_a_target_is_met_on_validation(show, run):
    page = show("evaluate", run=run)
    button(page, "Take it").click().run()  # recall of at least 0.95
    assert page.slider[0].value == 0.25
    assert "recall 100.0%" in said(page)


def test_silence_leaves_samples_to_a_person(show, run):
    page = show("evaluate", run=run, silent="0.65")
    assert said(page).startswith("Of 5 test rows, 2 are left to a person; of the others 100.0%")


def test_a_point_is_saved_opened_and_used(show, run):
    page = show("evaluate", run=run, threshold="0.35", miss="5")
    (name,) = [widget for widget in page.text_input if widget.label == "Name"]
    name.set_value("careful").run()
    page.button(key="save-point").click().run()
    kept = points.used(run)
    assert (kept.name, kept.thresholds, kept.costs[1][0]) == ("careful", (0.35,), 5.0)
    page = show("evaluate", run=run)
    (saved,) = [widget for widget in page.selectbox if widget.label.startswith("Saved")]
    saved.set_value("careful").run()
    button(page, "Open").click().run()
    assert page.slider[0].value == 0.35


def test_costs_of_ten_classes_come_from_the_url(show, finished):
    rows = ";".join(",".join("0" if i == j else "9" if j == 8 else "1" for j in range(10)) for i in range(10))
    plain, dear = (show("evaluate", run=finished["digits"], costs=text) for text in ("", rows))
    pages.check(dear)
    assert "Cost for each image" in said(dear)
    assert table(dear, "Recall")["Recall"].iloc[8] <= table(plain, "Recall")["Recall"].iloc[8]


@pytest.mark.parametrize("costs", ["1,2;3", "a,b", "nan", ";;;", "1"])
def test_costs_that_are_none_are_said_or_not_there(show, finished, costs):
    pages.check(show("evaluate", run=finished["digits"], costs=costs))


# ---------------------------------------------------------------------------------------------------- what is below


def test_the_samples_that_are_wrong_are_listed_with_their_loss(show, run):
    rows = table(show("evaluate", run=run, look="Samples"), "Loss")
    assert rows["Truth"].tolist() == ["malignant", "benign"]  # 0.6 for the wrong class, 0.4 for the right one
    np.testing.assert_allclose(rows["Loss"], -np.log([0.4, 0.4]), atol=1e-6)


def test_a_cell_of_the_confusion_matrix_is_a_link_to_its_samples(show, run):
    rows = table(show("evaluate", run=run, look="Samples", cell="1-1"), "Loss")
    assert rows["Says"].tolist() == ["benign", "benign"] and len(rows) == 2


@pytest.mark.parametrize("kind, marked", [("digits", True), ("breast_cancer", None)])
def test_row_and_column_under_the_pointer_are_bright_where_there_are_many(show, finished, kind, marked):
    (matrix, *_) = show("evaluate", run=finished[kind]).get("plotly_chart")
    layout = json.loads(matrix.proto.spec)["layout"]
    assert [layout[axis].get("showspikes") for axis in ("xaxis", "yaxis")] == [marked, marked]


@pytest.mark.parametrize("cell", ["9-9", "a-b", "1", "-1-0", ""])
def test_a_cell_that_is_none_is_not_there(show, run, cell):
    page = show("evaluate", run=run, look="Samples", cell=cell)
    pages.check(page)
    assert len(table(page, "Loss")) == 2


def test_samples_are_searched_by_words(show, run):
    page = show("evaluate", run=run, look="Samples", which="all")
    assert len(table(page, "Loss")) == 5
    (search,) = [widget for widget in page.text_input if widget.label == "Search"]
    search.set_value("malignant").run()
    assert (table(page, "Loss")[["Truth", "Says"]] == "malignant").any(axis=1).all()


@pytest.mark.parametrize("kind", ["digits", "breast_cancer"])
@pytest.mark.parametrize(
    "look",
    ["Class by class", "Samples", "Slices", "Wrong labels", "Breaking it", "Leaks", "By epoch", "Sets", "Metrics"],
)
def test_every_section_works(show, finished, kind, look):
    page = show("evaluate", run=finished[kind], look=look)
    pages.check(page)
    assert not [e.value for e in page.error] and not page.warning


@pytest.mark.parametrize("figure", ["ROC", "Precision and recall", "Calibration", "Scores", "Costs", "Gain", "nothing"])
def test_every_figure_works(show, finished, figure):
    for run in finished.values():
        pages.check(show("evaluate", run=run, figure=figure))


def test_a_slice_of_ones_own_is_measured(show, finished):
    page = show("evaluate", run=finished["breast_cancer"], look="Slices", slice="`mean radius` > 15")
    pages.check(page)
    assert any("elsewhere on" in element.value for element in page.markdown)


def test_a_slice_that_is_not_understood_is_a_sentence(show, finished):
    page = show("evaluate", run=finished["breast_cancer"], look="Slices", slice="speed > 15")
    pages.check(page)
    assert page.error


def elsewhere(run):
    """The rows of the run's data with other targets, stored under another name."""
    given = runs.dataset(run)
    return data.store.put(dataclasses.replace(given, name="elsewhere", targets=np.roll(given.targets, 1)))


def test_a_run_is_evaluated_on_another_data_set_which_holds_rows_of_training(show, finished):
    run = finished["breast_cancer"]
    assert "Evaluated on" not in [one.label for one in show("evaluate", run=run).selectbox]
    elsewhere(run)
    page = show("evaluate", run=run)
    asked = box(page, "Evaluated on")
    assert asked.options == ["its own test", "elsewhere (not yet)"]
    asked.select("elsewhere").run()
    pages.check(page)
    assert "How good is it on **elsewhere**?" in page.markdown[-1].value
    button(page, "Evaluate on it").click().run()
    pages.check(page)
    assert (other_data.known(run), [one.value for one in page.error]) == (["elsewhere"], [])
    assert "Reported from 569 samples of elsewhere." in " ".join(one.value for one in page.caption)
    assert "of 569 rows of elsewhere have a near twin in training; without them accuracy is" in page.warning[0].value


def test_figures_on_data_that_has_changed_since_are_said_to_be_old(show, finished):
    run = finished["breast_cancer"]
    given = elsewhere(run)
    other_data.evaluate(run, given)
    page = show("evaluate", run=run, on="elsewhere", look="Leaks")
    assert len(page.warning) == 1 and "Evaluate again" not in [one.label for one in page.button]
    data.store.put(dataclasses.replace(given, targets=np.roll(given.targets, 1)))
    page = show("evaluate", run=run, on="elsewhere", look="Samples")
    pages.check(page)
    assert page.warning[1].value == "elsewhere has changed since; these are figures of before."
    assert button(page, "Evaluate again")


def test_a_run_is_evaluated_on_a_new_version_of_its_own_data(show, finished):
    run = finished["breast_cancer"]
    own = data.store.put(runs.dataset(run))
    data.store.put(dataclasses.replace(own, targets=np.roll(own.targets, 1)))
    page = show("evaluate", run=run, on="breast_cancer")
    assert box(page, "Evaluated on").options == ["its own test", "breast_cancer, another version (not yet)"]
    button(page, "Evaluate on it").click().run()
    pages.check(page)
    texts = [one.value for one in page.markdown]
    assert any(
        re.match(r"\*\*On breast\\_cancer, another version: right on \d+ of 569 rows\\:", text) for text in texts
    )
    assert any(text.startswith("Of 569 rows ") for text in texts)
    assert not any(one.value.startswith("**On ") for one in show("evaluate", run=run).markdown)


def test_samples_of_data_that_is_gone_are_ids_and_not_those_of_today(show, finished):
    run = finished["breast_cancer"]
    given = elsewhere(run)
    other_data.evaluate(run, given)
    data.store.delete("elsewhere")
    data.store.put(dataclasses.replace(given, targets=np.roll(given.targets, 1)))
    page = show("evaluate", run=run, on="elsewhere", look="Samples")
    pages.check(page)
    assert any("is not there any more as run" in one.value and "Only ids" in one.value for one in page.warning)


def test_each_section_is_of_the_other_data_or_says_that_it_is_not(show, finished):
    run = finished["breast_cancer"]
    other_data.evaluate(run, elsewhere(run))
    for look in ("Samples", "Slices", "Sets", "Metrics"):
        page = show("evaluate", run=run, on="elsewhere", look=look)
        pages.check(page)
        assert "Of the run's own data." not in [one.value for one in page.caption]
    for look in ("Wrong labels", "Breaking it", "By epoch"):
        page = show("evaluate", run=run, on="elsewhere", look=look)
        pages.check(page)
        assert "Of the run's own data." in [one.value for one in page.caption]
