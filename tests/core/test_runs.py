"""The run folder."""

import json
import os
import threading

import numpy as np
import pytest

from core import config, run_names, runs, trash
from tests.core import toys


def make() -> str:
    return runs.create(config.suggest(toys.table()), toys.table().schema, "f00d")


def aged(name: str, seconds: float) -> str:
    """An empty run folder of this name, made `seconds` after 1970."""
    runs.path(name).mkdir(parents=True)
    runs.path(name, "config.json").write_text("{}")
    os.utime(runs.path(name, "config.json"), (seconds, seconds))
    return name


# ---------------------------------------------------------------------------------------------------- names


def test_no_workspace_means_no_runs():
    assert runs.names() == []


def test_names_are_sorted_newest_first_by_day_and_then_by_moment():
    aged("2026-01-02-calm-ash", 50)
    aged("2026-01-02-bold-oak", 60)
    aged("2026-01-01-wild-elm", 99)
    assert runs.names() == ["2026-01-02-bold-oak", "2026-01-02-calm-ash", "2026-01-01-wild-elm"]


def test_what_is_no_run_folder_is_not_listed():
    run = make()
    (runs.path(run).parent / "notes.txt").write_text("mine")
    (runs.path(run).parent / ".hidden").mkdir()
    assert runs.names() == [run]


@pytest.mark.parametrize("name", ["../x", "..", ".", "", "a/b", "a\\b", "/etc", "x\n", "a b", "x" * 101])
def test_a_name_that_could_leave_the_workspace_is_refused(name):
    with pytest.raises(LookupError, match="is not the name of a run"):
        runs.path(name)


def test_a_run_is_found_by_its_whole_name_its_last_words_and_latest():
    old, new = aged("2026-01-01-wild-elm", 1), aged("2026-01-02-calm-ash", 2)
    assert [runs.resolve(text) for text in (old, "wild-elm", "elm", "latest")] == [old, old, old, new]


def test_last_words_that_fit_two_runs_are_refused_with_both_names():
    aged("2026-01-01-wild-elm", 1)
    aged("2026-01-02-wild-elm", 2)
    with pytest.raises(LookupError, match=r"2 runs end in 'wild-elm': 2026-01-02-wild-elm, 2026-01-01-wild-elm\."):
        runs.resolve("wild-elm")


@pytest.mark.parametrize("text", ["latest", "nope", "", "../x"])
def test_a_run_that_is_not_there_is_refused_with_the_way_to_list_them(text):
    with pytest.raises(LookupError, match=r"There is no run .* lists those there are"):
        runs.resolve(text)


# ---------------------------------------------------------------------------------------------------- create


def test_create_makes_a_queued_run_with_all_its_folders():
    run = make()
    assert runs.status(run)["state"] == "queued"
    assert {p.name for p in runs.path(run).iterdir() if p.is_dir()} == {
        "checkpoints",
        "predictions",
        "explanations",
        "exports",
    }


def test_create_keeps_config_schema_and_fingerprint():
    asked = config.suggest(toys.table(), lr=0.25)
    run = runs.create(asked, toys.table().schema, "f00d")
    assert runs.config(run) == asked
    assert runs.schema(run) == toys.table().schema
    assert runs.read_json(run, "schema.json")["fingerprint"] == "f00d"


def test_two_runs_of_one_day_have_two_names(monkeypatch):
    monkeypatch.setattr(run_names, "ADJECTIVES", ["calm"])
    monkeypatch.setattr(run_names, "NOUNS", ["ash", "oak"])  # only two names are left, so a clash is all but certain
    names = [make(), make()]
    assert sorted(name[11:] for name in names) == ["calm-ash", "calm-oak"]


@pytest.fixture
def blocked(tmp_path, monkeypatch):
    """A workspace below a regular file, which nobody can make, not even root."""
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("VITRINE_WORKSPACE", str(tmp_path / "file" / "workspace"))
    return tmp_path / "file" / "workspace"


@pytest.mark.parametrize("use", [runs.check_workspace, make])
def test_a_workspace_that_cannot_be_written_is_refused_with_a_sentence(blocked, use):
    with pytest.raises(runs.WorkspaceError) as error:
        use()
    assert str(error.value) == (
        f"The workspace {blocked} cannot be written (Not a directory); "
        "make it writable, or name another folder in VITRINE_WORKSPACE."
    )


def test_a_workspace_that_is_not_there_has_no_runs(blocked):
    assert not blocked.exists() and runs.names() == []


def test_a_workspace_that_cannot_be_read_is_refused_with_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("VITRINE_WORKSPACE", str(tmp_path / ("x" * 300)))  # a name too long for any file system
    with pytest.raises(runs.WorkspaceError, match=f"The workspace {tmp_path}/x+ cannot be read"):
        runs.names()


# ---------------------------------------------------------------------------------------------------- damage


