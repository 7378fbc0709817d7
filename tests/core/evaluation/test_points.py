"""Operating points that are saved with a run."""

import pytest

from core import config, data, runs
from core.evaluation import points
from core.evaluation.operating import OperatingPoint


@pytest.fixture
def run(workspace):  # noqa: ARG001 (it must be there)
    iris = data.get("iris")
    return runs.create(config.suggest(iris), iris.schema, "")


def test_a_saved_point_comes_back_and_is_used(run):
    point = OperatingPoint((0.3,), ((0.0, 1.0), (5.0, 0.0)), 0.6, 1, "cheap")
    points.save(run, point)
    assert points.saved(run) == {"cheap": point}
    assert points.used(run) == point


def test_a_run_without_points_uses_none(run):
    assert (points.saved(run), points.used(run)) == ({}, None)


def test_the_last_one_saved_is_used_until_another_is_chosen(run):
    for name, threshold in (("one", 0.1), ("two", 0.2)):
        points.save(run, OperatingPoint((threshold,), name=name))
    assert points.used(run).name == "two"
    points.use(run, "one")
    assert points.used(run).thresholds == (0.1,)
    points.use(run, None)
    assert points.used(run) is None


def test_a_name_is_saved_once(run):
    points.save(run, OperatingPoint((0.1,), name="one"))
    points.save(run, OperatingPoint((0.2,), name="one"))
    assert points.saved(run)["one"].thresholds == (0.2,)


def test_a_deleted_point_is_not_used_any_more(run):
    points.save(run, OperatingPoint((0.1,), name="one"))
    points.delete(run, "one")
    assert (points.saved(run), points.used(run)) == ({}, None)


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "two\nlines"])
def test_a_name_that_is_none_is_refused(run, name):
    with pytest.raises(ValueError, match="is no name"):
        points.save(run, OperatingPoint(name=name))


@pytest.mark.parametrize("function", [points.use, points.delete])
def test_a_point_that_is_not_there_is_said(run, function):
    with pytest.raises(LookupError, match="has no operating point 'nothing'; it has none"):
        function(run, "nothing")


@pytest.mark.parametrize("text", ["{}", '{"points": [{"thresholds": [2]}]}', '{"points": [{"speed": 1}]}', "[]"])
def test_a_damaged_file_is_named(run, text):
    runs.path(run, points.FILE).write_text(text)
    with pytest.raises(runs.DamagedRun, match=r"operating\.json of run"):
        points.saved(run)
