"""The Explain page: a sample, what was said of it, what spoke for that, and how far that can be trusted."""

import shutil

import numpy as np
import pytest

from core import data, explain, jobs, runs, trust
from core.explain import _kept
from dashboard import engine, explain_sample, explain_strip
from tests.dashboard import pages
from tests.dashboard.pages import box, button
from tests.dashboard.test_evaluate_bad_input import half, made, said


def plain(page) -> list[str]:
    """The page's Markdown without what keeps hostile text from being read as such."""
    return [text.value.replace("\\", "") for text in page.markdown]


def alts(page) -> list[str]:
    """What is said of the page's figures to those who do not see them."""
    return [chart.proto.alt for chart in page.get("plotly_chart")]


def settled(page):
    """The page once it waits for nothing any more."""
    for _ in range(300):
        if not page.get("progress") and not any("hourglass" in caption.value for caption in page.caption):
            return page
        page.run()
    raise AssertionError("the page still waits")


# ------------------------------------------------------------------------------------------------ which sample


@pytest.mark.parametrize("kind", ["digits", "breast_cancer"])
def test_the_surest_of_the_wrong_samples_comes_first(show, explained, kind):
    page = show("explain", run=explained[kind])
    assert page.selectbox(key="sample").value == pages.first_sample(explained[kind])
    ids, targets, logits = runs.predictions(explained[kind], "test")
    wrong = int((logits.argmax(axis=1) != targets).sum())
    labels = page.selectbox(key="sample").options
    assert ["taken for" in label for label in labels] == [True] * wrong + [False] * (len(ids) - wrong)


def test_the_list_can_hold_wrong_ones_of_one_class_alone(show, explained):
    run = explained["digits"]
    _, targets, logits = runs.predictions(run, "test")
    wrong = logits.argmax(axis=1) != targets
    of_class = int(targets[wrong][0])
    page = show("explain", run=run, which="wrong", of=str(of_class))
    assert len(page.selectbox(key="sample").options) == int((wrong & (targets == of_class)).sum())


def test_next_and_previous_go_through_the_list(show, explained):
    page = show("explain", run=explained["breast_cancer"], target="malignant")
    first, second = [label.rsplit(": ", 1)[1] for label in page.selectbox(key="sample").options[:2]]
    page.button(key="step-Next").click().run()
    assert page.selectbox(key="sample").value == page.query_params["sample"] == second
    assert "target" not in page.query_params  # what was asked about the other sample
    page.button(key="step-Previous").click().run()
    assert page.selectbox(key="sample").value == first


def test_a_sample_that_is_not_there_is_said_so_and_another_one_shown(show, explained):
    page = show("explain", run=explained["digits"], sample="<b>nope")
    assert [warning.value.replace("\\", "") for warning in page.warning] == [
        "There is no sample <b>nope in this run; this is another one."
    ]
    assert page.selectbox(key="sample").value == pages.first_sample(explained["digits"])


def test_a_training_sample_is_said_to_be_one(explained):
    run = explained["digits"]
    dataset = data.get("digits")
    known = {*runs.predictions(run, "test")[0], *runs.predictions(run, "val")[0]}
    sample = next(name for name in dataset.ids if name not in known)
    chosen = explain_strip._outside(run, sample, dataset.schema, dataset)
    assert (chosen.part, chosen.predicted) == ("train", None)
    assert explain_sample.sentence(chosen).startswith(f"A training sample of class {chosen.true}.")


# ------------------------------------------------------------------------------------------------ this sample


@pytest.mark.usefixtures("own_engine")
@pytest.mark.parametrize("kind", ["digits", "breast_cancer"])
def test_what_is_stored_is_shown_without_a_computation(show, explained, kind):
    page = show("explain", run=explained[kind])
    pages.check(page)
    assert not page.error and "pool" not in engine._holder()
    titles = [explain.module(name).TITLE for name in explain_sample.FIRST[data.get(kind).kind]]
    assert all(f"**{title}**" in plain(page) for title in titles)


def test_the_page_says_whether_the_model_is_right(show, explained):
    run = explained["digits"]
    ids, targets, logits = runs.predictions(run, "test")
    i = list(ids).index(pages.first_sample(run))
    probability = np.exp(logits[i]).max() / np.exp(logits[i]).sum()
    expected = f"**The model says {logits[i].argmax()} ({probability:.1%}) and is wrong: it is {targets[i]}.**"
    assert expected in plain(show("explain", run=run))


