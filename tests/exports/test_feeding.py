"""What goes into a file: samples as it takes them and back; dates as text, read inside the file."""

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from onnx import helper

from core.data.dataset import Column, Schema
from exports import _dates, feeding
from tests.exports import made

COLUMNS = (Column("a", "number"), Column("when", "date"), Column("colour", "category", ("blue", "red")))


@pytest.fixture(scope="module")
def read():
    """Days since 1970 that the graph reads from texts."""
    text = helper.make_tensor_value_info("text", onnx.TensorProto.STRING, ["n"])
    days = helper.make_tensor_value_info("days", onnx.TensorProto.FLOAT, ["n"])
    graph = helper.make_graph(_dates.nodes("text", "days"), "dates", [text], [days])
    versions = [helper.make_opsetid("", 20), helper.make_opsetid("ai.onnx.ml", 4)]
    proto = helper.make_model(graph, opset_imports=versions, ir_version=10)
    onnx.checker.check_model(proto, full_check=True)
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    return lambda texts: session.run(None, {"text": np.array(texts, object)})[0]


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("1970-01-01", 0.0),
        ("1969-12-31", -1.0),
        ("1970-01-02T12:00", 1.5),
        ("1970-01-02 18:00:00", 1.75),
        ("1970-01-01 06:00:00.999", 0.25),
        ("1970-3-1", 59.0),
        ("2024-02-29", 19782.0),
        ("2024-12-31", 20088.0),
        ("1900-03-01", -25508.0),  # 1900 had no 29 February
    ],
)
def test_a_date_is_days_since_1970(read, text, days):
    assert read([text])[0] == np.float32(days)


NO_DATES = ["", "x", "2023-02-29", "2024-13-01", "2024-00-10", "2024-01-32", "2024-01-01 25:00", "2024-01-01T12:61"]


@pytest.mark.parametrize("text", [*NO_DATES, "31.01.2024", "2024", "1500-01-01", "-", "T", "9" * 10_000])
def test_what_is_no_date_is_missing(read, text):
    assert np.isnan(read([text, "2024-01-01"])).tolist() == [True, False]


def test_every_day_of_two_centuries_is_read_as_pandas_reads_it(read):
    days = pd.date_range("1899-12-25", "2101-01-07", freq="D")
    texts = days.strftime("%Y-%m-%d").to_numpy(object)
    np.testing.assert_array_equal(read(texts), (days - pd.Timestamp("1970-01-01")).days.to_numpy(np.float32))


def test_samples_go_in_as_the_file_takes_them_and_come_back():
    schema = Schema("table", (3,), ("no", "yes"), COLUMNS)
    x = np.array([[1.5, 19782.0, 0], [np.nan, np.nan, -1], [-2, 0.25, 1]], np.float32)
    given = feeding.feeds(schema, x)
    assert given["when"].tolist() == ["2024-02-29T00:00:00", "", "1970-01-01T06:00:00"]
    assert given["colour"].tolist() == ["blue", "", "red"]
    np.testing.assert_array_equal(feeding.x_of(schema, given), x)


def test_dates_without_a_time_are_written_without_one():
    rows = [{"a": 1.0, "when": pd.Timestamp("2024-02-29"), "colour": "red"}, {"a": 2.0, "when": pd.NaT, "colour": None}]
    given = feeding.inputs(made.table(rows, COLUMNS), np.arange(2))
    assert given["when"].tolist() == ["2024-02-29", ""]
    assert given["colour"].tolist() == ["red", ""]


def test_text_that_is_no_date_is_a_missing_one_on_both_sides():
    schema = Schema("table", (3,), ("no", "yes"), COLUMNS)
    given = {"a": np.zeros(2, np.float32), "when": np.array(["soon", "2023-02-29"], object)}
    x = feeding.x_of(schema, given | {"colour": np.array(["green", "blue"], object)})
    assert np.isnan(x[:, 1]).all() and x[:, 2].tolist() == [-1, 0]
