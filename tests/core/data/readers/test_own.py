"""A person's own Dataset, by name and as it is."""

import numpy as np
import pytest

import core
from core import data, runs
from core.data import ingest
from core.data.readers import own
from tests.core.data.readers import datasets

HERE = "tests.core.data.readers.datasets"


def load(name, **options):
    return own.load(f"{HERE}:{name}", own.Options(**options))


@pytest.mark.parametrize("name", ["rows", "Rows"])
def test_an_instance_and_a_class_are_read_alike(name):
    made = load(name)
    assert (made.kind, len(made), made.classes) == ("table", 10, ("even", "odd"))
    assert [column.name for column in made.columns] == ["height", "weight", "age"]
    assert made.table.iloc[3].tolist() == [3, 6, 3]
    assert made.targets.tolist() == [0, 1] * 5


def test_arguments_are_given_as_json():
    made = load("Rows", arguments='{"n": 4, "last": 9}')
    assert made.table["age"].tolist() == [9, 9, 9, 9]


@pytest.mark.parametrize("text", ["{", "[1]", "3"])
def test_arguments_that_are_no_object_are_refused(text):
    with pytest.raises(ValueError, match=r"The arguments .* (are no JSON|must be a JSON object)"):
        load("Rows", arguments=text)


def test_pictures_are_kept_as_levels():
    made = load("Pictures")
    assert (made.images.dtype, made.images.shape) == (np.uint8, (4, 3, 5, 6))
    assert made.images[2, :, 0, 0].tolist() == [20, 0, 255]


def test_images_as_numbers_stay_numbers():
    made = load("Noisy")
    assert (made.images.dtype, made.schema.dtype) == (np.float32, "float32")


def test_a_dataset_that_draws_at_random_is_told_as_such():
    assert [note.text for note in load("Noisy").notes] == [own.RANDOM]
    assert load("rows").notes == ()


def test_class_names_are_the_datasets_own_and_those_without_a_sample_are_left_out():
    assert load("Named").classes == ("cat", "dog")
    assert load("Named", classes="a, b").classes == ("a", "b")


def test_a_second_dataset_is_the_test_part():
    made = load("rows", test=f"{HERE}:test_rows")
    assert made.given_parts.tolist() == [""] * 10 + ["test"] * 4


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "has no nothing; name what is in the module"),
        ("empty", "is empty; it needs samples"),
        ("number", "is a int; it needs __len__ and __getitem__, as a map-style Dataset has"),
        ("Stream", "is a Stream; it needs __len__ and __getitem__"),
        ("Uneven", r"gives samples of 1x4x4 and 1x4x5; make them one size in its transform"),
        ("Single", "has only one class, 0; it needs at least two"),
        ("Dictionaries", r"is a dict; it must be a pair \(x, y\)"),
        ("Texts", "it must be an image or numbers"),
    ],
)
def test_what_is_no_data_is_refused_with_a_sentence(name, message):
    with pytest.raises(ValueError, match=message):
        load(name)


def test_a_module_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"no_such_module cannot be imported .*; start Vitrine where"):
        own.load("no_such_module:x")


def test_a_missing_argument_is_told():
    with pytest.raises(ValueError, match=r"cannot be made .*; give its arguments as JSON"):
        load("Rows", arguments='{"colour": 1}')


@pytest.mark.slow
def test_a_dataset_given_from_python_is_trained_on():
    run = core.train(datasets.Rows(40), "mlp", epochs=2, name="mine")
    assert runs.config(run).data.name == "mine"
    assert runs.dataset(run).origin == "Rows, given from Python"


@pytest.mark.slow
def test_a_random_dataset_by_name_is_read_anew_in_each_epoch():
    run = core.train(f"{HERE}:Noisy", epochs=2, arguments='{"n": 40}')
    assert runs.config(run).data.redraw
    assert runs.status(run)["state"] == "done"
    assert data.store.source("noisy")["reader"] == "own"


def test_a_name_that_comes_with_the_project_is_not_taken():
    with pytest.raises(ValueError, match="digits is the name of a set that comes with Vitrine"):
        ingest.take(datasets.Rows(), name="digits")
