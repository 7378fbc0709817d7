"""Every data source keeps the same promises; a new file in core/data/sources is tested from its first day."""

import dataclasses

import numpy as np
import pytest

from core import data, registry
from core.data import sources

each_source = pytest.mark.parametrize("name", data.built_in())


def load(name):
    return registry.member(sources, name, "data set").load()


def test_there_are_sources_of_both_kinds():
    assert {load(name).kind for name in data.built_in()} == {"image", "table"}


@each_source
def test_a_source_names_itself_its_origin_its_licence_and_its_title(name):
    made = load(name)
    assert made.name == name
    assert made.origin.strip() and made.licence.strip() and data.title(name).strip()


@each_source
def test_ids_are_unique_text(name):
    ids = load(name).ids
    assert ids.dtype.kind == "U"
    assert len(set(ids.tolist())) == len(ids) > 0


@each_source
def test_targets_are_int64_and_every_class_occurs(name):
    made = load(name)
    assert made.targets.dtype == np.int64
    assert np.unique(made.targets).tolist() == list(range(len(made.classes)))
    assert len(set(made.classes)) == len(made.classes) >= 2
    assert all(isinstance(c, str) for c in made.classes)


@each_source
def test_what_a_model_takes_has_the_type_and_the_shape_of_the_schema(name):
    made = load(name)
    assert made.x.dtype == {"image": np.uint8, "table": np.float32}[made.kind]
    assert made.x.shape == (len(made), *made.schema.shape)
    assert all(type(side) is int for side in made.schema.shape)


@each_source
def test_samples_are_kept_as_given(name):
    made = load(name)
    if made.kind == "image":
        assert made.images.min() == 0 and made.images.max() > 200  # grey levels, not scaled
    else:
        assert [c.name for c in made.columns] == list(made.table.columns)
        assert all(c.type in ("number", "category") for c in made.columns)


@each_source
def test_a_source_makes_the_same_again(name):
    assert load(name).fingerprint == load(name).fingerprint


@each_source
def test_get_stores_the_set_and_reads_the_same_again(name, workspace):
    first = data.get(name)
    assert (workspace / "data" / name / first.fingerprint[:12] / "dataset.json").exists()
    assert data.get(name).fingerprint == first.fingerprint == load(name).fingerprint


@each_source
def test_one_changed_value_changes_the_fingerprint(name):
    made = load(name)
    if made.kind == "image":
        images = made.images.copy()
        images[-1, -1, -1, -1] ^= 1
        other = dataclasses.replace(made, images=images)
    else:
        table = made.table.copy()
        table.iloc[-1, -1] += 1
        other = dataclasses.replace(made, table=table)
    assert other.fingerprint != made.fingerprint


@each_source
def test_one_changed_target_changes_the_fingerprint(name):
    made = load(name)
    targets = made.targets.copy()
    targets[-1] = (targets[-1] + 1) % len(made.classes)
    assert dataclasses.replace(made, targets=targets).fingerprint != made.fingerprint


def test_an_unknown_source_is_refused_with_the_near_one():
    with pytest.raises(LookupError, match=r"There is no data set 'digit'; there are .*Did you mean digits"):
        data.get("digit")


@pytest.mark.parametrize("name", ["../secrets", "_sklearn", "sources.iris", ""])
def test_only_a_source_can_be_got(name):
    with pytest.raises(LookupError, match="There is no data set"):
        data.get(name)


def test_a_stored_set_without_its_description_is_refused_with_the_folder_to_delete(workspace):
    version = data.get("iris").fingerprint[:12]
    (workspace / "data" / "iris" / version / "dataset.json").unlink()
    with pytest.raises(ValueError, match=f"delete the folder {workspace / 'data' / 'iris'}"):
        data.get("iris")
