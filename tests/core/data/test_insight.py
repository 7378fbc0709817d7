"""What the Data page shows of a set: computed once, kept beside the version, made again where it is damaged."""

import dataclasses
import json

import numpy as np
import pytest

from core import data, files
from core.data import checks, insight, profile, store
from tests.core import toys


@pytest.fixture
def table():
    """A stored table of 60 rows, two of them twice; returns its name and version."""
    made = toys.table("people", n=60)
    frame = made.table.copy()
    frame.loc[[58, 59]] = frame.loc[[0, 1]].to_numpy()
    stored = store.put(dataclasses.replace(made, table=frame))
    return "people", stored.fingerprint[:12]


@pytest.fixture
def images():
    stored = store.put(toys.images("pets", n=20))
    return "pets", stored.fingerprint[:12]


@pytest.fixture
def computed(monkeypatch):
    """The names of what is computed, in order."""
    done = []

    def watched(name, compute):
        def noting(*arguments):
            done.append(name)
            return compute(*arguments)

        return noting

    for module, name in ((profile, "of_table"), (profile, "of_images"), (profile, "mean_images"), (checks, "run")):
        monkeypatch.setattr(module, name, watched(name, getattr(module, name)))
    return done


def test_the_profile_is_computed_once(table, computed):
    first, second = insight.profile(*table), insight.profile(*table)
    assert computed == ["of_table"]
    assert first == second == json.loads(json.dumps(first))
    assert (first["n"], [column["name"] for column in first["columns"]]) == (60, ["a", "colour", "b"])
    assert sum(first["sizes"]["train"]) + sum(first["sizes"]["val"]) + sum(first["sizes"]["test"]) == 60


def test_a_profile_of_images_is_computed_once(images, computed):
    assert insight.profile(*images) == insight.profile(*images)
    assert insight.profile(*images)["most_frequent"] == [[3, 2, 20]]
    assert computed == ["of_images"]


def test_findings_are_computed_once(table, computed):
    first, second = insight.findings(*table), insight.findings(*table)
    assert computed == ["run"] and first == second
    assert "exact_duplicates" in {finding["check"] for finding in first}
    assert [checks.Finding.from_dict(finding).to_dict() for finding in first] == first


def test_mean_images_are_computed_once(images, computed):
    first, second = insight.means(*images), insight.means(*images)
    assert computed == ["mean_images"]
    assert first.shape == (2, 1, 2, 3) and first.dtype == np.uint8
    assert first[:, 0, 0, 0].tolist() == second[:, 0, 0, 0].tolist() == [0, 255]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b'{"format": 0}', b"\xff\xfe", None])
def test_a_damaged_record_is_made_again(workspace, table, content, computed):
    whole = insight.profile(*table)
    path = workspace / "data" / table[0] / table[1] / "profile.json"
    path.unlink() if content is None else path.write_bytes(content)
    assert insight.profile(*table) == whole and files.read_json(path) == whole
    assert computed == ["of_table"] * 2


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK\x03\x04 no zip", b"\x80\x04K\x01.", "cut", "flat"])
def test_damaged_means_are_made_again(workspace, images, content, computed):
    whole = insight.means(*images)
    path = workspace / "data" / images[0] / images[1] / "means.npy"
    if content == "flat":
        np.save(path, np.zeros(3))
    else:
        path.write_bytes(path.read_bytes()[:-3] if content == "cut" else content)
    for _ in range(2):
        np.testing.assert_array_equal(insight.means(*images), whole)
    assert computed == ["mean_images"] * 2


def test_each_version_has_its_own(table, computed):
    newer = store.put(toys.table("people", n=30)).fingerprint[:12]
    assert [insight.profile("people", version)["n"] for version in (table[1], newer, table[1])] == [60, 30, 60]
    assert computed == ["of_table"] * 2


def test_a_place_that_cannot_be_written_still_shows(table, monkeypatch):
    def refuse(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(insight.files, "write_json", refuse)
    monkeypatch.setattr(insight.files, "replacing", refuse)
    assert insight.profile(*table)["n"] == 60
    pets = store.load(store.folder("people") / table[1])
    assert len(pets) == 60


def test_a_set_too_small_to_be_split_is_looked_at_all_the_same():
    made = store.put(toys.table("few", n=2))
    with pytest.raises(ValueError, match="part of the split is empty"):
        data.parts(made, insight.DataConfig(name="few"))
    assert insight.profile("few", made.fingerprint[:12])["n"] == 2
    assert "single_sample" in {finding["check"] for finding in insight.findings("few", made.fingerprint[:12])}


def test_a_set_that_is_gone_is_told_as_such():
    with pytest.raises(LookupError, match="There is no data set 'gone'"):
        insight.profile("gone", "0" * 12)


# ---------------------------------------------------------------------------------------------------- mending


def test_mending_gives_a_new_version_and_keeps_the_old(table):
    (twice,) = [finding for finding in insight.findings(*table) if finding["check"] == "exact_duplicates"]
    version = insight.mend(*table, twice["fix"])
    assert version != table[1] and store.version("people") == version
    assert (len(data.get("people", table[1])), len(data.get("people", version))) == (60, 58)
    assert "exact_duplicates" not in {finding["check"] for finding in insight.findings("people", version)}
    assert insight.findings(*table)  # of the old version, as they were


def test_a_column_left_out_by_a_mend_keeps_the_rows_and_their_parts(table):
    before = data.parts(data.get("people"), insight.DataConfig(name="people"))
    fix = checks.Fix("Leave out b", "leave_out_columns", {"names": ["b"], "reason": "It counts the rows."})
    version = insight.mend(*table, fix.to_dict())
    after = data.get("people", version)
    assert [column.name for column in after.columns] == ["a", "colour"] and after.left_out[-1].name == "b"
    assert data.parts(after, insight.DataConfig(name="people")).tolist() == before.tolist()


def test_a_mend_remembers_where_the_set_came_from():
    store.put(toys.table("people", n=60), {"reader": "table", "where": "people.csv", "options": {}})
    fix = checks.Fix("Drop", "drop_samples", {"ids": ["row-0"]}).to_dict()
    insight.mend("people", store.version("people"), fix)
    assert store.source("people")["where"] == "people.csv"


def test_a_mend_that_leaves_nothing_to_learn_changes_nothing(table):
    fix = checks.Fix("Drop", "drop_classes", {"names": ["yes"]}).to_dict()
    with pytest.raises(ValueError, match="people would have 1 of its 2 classes left"):
        insight.mend(*table, fix)
    assert store.version("people") == table[1]
