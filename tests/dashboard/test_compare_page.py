"""The Compare page: the verdict first, then what differs, curves, metrics and the samples that flipped."""

import numpy as np
import pytest

from core import config, data, evaluation, jobs, notes, runs
from core.data import ingest
from tests.dashboard import pages
from tests.dashboard.pages import box, check


def finished(wrong: int, title="", name="digits", evaluated=True, **settings) -> str:
    """A run of `name` with figures, wrong on the first so many test samples, which was never trained."""
    dataset = data.get(name)
    asked = config.suggest(dataset, epochs=9, device="cpu", **settings)
    run = runs.create(asked, dataset.schema, dataset.fingerprint)
    parts = data.parts(dataset, asked.data)
    for part in ("val", "test"):
        where = np.flatnonzero(parts == part)
        targets = dataset.targets[where]
        logits = np.eye(len(dataset.classes), dtype=np.float32)[targets] * 4
        logits[:wrong] = np.roll(logits[:wrong], 1, axis=1)
        runs.write_predictions(run, part, dataset.ids[where], targets, logits)
    facts = {"state": "done", "started": 1.0, "ended": 9.0, "best_epoch": 2, "val_accuracy": 0.9}
    if evaluated:
        record = evaluation.recorded(run, {"epoch": 2, "pixels": "stored"})
        facts |= evaluation.headline(record)
    runs.write_status(run, **facts)
    rows = [{"epoch": e, **pages.ROW, "samples_per_second": 1.0, "seconds": 1.0} for e in (1, 2, 3)]
    runs.append_rows(runs.path(run, "history.jsonl"), rows)
    if title:
        notes.write(run, title=title)
    return run


@pytest.fixture
def pair() -> tuple[str, str]:
    return finished(40, "old"), finished(4, "new", lr=0.01)


def said(page) -> str:
    return " ".join(element.value for element in (*page.header, *page.markdown, *page.caption)).replace("\\", "")


def test_without_runs_the_page_says_what_to_do(show):
    page = show("compare")
    check(page)
    assert "Train one first" in page.info[0].value and "Go to Runs" in pages.links(page)


def test_one_run_alone_asks_for_another(show):
    run = finished(3)
    page = show("compare", runs=run)
    check(page)
    assert page.info[0].value.startswith("Choose two runs or more")


def test_the_verdict_is_the_first_sentence(show, pair):
    page = show("compare", runs=",".join(pair))
    check(page)
    sentence = page.header[0].value.replace("\\", "")
    assert sentence.startswith(":green-badge[better] new is better than old: accuracy 98.9% against 88.9%")


def test_without_a_word_in_the_url_the_two_newest_are_compared_and_the_url_stays_as_it_is(show, pair):
    page = show("compare")
    check(page)
    assert set(page.multiselect(key="chosen").value) == set(pair) and "runs" not in page.query_params


def test_a_and_b_can_be_turned_round(show, pair):
    page = show("compare", runs=",".join(pair))
    box(page, "A").set_value(pair[1]).run()
    check(page)
    assert "old is worse than new" in said(page) and page.query_params["a"] == pair[1]


def test_choices_are_taken_from_the_url(show, pair):
    page = show("compare", runs=",".join(pair), metric="log_loss", margin="0.05", a=pair[1])
    check(page)
    assert "old is worse than new: log loss" in said(page)
    assert page.slider[0].value == 0.05


def test_choosing_runs_puts_them_into_the_url(show, pair):
    third = finished(9, "third", lr=0.02)
    page = show("compare", runs=",".join(pair))
    page.multiselect(key="chosen").set_value([*pair, third]).run()
    check(page)
    assert page.query_params["runs"] == ",".join([*pair, third])
    assert page.dataframe[1].value["Run"].tolist() == ["old", "new", "third"]


def test_only_the_settings_that_differ_are_shown(show, pair):
    table = show("compare", runs=",".join(pair)).dataframe[0].value
    assert table.to_dict("records") == [{"Setting": "training.lr", "old": "0.003", "new": "0.01"}]


