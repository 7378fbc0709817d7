"""The Data page: every set shown and checked, and new ones added without a surprise."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core import data
from core.data import imports, ingest, store
from core.data.dataset import Column
from dashboard import data_add, data_split, engine
from tests.core import toys
from tests.dashboard import pages
from tests.dashboard.pages import box, button

HOSTILE = '<img src=x onerror=alert(1)> *bold* [link](http://x) "q" \u202eabc 😀'


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    """What the engine would compute is computed here."""
    monkeypatch.setattr(engine, "call", lambda _text, function, *args, **_: function(*args))


@pytest.fixture(autouse=True)
def started(monkeypatch):
    """Imports that were asked for, instead of being started."""
    asked = []

    def start(*args, **named):
        asked.append((args, named))
        imports.folder("none").mkdir(parents=True, exist_ok=True)
        return "none"

    monkeypatch.setattr(imports, "start", start)
    at_work = {"state": "working", "phase": "Reading", "done": 1, "total": 4, "created": 0.0}
    monkeypatch.setattr(imports, "status", lambda job: {"id": job, **at_work})
    return asked


def people(n=60, name="people"):
    """A table whose column `answer` is the class, and whose first two rows are the same."""
    rng = np.random.default_rng(0)
    targets = np.arange(n) % 2
    frame = pd.DataFrame(
        {
            "age": rng.integers(20, 80, n).astype(float),
            "answer": np.where(targets, "b", "a"),
            "town": ["x", "y", "z"] * (n // 3),
        }
    )
    frame.iloc[2] = frame.iloc[0]
    columns = (
        Column("age", "number"),
        Column("answer", "category", ("a", "b")),
        Column("town", "category", ("x", "y", "z")),
    )
    given = dataclasses.replace(
        toys.table(name, n), table=frame, columns=columns, targets=targets, ids=np.array([f"{i:03d}" for i in range(n)])
    )
    return store.put(given, {"reader": "table", "where": "people.csv", "options": {}})


def text(page) -> str:
    kinds = ("markdown", "caption", "header", "subheader", "title")
    return "\n".join(element.value for kind in kinds for element in page.main.get(kind))


@pytest.mark.parametrize("name", data.built_in())
@pytest.mark.parametrize("view", ["Checks", "Look", "Split", "Random changes", "How it was read"])
def test_every_view_of_every_set_that_comes_with_the_project_opens(show, name, view):
    page = show("data", data=name, view=view)
    pages.check(page)
    assert name in text(page).replace("\\", "")


def test_a_set_that_is_not_there_is_told_and_another_one_shown(show):
    page = show("data", data="nothing")
    pages.check(page)
    assert "There is no data set nothing" in page.warning[0].value


def test_a_damaged_set_is_a_sentence_and_can_be_deleted(show):
    people()
    (store.folder("people") / store.version("people") / "table.parquet").write_bytes(b"half")
    page = show("data", data="people")
    assert not page.exception
    assert "cannot be read" in page.error[0].value
    page.checkbox[0].check().run()
    button(page, "Delete").click().run()
    assert store.names() in ([], ["breast_cancer"])  # the next set in the list is made when it is shown


def test_a_leak_is_found_and_left_out_at_a_click(show):
    people()
    page = show("data", data="people")
    pages.check(page)
    assert "answer" in text(page)
    (fix,) = [widget for widget in page.button if "answer" in widget.label]
    fix.click().run()
    pages.check(page)
    assert [column.name for column in data.get("people").columns] == ["age", "town"]
    assert len(store.versions("people")) == 2
    assert "has a new version" in page.success[0].value.replace("\\", "")


def test_a_fix_that_fails_is_a_sentence_and_changes_nothing(show, monkeypatch):
    people()
    page = show("data", data="people")

    def refuse(*_):
        raise ValueError("The workspace is full; make room.")

    monkeypatch.setattr("core.data.insight.mend", refuse)
    next(widget for widget in page.button if "answer" in widget.label).click().run()
    assert page.error[0].value == "The workspace is full; make room."
    assert len(store.versions("people")) == 1


def test_the_columns_are_shown_with_their_distribution(show):
    people()
    page = show("data", data="people", view="Look")
    pages.check(page)
    assert list(page.dataframe[0].value["Column"]) == ["age", "answer", "town"]


@pytest.mark.parametrize("how", ["group", "time", "column", "stratified"])
def test_a_way_to_split_gives_sizes_or_a_sentence(show, how):
    people()
    page = show("data", data="people", view="Split")
    box(page, "How to split").select(how).run()
    assert not page.exception
    assert "to train on" in text(page) or pages.is_sentence(page.error[0].value.replace("\\", ""))


def test_a_link_carries_the_split_to_the_train_page(show):
    people()
    plan = dataclasses.replace(data_split.DataConfig(), split="group", split_by="town", folds=0, val_fraction=0.25)
    query = data_split.as_query(plan)
    assert data_split.from_query(query) == {"split": "group", "split_by": "town", "val_fraction": 0.25}
    page = show("train", data="people", **query)
    assert (box(page, "How to split").value, box(page, "Column").value) == ("group", "town")


@pytest.mark.parametrize("query", [{"split": "magic"}, {"val_fraction": "x"}, {"folds": "-1"}, {"test_fraction": "9"}])
def test_a_link_with_nonsense_is_ignored(query):
    assert data_split.from_query(query) == {}


def test_a_set_is_renamed(show):
    people()
    page = show("data", data="people")
    next(field for field in page.text_input if field.label == "New name").set_value("folk").run()
    button(page, "Rename").click().run()
    pages.check(page)
    assert store.names() == ["folk"]
    assert page.query_params["data"] in ("folk", ["folk"])


def test_names_that_hold_code_are_shown_as_they_are(show):
    given = dataclasses.replace(toys.images("photos", 40), classes=(HOSTILE, "b"))
    store.put(given)
    for view in ("Checks", "Look", "Split", "How it was read"):
        page = show("data", data="photos", view=view)
        pages.check(page)
        assert "<img src=x" not in text(page).replace("\\<", "")


# ---------------------------------------------------------------------------------------------------- adding


def adding(show, way=None, **fields):
    page = show("data", add="1")
    if way:
        page.session_state["add-way"] = way
        page.run()
    for label, value in fields.items():
        next(field for field in page.text_input if field.label.startswith(label)).set_value(value).run()
    return page


def test_without_a_file_the_form_says_what_to_bring(show):
    page = adding(show)
    pages.check(page)
    assert "Nothing leaves this machine" in text(page)


def test_a_table_by_path_is_looked_at_and_then_added_as_it_was_shown(show, tmp_path, started):
    path = tmp_path / "dogs.csv"
    rows = [f"{i};{i % 7},5;{'good' if i % 3 else 'bad'}" for i in range(60)]
    path.write_text("number;weight;mood\n" + "\n".join(rows))
    page = adding(show, "Path", **{"A table": str(path)})
    pages.check(page)
    assert box(page, "Column to predict").value == "mood"
    assert "semicolon" in str([expander.label for expander in page.expander])
    assert "decimal comma" in str([expander.label for expander in page.expander])
    assert "Add" in [widget.label for column in page.columns for widget in column.button]  # beside the target
    button(page, "Add").click().run()
    ((args, _),) = started
    assert args == (str(path), "dogs", {"target": "mood"})


@pytest.mark.parametrize(
    ("name", "content"), [("empty.csv", b""), ("binary.csv", b"\x00\x01\x02" * 99), ("head.csv", b"a,b\n")]
)
def test_what_is_no_table_is_one_sentence_and_cannot_be_added(show, tmp_path, started, name, content):
    (tmp_path / name).write_bytes(content)
    page = adding(show, "Path", **{"A table": str(tmp_path / name)})
    assert not page.exception
    assert pages.is_sentence(page.error[0].value.replace("\\", ""))
    assert "Add" not in [widget.label for widget in page.button] and started == []


def test_a_path_to_nothing_is_told(show):
    page = adding(show, "Path", **{"A table": "/no/such/file.csv"})
    assert page.error[0].value == "There is nothing at /no/such/file.csv; give the path of a file or folder."


def test_a_folder_of_photographs_is_added(show, tmp_path, started):
    for name in ("cats", "dogs"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "pets" / name / "1.png")
    page = adding(show, "Path", **{"A table": str(tmp_path / "pets")})
    pages.check(page)
    button(page, "Add").click().run()
    assert started[0][0] == (str(tmp_path / "pets"), "pets", {})


def test_a_ready_made_set_and_a_dataset_of_ones_own_are_added(show, started):
    page = adding(show, "Ready-made", **{"Folder that holds": "/data"})
    button(page, "Add").click().run()
    assert started[-1][0] == ("MNIST", "mnist", {"root": "/data"})
    page = adding(show, "Your Dataset", **{"Your map-style": "my.module:Set"})
    button(page, "Add").click().run()
    assert started[-1][0] == ("my.module:Set", "set", {})


def test_an_import_at_work_shows_how_far_it_is_and_can_be_stopped(show, monkeypatch):
    stopped = []
    monkeypatch.setattr(imports, "stop", stopped.append)
    page = adding(show, "Your Dataset", **{"Your map-style": "my.module:Set"})
    button(page, "Add").click().run()
    assert "1 of 4" in page.main.get("progress")[0].proto.text
    button(page, "Stop").click().run()
    assert stopped == ["none"]


def test_an_import_of_another_tab_is_shown_and_goes_with_its_record(show, monkeypatch, workspace):
    (workspace / "imports" / "theirs").mkdir(parents=True)
    row = {"id": "theirs", "state": "working", "phase": "Decoding", "done": 1, "total": 4}
    monkeypatch.setattr(imports, "all_jobs", lambda: [row] if (workspace / "imports" / "theirs").exists() else [])
    page = show("data")
    assert "1 of 4" in page.main.get("progress")[0].proto.text
    (workspace / "imports" / "theirs").rmdir()
    page.run()
    pages.check(page)
    assert not page.main.get("progress")


@pytest.mark.parametrize(
    ("state", "kind", "said"), [("done", "success", "people is added"), ("failed", "error", "It is full")]
)
def test_an_import_that_is_over_says_so(show, monkeypatch, state, kind, said):
    people()
    page = adding(show, "Your Dataset", **{"Your map-style": "my.module:Set"})
    over = {"id": "1", "created": 0.0, "state": state, "name": "people"}
    over["message"] = "It is full; make room on the disk."
    monkeypatch.setattr(imports, "status", lambda _: over)
    button(page, "Add").click().run()
    assert said in getattr(page, kind)[0].value


def test_what_was_said_of_how_a_table_is_written_can_be_taken_back(show, tmp_path, monkeypatch):
    path = tmp_path / "dogs.csv"
    path.write_text("size;mood;home\n" + "\n".join(f"{i % 5};{'ab'[i % 2]};{'xyz'[i % 3]}" for i in range(60)))
    ingest.add(str(path), values={"target": "mood", "separator": "semicolon", "header": "yes"})
    asked = []
    monkeypatch.setattr(imports, "start", lambda *_, values, **__: asked.append(values) or "none")
    page = show("data", data="dogs", view="How it was read")
    pages.check(page)
    assert box(page, "Separator").value == "semicolon"
    box(page, "Separator").set_value("").run()
    box(page, "First line holds the names").set_value("auto").run()
    button(page, "Read it again like this").click().run()
    assert asked == [{"target": "mood"}]


def test_the_name_of_an_uploaded_file_is_not_trusted(workspace):
    path = data_add.keep("../../../etc/<b>pass wd.csv", b"a,b\n1,2\n")
    assert path.parent.parent == workspace / "uploads"
    assert path.name == "b-pass-wd.csv"
    assert data_add.keep("other.exe", b"MZ").suffix == ".csv"


def test_a_table_is_read_again_with_another_target(tmp_path):
    path = tmp_path / "dogs.csv"
    path.write_text("size,mood,home\n" + "\n".join(f"{i % 5},{'ab'[i % 2]},{'xyz'[i % 3]}" for i in range(60)))
    ingest.add(str(path), values={"target": "mood"})
    again = ingest.again("dogs", {"target": "home"})
    assert again.classes == ("x", "y", "z")
    assert again.ids.tolist() == data.get("dogs").ids.tolist()
