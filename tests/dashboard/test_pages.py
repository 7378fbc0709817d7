"""Every page on every kind of run: no traceback, and one sentence for what went wrong."""

import re

import pytest
import streamlit as st

from core import jobs, runs, trash
from dashboard import frame
from tests.dashboard import pages
from tests.dashboard.pages import OF_A_RUN, PAGES, check


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name == "train" else name for name in PAGES]
)
def test_every_page_works_in_an_empty_workspace(show, name):
    check(show(name))


@pytest.mark.parametrize("name", OF_A_RUN)
def test_a_page_of_a_run_says_what_to_do_when_there_is_none(show, name):
    page = show(name)
    assert [info.value for info in page.info] == ["No runs yet. Train one first; the example takes about 20 seconds."]
    assert "Go to Runs" in pages.links(page)


@pytest.mark.parametrize("kind", ["digits", "breast_cancer"])
@pytest.mark.parametrize("name", [name for name in PAGES if name != "train"])
def test_every_page_works_on_a_finished_run(show, explained, name, kind):
    page = show(name, run=explained[kind])
    check(page)
    assert not page.error and not page.warning


@pytest.mark.parametrize("state", pages.OVER, ids=lambda state: state.__name__)
@pytest.mark.parametrize("name", ["runs", *OF_A_RUN])
def test_every_page_works_on_a_run_that_came_to_nothing(show, name, state):
    check(show(name, run=state()))


@pytest.mark.parametrize("name", ["runs", *OF_A_RUN])
def test_every_page_works_on_a_queued_run(show, name):
    check(show(name, run=pages.queued()))


AT_WORK = {
    "starting": (0, {"phase": "starting"}),
    "first step": (0, {"phase": "training", "epoch": 1, "step": 1, "n_steps": 90, "seconds_left": 9.0}),
    "first epoch written, its best not yet": (
        1,
        {"phase": "training", "epoch": 2, "step": 11, "n_steps": 90, "seconds_left": 8.0},
    ),
    "half way": (
        4,
        {"phase": "training", "epoch": 5, "step": 45, "n_steps": 90, "seconds_left": 5.0}
        | {"best_epoch": 3, "val_accuracy": 0.7},
    ),
    "evaluating": (
        9,
        {"phase": "evaluating", "epoch": 9, "step": 90, "n_steps": 90, "seconds_left": 0.0}
        | {"best_epoch": 3, "val_accuracy": 0.7},
    ),
}


@pytest.mark.parametrize("moment", AT_WORK)
@pytest.mark.parametrize("name", ["runs", *OF_A_RUN])
def test_every_page_works_on_a_run_at_work(show, name, moment):
    n_epochs_done, status = AT_WORK[moment]
    with pages.at_work(n_epochs_done, **status) as run:
        page = show(name, run=run)
    check(page)
    assert not page.error


@pytest.mark.parametrize("file", ["evaluation.json", "predictions/test.parquet", "schema.json", "history.jsonl"])
@pytest.mark.parametrize("kind", ["digits", "breast_cancer"])
@pytest.mark.parametrize("name", ["live", "evaluate", "explain"])
def test_every_page_works_on_a_run_with_a_damaged_file(show, explained, name, kind, file):
    runs.path(explained[kind], *file.split("/")).write_text("{")
    check(show(name, run=explained[kind]))


def test_a_damaged_proof_counts_as_none_and_can_be_made_again(show, exported):
    runs.path(exported["digits"], "exports", "parity.json").write_text("{")
    page = show("export", run=exported["digits"])
    check(page)
    assert "has not been compared with the trained net" in page.warning[0].value and not page.error
    assert "Export and prove" in [button.label for button in page.button]


@pytest.mark.parametrize("name", ["evaluate", "explain", "export"])
def test_an_evaluation_without_its_figures_is_a_sentence(show, finished, name):
    runs.write_json(runs.path(finished["digits"], "evaluation.json"), {"format": 1})
    check(show(name, run=finished["digits"]))


