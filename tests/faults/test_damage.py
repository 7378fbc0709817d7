"""Each file of a workspace damaged in each way: the lists stay, other things are what they were, pages say why."""

import shutil

import pytest

from core import data, jobs, notes, runs, search, trash
from core.data import store
from tests.faults import damage, looking

SKIPPED = (".lock", ".png")


def every_case(workspace):
    """Each file that holds something, with each way to damage it."""
    files = sorted(file for file in workspace.rglob("*") if file.is_file() and file.suffix not in SKIPPED)
    return [(file, way) for file in files if not file.name.startswith(".") for way in damage.ways(file)]


def test_no_damage_of_any_file_breaks_a_list_or_changes_another_line_of_it(workspace, little):
    before, kept = looking.lists(), workspace.parent / "kept"
    assert jobs.summary(little["run"])["state"] == jobs.summary(little["other"])["state"] == "done"
    cases = every_case(workspace)
    assert len(cases) > 200, "the workspace has lost its files"
    for file, way in cases:
        shutil.copy2(file, kept)
        damage.spoil(file, way)
        mine = file.relative_to(workspace).parts[1]
        now = looking.lists()
        changed = [key for key, value in before.items() if mine not in (key, key[1]) and now.get(key) != value]
        assert not changed, (file, way)
        shutil.rmtree(file) if file.is_dir() else file.unlink(missing_ok=True)
        shutil.copy2(kept, file)
    assert looking.lists() == before


@pytest.mark.parametrize("name", ["config.json", "status.json"])
def test_the_run_says_which_file_is_damaged_and_what_to_do(little, name):
    folder = runs.path(little["run"])
    content = (folder / name).read_bytes()
    for way in (*damage.ANY, *damage.OF_JSON, "missing"):
        (folder / name).write_bytes(content)
        damage.spoil(folder / name, way)
        row = jobs.summary(little["run"])
        advice = "update Vitrine to open it." if way == "newer" else f"; repair it or delete the folder {folder}."
        assert row["state"] == "damaged", way
        assert name in row["message"] and str(folder) in row["message"], (way, row["message"])
        assert row["message"].endswith(advice), (way, row["message"])


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("exports/parity.json", "and export the run again."),
        ("predictions/on-other.json", "and evaluate the run again."),
        ("evaluation.json", "and evaluate the run again."),
        ("operating.json", "it is made again."),
    ],
)
def test_what_to_do_about_a_file_is_never_to_delete_the_run_if_less_is_enough(little, name, advice):
    path = runs.path(little["run"], name)
    path.parent.mkdir(exist_ok=True)
    path.write_text("{")
    with pytest.raises(runs.DamagedRun) as error:
        runs.read_json(little["run"], name)
    assert str(error.value).endswith(f"delete {path}, {advice}" if "made" in advice else f"delete {path} {advice}")


@pytest.mark.parametrize(
    ("page", "name", "way"),
    [
        ("runs", "status.json", "texts"),
        ("live", "status.json", "numbers"),
        ("live", "history.jsonl", "deep nulls"),
        ("live", "config.json", "deep texts"),
        ("evaluate", "evaluation.json", "deep nulls"),
        ("evaluate", "schema.json", "newer"),
        ("evaluate", "predictions/test.parquet", "some bytes"),
        ("evaluate", "operating.json", "nulls"),
        ("export", "config.json", "newer"),
        ("share", "evaluation.json", "lists"),
    ],
)
def test_a_page_of_a_run_with_a_damaged_file_says_so_in_sentences(little, page, name, way):
    if name == "evaluation.json":  # on paper it has no seal, as one of an older version
        runs.write_record(little["run"], name, runs.evaluation(little["run"]))
    damage.spoil(runs.path(little["run"], name), way)
    seen = looking.page(page, run=little["run"])
    assert not seen.faults, seen.faults[0]


@pytest.mark.parametrize(("file", "way"), [("dataset.json", "deep nulls"), ("table.parquet", "cut in half")])
def test_the_data_page_says_what_is_wrong_with_a_damaged_set(workspace, little, file, way):  # noqa: ARG001
    damage.spoil(workspace / "data" / "visits" / store.version("visits") / file, way)
    seen = looking.page("data", data="visits")
    assert not seen.faults, seen.faults[0]
    assert any(str(workspace / "data" / "visits") in text for text in seen.errors), seen.errors


@pytest.mark.parametrize("way", ["emptied", "texts", "missing", "newer"])
def test_a_damaged_search_is_listed_and_says_so(little, way):
    damage.spoil(search.path("small", "search.json"), way)
    assert search.names() == ["small"]
    with pytest.raises(ValueError, match=r"update Vitrine to open it\.$|; delete .*/searches/small\.$"):
        search.load("small")
    seen = looking.page("search", search=little["search"])
    assert not seen.faults, seen.faults[0]


def test_new_notes_keep_the_damaged_file_of_the_old_ones(little):
    path = runs.path(little["run"], "notes.json")
    damage.spoil(path, "cut in half")
    half = path.read_text()
    assert "repair" in notes.problem(little["run"])
    notes.write(little["run"], note="A new one.")
    assert notes.read(little["run"]).note == "A new one."
    assert notes.problem(little["run"]) is None
    assert runs.path(little["run"], "notes-damaged.json").read_text() == half


def test_a_run_in_the_trash_comes_back_damaged_as_it_is(workspace, little):
    damage.spoil(workspace / "trash" / little["gone"] / "config.json", "emptied")
    assert trash.names() == [little["gone"]]
    trash.restore(little["gone"])
    assert jobs.summary(little["gone"])["state"] == "damaged"
    assert jobs.summary(little["run"])["state"] == "done"


def test_a_data_set_whose_last_file_was_never_written_is_found_again(workspace, little):  # noqa: ARG001
    (workspace / "data" / "visits" / "set.json").unlink()
    assert len(data.get("visits")) == 120