def test_the_predicted_class_is_explained_unless_another_is_chosen(show, explained):
    run = explained["digits"]
    ids, _, logits = runs.predictions(run, "test")
    predicted = logits[list(ids).index(pages.first_sample(run))].argmax()
    page = show("explain", run=run)
    assert box(page, "What speaks for").value == str(predicted)
    assert str(predicted) not in page.selectbox(key="against").options  # no class is compared with itself


@pytest.mark.parametrize("kind", ["digits", "breast_cancer"])
def test_each_explanation_has_its_verdict_in_words_and_numbers(show, explained, kind):
    run = explained[kind]
    page = show("explain", run=run)
    for method in explain_sample.FIRST[data.get(kind).kind]:
        judged = trust.kept(run, pages.first_sample(run), method)
        color, words = explain_sample.VERDICTS[judged["verdict"]]
        assert f":{color}-badge[{words}] {judged['sentence']}" in plain(page)
        assert all(any(check["text"] in text for text in plain(page)) for check in judged["checks"])


def test_a_table_shows_the_row_with_its_shares(show, explained):
    run = explained["breast_cancer"]
    kept = explain.kept(run, "shapley", pages.first_sample(run), explain.predicted(run, pages.first_sample(run)))
    table = next(frame.value for frame in show("explain", run=run).dataframe if "Share" in frame.value)
    assert len(table) == 30 and table["Share"].abs().is_monotonic_decreasing
    assert table["Share"].sum() == pytest.approx(kept.record["score"] - kept.record["base"], abs=1e-3)


def test_a_rows_value_is_shown_among_those_of_its_column_on_request(show, explained):
    page = show("explain", run=explained["breast_cancer"])
    chosen = box(page, "Place in its column")
    chosen.set_value(chosen.options[3]).run()
    pages.check(page)
    assert any(text.endswith(f"lies in {chosen.options[3]}") for text in alts(page))


def test_a_click_puts_an_explanation_into_the_report_and_another_takes_it_out(show, explained):
    run = explained["breast_cancer"]
    page = show("explain", run=run)
    button(page, "Add to report").click().run()
    assert [one.record["method"] for one in explain.pinned(run)] == ["shapley"]
    button(page, "In the report").click().run()
    assert explain.pinned(run) == []


def test_methods_that_do_not_exist_are_left_out_of_the_url(show, explained):
    page = show("explain", run=explained["digits"], methods="integrated_gradients,nonsense")
    pages.check(page)
    assert page.multiselect(key="methods").value == ["integrated_gradients"]


@pytest.mark.slow
@pytest.mark.usefixtures("own_engine")
def test_what_is_not_kept_or_damaged_is_made_in_the_engine_and_an_impossible_option_is_one_sentence(show, explained):
    run = explained["digits"]
    sample = str(runs.predictions(run, "test")[0][-1])
    page = settled(show("explain", run=run, sample=sample))
    pages.check(page)
    assert not page.error and page.selectbox(key="sample").value == sample
    target = box(page, "What speaks for").value
    for method in explain_sample.FIRST["image"]:
        assert explain.kept(run, method, sample, target) is not None
        assert trust.kept(run, sample, method, target) is not None

    kept = explain.kept(run, "gradcam", sample, target)
    kept.path.with_suffix(".npz").write_bytes(b"no numbers")
    page = settled(page.run())
    assert not page.error
    again = explain.kept(run, "gradcam", sample, target)
    np.testing.assert_allclose(again.arrays["attribution"], kept.arrays["attribution"], atol=1e-6)

    page = settled(page.text_input(key="option-gradcam-layer").set_value("nowhere").run())
    pages.check(page)
    assert len(page.error) == 1 and "nowhere" in page.error[0].value
    badges = [text for text in plain(page) if "-badge[" in text and text.startswith(":")]
    assert any("trust" in text or "care" in text for text in badges)  # the other method has its verdict


# ------------------------------------------------------------------------------------------------ what may be gone


def explained_on_paper() -> str:
    """A run without weights, of a table of one column, with a stored explanation of its first sample."""
    run = made(half(60))
    sample = pages.first_sample(run)
    classes = runs.schema(run).classes
    predicted = explain.predicted(run, sample)
    record = {
        "method": "shapley",
        "sample": sample,
        "target": predicted,
        "against": None,
        "true": classes[0],
        "predicted": predicted,
        "probabilities": [0.2, 0.8],
        "unit": "probability",
        "score": 0.8,
        "base": 0.5,
        "options": {},
        "seconds": 0.1,
    }
    arrays = {"x": np.array([41.0], np.float32), "attribution": np.array([0.3], np.float32)}
    _kept.write(run, "shapley", [sample, predicted, None, {}], record, arrays)
    judged = {"verdict": "care", "sentence": "Take it with care.", "checks": []}
    _kept.write(run, "trust_shapley", trust._key(sample, "shapley", predicted, None, {}), judged)
    return run


