"""The Evaluate page on runs and addresses that nobody would wish for: a sentence or a sensible page, each time."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from core import config, data, evaluation, runs
from core.data.dataset import Column, Dataset
from core.evaluation import points
from dashboard import samples
from exports import script
from tests.dashboard import pages
from tests.dashboard.pages import button

NASTY = ("<b>bold</b>", "**x** `y` $z^2$ :red[a]", "![](http://x.y/z.png)", "é" * 80 + "1", "é" * 80 + "2", "🙂")


def made(targets, classes=("no", "yes"), n_val=20, logits=None, folder="toy", **content) -> str:
    """A finished run on paper: the first n_val samples are for validation, the others for the test; it is often right.

    content : of the data set; a table with one column of numbers if there is none
    """
    targets = np.asarray(targets)
    n, k = len(targets), len(classes)
    if not content:
        content = {
            "kind": "table",
            "table": pd.DataFrame({"a": np.arange(float(n))}),
            "columns": (Column("a", "number"),),
        }
    ids = np.array([f"row-{i}" for i in range(n)])
    dataset = data.store.put(Dataset(folder, content.pop("kind"), targets, classes, ids, "made", "none", **content))
    net = config.NetConfig("mlp" if dataset.kind == "table" else "cnn")
    asked = config.TrainConfig(config.DataConfig(folder), net, config.TrainingConfig(epochs=1))
    run = runs.create(asked, dataset.schema, dataset.fingerprint)
    if logits is None:
        logits = np.random.default_rng(0).normal(size=(n, k))
        logits[np.arange(n), targets] += 2
    logits = np.broadcast_to(np.asarray(logits, np.float32), (n, k))
    for part, where in (("val", slice(0, n_val)), ("test", slice(n_val, n))):
        runs.write_predictions(run, part, ids[where], targets[where], logits[where])
    runs.begin_epochs(run, ids[:n_val], targets[:n_val], k)
    for _ in range(2):
        runs.append_epoch(run, logits[:n_val].clip(-100, 100))
    facts = evaluation.headline(evaluation.recorded(run, {"epoch": 1, "pixels": "stored"}))
    runs.write_status(
        run, state="done", started=1.0, ended=3.0, best_epoch=1, val_accuracy=0.5, n_parameters=6, **facts
    )
    return run


def half(n: int, k: int = 2) -> np.ndarray:
    return np.arange(n) % k


def said(page) -> str:
    """All sentences of the page."""
    kinds = (page.error, page.warning, page.info, page.markdown, page.caption)
    return "\n".join(element.value for elements in kinds for element in elements)


LOOKS = ("Class by class", "Samples", "Slices", "Wrong labels", "By epoch", "Sets")
STRANGE = {
    "a class absent from the test": lambda: made(np.r_[half(20, 3), half(40, 2)], ("a", "b", "c")),
    "of two classes one absent from the test": lambda: made(np.r_[half(20), np.zeros(40, int)]),
    "one test sample": lambda: made(half(21)),
    "one validation sample": lambda: made(half(41), n_val=1),
    "one class in validation": lambda: made(np.r_[np.ones(20, int), half(40)]),
    "all probabilities equal": lambda: made(half(60, 3), ("a", "b", "c"), logits=0.0),
    "all probabilities 0 or 1": lambda: made(half(60), logits=np.array([-1e4, 1e4])),
    "no test sample": lambda: made(half(20)),
    "one class": lambda: made(np.zeros(60, int), ("only",)),
    "nasty names": lambda: made(half(60, 6), NASTY),
    "two nasty names": lambda: made(half(60), NASTY[3:5]),
}


@pytest.mark.parametrize("kind", STRANGE)
def test_a_strange_run_has_every_section(show, kind):
    run = STRANGE[kind]()
    for look, figure in zip(LOOKS, ("ROC", "Precision and recall", "Calibration", "Scores", "Costs", "Gain")):
        pages.check(show("evaluate", run=run, look=look, figure=figure))


@pytest.mark.parametrize(("part", "k"), [("val", 2), ("test", 3)])
@pytest.mark.parametrize("damage", ["gone", "cut", "nan", "classes", "targets"])
def test_damaged_predictions_are_named_and_the_figures_still_there(show, k, part, damage):
    run = made(half(60, k), tuple("abc"[:k]))
    path = runs.path(run, "predictions", f"{part}.parquet")
    rows = pd.read_parquet(path)
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:60])
    elif damage == "nan":
        rows.assign(logit_0=np.nan).to_parquet(path)
    elif damage == "classes":
        rows.drop(columns="logit_1").to_parquet(path)
    else:
        rows.assign(target=9).to_parquet(path)
    page = show("evaluate", run=run, look="Sets")
    pages.check(page)
    assert "evaluate the run again" in said(page).replace("\\", "")
    assert page.metric[0].label == "Accuracy"


@pytest.mark.parametrize("damage", [b"", b"\0" * 7, np.full((2, 20, 2), np.nan, "<f2").tobytes()])
def test_damaged_epochs_are_said(show, damage):
    run = made(half(60))
    runs.path(run, "predictions", "epochs.bin").write_bytes(damage)
    page = show("evaluate", run=run, look="By epoch")
    pages.check(page)
    assert any(text in said(page) for text in ("kept no predictions", "does not fit", "NaN"))


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"points": null}',
        '{"points": [1]}',
        '{"points": [{"name": [1]}]}',
        '{"points": [{"thresholds": [1e999]}]}',
        '{"points": [{"name": "x", "positive": 7, "thresholds": [0.5]}], "used": "x"}',
        '{"points": [{"name": "x", "costs": [[0, 1, 2], [1, 0, 2], [1, 1, 0]]}], "used": "x"}',
    ],
)
def test_damaged_points_are_one_sentence(show, text):
    run = made(half(60))
    runs.path(run, points.FILE).write_text(text)
    page = show("evaluate", run=run)
    pages.check(page)
    assert len(page.error) + len(page.warning) == 1
    assert "recall" in said(page)


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "**x**", "../../x", "🙂", "x" * 60])
def test_a_point_may_have_any_name(show, name):
    run = made(half(60))
    page = show("evaluate", run=run, threshold="0.3")
    (field,) = [widget for widget in page.text_input if widget.label == "Name"]
    field.set_value(name).run()
    page.button(key="save-point").click().run()
    pages.check(page)
    assert points.used(run).name == name
    pages.check(show("evaluate", run=run))


def test_a_point_without_a_name_is_not_saved(show):
    run = made(half(60))
    page = show("evaluate", run=run, threshold="0.3")
    page.button(key="save-point").click().run()
    pages.check(page)
    assert "is no name; give 1 to 60 letters" in page.error[0].value and points.used(run) is None


def test_a_point_that_another_window_deleted_is_said(show):
    run = made(half(60))
    points.save(run, points.OperatingPoint((0.3,), name="gone"))
    page = show("evaluate", run=run)
    (saved,) = [widget for widget in page.selectbox if widget.label == "Saved points"]
    saved.set_value("gone").run()
    points.delete(run, "gone")
    button(page, "Use").click().run()
    pages.check(page)
    assert "has no operating point" in said(page)


ADDRESSES = {
    "thresholds": ["0.5,0.5", "2,2,2", "nan,0,0", "a", ","],
    "costs": ["1,2;3", "nan,1,1;1,1,1;1,1,1", "0,1;1,0", ";"],
    "bin": ["99", "-1", "9" * 5000, "x"],
    "cell": ["9-9", "0-0-0", "9" * 5000],
    "epoch": ["2.5", "0", "nan", "1e9"],
    "coverage": ["2", "nan", "0.5"],
    "slice": ["(", "a > x", "`a` > 1", "a in (", "**b**", "not " * 100 + "a > 1"],
    "silent": ["1", "nan"],
    "miss": ["-1", "1e999"],
    "point": ["x"],
    "mistakes": ["b missed", "x"],
    "sort": ["x", "Smallest margin"],
    "of-class": ["x"],
    "on": ["x"],
}
OF = {"bin": "Samples", "cell": "Samples", "sort": "Samples", "epoch": "By epoch", "coverage": "Sets"}
OF |= {"slice": "Slices", "mistakes": "Slices"}


@pytest.mark.parametrize("key", ADDRESSES)
def test_any_address_is_a_page(show, key):
    run = made(half(60, 3), ("a", "b", "c"))
    for value in ADDRESSES[key]:
        pages.check(show("evaluate", run=run, look=OF.get(key, "Class by class"), **{key: value}))


@pytest.mark.parametrize("look", ["Samples", "Slices", "Wrong labels", "Sets"])
def test_a_run_whose_data_was_deleted_shows_its_figures_and_ids(show, look):
    run = made(half(60), logits=np.array([1.0, 0.0]))
    data.store.delete("toy")
    page = show("evaluate", run=run, look=look)
    pages.check(page)
    assert page.metric[0].label == "Accuracy"
    if look in ("Samples", "Wrong labels"):
        assert any("row-" in str(table.value["Sample"].tolist()) for table in page.dataframe if "Sample" in table.value)


def test_columns_named_as_ours_are_shown_beside_them(show):
    n = 60
    names = ["Sample", "Sample (2)", "Truth", "Loss", "place", "Picture", "Says", "Sure"]
    table = pd.DataFrame({name: np.arange(float(n)) + i for i, name in enumerate(names)})
    run = made(half(n), kind="table", table=table, columns=tuple(Column(name, "number") for name in names))
    page = show("evaluate", run=run, look="Samples", which="all")
    pages.check(page)
    (rows,) = [table.value for table in page.dataframe if "Says" in table.value]
    assert rows.columns.is_unique and rows.shape[1] == 5 + len(names)
    place = int(str(rows["Sample"].iloc[0]).removeprefix("row-"))
    assert rows["Picture"].iloc[0] == place + names.index("Picture")


def test_a_table_of_dates_and_missing_cells_is_searched_and_sliced(show):
    n = 60
    table = pd.DataFrame(
        {
            "when": pd.to_datetime(["2020-01-31", None] * (n // 2)),
            "city": ['New "York"', None, ""] * (n // 3),
            "size": [np.nan] * n,
        }
    )
    columns = (Column("when", "date"), Column("city", "category", ('New "York"',)), Column("size", "number"))
    run = made(half(n), kind="table", table=table, columns=columns)
    page = show("evaluate", run=run, look="Samples", which="all")
    (search,) = [widget for widget in page.text_input if widget.label == "Search"]
    search.set_value('"york" 2020-01').run()
    pages.check(page)
    (rows,) = [table.value for table in page.dataframe if "Says" in table.value]
    assert (rows["city"] == 'New "York"').all() and rows["when"].notna().all()
    page = show("evaluate", run=run, look="Slices")
    (field,) = [widget for widget in page.text_input if widget.label == "A slice of your own"]
    page = show("evaluate", run=run, look="Slices", slice=field.placeholder)  # the example must be one
    pages.check(page)
    assert not page.error


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((1, 1, 1), np.uint8), ((3, 2, 90), np.uint8), ((2, 7, 5), np.float32), ((1, 5, 5), np.float32)],
)
def test_images_of_any_kind_are_shown(show, shape, dtype):
    images = np.random.default_rng(0).random((60, *shape)) * 255
    run = made(half(60), logits=np.array([1.0, 0.0]), kind="image", images=images.astype(dtype))
    page = show("evaluate", run=run, look="Samples")
    pages.check(page)
    (rows,) = [table.value for table in page.dataframe if "Says" in table.value]
    assert rows["Picture"].str.startswith("data:image/png").all()
    pages.check(show("evaluate", run=run, look="Wrong labels"))


def test_a_sample_that_the_data_lacks_has_no_cells_of_another_one(workspace):  # noqa: ARG001
    dataset = runs.dataset(made(half(60)))
    rows = samples.beside(pd.DataFrame({"Sample": ["x", "row-3"]}), dataset, np.array([-1, 3]))
    assert rows["a"].isna().tolist() == [True, False] and rows["a"].iloc[1] == 3


@pytest.mark.parametrize("look", [*LOOKS, "Breaking it", "Leaks", "Metrics"])
def test_a_run_that_pools_folds_has_every_section(show, look):
    run, member = made(half(60)), made(half(60), folder="toy")
    runs.write_json(runs.path(run, "folds.json"), {"format": 1, "members": [member, member]})
    page = show("evaluate", run=run, look=look)
    pages.check(page)
    assert not page.error
    if look == "Wrong labels":
        (rows,) = [table.value for table in page.dataframe if "Doubt" in table.value]
        assert rows["Sample"].is_unique


def test_a_run_that_pools_folds_leads_to_theirs_where_one_net_is_needed(show):
    run, member = made(half(60)), made(half(60), folder="toy")
    runs.write_json(runs.path(run, "folds.json"), {"format": 1, "members": [member]})
    page = show("export", run=run)
    pages.check(page)
    assert "Choose one of them" in page.info[0].value and pages.links(page) == [f"Fold 1: {member[11:]}"]
    assert not [widget for widget in page.button if widget.label.startswith("Export")]
    with pytest.raises(ValueError, match=f"pools 1 folds; take the script of one of them, such as {member}"):
        script.script(run)


def test_500_classes_are_readable(show):
    run = made(np.tile(np.arange(500), 3), tuple(f"class {j}" for j in range(500)), n_val=500)
    for look in ("Class by class", "Samples", "Sets"):
        page = show("evaluate", run=run, look=look)
        pages.check(page)
    assert any("at most 25 classes" in element.value for element in page.caption)


def test_a_record_of_an_older_format_is_made_anew(show):
    run = made(half(60))
    runs.write_json(runs.path(run, "evaluation.json"), {"format": 1, "val": {}, "test": {}})
    page = show("evaluate", run=run)
    pages.check(page)
    assert page.info


def test_a_run_at_work_says_so(show):
    with pages.at_work(2) as run:
        page = show("evaluate", run=run)
        pages.check(page)
        assert "still at work" in said(page)


def test_samples_left_out_before_stay_out(monkeypatch):
    from core.data import lists
    from dashboard import suspects

    run = made(half(60))
    lists.save("toy", "first", ["row-1"])
    before = runs.config(run)
    asked = dataclasses.replace(before, data=dataclasses.replace(before.data, without="first"))
    runs.write_json(runs.path(run, "config.json"), asked.to_dict())
    monkeypatch.setattr(suspects.jobs, "start_process", lambda _: None)
    monkeypatch.setattr(suspects.st, "switch_page", lambda *_, **__: None)
    suspects.train_without(run, "second", ["row-2"])
    assert lists.load("toy", "second") == ["row-1", "row-2"]
