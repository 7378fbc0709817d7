"""Rows and pictures that are read anew keep their part, whatever comes to them or goes."""

import pytest

from core import data
from core.config import DataConfig
from core.data import ingest
from tests.core.data.given import people, photos, write


def parts(made):
    return dict(zip(made.ids.tolist(), data.parts(made, DataConfig(name=made.name)).tolist()))


def by_row(made):
    """height -> (id, part) of every row; heights are all different."""
    found = parts(made)
    return {row: (i, found[i]) for row, i in zip(made.table["height"].tolist(), made.ids.tolist())}


@pytest.mark.parametrize(
    "change",
    [
        lambda old, new: [*old, *new],
        lambda old, new: [*new, *old],
        lambda old, new: [line for pair in zip(reversed(old), [*new, *new]) for line in pair][: len(old) + len(new)],
        lambda old, new: [*old, *(line.replace("Rome", "Paris") for line in new)],
        lambda old, new: [*old, *(line.replace("no", "maybe") for line in new)],
        lambda old, new: [*old, *(f",{line.partition(',')[2]}" for line in new)],
    ],
    ids=["below", "above", "between, turned round", "a new town", "a new class", "without a height"],
)
def test_rows_that_are_added_leave_the_old_ones_in_their_part(tmp_path, change):
    old, new = people(120), people(40, seed=1)
    before = by_row(ingest.add(write(tmp_path / "people.csv", old)))
    made = ingest.add(write(tmp_path / "people.csv", change(old, new)))
    after = by_row(made)
    kept = [height for height in before if height in after]
    assert len(kept) >= 80 and len(set(made.ids)) == len(made)
    assert {height: after[height] for height in kept} == {height: before[height] for height in kept}
    assert set(parts(made).values()) == {"train", "val", "test"}


def test_rows_that_are_taken_away_leave_the_others_in_their_part(tmp_path):
    lines = people(120)
    before = by_row(ingest.add(write(tmp_path / "people.csv", lines)))
    after = by_row(ingest.add(write(tmp_path / "people.csv", lines[30:])))
    assert len(after) == 90 and after == {height: before[height] for height in after}


def test_rows_with_an_identifier_keep_their_part_too(tmp_path):
    lines = [f"{line},p{i:04d}" for i, line in enumerate(people(140))]
    before = by_row(ingest.add(write(tmp_path / "people.csv", lines[:120], "height,town,answer,person")))
    after = by_row(ingest.add(write(tmp_path / "people.csv", lines[::-1], "height,town,answer,person")))
    assert {height: after[height] for height in before} == before
    assert all(i.startswith("p0") for i, _ in after.values())


NAMES = [f"height,town,answer{more}" for more in ("", ",age", ",person")]


@pytest.mark.parametrize(
    ("head", "before", "after_head", "after"),
    [
        (NAMES[1], lambda i: f",{i % 17}", NAMES[1], lambda i: f",{i % 17 if i < 120 else 'many'}"),
        (NAMES[2], lambda i: f",p{i:03d}", NAMES[2], lambda i: f",p{i if i < 120 else 7:03d}"),
        (NAMES[1], lambda i: f",{i % 17}", NAMES[0], lambda _: ""),
        (NAMES[0], lambda _: "", NAMES[1], lambda i: f",{i % 17}"),
    ],
    ids=["numbers turn to text", "an identifier is none any more", "a column is gone", "a column is new"],
)
def test_columns_may_change_with_the_rows_that_are_added(tmp_path, head, before, after_head, after):
    lines = people(160)
    old = [x + before(i) for i, x in enumerate(lines[:120])]
    new = [x + after(i) for i, x in enumerate(lines)][::-1]
    how = {"target": "answer"}
    first = by_row(ingest.add(write(tmp_path / "people.csv", old, head), values=how))
    second = by_row(ingest.add(write(tmp_path / "people.csv", new, after_head), values=how))
    assert len(second) == 160 and {height: second[height] for height in first} == first


def test_a_row_in_place_of_another_moves_none_of_the_others(tmp_path):
    lines = sorted(people(121), key=lambda line: line.endswith("yes"))
    before = by_row(ingest.add(write(tmp_path / "people.csv", lines[:-1])))
    after = by_row(
        ingest.add(write(tmp_path / "people.csv", [*lines[1:60], lines[0].replace("1", "2"), *lines[60:-1]]))
    )
    same = set(before) & set(after)
    assert len(same) == 119 and {height: after[height] for height in same} == {
        height: before[height] for height in same
    }


def test_a_look_at_an_old_version_moves_no_row_of_the_new_one(tmp_path):
    lines = people(200)
    made = [ingest.add(write(tmp_path / "people.csv", lines[:n])) for n in (100, 150, 200)]
    before = [parts(version) for version in made]
    assert [parts(version) for version in (*made[::-1], *made)] == [*before[::-1], *before]


def test_pictures_that_are_added_leave_the_old_ones_in_their_part(tmp_path):
    root = photos(tmp_path / "pets", n=20)
    before = parts(ingest.add(str(root)))
    after = parts(ingest.add(str(photos(root, n=30))))
    assert len(after) == 60 and {i: after[i] for i in before} == before
