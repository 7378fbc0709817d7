"""Every parser that is ours as a function of bytes, which raises AssertionError, or what it should not, for a fault."""

import contextlib
import functools
import json
import pathlib
import tempfile

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pyarrow as pa

from core import config, notes, options
from core.data.images import archive, decode
from core.data.readers import table, torchvision
from core.data.tables import columns, dialect
from core.evaluation import filters
from core.search import space
from dashboard import data_split, evaluation_sections, operating_panel
from exports import _dates, edits, model_file
from exports.serving import answering, reading
from exports.serving.limits import Limits, Refused
from tests.exports import served
from tests.hostile import judging

TABLE = pd.DataFrame({
    "age": [1.0, 2.5, np.nan, -3.0],
    "city": pd.Categorical(["oslo", "rome", None, "a,b"]),
    "when": pd.to_datetime(["2020-01-01", None, "2024-02-29", "1999-12-31"]),
    "is it": [True, False, True, False],
})  # fmt: skip


def text_of(data: bytes) -> str:
    """Any text from any bytes, half surrogates included."""
    return data.decode("utf-8", "surrogateescape")


@contextlib.contextmanager
def in_a_sentence(*more):
    """Let a refusal pass if it is a sentence; what else is raised passes on."""
    try:
        yield
    except judging.REFUSALS as error:
        if isinstance(error, (KeyError, IndexError, RecursionError)):
            raise
        judging.check_sentence(str(error.args[0] if len(error.args) == 1 else error))
    except more as error:
        judging.check_sentence(str(error.args[-1]))


@contextlib.contextmanager
def a_file(data: bytes, suffix: str = ""):
    with tempfile.TemporaryDirectory(dir="/dev/shm" if pathlib.Path("/dev/shm").is_dir() else None) as folder:
        path = pathlib.Path(folder) / f"file{suffix}"
        path.write_bytes(data)
        yield path


# ------------------------------------------------------------------------------------------------------------ data


def a_table(data: bytes) -> None:
    """A CSV file, looked at and loaded: both must agree that it can be, and on its columns."""
    with a_file(data, ".csv") as path:
        looked = None
        with in_a_sentence():
            looked = table.look(str(path))
        with in_a_sentence():
            found = table.load(str(path))
            assert looked is not None, "it was loaded, but could not be looked at"
            assert not looked.problem, looked.problem
            assert len(found.table) == len(found.targets) and len(found.classes) >= 2
            assert {one.name for one in found.columns} <= set(looked.names)


def a_dialect(data: bytes) -> None:
    with in_a_sentence():
        found = dialect.detect(data)
        assert found.separator in dialect.SEPARATORS and found.decimal in (".", ",")
        assert dialect.detect(data) == found


def cells(data: bytes) -> None:
    """A column of cells, a line each: numbers that Python reads, too, are the same ones."""
    values = [one.encode("utf-8", "replace").decode() for one in text_of(data).split("\n")]
    made = pa.table({"a": pa.array(values, pa.string())})
    for decimal in (".", ","):
        for wish in ({}, {"a": "number"}, {"a": "date"}, {"a": "category"}):
            with in_a_sentence():
                (report,), frame = columns.convert(made, None, wish, decimal=decimal)
                assert len(frame) == len(values) and report.n_missing + report.n_bad <= len(values)
                units = any(
                    sign in text for text in values for sign in "%$€£¥"
                )  # of these only the most frequent counts
                if report.type == "number" and decimal == "." and "read with" not in report.note and not units:
                    for value, text in zip(frame["a"], values):
                        if (plain := _plain(text)) is not None:
                            assert value == plain or (value != value and not np.isfinite(plain)), (text, value)


