"""Lists of samples that are kept with a data set, and training without them."""

import dataclasses

import numpy as np
import pytest

from core import config, data, jobs, runs
from core.data import lists, store
from core.evaluation import labels
from tests.core import toys


def people(n=60):
    return store.put(toys.table("people", n))


def test_a_list_is_kept_with_its_data_set():
    people()
    lists.save("people", "doubtful-1", ["row-3", "row-1", "row-3"])
    assert lists.load("people", "doubtful-1") == ["row-3", "row-1"]
    assert lists.names("people") == ["doubtful-1"]
    store.rename("people", "persons")
    assert lists.names("persons") == ["doubtful-1"]
    lists.delete("persons", "doubtful-1")
    assert lists.names("persons") == []


def test_a_list_in_use_is_not_changed_unless_that_is_asked_for():
    people()
    lists.save("people", "doubtful", ["row-3"])
    lists.save("people", "doubtful", ["row-3"])
    with pytest.raises(ValueError, match="people has a list doubtful with other samples already"):
        lists.save("people", "doubtful", ["row-4"])
    lists.save("people", "doubtful", ["row-4"], replace=True)
    assert lists.load("people", "doubtful") == ["row-4"]


def test_a_list_that_cannot_be_is_refused():
    people()
    for name in ("", "../up", "a b", "a_b", "x" * 61):
        with pytest.raises(ValueError, match="use letters, digits and hyphens"):
            lists.save("people", name, ["row-1"])
    with pytest.raises(ValueError, match="would be empty"):
        lists.save("people", "none", [])
    with pytest.raises(LookupError, match="There is no data set 'strangers'"):
        lists.save("strangers", "doubtful", ["row-1"])
    lists.save("people", "doubtful", ["row-1"]).write_text('{"ids": 3}')
    with pytest.raises(ValueError, match=r"doubtful.json cannot be read .*; delete the file"):
        lists.load("people", "doubtful")


def test_listed_samples_are_out_of_train_and_val_and_the_test_part_stays():
    found = people()
    before = data.parts(found, config.DataConfig(name="people"))
    some = [found.ids[before == part][0] for part in ("train", "val", "test")]
    lists.save("people", "doubtful", [*some, "row-that-is-gone"])
    after = data.parts(found, config.DataConfig(name="people", without="doubtful"))
    assert [after[found.ids == sample][0] for sample in some] == ["out", "out", "test"]
    rest = ~np.isin(found.ids, some)
    np.testing.assert_array_equal(after[rest], before[rest])
    np.testing.assert_array_equal(data.parts(found, config.DataConfig(name="people")), before)


def test_leaving_all_of_a_part_out_is_refused():
    found = people()
    before = data.parts(found, config.DataConfig(name="people"))
    lists.save("people", "all-of-val", found.ids[before == "val"])
    with pytest.raises(ValueError, match="The val part is empty without the samples of the list all-of-val"):
        data.parts(found, config.DataConfig(name="people", without="all-of-val"))


def test_an_unknown_list_is_refused_before_the_run():
    found = people()
    lists.save("people", "doubtful", ["row-1"])
    with pytest.raises(ValueError, match="people has no list 'dubious' of samples to leave out; it has doubtful"):
        config.suggest(found, without="dubious")
    assert config.suggest(found, without="doubtful").data.without == "doubtful"


@pytest.mark.slow
def test_two_runs_with_and_without_the_list_are_tested_on_the_same_samples():
    found = store.put(dataclasses.replace(data.get("breast_cancer"), name="tumours"))
    plain = jobs.start(config.suggest(found, epochs=2))
    assert jobs.wait(plain) == "done"
    doubtful = labels.of_run(plain)["id"][:20]
    lists.save("tumours", "doubtful", doubtful)
    clean = jobs.start(config.suggest(found, epochs=2, without="doubtful"))
    assert jobs.wait(clean) == "done"
    np.testing.assert_array_equal(runs.predictions(clean, "test")[0], runs.predictions(plain, "test")[0])
    assert not set(doubtful) & set(runs.predictions(clean, "val")[0])