def test_a_workspace_that_cannot_be_written_is_one_sentence(show, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("VITRINE_WORKSPACE", str(tmp_path / "file" / "workspace"))
    page = show("runs")
    check(page)
    (error,) = page.error
    assert error.value.startswith(f"The workspace {tmp_path / 'file' / 'workspace'} cannot be written (")
    assert not page.title and not page.button


@pytest.mark.parametrize("name", ["live", "evaluate"])
def test_what_a_page_says_is_painted_before_its_first_figure(show, finished, monkeypatch, name):
    order, draw = [], st.plotly_chart
    monkeypatch.setattr(frame, "let_it_paint", lambda: order.append("painted"))
    monkeypatch.setattr(st, "plotly_chart", lambda *args, **how: order.append("figure") or draw(*args, **how))
    show(name, run=finished["digits"])
    assert order[:2] == ["painted", "figure"]


# ---------------------------------------------------------------------------------------------------- the run


@pytest.mark.parametrize("name", ["live", "evaluate", "explain"])
def test_a_run_that_is_not_there_is_said_so_and_another_one_shown(show, explained, name):
    page = show(name, run="2020-01-01-gone-owl")
    (warning,) = page.warning
    assert warning.value.startswith("There is no run 2020-01-01-gone-owl in this workspace; it may have been deleted.")
    assert page.selectbox(key="run").value == runs.names()[0] in explained.values()


@pytest.mark.parametrize("run", ["../../etc", "<b>x</b>", "", "x" * 300])
def test_a_run_that_could_not_be_one_is_another_one(show, explained, run):
    page = show("live", run=run)
    assert not page.exception and page.selectbox(key="run").value in explained.values()


def test_the_url_says_which_run_is_shown(show, explained):
    page = show("evaluate", run=explained["digits"])
    assert page.selectbox(key="run").value == page.query_params["run"] == explained["digits"]


def test_a_page_opened_without_a_run_puts_the_newest_into_the_url(show, finished):
    assert show("evaluate").query_params["run"] == runs.names()[0] in finished.values()


def test_choosing_another_run_changes_page_and_url(show, finished):
    page = show("evaluate", run=finished["digits"])
    page.selectbox(key="run").set_value(finished["breast_cancer"]).run()
    assert page.query_params["run"] == finished["breast_cancer"]
    assert "test rows" in page.header[0].value


def test_another_page_shows_the_run_looked_at_last(show, finished):
    older = runs.names()[-1]
    page = show("evaluate", run=older)
    page.query_params.clear()
    page.switch_page("views/live.py").run()
    assert page.selectbox(key="run").value == older in finished.values()


# ---------------------------------------------------------------------------------------------------- what is said


@pytest.mark.parametrize("name", ["live", "evaluate", "explain", "export", "share"])
def test_every_page_of_a_finished_run_begins_with_its_sentence(show, finished, name):
    page = show(name, run=finished["digits"])
    assert page.header[0].value.startswith("Right on ")


def test_a_failed_run_shows_its_sentence_and_its_log(show):
    page = show("live", run=pages.failed())
    assert [error.value for error in page.error] == ["The loss is not a number; lower the learning rate."]
    assert "Traceback of <b>something</b>" in [code.value for code in page.code]


def test_a_lost_run_says_that_its_process_ended(show):
    page = show("live", run=pages.lost())
    assert [error.value for error in page.error] == [
        "Its process ended without a word; the log may say why. Resume it, or train again."
    ]
    assert any(line.value.startswith(":red-badge[lost]") for line in page.markdown)


def test_a_damaged_run_says_which_file_is_damaged(show):
    page = show("live", run=pages.damaged())
    (error,) = page.error
    assert error.value.startswith("status.json of run ")


def test_a_stopped_run_with_weights_can_be_evaluated(show, finished):
    run = finished["digits"]
    runs.path(run, "evaluation.json").unlink()
    runs.write_status(run, state="stopped", message="Stopped by request.")
    assert pages.button(show("evaluate", run=run), "Evaluate the best epoch")


def test_a_stopped_run_without_weights_cannot(show):
    page = show("evaluate", run=pages.stopped())
    assert [info.value for info in page.info] == ["This run has no figures, as it did not finish. Train again."]
    assert not pages.below_header(page)


def test_a_run_at_work_has_no_figures_yet(show):
    with pages.at_work(phase="starting") as run:
        page = show("evaluate", run=run)
    assert [info.value for info in page.info] == [
        "This run is still at work. Its figures are computed at its end; then they are shown here."
    ]


def test_the_live_page_says_how_far_a_run_is(show):
    status = {"phase": "training", "epoch": 5, "step": 45, "n_steps": 90, "seconds_left": 130.0}
    with pages.at_work(4, best_epoch=3, val_accuracy=0.7, **status) as run:
        page = show("live", run=run)
    progress = [bar.proto for bar in page.main.get("progress")]
    assert [(bar.value, bar.text) for bar in progress] == [(50, "Epoch 5 of 9, 2 min 10 s left")]
    assert pages.metric(page, "Validation accuracy") == "70.0%"
    assert pages.metric(page, "Best epoch") == "3 (70.0%)"


def test_the_evaluation_at_the_end_has_no_full_bar_but_says_since_when_it_goes_on(show):
    n_epochs_done, status = AT_WORK["evaluating"]
    with pages.at_work(n_epochs_done, **status) as run:
        known = runs.status(run)
        runs.write_json(runs.path(run, "status.json"), {**known, "updated": known["updated"] - 75})
        page = show("live", run=run)
        assert not page.main.get("progress")
        said = re.compile(r".*Evaluating the best epoch on validation and test, for 1 min \d+ s")
        assert any(said.fullmatch(line.value) for line in page.main.markdown)


@pytest.mark.slow
def test_the_stop_button_stops_a_queued_run(show):
    run = pages.queued()
    page = show("live", run=run)
    page.button(key="stop").click().run()
    check(page)
    assert jobs.state(run) == "stopped"


def test_the_sidebar_shows_what_is_at_work(show, finished):
    with pages.at_work(phase="training", epoch=1, step=45, n_steps=90, seconds_left=12.0) as run:
        page = show("evaluate", run=finished["digits"])
    (bar,) = page.sidebar.get("progress")
    assert (bar.proto.value, bar.proto.text) == (50, f"{run[11:]}: 12 s left")


def test_the_sidebar_names_the_workspace(show, workspace):
    assert f"Workspace: `{workspace}`" in [caption.value for caption in show("runs").sidebar.caption]


# ---------------------------------------------------------------------------------------------------- home


def test_the_empty_home_offers_the_example(show):
    assert pages.button(show("runs"), "Train the example (20 seconds)")


@pytest.mark.slow
@pytest.mark.usefixtures("no_run_left")
def test_the_example_starts_a_run_of_digits_and_shows_it_live(show):
    page = pages.button(show("runs"), "Train the example (20 seconds)").click().run()
    check(page)
    (run,) = runs.names()
    assert (runs.config(run).data.name, runs.config(run).net.name) == ("digits", "cnn")
    assert [title.value for title in page.title] == ["Live"]
    assert page.selectbox(key="run").value == run


def test_the_home_lists_every_run_newest_first_and_marks_the_damaged(show, finished):
    runs.write_status(finished["breast_cancer"], created=1.0)
    made = [pages.lost(), pages.damaged()]
    table = show("runs").dataframe[0].value
    assert table["Run"].tolist() == [run[11:] for run in runs.names()]
    states = dict(zip(table["Run"], table["State"]))
    assert [states[run[11:]] for run in (*finished.values(), *made)] == ["done", "done", "lost", "damaged"]


def test_the_home_shows_the_test_accuracy_with_its_interval(show, finished):
    table = show("runs").dataframe[0].value.set_index("Run")
    figure = runs.evaluation(finished["digits"])["test"]["metrics"]["accuracy"]
    expected = f"{figure['value']:.1%} ({100 * figure['low']:.1f} to {100 * figure['high']:.1f})"
    assert table.loc[finished["digits"][11:], "Test (95% interval)"] == expected


@pytest.mark.usefixtures("finished")
def test_the_home_offers_no_example_once_there_is_a_run(show):
    page = show("runs")
    assert "Train the example (20 seconds)" not in [found.label for found in page.button]
    assert {"Live", "Evaluate", "Explain", "Export"} <= set(pages.links(page))


def test_the_home_offers_only_live_for_a_run_without_figures(show):
    pages.stopped()
    assert not {"Evaluate", "Explain", "Export"} & set(pages.links(show("runs")))


# ---------------------------------------------------------------------------------------------------- actions


def test_a_deleted_run_is_in_the_trash_and_undo_brings_it_back(show):
    run = pages.stopped()
    page = show("live", run=run)
    pages.button(page, "Delete").click().run()
    check(page)
    assert runs.names() == [] and trash.names() == [run]
    assert any(f"Moved {run[11:]} to the trash." in line.value for line in page.markdown)
    page.switch_page("views/runs.py").run().button(key="undo").click().run()
    check(page)
    assert runs.names() == [run] and trash.names() == []


def test_the_trash_can_be_restored_from_and_emptied(show):
    made = [pages.stopped(), pages.failed()]
    for run in made:
        trash.delete(run)
    page = show("runs")
    page.multiselect(key="in-trash").set_value([made[0]]).run()
    page.button(key="restore").click().run()
    check(page)
    assert (runs.names(), trash.names()) == ([made[0]], [made[1]])
    page.button(key="empty").click().run()
    check(page)
    assert trash.names() == []


def test_a_run_that_ended_early_can_be_resumed_only_with_a_checkpoint(show):
    run = pages.stopped()
    assert "Resume" not in [found.label for found in show("live", run=run).button]
    runs.path(run, "checkpoints", "last.pt").touch()
    assert "Resume" in [found.label for found in show("live", run=run).button]


def test_clone_opens_the_train_page_with_the_run(show, monkeypatch):
    from core.training import dry_run

    monkeypatch.setattr(dry_run, "STEPS", 1)
    run = pages.stopped()
    page = pages.button(show("live", run=run), "Clone with changes").click().run()
    check(page)
    assert page.query_params["from"] == run and [title.value for title in page.title] == ["Train"]


def test_warnings_precision_and_weights_are_said_in_words(show):
    run = pages.stopped()
    rows = [{**pages.ROW, "epoch": i, "train_loss": 2.3, "samples_per_second": 1.0, "seconds": 1.0} for i in (4, 5, 6)]
    runs.append_rows(runs.path(run, "history.jsonl"), rows)
    runs.append_rows(runs.path(run, "steps.jsonl"), [{"step": 1, "epoch": 0.5, "loss": 2.0, "lr": 0.1, "grad_norm": 1}])
    tried = [{"name": "fp32", "seconds_per_step": 0.2, "loss": None, "kept": False}]
    runs.write_json(runs.path(run, "precision.json"), {"whole": {"chosen": "bf16", "why": "Fastest.", "tried": tried}})
    report = {
        "source": "x.pth",
        "sha256": "0" * 64,
        "loaded": 7,
        "missing": ["head.0"],
        "unexpected": [],
        "reshaped": [],
    }
    runs.write_json(runs.path(run, "weights.json"), report)
    runs.write_status(run, device="cpu", precision="bf16", batch_pieces=2, ended_early="the time of 1 min was used")
    page = show("live", run=run)
    check(page)
    said = " ".join(element.value for element in (*page.caption, *page.markdown)).replace("\\", "")
    assert "Trains on cpu in bf16. A batch did not fit into the memory: each is worked off in 2 pieces." in said
    assert "Started from x.pth: 7 tensors loaded, 1 missing." in said
    assert "Ended before its last epoch: the time of 1 min was used." in said
    assert len(page.warning) == 1
