"""What an older version wrote is read as it is; what a newer one wrote is left alone, with a sentence."""

import json

import pytest

from core import data, files, jobs, notes, runs, search
from core.data import store
from tests.faults import damage, looking

NEWER = r"was written by a newer Vitrine \(format 99; this one reads up to \d\); update Vitrine to open it\.$"


def change(path, **values):
    """Change some values of a JSON file; None takes one out."""
    before = {key: what for key, what in json.loads(path.read_text()).items() if key != files.SEAL}
    path.write_text(json.dumps({key: what for key, what in {**before, **values}.items() if what is not None}))


def test_a_run_without_numbers_of_formats_is_read_as_it_is(little):
    for name in ("config.json", "schema.json", "status.json", "notes.json", "operating.json"):
        change(runs.path(little["run"], name), format=None)
    assert jobs.summary(little["run"])["state"] == "done"
    assert jobs.summary(little["run"])["title"] == "First try"
    seen = looking.page("live", run=little["run"])
    assert not seen.faults, seen.faults[0]


@pytest.mark.parametrize("name", ["config.json", "status.json"])
def test_a_run_of_a_newer_version_is_listed_with_that_sentence(little, name):
    damage.spoil(runs.path(little["run"], name), "newer")
    row = jobs.summary(little["run"])
    assert row["state"] == "damaged"
    assert row["message"].endswith("(format 99; this one reads up to 1); update Vitrine to open it.")
    assert jobs.summary(little["other"])["state"] == "done"


def test_the_status_and_the_notes_of_a_newer_version_are_not_written_over(little):
    for name, write in (("status.json", runs.write_status), ("notes.json", notes.write)):
        path = runs.path(little["run"], name)
        damage.spoil(path, "newer")
        before = path.read_bytes()
        with pytest.raises(runs.NewerRun, match=NEWER):
            write(little["run"], **({"phase": "x"} if "status" in name else {"title": "x"}))
        assert path.read_bytes() == before


def test_figures_of_a_newer_version_are_not_taken_for_missing(little):
    change(runs.path(little["run"], "evaluation.json"), format=damage.NEWER)
    with pytest.raises(runs.NewerRun, match=NEWER):
        runs.evaluation(little["run"])


@pytest.mark.parametrize("file", ["set.json", "{version}/dataset.json"])
def test_a_data_set_of_a_newer_version_is_listed_and_says_so(workspace, little, file):  # noqa: ARG001
    version = store.version("visits")
    path = workspace / "data" / "visits" / file.format(version=version)
    change(path, format=damage.NEWER)
    before = path.read_bytes()
    assert "visits" in data.available()
    assert "damaged" in data.title("visits")
    with pytest.raises(ValueError, match=NEWER):
        data.get("visits")
    seen = looking.page("data", data="visits")
    assert not seen.faults, seen.faults[0]
    assert path.read_bytes() == before


def test_a_data_set_without_a_seal_is_read_as_it_is(workspace, little):  # noqa: ARG001
    path = workspace / "data" / "visits" / store.version("visits") / "dataset.json"
    change(path)
    assert len(data.get("visits")) == 120


def test_a_search_without_a_number_is_read_as_it_is_and_a_newer_one_says_so(little):
    change(search.path(little["search"], "search.json"), format=None)
    assert search.load(little["search"]).trials == 2
    change(search.path(little["search"], "search.json"), format=damage.NEWER)
    with pytest.raises(ValueError, match=NEWER):
        search.load(little["search"])
