"""From a name to a stored data set: what is recognised, how it is called, what stays when it is read anew."""

import pathlib

import pytest

from core import data, runs
from core.config import suggest
from core.data import ingest, store
from tests.core import toys
from tests.core.data.given import people, photos, stored, write, zipped
from tests.core.data.readers import datasets

# ---------------------------------------------------------------------------------------------------- recognise


def test_what_is_there_is_recognised_by_what_it_is(tmp_path, csv):
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "photos.ZIP").touch()
    (tmp_path / "no_suffix").touch()
    (tmp_path / "link").symlink_to(csv)
    kinds = {name: ingest.recognise(str(tmp_path / name)) for name in ("folder.csv", "photos.ZIP", "no_suffix", "link")}
    assert kinds == {"folder.csv": "folder", "photos.ZIP": "folder", "no_suffix": "table", "link": "table"}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("not/there.csv", "table"),
        ("not/there.csv.gz", "table"),
        ("not/there.parquet", "table"),
        ("not/there.zip", "folder"),
        ("package.module:Dataset", "own"),
        ("module:Class.attribute", "own"),
        ("FashionMNIST", "torchvision"),
    ],
)
def test_what_is_not_there_is_recognised_by_its_name(text, kind):
    assert ingest.recognise(text) == kind


def test_a_ready_made_set_comes_before_the_folder_that_torchvision_makes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("MNIST").mkdir()
    assert [ingest.recognise(text) for text in ("MNIST", "./MNIST")] == ["torchvision", "folder"]


def test_the_home_folder_is_meant_by_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write(tmp_path / "people", people())
    assert ingest.recognise("~/people") == "table"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("mnist", "MNIST"),
        ("cifar10", "CIFAR10"),
        ("Iris", "iris"),
        ("digit", "digits"),
        ("fashion-mnist", "FashionMNIST"),
    ],
)
def test_a_near_name_is_hinted_at_whatever_its_case(text, hint):
    with pytest.raises(LookupError, match=rf"There is no data set '{text}'; .* Did you mean {hint}\? Or name a table"):
        ingest.recognise(text)


@pytest.mark.parametrize("text", ["xyzzy", "x" * 3000, "a b", "..\0", "~nobody-here/x", "/dev/null"])
def test_what_is_nothing_is_told_what_could_be_given(text):
    with pytest.raises(LookupError) as error:
        ingest.recognise(text)
    assert len(str(error.value)) < 800 and "Did you mean" not in str(error.value)
    assert str(error.value).endswith("or package.module:Dataset.")


@pytest.mark.parametrize("text", ["", "  "])
def test_no_name_is_not_the_folder_one_stands_in(text):
    with pytest.raises(ValueError, match="No data is named; name a data set, a table"):
        ingest.add(text)


# ---------------------------------------------------------------------------------------------------- add


def test_a_table_is_read_and_stored(csv):
    made = ingest.add(csv)
    assert (made.name, made.kind, len(made), made.classes) == ("people", "table", 40, ("no", "yes"))
    assert store.source("people") == {
        "reader": "table",
        "where": csv,
        "options": {},
        "stamp": [[(facts := pathlib.Path(csv).stat()).st_size, facts.st_mtime_ns]],
    }
    assert data.get("people").fingerprint == made.fingerprint


def test_a_folder_and_a_zip_of_it_hold_the_same_pictures(tmp_path):
    one = ingest.add(str(photos(tmp_path / "pets")))
    two = ingest.add(zipped(tmp_path / "pets", tmp_path / "packed.zip"))
    assert (one.name, two.name, one.classes) == ("pets", "packed", ("cat", "dog"))
    assert one.fingerprint == two.fingerprint and len(one) == 8


def test_ones_own_dataset_is_added_by_its_name():
    made = ingest.add(f"{datasets.__name__}:rows")
    assert (made.name, len(made), store.source("rows")["reader"]) == ("rows", 10, "own")


def test_a_stored_set_is_given_by_its_name(csv):
    made = ingest.add(csv)
    assert ingest.add("people").fingerprint == made.fingerprint
    with pytest.raises(ValueError, match="people is stored already; target cannot be given with it"):
        ingest.add("people", values={"target": "town"})


