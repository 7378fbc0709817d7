"""A file as whoever deploys it sees it: rows and pictures as they come, and a sentence for what does not fit."""

import io

import numpy as np
import onnx
import pytest
from PIL import Image

from core import runs
from core.data.dataset import Column
from exports import model_file
from exports import onnx as export
from tests.exports import made

DATE = "In row 2, column when: '31.1.24' is no date; give one like 2024-01-31, or nothing."
COLUMNS = (Column("size", "number"), Column("decision", "category", ("no", "yes")), Column("when", "date"))


def described() -> model_file.ModelFile:
    """A file by hand, for `columns` alone."""
    inputs = (
        {"name": "size", "column": "size", "type": "float32"},
        {"name": "decision (column)", "column": "decision", "type": "string", "categories": ["no", "yes", "?"]},
        {"name": "when", "column": "when", "type": "string", "role": "date"},
    )
    return model_file.ModelFile("m.onnx", None, {}, "table", ("a", "b"), inputs, ())


def test_plain_values_become_the_files_inputs_by_its_own_names():
    table = {
        "size": [" 1.5 ", None, 2],
        "decision": ["yes", "", "?"],
        "when": ["NA", None, "2024-01-31T12:30Z"],
        "more": [1],
    }
    feeds = described().columns(table)
    np.testing.assert_array_equal(feeds["size"], np.array([1.5, np.nan, 2], np.float32))
    assert feeds["decision (column)"].tolist() == ["yes", "", "?"]  # "?" is a category here, else it is missing
    assert feeds["when"].tolist() == ["", "", "2024-01-31T12:30"]


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"decision": None}, LookupError, "There is no column decision; the model reads size, decision, when."),
        ({"size": [1, "abc"]}, ValueError, "In row 2, column size: 'abc' is no number; give a number, or nothing."),
        ({"size": [[2], 1]}, ValueError, "In row 1, column size: '[2]' is no number; give a number, or nothing."),
        ({"size": [1, "inf"]}, ValueError, "In row 2, column size: 'inf' is too large; give a number, or nothing."),
        ({"size": [-1e39, 1]}, ValueError, "In row 1, column size: '-1e+39' is too large; give a number, or nothing."),
        ({"decision": ["", {}]}, ValueError, "In row 2, column decision: a dict is no text; give one value."),
        ({"when": ["2024-02-01Z", "31.1.24"]}, ValueError, DATE),
        ({"when": ["2024-02-29 23:59:59.5", "2023-02-29"]}, ValueError, DATE.replace("31.1.24", "2023-02-29")),
        ({"when": ["", "٢٠٢٤-٠١-٠١"]}, ValueError, DATE.replace("31.1.24", "٢٠٢٤-٠١-٠١")),
        ({"when": ["2261-12-31", "1677-01-01"]}, ValueError, DATE.replace("31.1.24", "1677-01-01")),
        ({"when": ["2024-1-1T7", "2024-01-01T24"]}, ValueError, DATE.replace("31.1.24", "2024-01-01T24")),
        ({"when": [""]}, ValueError, "The columns have 1, 2 values; give each the same number."),
    ],
)
def test_what_does_not_fit_is_one_sentence_with_row_and_column(changes, error, said):
    table = {"size": [1, 2], "decision": ["", ""], "when": ["", ""]} | changes
    with pytest.raises(error) as raised:
        described().columns({name: values for name, values in table.items() if values is not None})
    assert raised.value.args == (said,)


def test_no_file_of_onnx_and_no_file_at_all_are_one_sentence(tmp_path):
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(
        ValueError, match=r"^text.onnx is no ONNX file that onnxruntime can read .*; export it again\.$"
    ):
        model_file.read(tmp_path / "text.onnx")
    with pytest.raises(ValueError, match=r"cannot be read .*; name an ONNX file that is there"):
        model_file.read(tmp_path / "gone.onnx")


def test_an_unknown_provider_is_one_sentence(exported):
    with pytest.raises(LookupError, match=r"onnxruntime has no provider MagicExecutionProvider here; it has .*CPU"):
        model_file.read(runs.path(exported["digits"], "exports", "model.onnx"), providers=("MagicExecutionProvider",))


def test_metadata_about_other_inputs_is_refused(exported):
    path = runs.path(exported["breast_cancer"], "exports", "model.onnx")
    proto = onnx.load(path)
    (entry,) = [entry for entry in proto.metadata_props if entry.key == "vitrine.inputs"]
    entry.value = entry.value.replace("mean radius", "mean height")
    onnx.save(proto, path)
    with pytest.raises(ValueError, match="is about other inputs than it has; it was changed after export"):
        model_file.read(path)


HOSTILE = ['["x"]', '[{"name": "mean radius"}]', "3", "[" * 100_000, "{}", '[{"name": {}, "type": []}]']


@pytest.mark.parametrize("name", ["inputs", "classes", "outputs", "kind"])
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_metadata_is_one_sentence(exported, name, text):
    path = runs.path(exported["breast_cancer"], "exports", "model.onnx")
    proto = onnx.load(path)
    onnx.helper.set_model_props(proto, {f"vitrine.{name}": text})
    onnx.save(proto, path)
    if (name, text[:2]) in (("outputs", "[{"), ("outputs", '["'), ("classes", '["')):
        return  # they are shown, and not relied on
    with pytest.raises(ValueError, match=r"The metadata of model.onnx is .*"):
        model_file.read(path)


def test_a_picture_is_turned_as_its_exif_says_and_a_broken_one_refused():
    picture = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4))
    facts = Image.Exif()
    facts[0x0112] = 6  # lies on its side
    content = io.BytesIO()
    picture.save(content, "PNG", exif=facts)
    assert model_file.pixels(content.getvalue(), 1).shape == (1, 4, 3)
    assert model_file.pixels(content.getvalue(), 3).shape == (3, 4, 3)
    for broken in (content.getvalue()[:40], b"", b"GIF89a"):
        with pytest.raises(ValueError, match=r"The image cannot be read: it "):
            model_file.pixels(broken, 3)


@pytest.mark.slow
def test_a_row_as_it_stands_in_a_csv_is_decided_as_pytorch_decides(tmp_path):
    rows = [{"size": 2.0, "decision": "yes", "when": np.datetime64("2024-02-29")}]
    dataset = made.table(rows, COLUMNS)
    model = made.linear(dataset, [[0.0] * 10, [1.0] + [0.0] * 9], [0.0, 0.0])
    (tmp_path / "model.onnx").write_bytes(export.convert(model).SerializeToString())
    file = model_file.read(tmp_path / "model.onnx")
    feeds = {"size": np.array([2.0], np.float32), "decision (column)": np.array(["yes"], object)}
    said = file.ask(feeds | {"when": np.array(["2024-02-29"], object)})
    assert [entry["name"] for entry in file.inputs] == ["size", "decision (column)", "when"]
    assert (said["label"].tolist(), said["decision"].tolist()) == (["yes"], [1])
    assert said["logits"][0].tolist() == [0.0, 2.0]
