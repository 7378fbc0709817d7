"""The Explain page: a test sample, what was said of it, and what spoke for that."""

import numpy as np
import pytest

from core import explain, runs
from dashboard import engine
from tests.dashboard import pages
from tests.dashboard.pages import box


@pytest.mark.parametrize("kind", ["digits", "breast_cancer"])
def test_the_surest_of_the_wrong_samples_comes_first(show, explained, kind):
    page = show("explain", run=explained[kind])
    assert page.selectbox(key="sample").value == pages.first_sample(explained[kind])
    ids, targets, logits = runs.predictions(explained[kind], "test")
    wrong = int((logits.argmax(axis=1) != targets).sum())
    labels = page.selectbox(key="sample").options
    assert ["taken for" in label for label in labels] == [True] * wrong + [False] * (len(ids) - wrong)


@pytest.mark.usefixtures("own_engine")
def test_a_stored_explanation_is_shown_without_a_computation(show, explained):
    page = show("explain", run=explained["digits"])
    pages.check(page)
    assert not page.error and "pool" not in engine._holder()


def test_the_page_says_whether_the_model_is_right(show, explained):
    run = explained["digits"]
    ids, targets, logits = runs.predictions(run, "test")
    i = list(ids).index(pages.first_sample(run))
    probability = np.exp(logits[i]).max() / np.exp(logits[i]).sum()
    expected = f"The model says {logits[i].argmax()} ({probability:.1%}) and is wrong: it is {targets[i]}."
    assert expected in [text.value.replace("\\", "") for text in show("explain", run=run).markdown]


def test_the_predicted_class_is_explained_unless_another_is_chosen(show, explained):
    run = explained["digits"]
    ids, _, logits = runs.predictions(run, "test")
    predicted = logits[list(ids).index(pages.first_sample(run))].argmax()
    assert box(show("explain", run=run), "What speaks for").value == str(predicted)


def test_a_table_shows_the_row_with_its_shares(show, explained):
    run = explained["breast_cancer"]
    record = explain.kept(run, explain.available("table")[0], pages.first_sample(run), None)
    table = next(frame.value for frame in show("explain", run=run).dataframe if "share" in frame.value)
    assert record is None or len(record["attribution"]) == len(table)
    assert table["share"].abs().is_monotonic_decreasing and len(table) == 30


def test_a_table_shows_what_the_model_uses_as_a_whole(show, explained):
    page = show("explain", run=explained["breast_cancer"])
    assert "The model as a whole" in [subheader.value for subheader in page.subheader]


def test_a_sample_that_is_not_there_is_said_so_and_another_one_shown(show, explained):
    page = show("explain", run=explained["digits"], sample="nope")
    assert [warning.value for warning in page.warning] == [
        "There is no test sample nope in this run; this is another one."
    ]
    assert page.selectbox(key="sample").value == pages.first_sample(explained["digits"])


@pytest.mark.slow
@pytest.mark.usefixtures("own_engine")
def test_a_sample_of_the_url_is_explained_in_the_engine_and_kept(show, explained):
    run = explained["digits"]
    sample = runs.predictions(run, "test")[0][-1]
    page = show("explain", run=run, sample=sample)
    pages.check(page)
    assert not page.error and page.selectbox(key="sample").value == sample
    target = box(page, "What speaks for").value
    assert all(explain.kept(run, method, sample, target) for method in explain.available("image"))