def test_a_path_with_spaces_and_quotes_and_one_by_a_link_are_read(tmp_path):
    odd = write(tmp_path / "my 'own' files" / 'the "best" table.csv', people())
    (tmp_path / "latest.csv").symlink_to(odd)
    assert ingest.add(odd).name == "the-best-table"
    assert ingest.add(str(tmp_path / "latest.csv")).name == "the-best-table"


@pytest.mark.parametrize(
    "name",
    [
        "-rf.csv",
        "$(touch x).csv",
        "<img src=x onerror=alert(1)>.csv",
        "a\nb.csv",
        "\u202egnp.csv",
        "😀.csv",
        "..csv",
        "%00",
    ],
)
def test_a_hostile_file_name_makes_a_plain_name(tmp_path, name):
    made = ingest.add(write(tmp_path / name, people()))
    assert store.NAME.fullmatch(made.name) and made.name.isprintable()
    assert data.get(made.name).fingerprint == made.fingerprint


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"targett": "town"}, "targett is no setting of the reader table; the settings are target, test, split_column"),
        ({"size": 64, "root": "x"}, "root, size is no setting of the reader table"),
        ({"header": "maybe"}, "header is 'maybe'; it must be one of auto, yes, no"),
        ({"types": "number"}, "types is 'number'; it must be a JSON object, for example"),
        ({"types": {"town": "colour"}}, "town is said to be 'colour'; a column may be one of number,"),
        ({"test": object()}, "test is <object.*; it must be text"),
        ({"test": "not-there.csv"}, "not-there.csv is not there; check the path"),
    ],
)
def test_settings_that_do_not_fit_are_refused_and_nothing_is_stored(workspace, csv, values, message):
    with pytest.raises(ValueError, match=message):
        ingest.add(csv, values=values)
    assert not (workspace / "data").exists() or stored(workspace) == []


def test_plain_values_stand_for_text(tmp_path):
    path = tmp_path / "a.csv"
    options = ingest.options_of("table", {"target": 7, "test": path, "missing_words": ["?", -9]})
    assert (options.target, options.test, options.missing_words) == ("7", str(path), "?,-9")
    assert ingest.options_of("own", {"arguments": {"n": 4}}).arguments == '{"n": 4}'


def test_values_that_are_not_given_are_those_by_default(csv):
    ingest.add(csv, values={"target": "", "test": None, "types": {}})
    assert store.source("people")["options"] == {}


def test_a_path_among_the_settings_is_kept_whole(tmp_path, monkeypatch, csv):
    write(tmp_path / "new.csv", people(20, seed=1))
    monkeypatch.chdir(tmp_path)
    made = ingest.add("people.csv", values={"test": "new.csv"})
    assert store.source("people")["where"] == csv
    assert store.source("people")["options"] == {"test": str(tmp_path / "new.csv")}
    monkeypatch.chdir("/")
    assert ingest.again("people", {"test": str(tmp_path / "new.csv")}).fingerprint == made.fingerprint


# ---------------------------------------------------------------------------------------------------- names


def test_a_file_of_the_same_name_from_elsewhere_gets_a_number(tmp_path, csv):
    other = write(tmp_path / "other" / "people.csv", people(30, seed=1))
    third = write(tmp_path / "third" / "people.tsv", people(20, seed=2))
    assert [ingest.add(path).name for path in (csv, other, third)] == ["people", "people-2", "people-3"]
    assert ingest.add(other).name == "people-2"
    assert len(data.get("people")) == 40


def test_a_long_name_has_room_for_its_number(tmp_path):
    names = [ingest.add(write(tmp_path / str(i) / f"{'x' * 100}.csv", people(seed=i))).name for i in range(2)]
    assert names == ["x" * 60, f"{'x' * 50}-2"]


def test_a_file_named_like_a_built_in_set_gets_a_number(tmp_path):
    assert ingest.add(write(tmp_path / "iris.csv", people())).name == "iris-2"


@pytest.mark.parametrize("name", ["digits", "Digits", " digits!"])
def test_a_built_in_name_is_refused(workspace, csv, name):
    with pytest.raises(ValueError, match="digits is the name of a set that comes with Vitrine; choose another one"):
        ingest.add(csv, name)
    assert not (workspace / "data").exists()