@pytest.mark.parametrize("name", ["status.json", "config.json", "schema.json"])
@pytest.mark.parametrize("text", [b"", b"{", b'{"state": "runn', b"[]", b"null", b"5", b"\xff\xfe\x00", None], ids=repr)
def test_a_damaged_file_is_named(name, text):
    run = make()
    runs.path(run, name).unlink() if text is None else runs.path(run, name).write_bytes(text)
    read = {"status.json": runs.status, "config.json": runs.config, "schema.json": runs.schema}[name]
    with pytest.raises(runs.DamagedRun, match=rf"^{name} of run {run} "):
        read(run)


@pytest.mark.parametrize("name", ["status.json", "config.json", "schema.json"])
def test_an_object_that_says_nothing_is_damage_too(name):
    run = make()
    runs.path(run, name).write_text("{}")
    read = {"status.json": runs.status, "config.json": runs.config, "schema.json": runs.schema}[name]
    with pytest.raises(runs.DamagedRun, match=rf"^{name} of run {run} "):
        read(run)


def test_a_setting_out_of_range_in_config_json_is_named():
    run = make()
    values = runs.read_json(run, "config.json")
    values["training"]["epochs"] = 0
    runs.write_json(runs.path(run, "config.json"), values)
    with pytest.raises(runs.DamagedRun, match=f"config.json of run {run} does not describe a run: epochs is 0"):
        runs.config(run)


def test_a_run_that_was_deleted_is_no_damage_but_not_there():
    with pytest.raises(LookupError, match="There is no run 2026-01-01-wild-elm"):
        runs.status("2026-01-01-wild-elm")


def test_a_damaged_status_is_written_anew():
    run = make()
    runs.path(run, "status.json").write_text("{")
    runs.write_status(run, state="failed")
    assert runs.status(run)["state"] == "failed"


def test_a_change_of_status_keeps_the_rest():
    run = make()
    runs.write_status(run, epoch=3)
    runs.write_status(run, step=9)
    assert {"state": "queued", "epoch": 3, "step": 9}.items() <= runs.status(run).items()


# ---------------------------------------------------------------------------------------------------- files


def test_write_json_refuses_nan_and_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    target = tmp_path / "figures.json"
    runs.write_json(target, {"a": 1})
    with pytest.raises(ValueError, match="JSON"):
        runs.write_json(target, {"a": float("nan")})
    assert (json.loads(target.read_text()), [p.name for p in tmp_path.glob("*fig*")]) == ({"a": 1}, ["figures.json"])