@pytest.mark.usefixtures("own_engine")
def test_a_run_whose_data_was_deleted_still_shows_what_is_stored(show, workspace):
    run = explained_on_paper()
    shutil.rmtree(workspace / "data")
    page = show("explain", run=run)
    pages.check(page)
    assert not page.error and "pool" not in engine._holder()
    assert "Explanations that are stored are shown" in page.warning[0].value
    table = next(frame.value for frame in page.dataframe if "Share" in frame.value)
    assert table["Value"].tolist() == ["41"] and table["Share"].tolist() == [pytest.approx(0.3)]
    assert any("Take it with care." in text for text in plain(page))
    for look in ("What if", "Neighbours"):
        page = show("explain", run=run, look=look)
        pages.check(page)
        assert "This needs the data of the run, which is gone." in [info.value for info in page.info]


def test_damaged_predictions_are_one_sentence_and_the_rest_can_be_read(show):
    run = explained_on_paper()
    runs.path(run, "predictions", "test.parquet").write_bytes(b"nothing")
    page = show("explain", run=run)
    pages.check(page)
    assert "predictions/test.parquet" in page.error[0].value
    page = show("explain", run=run, look="Methods")
    pages.check(page)
    assert not page.error


def test_a_run_without_a_test_sample_says_so(show):
    page = show("explain", run=made(half(20)))
    pages.check(page)
    assert "This run has no test sample to explain." in [info.value for info in page.info]


def test_hostile_names_are_shown_as_they_are(show):
    classes = ("<b>bold</b>", "**x** `y` $z^2$ :red[a]", "![](http://x.y/z.png)")
    run = made(half(60, 3), classes)
    for look in ("Methods", "This sample"):
        page = show("explain", run=run, look=look, methods="shapley")
        assert not page.exception
    assert "<b>bold" not in said(page).replace("\\<b\\>bold", "")


def test_a_run_that_pools_folds_leads_to_the_one_that_holds_the_sample(show):
    pool, first, second = (made(half(60)) for _ in range(3))
    ids, targets, logits = runs.predictions(second, "test")
    runs.write_predictions(second, "test", np.char.add("other-", ids.astype(str)), targets, logits)
    runs.write_json(runs.path(pool, jobs.POOL), {"members": [first, second]})
    page = show("explain", run=pool, sample="other-row-25")
    pages.check(page)
    assert "pools 2 folds" in page.info[0].value
    links = [label.replace("\\", "") for label in pages.links(page)]
    assert links == [
        f"Fold 1: {first[11:]}",
        f"Fold 2: {second[11:]}, which has other-row-25 in its test",
    ]


# ------------------------------------------------------------------------------------------------ neighbours, methods


@pytest.mark.usefixtures("own_engine")
@pytest.mark.parametrize("kind", ["digits", "breast_cancer"])
def test_neighbours_are_shown_right_and_wrong_and_how_far_away_the_sample_is(show, explained, kind):
    page = show("explain", run=explained[kind], look="Neighbours")
    pages.check(page)
    assert "pool" not in engine._holder()
    (text,) = [text for text in plain(page) if "nearest training samples" in text]
    assert text.startswith("**Of the 12 nearest training samples ") and "of validation samples" in text


def test_a_click_opens_a_neighbour(show, explained):
    page = show("explain", run=explained["digits"], look="Neighbours")
    near = [one for one in page.button if (one.key or "").startswith("near-")]
    assert len(near) == 12
    near[0].click().run()
    pages.check(page)
    name = near[0].key.removeprefix("near-")
    assert any(text.startswith(f"**{name}: ") for text in plain(page))
    button(page, "Explain this neighbour").click().run()
    assert page.query_params["sample"] == name and "look" not in page.query_params


@pytest.mark.parametrize("kind", ["digits", "breast_cancer"])
def test_each_method_is_told_in_three_sentences(show, explained, kind):
    page = show("explain", run=explained[kind], look="Methods")
    pages.check(page)
    text = "\n".join(plain(page))
    for name in explain.available(data.get(kind).kind):
        module = explain.module(name)
        assert module.ANSWERS in text and module.SILENT in text and module.SOURCE in text
