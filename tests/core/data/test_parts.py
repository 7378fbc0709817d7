"""The part of each sample is kept by its id, unless the data itself says otherwise."""

import dataclasses

import numpy as np
import pandas as pd

from core import data
from core.config import DataConfig
from core.data import store
from tests.core import toys


def table(n=60, given=None):
    """Rows that are all different, in two classes; the data may give their parts."""
    about = pd.DataFrame() if given is None else pd.DataFrame({"part": given})
    return store.put(dataclasses.replace(toys.table("people", n), about=about))


def parts(found, **how) -> dict[str, str]:
    made = data.parts(found, DataConfig(name="people", **how))
    return dict(zip(found.ids.tolist(), made.tolist()))


def test_rows_added_later_leave_every_row_in_its_part():
    before, after = parts(table(60)), parts(table(90))
    assert {sample: after[sample] for sample in before} == before
    assert set(after.values()) == {"train", "val", "test"}


def test_looking_at_an_older_version_changes_nothing():
    old, new = table(60), table(90)
    first = parts(new)
    parts(old)
    assert parts(new) == first


def test_what_the_data_says_goes_before_what_was_drawn():
    parts(table(60))
    given = np.where(np.arange(60) < 40, "train", "test")
    made = parts(table(60, given))
    assert {made[f"row-{i}"] for i in range(40, 60)} == {"test"}
    assert {made[f"row-{i}"] for i in range(40)} == {"train", "val"}


def test_a_validation_part_that_was_carved_out_stays_when_rows_are_added():
    before = parts(table(60, np.where(np.arange(60) < 40, "train", "test")))
    after = parts(table(80, np.where(np.arange(80) < 40, "train", np.where(np.arange(80) < 60, "test", "train"))))
    assert {sample: after[sample] for sample in before} == before


def test_another_way_to_split_is_kept_apart():
    found = table(60)
    assert parts(found) != parts(found, split_seed=1)
    assert parts(found) == parts(found)