def test_a_write_that_fails_half_way_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    target = tmp_path / "figures.json"
    target.write_text("old")

    def half():
        with runs.replacing(target) as beside:
            beside.write_text("ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert (target.read_text(), os.listdir(tmp_path)) == ("old", ["figures.json"])


def test_a_reader_never_sees_half_a_file(tmp_path):
    target = tmp_path / "figures.json"
    runs.write_json(target, {"values": [0] * 3000})
    ended = threading.Event()
    seen = set()

    def read():
        while not ended.is_set():
            seen.add(len(json.loads(target.read_text())["values"]))

    reader = threading.Thread(target=read)
    reader.start()
    for i in range(50):
        runs.write_json(target, {"values": [i] * 3000})
    ended.set()
    reader.join()
    assert seen == {3000}


def test_two_threads_may_write_one_file_at_once(tmp_path):
    faults = []

    def write():
        try:
            for i in range(50):
                runs.write_json(tmp_path / "status.json", {"i": i})
        except OSError as error:
            faults.append(error)

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


def test_rows_come_back_as_they_were_appended(tmp_path):
    runs.append_rows(tmp_path / "h.jsonl", [{"epoch": 1}, {"epoch": 2}])
    runs.append_rows(tmp_path / "h.jsonl", [{"epoch": 3}])
    assert runs.read_rows(tmp_path / "h.jsonl") == [{"epoch": 1}, {"epoch": 2}, {"epoch": 3}]


def test_a_last_line_without_its_newline_is_still_being_written(tmp_path):
    (tmp_path / "h.jsonl").write_text('{"epoch": 1}\n{"epoch": 2}')
    assert runs.read_rows(tmp_path / "h.jsonl") == [{"epoch": 1}]


@pytest.mark.parametrize("line", [b'{"epo', b"", b"\xff\xfe", b'{"epoch": 2}{"epoch": 3}'], ids=repr)
def test_a_damaged_line_is_left_out(tmp_path, line):
    (tmp_path / "h.jsonl").write_bytes(b'{"epoch": 1}\n' + line + b'\n{"epoch": 4}\n')
    assert runs.read_rows(tmp_path / "h.jsonl") == [{"epoch": 1}, {"epoch": 4}]


def test_a_line_that_is_no_object_is_left_out(tmp_path):
    (tmp_path / "h.jsonl").write_text('{"epoch": 1}\n7\n')
    assert runs.read_rows(tmp_path / "h.jsonl") == [{"epoch": 1}]


def test_no_file_has_no_rows(tmp_path):
    assert runs.read_rows(tmp_path / "h.jsonl") == []


def test_predictions_come_back_as_they_were_written():
    run = make()
    logits = np.array([[0.1, -2.5], [3e-8, 7]], np.float32)
    runs.write_predictions(run, "val", np.array(["b", "a"]), np.array([1, 0]), logits)
    ids, targets, back = runs.predictions(run, "val")
    assert (ids.tolist(), targets.tolist()) == (["b", "a"], [1, 0])
    np.testing.assert_array_equal(back, logits)


def test_logits_of_more_than_ten_classes_keep_their_order():
    run = make()
    logits = np.arange(24, dtype=np.float32).reshape(2, 12)
    runs.write_predictions(run, "val", np.array(["a", "b"]), np.array([1, 0]), logits)
    np.testing.assert_array_equal(runs.predictions(run, "val")[2], logits)


@pytest.mark.parametrize("content", [None, b"", b"PAR1 and then nothing"])
def test_damaged_predictions_are_named(content):
    run = make()
    if content is not None:
        runs.path(run, "predictions", "test.parquet").write_bytes(content)
    with pytest.raises(runs.DamagedRun, match=f"predictions/test.parquet of run {run} cannot be read"):
        runs.predictions(run, "test")


def test_a_run_that_was_not_evaluated_has_no_figures_and_no_parity():
    run = make()
    assert (runs.evaluation(run), runs.parity(run), runs.history(run), runs.steps(run)) == (None, None, [], [])


def test_the_end_of_the_log_is_read_whatever_its_length():
    run = make()
    runs.path(run, "log.txt").write_text("".join(f"line {i}\n" for i in range(5000)))
    assert runs.log_tail(run, 2) == "line 4998\nline 4999"


def test_no_log_is_an_empty_log():
    assert runs.log_tail(make()) == ""


# ---------------------------------------------------------------------------------------------------- trash


def test_a_deleted_run_is_in_the_trash_and_comes_back_whole():
    run = make()
    before = runs.config(run)
    trash.delete(run)
    assert (runs.names(), trash.names()) == ([], [run])
    trash.restore(run)
    assert (runs.names(), trash.names(), runs.config(run)) == ([run], [], before)


def test_an_emptied_trash_is_empty():
    for _ in range(2):
        trash.delete(make())
    assert trash.empty() == 2
    assert (trash.names(), trash.empty()) == ([], 0)


def test_what_is_not_there_can_be_neither_deleted_nor_restored():
    with pytest.raises(LookupError, match="There is no run calm-ash in"):
        trash.delete("calm-ash")
    with pytest.raises(LookupError, match="There is no run calm-ash in the trash"):
        trash.restore("calm-ash")


def test_a_run_does_not_come_back_over_another_of_its_name():
    run = make()
    trash.delete(run)
    aged(run, 50)
    with pytest.raises(ValueError, match=f"There is a run {run} already"):
        trash.restore(run)


def test_history_is_cut_back_to_an_epoch():
    run = make()
    runs.append_rows(runs.path(run, "history.jsonl"), [{"epoch": 1}, {"epoch": 2}])
    runs.append_rows(runs.path(run, "steps.jsonl"), [{"epoch": 0.5}, {"epoch": 1.0}, {"epoch": 1.5}])
    runs.cut_back(run, 1)
    assert (runs.history(run), runs.steps(run)) == ([{"epoch": 1}], [{"epoch": 0.5}, {"epoch": 1.0}])


def with_epochs(n: int) -> str:
    """A run that kept what its net said to two validation samples after each of n epochs."""
    run = make()
    runs.begin_epochs(run, np.array(["a", "b"]), np.array([0, 1]), 3)
    for epoch in range(n):
        runs.append_epoch(run, np.full((2, 3), epoch, np.float16))
    return run


def test_predictions_of_each_epoch_come_back():
    run = with_epochs(2)
    ids, targets, logits = runs.epochs(run)
    assert (ids.tolist(), targets.tolist(), logits.shape) == (["a", "b"], [0, 1], (2, 2, 3))
    assert logits[:, 0, 0].tolist() == [0.0, 1.0]


def test_predictions_of_epochs_are_cut_back_and_go_on():
    run = with_epochs(3)
    runs.cut_back(run, 1)
    runs.append_epoch(run, np.full((2, 3), 7, np.float16))
    assert runs.epochs(run)[2][:, 0, 0].tolist() == [0.0, 7.0]


def test_an_epoch_that_was_being_written_when_the_process_died_is_left_out():
    run = with_epochs(2)
    with open(runs.path(run, "predictions", "epochs.bin"), "ab") as file:
        file.write(b"half")
    assert len(runs.epochs(run)[2]) == 2
    runs.cut_back(run, 2)
    runs.append_epoch(run, np.full((2, 3), 7, np.float16))
    assert runs.epochs(run)[2][:, 0, 0].tolist() == [0.0, 1.0, 7.0]


def test_a_run_without_predictions_of_epochs_has_none():
    run = make()
    assert runs.epochs(run) is None
    runs.cut_back(run, 1)
    assert runs.epochs(with_epochs(0)) is None
