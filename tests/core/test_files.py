"""Files that are whole or not there."""

import errno
import json
import os
import threading

import pytest

from core import files


def full(number=errno.ENOSPC):
    def refuse(*_args, **_options):
        raise OSError(number, os.strerror(number))

    return refuse


# ---------------------------------------------------------------------------------------------------- written


def test_what_is_written_replaces_what_was_there_and_leaves_nothing_beside(tmp_path):
    for n in (1, 2):
        files.write_json(tmp_path / "a.json", {"n": n})
    assert files.read_json(tmp_path / "a.json") == {"n": 2}
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_one_sentence_with_the_file_and_the_old_content_stays(tmp_path, monkeypatch, number):
    files.write_json(tmp_path / "a.json", {"n": 1})
    monkeypatch.setattr(os, "fsync", full(number))
    with pytest.raises(files.NotWritten, match=r"^The disk of .*/a\.json is full \(.*\); make room there") as error:
        files.write_json(tmp_path / "a.json", {"n": 2})
    assert error.value.errno == number
    assert files.read_json(tmp_path / "a.json") == {"n": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_a_read_only_disk_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", full(errno.EROFS))
    with pytest.raises(files.NotWritten, match=r"a\.json cannot be used \(read-only file system\); make it readable"):
        files.write_json(tmp_path / "a.json", {})


def test_a_folder_in_the_way_is_one_sentence(tmp_path):
    (tmp_path / "a.json").mkdir()
    with pytest.raises(files.NotWritten, match=r"a\.json is in the way \(is a directory\); move it away"):
        files.write_json(tmp_path / "a.json", {})


def test_a_folder_that_is_gone_is_still_told_from_a_full_disk(tmp_path):
    with pytest.raises(FileNotFoundError):
        files.write_json(tmp_path / "gone" / "a.json", {})


def test_a_status_can_be_written_on_a_full_disk(tmp_path, monkeypatch):
    files.write_json(tmp_path / "a.json", {"state": "running", "more": "x" * 100})
    monkeypatch.setattr(os, "fsync", full())
    files.write_even_if_full(tmp_path / "a.json", {"state": "failed"})
    assert files.read_json(tmp_path / "a.json") == {"state": "failed"}


def test_two_who_change_the_same_file_wait_for_one_another(tmp_path):
    target = tmp_path / "n.json"
    files.write_json(target, {"n": 0})

    def count():
        for _ in range(25):
            with files.alone(target):
                files.write_json(target, {"n": files.read_json(target)["n"] + 1})

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert files.read_json(target) == {"n": 100}


# ------------------------------------------------------------------------------------------------------- read


def test_what_is_sealed_reads_as_it_was_written(tmp_path):
    values = {"a": [1, 2.5, None, "ü"], 5: {"b": True}}
    files.write_sealed(tmp_path / "a.json", values)
    assert files.read_json(tmp_path / "a.json") == json.loads(json.dumps(values))


def test_a_change_of_what_is_sealed_is_noticed(tmp_path):
    files.write_sealed(tmp_path / "a.json", {"accuracy": 0.5})
    text = (tmp_path / "a.json").read_text()
    (tmp_path / "a.json").write_text(text.replace("0.5", "0.9"))
    with pytest.raises(ValueError, match="it was changed after it was written"):
        files.read_json(tmp_path / "a.json")


def test_what_an_older_version_wrote_without_seal_and_number_is_read_as_it_is(tmp_path):
    (tmp_path / "a.json").write_text('{"a": 1}')
    assert files.read_json(tmp_path / "a.json") == {"a": 1}


def test_what_a_newer_version_wrote_is_told_from_damage(tmp_path):
    files.write_sealed(tmp_path / "a.json", {"format": 3})
    assert files.read_json(tmp_path / "a.json", known=3) == {"format": 3}
    with pytest.raises(files.Newer, match=r"a newer Vitrine \(format 3; this one reads up to 2\); update Vitrine"):
        files.read_json(tmp_path / "a.json", known=2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "not a JSON object"),
        ('"x"', "not a JSON object"),
        ("null", "not a JSON object"),
        ("", "Expecting value"),
        ('{"a": NaN}', "NaN is no JSON"),
        ('{"format": "x"}', "its format is 'x' and not a number"),
        ('{"format": true}', "its format is 'True' and not a number"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_what_is_no_json_object_is_refused(tmp_path, text, said):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match=said):
        files.read_json(tmp_path / "a.json")
