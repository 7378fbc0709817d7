"""The command line, as a person uses it."""

import json
import subprocess
import sys

import pytest

from core import cli, data, jobs, runs, trash


def command(*words):
    """Run `python -m core words`; returns exit code, output and error stream."""
    done = subprocess.run(
        [sys.executable, "-m", "core", *words], cwd=jobs.ROOT, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def refused(*words) -> str:
    """The one line after "Error: " that a command ends with."""
    code, out, err = command(*words)
    assert (code, out) == (1, ""), (out, err)
    assert err.startswith("Error: ") and err.endswith("\n") and err.count("\n") == 1, err
    return err[len("Error: ") : -1]


@pytest.mark.slow
def test_train_waits_and_ends_with_the_table():
    code, out, err = command("train", "--data", "iris", "--epochs", "2")
    assert (code, err) == (0, "")
    (run,) = runs.names()
    for words in (run, "done", "iris, mlp", "validation accuracy", "test accuracy", "AUROC", "Right on"):
        assert words in out
    assert len(runs.history(run)) == 2


@pytest.mark.slow
def test_no_wait_prints_the_name_and_leaves_the_run_at_work():
    code, out, err = command("train", "--data", "iris", "--epochs", "10000", "--no-wait")
    assert (code, err) == (0, "")
    run = out.strip()
    try:
        assert (out, jobs.state(run) in runs.WORKING) == (f"{run}\n", True)
    finally:
        code, out, _ = command("stop")
    assert (code, out, jobs.state(run)) == (0, f"{run}: stopped\n", "stopped")


def test_an_error_ends_the_process_with_one_line_and_exit_code_1():
    assert (
        refused("show")
        == f"There is no run 'latest' in {runs.workspace()}; `python -m core runs` lists those there are."
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("train", "--data", "irs"), "There is no data set 'irs'; there are "),
        (("train", "--data", "iris", "--net", "mpl"), "There is no net 'mpl'; there are "),
        (("train", "--data", "iris", "--net", "cnn"), "The net cnn is for images but the data set iris "),
        (("train", "--data", "iris", "--epochs", "0"), "epochs is 0; it must be from 1 to 10000."),
        (("train", "--data", "iris", "--lr", "nan"), "lr is nan; it must be from 1e-08 to 100."),
        (("train", "--data", "iris", "--optimizer", "magic"), "optimizer is 'magic'; it must be one of adam,"),
        (("show",), "There is no run 'latest' in "),
        (("train", "--data", "iris", "--set", "magic=1"), "There is no setting magic; the settings are "),
        (("train", "--data", "iris", "--freeze", "-1"), "The net mlp has no backbone to freeze"),
        (("lr", "--data", "iris", "--set", "magic=1"), "There is no setting magic; the settings are "),
        (("resume", "nope"), "There is no run 'nope' in "),
        (("again", "nope"), "There is no run 'nope' in "),
        (("delete", "nope"), "There is no run 'nope' in "),
        (("restore", "nope"), "There is no run nope in the trash."),
        (("stop", "../x"), "There is no run '../x' in "),
        (("explain", "nope"), "There is no run 'nope' in "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_done_is_refused_with_a_sentence(words, sentence, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["core", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code.startswith(f"Error: {sentence}")  # Python prints a text and ends with 1
    assert "\n" not in end.value.code


def test_what_was_refused_left_no_run(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["core", "train", "--data", "iris", "--epochs", "0"])
    with pytest.raises(SystemExit):
        cli.main()
    assert runs.names() == []


def test_a_workspace_that_cannot_be_used_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("VITRINE_WORKSPACE", str(tmp_path / "file" / "workspace"))
    assert refused("train", "--data", "iris").startswith("The workspace ")


def test_listing_where_the_workspace_cannot_be_read_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("VITRINE_WORKSPACE", str(tmp_path / ("x" * 300)))
    assert refused("runs").startswith("The workspace ")


def test_no_runs_says_how_to_start_one():
    code, out, _ = command("runs")
    assert code == 0 and "python -m core train" in out


def test_runs_are_listed_with_a_damaged_one_among_them(finished):
    runs.path(finished["digits"], "status.json").write_text("{")
    code, out, err = command("runs")
    assert (code, err) == (0, "")
    assert all(run in out for run in finished.values()) and "damaged" in out


def test_runs_as_json_can_be_read_by_a_program(finished):
    code, out, _ = command("runs", "--json")
    assert code == 0
    assert {row["run"]: row["state"] for row in json.loads(out)} == dict.fromkeys(finished.values(), "done")


def test_show_finds_a_run_by_its_last_words(finished):
    code, out, _ = command("show", finished["digits"][11:])
    assert code == 0 and finished["digits"] in out and "Right on" in out


def test_show_as_json_has_the_settings(finished):
    code, out, _ = command("show", finished["digits"], "--json")
    assert code == 0 and json.loads(out)["config"] == runs.config(finished["digits"]).to_dict()


def test_a_damaged_run_is_shown_as_damaged(finished):
    runs.path(finished["digits"], "config.json").write_text("{")
    code, out, err = command("show", finished["digits"])
    assert (code, err) == (0, "") and "damaged" in out and "config.json" in out


def test_a_run_at_work_is_not_evaluated(finished):
    run = finished["digits"]
    runs.write_status(run, state="running")
    with jobs.alive(run):
        assert refused("evaluate", run).startswith(f"Run {run} is still at work")


@pytest.mark.slow
def test_evaluate_gives_a_stopped_run_its_figures(finished):
    run = finished["breast_cancer"]
    runs.path(run, "evaluation.json").unlink()
    runs.write_status(run, state="stopped", message="Stopped by request.")
    code, out, _ = command("evaluate", run)
    assert code == 0 and "Right on" in out
    assert runs.evaluation(run)["test"]["n"] == len(runs.predictions(run, "test")[0])


@pytest.mark.slow
def test_weights_that_are_damaged_are_one_line(finished):
    path = runs.path(finished["digits"], "checkpoints", "best.pt")
    path.write_bytes(path.read_bytes()[:1000])
    assert refused("evaluate", finished["digits"]).startswith(f"The checkpoint {path} cannot be read")


@pytest.mark.slow
def test_explain_says_what_it_found_and_where_it_is_kept(finished):
    code, out, err = command("explain", finished["breast_cancer"])
    assert (code, err) == (0, "")
    assert "What speaks most for or against" in out
    assert out.splitlines()[-1].startswith(f"Kept in {runs.path(finished['breast_cancer'])}")


def test_a_sample_that_is_not_there_is_refused_in_words_for_people(finished):
    sentence = refused("explain", finished["digits"], "--sample", "nope")
    assert sentence.startswith("There is no sample 'nope' in the data of run ") and "np.str_" not in sentence


def test_help_names_every_source():
    code, out, _ = command("train", "--help")
    assert code == 0 and all(name in out for name in data.available())


def test_the_command_line_starts_without_torch():
    code = "import sys, core.cli; assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], cwd=jobs.ROOT, check=False).returncode == 0


def words_of(monkeypatch, capsys, *words) -> str:
    """What a command prints, in this process."""
    monkeypatch.setattr(sys, "argv", ["core", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code in (0, None)
    return capsys.readouterr().out


def test_a_deleted_run_is_in_the_trash_until_it_is_restored(finished, monkeypatch, capsys):
    run = finished["digits"]
    assert words_of(monkeypatch, capsys, "delete", run[11:]).startswith(f"{run} is in the trash; ")
    assert words_of(monkeypatch, capsys, "trash") == f"{run}\n" and run not in runs.names()
    assert words_of(monkeypatch, capsys, "restore", run[11:]) == f"{run} is back.\n"
    assert words_of(monkeypatch, capsys, "trash") == "The trash is empty.\n" and run in runs.names()


def test_an_emptied_trash_is_gone_for_good(finished, monkeypatch, capsys):
    trash.delete(finished["digits"])
    assert words_of(monkeypatch, capsys, "trash", "--empty") == "1 run deleted for good.\n"
    assert trash.names() == []


def test_a_finished_run_is_not_resumed(finished, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["core", "resume", finished["digits"]])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code.startswith(f"Error: Run {finished['digits']} is done; only a run that was stopped")


def test_the_nets_are_listed_for_programs(monkeypatch, capsys):
    rows = json.loads(words_of(monkeypatch, capsys, "nets", "--json"))
    assert {row["net"]: row["for"] for row in rows}["mlp"] == ["table"]


def test_a_search_says_which_learning_rate_to_take(monkeypatch, capsys):
    assert ": take 0." in words_of(monkeypatch, capsys, "lr", "--data", "iris", "--set", "device=cpu")