def test_metrics_are_numbers_to_be_sorted(show, pair):
    table = show("compare", runs=",".join(pair)).dataframe[1].value
    figures = runs.evaluation(pair[0])["test"]["metrics"]
    assert table["Accuracy"].tolist()[0] == figures["accuracy"]["value"]
    assert {"Run", "Accuracy", "F1 (macro)", "AUROC (macro)", "Log loss"} <= set(table.columns)


def test_all_metrics_are_there_on_request(show, pair):
    page = show("compare", runs=",".join(pair))
    page.toggle(key="all-metrics").set_value(True).run()
    check(page)
    assert {"Matthews correlation", "Brier score", "Top 2"} <= set(page.dataframe[1].value.columns)


def test_flipped_samples_are_shown_with_a_link_to_their_explanation(show, pair):
    page = show("compare", runs=",".join(pair))
    text = said(page)
    assert "Wrong to right: 36 samples" in text and "Right to wrong: 0 samples" in text
    table = page.dataframe[2].value
    assert len(table) == 36 and (table["Truth"] == table["B says"]).all() and (table["Truth"] != table["A says"]).all()
    assert table["Explain"][0] == f"explain?run={pair[1]}&sample={table['Sample'][0]}"


def test_flipped_rows_of_a_table_have_no_pictures(show):
    made = finished(20, "old", "breast_cancer"), finished(2, "new", "breast_cancer", lr=0.01)
    page = show("compare", runs=",".join(made))
    check(page)
    assert "Wrong to right: 18 samples" in said(page)


def test_runs_that_differ_only_by_seed_are_one_side(show):
    made = [finished(40 + i, "old" if not i else "", seed=i) for i in range(3)]
    made += [finished(4 + i, "new" if not i else "", seed=i, lr=0.01) for i in range(3)]
    page = show("compare", runs=",".join(made))
    check(page)
    assert "new (3 seeds) is better than old (3 seeds)" in said(page)
    assert page.dataframe[1].value["Run"].tolist() == ["old (3 seeds)", "new (3 seeds)"]
    assert "in a band from the lowest to the highest" in said(page)


def test_folds_and_the_run_that_pools_them_are_one_side(show):
    made = []
    for title, wrong, lr in (("old", 40, 0.003), ("new", 4, 0.01)):
        pool, first, second = (finished(wrong, folds=2, fold=fold, lr=lr) for fold in (0, 0, 1))
        notes.write(pool, title=title)
        runs.write_json(runs.path(pool, jobs.POOL), {"members": [first, second]})
        for member in (first, second):
            runs.write_status(member, pool=pool)
        runs.path(pool, "history.jsonl").unlink()
        made += [pool, first, second]
    page = show("compare", runs=",".join(made))
    check(page)
    assert "new is better than old: accuracy" in said(page)
    assert page.dataframe[1].value["Run"].tolist() == ["old (2 folds)", "new (2 folds)"]
    assert len(page.main.get("plotly_chart")) == 2


def test_seeds_alone_are_no_comparison(show):
    made = [finished(4 + i, seed=i) for i in range(2)]
    page = show("compare", runs=",".join(made))
    check(page)
    assert page.info[0].value.startswith("Runs that differ only by seed are one side of a comparison")


def test_a_run_still_training_is_a_sentence_and_its_curve_is_there(show):
    run = finished(4, "old")
    with pages.at_work(4, phase="training") as other:
        page = show("compare", runs=f"{run},{other}")
    check(page)
    assert f"{other[11:]} is still running; compare it when it is done" in page.warning[0].value.replace("\\", "")
    assert len(page.main.get("plotly_chart")) >= 1


def test_other_data_is_a_sentence(show):
    page = show("compare", runs=f"{finished(4, 'one')},{finished(4, 'two', 'breast_cancer')}")
    check(page)
    sentence = page.warning[0].value.replace("\\", "")
    assert "one and two were made with different data sets, digits and breast_cancer" in sentence


