"""What people say of a run."""

import pytest

from core import config, jobs, notes, runs
from tests.core import toys


@pytest.fixture
def run() -> str:
    return runs.create(config.suggest(toys.table()), toys.table().schema, "f00d")


def test_a_run_without_notes_has_empty_ones(run):
    assert notes.read(run) == notes.Notes() and notes.name(run) == run[11:]


def test_notes_come_back_as_they_were_written(run):
    written = notes.write(run, title="Wide net", tags=["baseline", "wide"], note="First try.\nGood.", star=True)
    assert notes.read(run) == written == notes.Notes("Wide net", ("baseline", "wide"), "First try.\nGood.", True, False)
    assert notes.name(run) == "Wide net"


def test_a_change_leaves_the_rest_as_it_was(run):
    notes.write(run, title="Wide net", star=True)
    notes.write(run, archived=True)
    assert notes.read(run) == notes.Notes(title="Wide net", star=True, archived=True)


def test_spaces_are_put_in_order_and_a_tag_is_kept_once(run):
    written = notes.write(run, title="  Wide \n net ", tags=[" wide  net", "wide net", "", "a,b"])
    assert (written.title, written.tags) == ("Wide net", ("wide net", "a", "b"))


def test_tags_are_typed_with_commas():
    assert notes.split_tags(" baseline,  wide net ,, ") == ("baseline", "wide net")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"title": "x" * 81}, r"The title has 81 characters; give one of at most 80\."),
        ({"tags": ["y" * 25]}, r"The tag 'y+' has 25 characters; give one of at most 24\."),
        ({"tags": [f"{i}" for i in range(13)]}, r"There are 13 tags; a run can have at most 12\."),
        ({"note": "z" * 10_001}, r"The note has 10,001 characters; give one of at most 10,000\."),
        ({"title": 7}, r"The title is 7; it must be text\."),
        ({"tags": "wide"}, r"The tags are 'wide'; they must be a list of words\."),
        ({"star": "yes"}, r"star is 'yes'; it must be true or false\."),
        ({"title": "a\x1b[31m"}, r"holds the control character '\\x1b'; leave it out\."),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence_and_changes_nothing(run, changes, sentence):
    notes.write(run, title="Before")
    with pytest.raises(ValueError, match=sentence):
        notes.write(run, **changes)
    assert notes.read(run) == notes.Notes(title="Before")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"title": 7}', '{"tags": {"a": 1}}', '{"star": null}', "\xff"])
def test_a_damaged_file_is_no_notes_and_can_be_written_over(run, text):
    runs.path(run, "notes.json").write_text(text, encoding="latin-1")
    assert notes.read(run) == notes.Notes()
    assert notes.write(run, star=True) == notes.read(run) == notes.Notes(star=True)


def test_what_a_later_version_adds_is_passed_over(run):
    runs.path(run, "notes.json").write_text('{"title": "Wide", "colour": "red"}')
    assert notes.read(run) == notes.Notes(title="Wide")


def test_notes_of_a_run_that_is_gone_are_refused():
    with pytest.raises(LookupError, match="There is no run 2020-01-01-gone-owl"):
        notes.write("2020-01-01-gone-owl", star=True)
    assert notes.read("2020-01-01-gone-owl") == notes.Notes()


def test_a_list_shows_what_was_said_since_it_was_read_last(run):
    runs.write_status(run, state="done")
    assert jobs.summary(run)["title"] == ""
    notes.write(run, title="Wide", tags=["a"], star=True)
    row = jobs.summary(run)
    assert (row["title"], row["tags"], row["star"], row["archived"]) == ("Wide", ["a"], True, False)
    runs.write_status(run, state="failed", message="It failed.")
    assert jobs.summary(run)["state"] == "failed"
    runs.path(run, "config.json").write_text("{")
    assert jobs.summary(run)["state"] == "damaged"


def test_the_course_of_a_run_grows_with_its_history(run):
    history = runs.path(run, "history.jsonl")
    assert jobs.course(run) == []
    runs.append_rows(history, [{"epoch": 1, "val_accuracy": 0.5}])
    assert jobs.course(run) == [0.5]
    runs.append_rows(history, [{"epoch": 2, "val_accuracy": 0.6}])
    assert jobs.course(run) == [0.5, 0.6]
