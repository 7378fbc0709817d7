"""The workspace's store of data sets: names, versions, plain files."""

import dataclasses
import os
import threading

import numpy as np
import pandas as pd
import pytest

from core.data import store
from core.data.dataset import LeftOut, Note
from tests.core import toys

MAKERS = [toys.table, toys.images]


# ---------------------------------------------------------------------------------------------------- one version


@pytest.mark.parametrize("make", MAKERS)
def test_a_stored_data_set_comes_back_as_it_was(tmp_path, make):
    given = make()
    store.save(given, tmp_path / given.name / "x")
    back = store.load(tmp_path / given.name / "x")
    facts = ("name", "kind", "classes", "origin", "licence", "columns", "schema", "fingerprint")
    assert [getattr(back, fact) for fact in facts] == [getattr(given, fact) for fact in facts]
    np.testing.assert_array_equal(back.x, given.x)
    np.testing.assert_array_equal(back.targets, given.targets)
    np.testing.assert_array_equal(back.ids, given.ids)


def test_stored_pictures_are_mapped_and_not_read(tmp_path):
    store.save(toys.images(), tmp_path / "x")
    assert isinstance(store.load(tmp_path / "x").images, np.memmap)


def test_a_data_set_that_is_there_already_is_kept(tmp_path):
    store.save(toys.images(n=6), tmp_path / "x")
    store.save(toys.images(n=4), tmp_path / "x")
    assert (len(store.load(tmp_path / "x")), os.listdir(tmp_path)) == (6, ["x"])


def test_many_writers_at_once_leave_one_whole_data_set(tmp_path):
    faults = []

    def write():
        try:
            store.save(toys.table(), tmp_path / "x")
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (faults, os.listdir(tmp_path)) == ([], ["x"])
    assert store.load(tmp_path / "x").fingerprint == toys.table().fingerprint


def test_a_data_set_that_cannot_be_stored_leaves_nothing_behind(tmp_path):
    bad = dataclasses.replace(toys.table(n=2), table=pd.DataFrame({"a": [1.0, "one"], "colour": None, "b": 0.0}))
    with pytest.raises(Exception, match="a"):
        store.save(bad, tmp_path / "x")
    assert os.listdir(tmp_path) == []


def test_a_place_that_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError):
        store.save(toys.table(), tmp_path / "file" / "x")


@pytest.mark.parametrize("content", [None, b"", b"half", "cut"], ids=["missing", "empty", "nonsense", "cut short"])
@pytest.mark.parametrize(
    ("make", "name"),
    [
        (toys.images, "dataset.json"),
        (toys.images, "samples.parquet"),
        (toys.images, "images.npy"),
        (toys.table, "table.parquet"),
    ],
)
def test_a_damaged_data_set_is_refused_with_the_folder_to_delete(tmp_path, make, name, content):
    store.save(make(), tmp_path / "x")
    file = tmp_path / "x" / name
    if content is None:
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-4] if content == "cut" else content)
    with pytest.raises(ValueError) as error:
        store.load(tmp_path / "x")
    assert str(error.value).startswith(f"The stored data set {tmp_path.name} cannot be read")
    assert str(error.value).endswith(f"delete the folder {tmp_path / 'x'} to make it anew.")


def test_a_row_too_few_in_one_file_is_refused(tmp_path):
    store.save(toys.table(), tmp_path / "x")
    toys.table(n=19).table.to_parquet(tmp_path / "x" / "table.parquet")
    with pytest.raises(ValueError, match="19 samples, 20 targets and 20 ids"):
        store.load(tmp_path / "x")


def test_what_is_known_beside_the_samples_comes_back_too(tmp_path):
    given = dataclasses.replace(
        toys.images(),
        about=pd.DataFrame({"part": ["train"] * 5 + ["test"], "file": [f"{i}.png" for i in range(6)]}),
        root="/photos",
        notes=(Note("file", "7.png", "It is cut short."),),
        left_out=(),
    )
    store.save(given, tmp_path / "x")
    back = store.load(tmp_path / "x")
    pd.testing.assert_frame_equal(back.about, given.about, check_dtype=False)
    assert (back.root, back.notes) == (given.root, given.notes)


def test_a_decoded_cache_is_linked_and_not_copied(tmp_path):
    np.save(tmp_path / "images.npy", toys.images().images)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    store.save(dataclasses.replace(toys.images(), images=mapped), tmp_path / "x")
    assert (tmp_path / "x" / "images.npy").stat().st_nlink == 2


# ---------------------------------------------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My photos (2)", "my-photos-2"),
        ("../../etc", "etc"),
        ("Küche", "küche"),
        ("<b>", "b"),
        ("", "data"),
        ("😀", "data"),
    ],
)
def test_any_text_makes_a_name(text, name):
    assert store.clean(text) == name
    assert store.NAME.fullmatch(name)