def test_another_split_is_a_sentence(show):
    page = show("compare", runs=f"{finished(4, 'one')},{finished(4, 'two', split_seed=5)}")
    check(page)
    assert "data.split_seed is 0 and 5" in page.warning[0].value.replace("\\", "")


def test_an_evaluation_of_an_earlier_version_says_how_to_make_a_new_one(show, pair):
    old = {"format": 1, "epoch": 2, "val": {"accuracy": {}}, "test": {"accuracy": {}}}
    runs.write_json(runs.path(pair[0], "evaluation.json"), old)
    page = show("compare", runs=",".join(pair))
    check(page)
    assert f"old has figures that are out of date; `python -m core evaluate {pair[0]}`" in page.info[0].value.replace(
        "\\", ""
    )


def test_a_run_that_is_gone_is_said_so(show, pair):
    page = show("compare", runs=f"{pair[0]},2020-01-01-gone-owl,{pair[1]}")
    check(page)
    assert page.warning[0].value.startswith("There is no run 2020-01-01-gone-owl in this workspace")
    assert "new is better than old" in said(page)


@pytest.mark.usefixtures("pair")
@pytest.mark.parametrize("asked", ["../../etc", "<b>x</b>", ",,,", "x" * 300])
def test_what_could_not_be_runs_is_a_sentence(show, asked):
    page = show("compare", runs=asked)
    assert not page.exception and page.info[0].value.startswith("Choose two runs or more")


@pytest.mark.parametrize("state", pages.OVER, ids=lambda state: state.__name__)
def test_a_run_that_came_to_nothing_is_a_sentence(show, state):
    check(show("compare", runs=f"{finished(4)},{state()}"))


def test_titles_of_markup_stay_what_they_are(show, pair):
    notes.write(pair[1], title="<b>new</b> [x](y)")
    page = show("compare", runs=",".join(pair))
    check(page)
    assert "\\<b\\>new\\</b\\> \\[x\\]\\(y\\)" in page.header[0].value


def test_an_archived_run_is_not_offered_but_shown_if_asked_for(show, pair):
    notes.write(pair[0], archived=True)
    assert pair[0] not in show("compare").multiselect(key="chosen").options
    page = show("compare", runs=",".join(pair))
    check(page)
    assert "new is better than old" in said(page)


@pytest.mark.parametrize("metric", ["f1_macro", "auroc_macro", "log_loss"])
def test_every_kind_of_metric_can_decide(show, pair, metric):
    page = show("compare", runs=",".join(pair), metric=metric)
    check(page)
    assert "new is better than old" in said(page)


def test_thirty_runs_at_once_are_shown(show):
    made = [finished(i + 1, lr=0.001 * (i + 1)) for i in range(30)]
    page = show("compare", runs=",".join(made))
    check(page)
    assert len(page.dataframe[1].value) == 30


def of_markup(tmp_path) -> str:
    """A stored set whose classes are markup."""
    import pandas as pd

    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"x": rng.normal(size=120), "species": np.repeat(["<b>a</b>", "[x](javascript:1)", "$a$ | _b_"], 40)}
    )
    table.to_csv(tmp_path / "markup.csv", index=False)
    return ingest.add(str(tmp_path / "markup.csv"), values={"target": "species"}).name


@pytest.mark.parametrize("curve", ["Accuracy", "ROC"])
def test_classes_of_markup_stay_what_they_are(show, tmp_path, curve):
    name = of_markup(tmp_path)
    made = finished(9, "old", name), finished(2, "new", name, lr=0.01)
    page = show("compare", runs=",".join(made), curve=curve)
    check(page)
    assert not any("<b>a</b>" in element.value for element in (*page.markdown, *page.caption, *page.header))


def test_data_that_was_deleted_is_a_sentence_and_the_verdict_stays(show, tmp_path):
    name = of_markup(tmp_path)
    made = finished(9, "old", name), finished(2, "new", name, lr=0.01)
    data.store.delete(name)
    page = show("compare", runs=",".join(made))
    check(page)
    assert "is better than old" in said(page) or "cannot tell" in said(page).lower()
    assert "no longer in the workspace" in said(page)
