"""What cannot be read or stored is one sentence and leaves nothing half-made; hostile names come back as they were."""

import errno
import os

import pandas as pd
import pytest

from core import data, files, registry
from core.data import ingest, readers, store
from core.data.readers import table
from tests.core.data.given import people, photos, stored, write

HOSTILE = ("a/b", "it's", 'say "x"', "<script>alert(1)</script>", "😀 smile", "\u202eעברית", "[bold]rich[/bold]")


def test_class_names_of_a_table_come_back_as_they_were(tmp_path):
    quoted = ['"' + name.replace('"', '""') + '"' for name in HOSTILE]
    made = ingest.add(write(tmp_path / "people.csv", people(70, answers=quoted)), values={"target": "answer"})
    back = data.get("people")
    assert back.classes == made.classes == tuple(sorted(HOSTILE))
    assert back.classes[back.targets[3]] == HOSTILE[3]


@pytest.mark.skipif(os.name == "nt", reason="Windows allows fewer names")
def test_class_names_of_folders_come_back_as_they_were(tmp_path):
    names = [name for name in HOSTILE if "/" not in name]
    ingest.add(str(photos(tmp_path / "pets", names, n=1)))
    back = data.get("pets")
    assert back.classes == tuple(sorted(names))
    assert back.ids.tolist() == [f"{name}/0.png" for name in back.classes]


def bad_things(tmp_path):
    (tmp_path / "empty").mkdir()
    photos(tmp_path / "one", ("cat",))
    for name, content in {
        "nothing.csv": b"",
        "head.csv": b"a,b\n",
        "binary.csv": bytes(range(256)) * 9,
        "zero.zip": b"",
        "text.zip": b"no zip",
        "cut.csv.gz": b"\x1f\x8b\x08\0\0\0",
        "one_class.csv": b"a,b\n1,x\n2,x\n3,x\n",
    }.items():
        (tmp_path / name).write_bytes(content)
    return [
        "empty",
        "one",
        "nothing.csv",
        "head.csv",
        "binary.csv",
        "zero.zip",
        "text.zip",
        "cut.csv.gz",
        "one_class.csv",
    ]


def test_what_cannot_be_read_is_one_sentence_and_leaves_nothing(workspace, tmp_path):
    for name in bad_things(tmp_path):
        with pytest.raises(ValueError) as error:
            ingest.add(str(tmp_path / name))
        sentence = str(error.value)
        assert sentence.endswith(".") and "\n" not in sentence and len(sentence) < 300, sentence
        assert name.split(".")[0] in sentence
    assert not (workspace / "data").exists() or stored(workspace) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("where", ["table.parquet", "dataset.json", "set.json"])
def test_a_disk_that_fills_while_storing_is_one_sentence_and_leaves_nothing(workspace, csv, monkeypatch, where, code):
    fill(monkeypatch, where, code)
    with pytest.raises(OSError) as error:
        ingest.add(csv)
    assert error.value.args == (
        f"The disk is full: people.csv does not fit into {workspace}; free some space and add it again.",
    )
    assert store.names() == [] and list(workspace.glob("data/*")) == []
    monkeypatch.undo()
    monkeypatch.setenv("VITRINE_WORKSPACE", str(workspace))
    assert len(ingest.add(csv)) == 40


def fill(monkeypatch, name, code=errno.ENOSPC):
    """From now on the disk is full for files of this name."""

    def full(write, place):
        def refusing(*arguments, **options):
            if arguments[place].name == name:
                raise OSError(code, os.strerror(code))
            return write(*arguments, **options)

        return refusing

    monkeypatch.setattr(files, "write_json", full(files.write_json, 0))
    monkeypatch.setattr(pd.DataFrame, "to_parquet", full(pd.DataFrame.to_parquet, 1))


def test_a_disk_that_fills_keeps_the_version_there_is(tmp_path, csv, monkeypatch):
    made = ingest.add(csv)
    write(tmp_path / "people.csv", people(50))
    fill(monkeypatch, "table.parquet")
    with pytest.raises(OSError, match="The disk is full"):
        ingest.add(csv)
    assert data.get("people").fingerprint == made.fingerprint
    assert [row["n"] for row in store.versions("people")] == [40]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(errno.EIO, "Input/output error", "/dev/x"), "people.csv cannot be read or stored (Input/output error"),
        (MemoryError(), "people.csv does not fit into memory; use fewer rows or columns, or a smaller size."),
        (OSError("The disk is full: nine photographs do not fit."), "The disk is full: nine photographs do not fit."),
    ],
)
def test_what_the_machine_has_against_it_is_one_sentence(csv, monkeypatch, error, sentence):
    monkeypatch.setattr(table, "load", raising(error))
    with pytest.raises((OSError, ValueError)) as said:
        ingest.add(csv)
    assert len(said.value.args) == 1 and said.value.args[0].startswith(sentence)


def raising(error):
    def load(*_):
        raise error

    return load


def test_a_request_to_stop_passes_through_and_leaves_nothing(workspace, tmp_path):
    photos(tmp_path / "pets")

    def progress(phase, *_):
        if phase == "Decoding":
            raise InterruptedError

    with pytest.raises(InterruptedError):
        ingest.add(str(tmp_path / "pets"), progress=progress)
    assert stored(workspace) == []


def test_a_workspace_that_cannot_be_used_is_one_sentence(tmp_path, monkeypatch, csv):
    (tmp_path / "file").touch()
    monkeypatch.setenv("VITRINE_WORKSPACE", str(tmp_path / "file" / "workspace"))
    with pytest.raises(OSError, match=r"The workspace .* cannot be written"):
        ingest.add(csv)


@pytest.mark.parametrize("name", registry.members(readers))
def test_every_reader_has_a_title_and_settings_that_are_good_as_they_are(name):
    assert ingest.reader(name).TITLE and ingest.options_of(name, {}) == ingest.reader(name).Options()