def test_the_newest_content_is_current_and_older_versions_stay():
    first = store.put(toys.table("people", n=20))
    second = store.put(toys.table("people", n=22))
    assert store.version("people") == second.fingerprint[:12]
    assert {row["version"] for row in store.versions("people")} == {d.fingerprint[:12] for d in (first, second)}
    assert store.find(first.fingerprint) == "people"


def test_the_same_content_is_the_same_version():
    assert store.put(toys.table("people")).fingerprint == store.put(toys.table("people")).fingerprint
    assert len(store.versions("people")) == 1


def test_the_source_is_kept_with_the_name():
    store.put(toys.table("people"), {"reader": "table", "where": "people.csv", "options": {}})
    assert store.source("people")["where"] == "people.csv"


def test_a_renamed_set_is_found_by_its_content():
    given = store.put(toys.table("people"))
    store.rename("people", "folk")
    assert (store.names(), store.find(given.fingerprint, "people")) == (["folk"], "folk")


@pytest.mark.parametrize("new", ["", "a b", "../x", "x" * 61])
def test_a_name_that_is_none_is_refused(new):
    store.put(toys.table("people"))
    with pytest.raises(ValueError, match="cannot be the name of a data set; use letters"):
        store.rename("people", new)


def test_a_taken_name_is_refused_and_nothing_moves():
    store.put(toys.table("people"))
    store.put(toys.table("folk"))
    with pytest.raises(ValueError, match="There is a data set folk already"):
        store.rename("people", "folk")
    assert store.names() == ["folk", "people"]


def test_a_name_that_comes_with_the_project_is_refused():
    store.put(toys.table("people"))
    with pytest.raises(ValueError, match="digits is the name of a set that comes with Vitrine"):
        store.rename("people", "digits")
    assert store.names() == ["people"]


def test_a_set_whose_name_cannot_be_written_leaves_nothing(workspace, monkeypatch):
    write = store.files.write_json

    def full(target, values):
        if target.name == "set.json":
            raise OSError(28, "No space left on device")
        write(target, values)

    monkeypatch.setattr(store.files, "write_json", full)
    with pytest.raises(OSError):
        store.put(toys.table("people"))
    assert list(workspace.glob("data/*")) == []


def test_a_deleted_set_is_gone_with_all_its_versions(workspace):
    store.put(toys.table("people", n=20))
    store.put(toys.table("people", n=22))
    store.delete("people")
    assert store.names() == [] and list((workspace / "data").iterdir()) == []


def test_a_set_without_its_description_is_listed_and_refused(workspace):
    store.put(toys.table("people"))
    (workspace / "data" / "people" / "set.json").write_text("{")
    assert store.names() == ["people"]
    with pytest.raises(ValueError, match="The stored data set people is damaged; delete the folder"):
        store.version("people")


# ---------------------------------------------------------------------------------------------------- ids of rows


def numbered(rows, name="people"):
    """A table of numbers whose ids are row numbers from 1; class "yes" where the number is odd."""
    frame = pd.DataFrame({"a": np.array(rows, float)})
    return dataclasses.replace(
        toys.table(name),
        table=frame,
        columns=toys.NUMBERS[:1],
        targets=np.array(rows) % 2,
        ids=np.array([f"{i + 1:04d}" for i in range(len(rows))]),
    )


def test_rows_keep_their_ids_when_others_are_added_taken_away_or_moved():
    store.put(numbered([10, 11, 12, 13]))
    now = store.put(numbered([99, 13, 11, 10, 98]))
    assert dict(zip(now.table["a"], now.ids)) == {99: "0005", 13: "0004", 11: "0002", 10: "0001", 98: "0006"}


def test_rows_of_the_same_content_keep_an_id_each():
    store.put(numbered([7, 7, 8]))
    assert sorted(store.put(numbered([8, 7, 7, 7])).ids) == ["0001", "0002", "0003", "0004"]


def test_another_reading_of_the_same_rows_keeps_their_ids():
    before = store.put(numbered([10, 11, 12, 13]))
    after = dataclasses.replace(
        numbered([10, 11, 12, 13]), columns=(), left_out=(LeftOut("a", "identifier", "It counts the rows."),)
    )
    assert store.put(after).ids.tolist() == before.ids.tolist()


def test_a_table_in_place_of_pictures_keeps_its_own_ids():
    store.put(dataclasses.replace(toys.images("people"), ids=np.array([f"{i}" for i in range(6)])))
    assert store.put(numbered([10, 11])).ids.tolist() == ["0001", "0002"]


def test_ids_that_come_from_the_data_are_left_alone():
    store.put(toys.table("people", n=20))
    assert store.put(toys.table("people", n=22)).ids[-1] == "row-21"