def _plain(text: str) -> float | None:
    """A number as JSON has it, None for all else."""
    try:
        found = json.loads(text.strip(" \t"), parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None
    return (
        float(found) if isinstance(found, (int, float)) and not isinstance(found, bool) and abs(found) < 1e300 else None
    )


def idx(data: bytes) -> None:
    with a_file(data) as path, in_a_sentence():
        found = torchvision.read_idx(path)
        assert found.dtype == np.uint8 and found.size and 4 + 4 * found.ndim + found.size == len(data)


def an_archive(data: bytes) -> None:
    """A zip file: whatever it writes lies in its folder, and after an error nothing is there."""
    with a_file(data, ".zip") as path:
        target = path.with_name("out")
        unpacked = False
        with in_a_sentence():
            archive.unpack(path, target, lambda *_: None)
            unpacked = True
        assert {one.name for one in path.parent.iterdir()} <= {"file.zip", "out"}
        assert target.is_dir() == unpacked
        assert not any(one.is_symlink() for one in target.rglob("*"))


def an_image(data: bytes) -> None:
    with in_a_sentence():
        found = decode.content(data, 3)
        assert found.dtype == np.uint8 and found.ndim == 3 and found.size


# -------------------------------------------------------------------------------------------------- texts of people


def a_filter(data: bytes) -> None:
    text = text_of(data)
    with in_a_sentence():
        found = filters.mask(TABLE, text)
        assert found.dtype == bool and found.shape == (len(TABLE),)
        if text.strip():
            both = found | filters.mask(TABLE, f"not ({text})")
            assert both.all()


def settings(data: bytes) -> None:
    """Settings of a net, a space to search, tags, and a config."""
    lines = text_of(data).split("\n")
    with in_a_sentence():
        options.parse(lines)
    with in_a_sentence():
        made = space.parse(lines)
        assert space.from_dict(json.loads(json.dumps(space.to_dict(made)))) == made
        space.check(made, "mlp")
        space.distributions(made)
    tags = notes.split_tags(text_of(data))
    assert notes.split_tags(", ".join(tags)) == tags
    values = None
    with contextlib.suppress(ValueError, RecursionError):
        values = json.loads(data)
    with in_a_sentence():
        if isinstance(values, dict):
            found = config.TrainConfig.from_dict(values)
            assert config.TrainConfig.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def a_link(data: bytes) -> None:
    """What the pages read from the address of a link beside names: none of it may raise."""
    text = text_of(data)
    found = evaluation_sections.cell(text, ["a", "b", "c"])
    assert found is None or all(0 <= place < 3 for place in found)
    assert all(isinstance(value, float) for value in operating_panel._numbers(text))
    for name in data_split.FIELDS:
        assert set(data_split.from_query({name: text})) <= {name}


def some_edits(data: bytes) -> None:
    """Numbers from eight bytes each, as changes of an image."""
    numbers = np.frombuffer(data[: len(data) // 8 * 8], "<f8").tolist()[:40]
    whole, rest = numbers[:7], numbers[7:]
    if len(whole) < 7:
        return
    painted = tuple(tuple(rest[i : i + 4]) for i in range(0, len(rest) - 3, 4))
    image = np.arange(48, dtype=np.uint8).reshape(3, 4, 4)
    made = edits.Edits(painted, "mean", tuple(whole[:4]), *whole[4:7])
    with in_a_sentence():
        found = edits.apply(image, made)
        assert found.shape == image.shape and found.dtype == image.dtype
        assert edits.describe(made)


# ---------------------------------------------------------------------------------------------------------- the server


@functools.cache
def _answerer() -> answering.Answerer:
    with tempfile.TemporaryDirectory() as folder:
        return answering.Answerer(model_file.read(served.table(pathlib.Path(folder))), Limits(), lambda _: None)


@functools.cache
def _looker() -> answering.Answerer:
    with tempfile.TemporaryDirectory() as folder:
        return answering.Answerer(model_file.read(served.image(pathlib.Path(folder))), Limits(), lambda _: None)


def _answered(answerer: answering.Answerer, content: bytes, kind: str) -> None:
    (answer,) = answerer.answer([answering.Job(content, kind)])
    if isinstance(answer, Refused):
        assert 400 <= answer.status < 500
        judging.check_sentence(str(answer))
    elif isinstance(answer, Exception):
        raise answer
    else:
        json.loads(answer)


def a_request_of_rows(data: bytes) -> None:
    _answered(_answerer(), data, "application/json")


def a_request_of_csv(data: bytes) -> None:
    _answered(_answerer(), data, "text/csv")


def a_request_of_images(data: bytes) -> None:
    """The first line is the content type, the rest the body."""
    head, _, body = data.partition(b"\n")
    _answered(_looker(), body, head.decode("latin-1"))
    with in_a_sentence(Refused):
        reading.parts(body, "multipart/form-data; boundary=x")


@functools.cache
def _calendar() -> onnxruntime.InferenceSession:
    text = onnx.helper.make_tensor_value_info("text", onnx.TensorProto.STRING, ["n"])
    days = onnx.helper.make_tensor_value_info("days", onnx.TensorProto.FLOAT, ["n"])
    graph = onnx.helper.make_graph(_dates.nodes("text", "days"), "dates", [text], [days])
    sets = [onnx.helper.make_opsetid("", 20), onnx.helper.make_opsetid("ai.onnx.ml", 4)]
    model = onnx.helper.make_model(graph, opset_imports=sets, ir_version=10)
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def dates(data: bytes) -> None:
    """Dates as the exported file reads them: those that it may be given are read as pandas reads them, or missing."""
    texts = [one.encode("utf-8", "replace").decode() for one in text_of(data).replace("\0", " ").split("\n")]
    days = _calendar().run(None, {"text": np.array(texts, object)})[0]
    for text, day in zip(texts, days.tolist()):
        assert np.isfinite(day) or not model_file._is_date(text), text
        if model_file.DATE.fullmatch(text):
            moment = pd.to_datetime(text, errors="coerce", format="ISO8601" if len(text.split("-")[0]) == 4 else None)
            if pd.isna(moment):
                continue
            if moment.year in model_file.YEARS:
                exact = (moment - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)
                assert abs(day - exact) <= max(2e-5, abs(exact) * 2**-23), (text, day, exact)


PARSERS = {
    "table": a_table,
    "dialect": a_dialect,
    "cells": cells,
    "idx": idx,
    "archive": an_archive,
    "image": an_image,
    "filter": a_filter,
    "settings": settings,
    "link": a_link,
    "edits": some_edits,
    "rows": a_request_of_rows,
    "csv": a_request_of_csv,
    "images": a_request_of_images,
    "dates": dates,
}