def test_another_file_under_a_name_that_is_asked_for_is_a_new_version(tmp_path, csv):
    first = ingest.add(csv, "Folk")
    second = ingest.add(write(tmp_path / "new.csv", people(30, seed=1)), "folk")
    assert (first.name, second.name, store.names()) == ("folk", "folk", ["folk"])
    assert {row["n"] for row in store.versions("folk")} == {40, 30}
    assert store.source("folk")["where"] == str(tmp_path / "new.csv")


def test_a_dataset_given_from_python_does_not_take_the_name_of_a_file(tmp_path):
    ingest.add(write(tmp_path / "rows.csv", people()))
    assert ingest.take(datasets.Rows()).name == "rows-2"
    assert ingest.take(datasets.Rows(12)).name == "rows-2"
    assert len(data.get("rows")) == 40


# ---------------------------------------------------------------------------------------------------- the same again


def test_a_table_that_has_not_changed_is_not_read_again(csv, reads):
    first, second = ingest.add(csv), ingest.add(csv)
    assert (first.fingerprint, len(reads), store.names()) == (second.fingerprint, 1, ["people"])


def test_a_table_that_has_changed_is_read_again_as_a_new_version(tmp_path, csv, reads):
    first = ingest.add(csv)
    write(tmp_path / "people.csv", people(50))
    second = ingest.add(csv)
    assert (len(first), len(second), second.name, len(reads)) == (40, 50, "people", 2)
    assert len(data.get("people", first.fingerprint[:12])) == 40


def test_a_changed_test_table_is_noticed_too(tmp_path, csv, reads):
    test = write(tmp_path / "new.csv", people(20, seed=1))
    ingest.add(csv, values={"test": test})
    write(tmp_path / "new.csv", people(21, seed=1))
    assert (len(ingest.add(csv, values={"test": test})), len(reads)) == (61, 2)


def test_other_settings_are_read_again(csv, reads):
    assert ingest.add(csv).classes == ("no", "yes")
    assert ingest.add(csv, values={"target": "town"}).classes == ("Aix", "Bonn", "Rome")
    assert (len(reads), store.names()) == (2, ["people"])


def test_a_damaged_set_is_made_again_from_its_file(workspace, csv):
    made = ingest.add(csv)
    (workspace / "data" / "people" / "set.json").unlink()
    assert ingest.add(csv).fingerprint == made.fingerprint
    assert store.names() == ["people"]


def test_another_target_is_a_new_version_and_runs_keep_theirs(csv):
    first = ingest.add(csv)
    config = suggest(first, epochs=1)
    run = runs.create(config, first.schema, first.fingerprint)
    second = ingest.again("people", {"target": "town", "missing_words": ""})
    assert (second.name, second.classes) == ("people", ("Aix", "Bonn", "Rome"))
    assert store.source("people")["options"] == {"target": "town"}
    assert data.get("people").fingerprint == second.fingerprint
    assert runs.dataset(run).classes == ("no", "yes")
    assert suggest(first, epochs=1).data.version == first.fingerprint[:12]


def test_settings_that_do_not_fit_leave_the_current_version(csv):
    made = ingest.add(csv)
    with pytest.raises(ValueError, match='no column "age"'):
        ingest.again("people", {"target": "age"})
    assert (data.get("people").fingerprint, store.source("people")["options"]) == (made.fingerprint, {})


def test_a_set_is_read_anew_under_the_name_it_has_now(csv):
    ingest.add(csv)
    store.rename("people", "folk")
    assert ingest.again("folk", {}).name == "folk" and store.names() == ["folk"]


def test_a_file_that_is_gone_cannot_be_read_anew(csv):
    ingest.add(csv)
    pathlib.Path(csv).unlink()
    with pytest.raises(ValueError, match=r"people\.csv is not there; check the path"):
        ingest.again("people", {})
    assert len(data.get("people")) == 40


def test_what_came_from_nowhere_cannot_be_read_anew():
    ingest.take(datasets.Rows())
    store.put(toys.table("folk"))
    for name in ("rows", "folk"):
        with pytest.raises(ValueError, match=f"{name} cannot be read anew, as it is not known from which file"):
            ingest.again(name, {})
