"""Hostile ONNX files, given to `python -m exports verify` and `serve`."""

import json
import pathlib

import onnx

from exports import model_file, selftest
from exports.serve import app
from tests.exports import served
from tests.hostile.judging import READ
from tests.hostile.weights_files import case_of


def _verify(path):
    """As `python -m exports verify FILE` does: a sentence either way."""
    found = selftest.check(path)
    if not found["passed"]:
        raise ValueError(found["sentence"])
    return found


def _serve(path):
    """As `python -m exports serve FILE` does, up to where it would listen."""
    return app(path)


def _onnx(change=lambda _: None, kind="table"):
    def content(folder: pathlib.Path) -> bytes:
        (folder / "made").mkdir(exist_ok=True)
        model = onnx.load(getattr(served, kind)(folder / "made"))
        change(model)
        return model.SerializeToString()

    return content


def _prop(name: str, change):
    """A change of one entry of the metadata; `change` takes its JSON value and returns another, or text as it is."""

    def do(model) -> None:
        for entry in model.metadata_props:
            if entry.key == f"vitrine.{name}":
                made = change(json.loads(entry.value))
                entry.value = made if isinstance(made, str) else json.dumps(made)

    return do


def _within(*path, to):
    """A change of a value deep inside: ("cases", 0, "inputs") of the entry."""

    def change(value):
        inner = value
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = to
        return value

    return change


def _outside(location: str):
    """A weight that is said to lie in a file elsewhere."""

    def do(model) -> None:
        weight = model.graph.initializer[0]
        weight.ClearField("float_data")
        weight.ClearField("raw_data")
        weight.data_location = onnx.TensorProto.EXTERNAL
        for key, value in (("location", location), ("offset", "0"), ("length", "4")):
            entry = weight.external_data.add()
            entry.key, entry.value = key, value

    return do


def _no_file(model) -> None:
    del model.graph.node[:]


def _foreign_node(model) -> None:
    model.graph.node[0].op_type, model.graph.node[0].domain = "RunProgram", "evil.domain"


def _endless(model) -> None:
    model.graph.node[0].input[0] = model.graph.node[3].output[0]


def _test(change):
    return _prop("self_test", change)


PACKED = {"dtype": "float32", "shape": [1], "zlib": "eJxjYGBgAAAABAAB"}


def _age(name: str, to):
    return _within("cases", 0, "inputs", "age", name, to=to)


CHANGED = [
    ("self-test no JSON", _test(lambda _: "{"), "tampered"),
    ("self-test of 100,000 brackets", _test(lambda _: "[" * 100_000), "tampered"),
    ("self-test a list", _test(lambda _: []), "tampered"),
    ("self-test without cases", _test(_within("cases", to=[])), "tampered"),
    ("self-test with a tolerance of NaN", _test(_within("tolerance", to=float("nan"))), "tampered"),
    ("self-test with a tolerance of 1e999", _test(_within("tolerance", to=1e300)), "tampered"),
    ("self-test with a negative tolerance", _test(_within("tolerance", to=-1)), "tampered"),
    ("self-test with inputs of no kind", _test(_within("cases", 0, "inputs", to=3)), "tampered"),
    ("self-test without inputs", _test(_within("cases", 0, "inputs", to={})), "cannot answer"),
    (
        "self-test with a huge shape",
        _test(_age("shape", to=[10**9, 10**9])),
        "tampered",
    ),
    (
        "self-test with a negative shape",
        _test(_age("shape", to=[-1])),
        READ,
    ),
    (
        "self-test with another type",
        _test(_age("dtype", to="O")),
        "tampered",
    ),
    ("self-test with a type of a list", _test(_age("dtype", to=[1])), "tampered"),
    (
        "self-test of no base 64",
        _test(_age("zlib", to="\u20ac")),
        "tampered",
    ),
    (
        "self-test of others' outputs",
        _test(_within("cases", 0, "outputs", to={"label": PACKED})),
        "tampered",
    ),
]
DESCRIBED = [
    ("inputs no list", _prop("inputs", lambda _: {}), "damaged"),
    ("inputs of numbers", _prop("inputs", lambda _: [1, 2]), "damaged"),
    ("inputs of nothing", _prop("inputs", lambda _: [{}]), "damaged"),
    ("inputs of others", _prop("inputs", _within(0, "name", to="evil")), "other inputs"),
    ("inputs of another type", _prop("inputs", _within(0, "type", to="int8")), "other inputs"),
    ("categories a number", _prop("inputs", _within(1, "categories", to=7)), "damaged"),
    ("categories of numbers", _prop("inputs", _within(1, "categories", to=[1])), "damaged"),
    ("classes no list", _prop("classes", lambda _: 5), "damaged"),
    ("classes of numbers", _prop("classes", lambda _: [1, 2]), "damaged"),
    ("classes too many", _prop("classes", lambda _: ["a"] * 9), "other classes"),
    ("kind unknown", _prop("kind", lambda _: "sound"), "damaged"),
    ("kind a list", _prop("kind", lambda _: []), "damaged"),
    ("run of half a surrogate", _prop("run", lambda _: '"\\ud800"'), "damaged"),
    ("run NaN", _prop("run", lambda _: "NaN"), "damaged"),
    ("run of HTML", _prop("run", lambda _: "<script>alert(1)</script>"), "damaged"),
    ("run a list", _prop("run", lambda _: [1] * 9), READ),
    ("temperature 1e999", _prop("temperature", lambda _: "1e999"), "damaged"),
    ("outputs a list of numbers", _prop("outputs", lambda _: [1]), READ),
]
GRAPHS = [
    ("no nodes", _no_file, "no ONNX file"),
    ("an operator unknown", _foreign_node, "no ONNX file"),
    ("a graph that goes round", _endless, "no ONNX file"),
    ("a weight outside", _outside("secret.bin"), "no ONNX file"),
    ("a weight in /etc/passwd", _outside("/etc/passwd"), "no ONNX file"),
    ("a weight in parents", _outside("../../../../../../etc/passwd"), "no ONNX file"),
]
RAW = [
    ("empty", b"", "no ONNX file"),
    ("text", b"hello\n" * 99, "no ONNX file"),
    ("NULs", bytes(999), "no ONNX file"),
    ("a length of 2 GB", b"\x3a\xff\xff\xff\xff\x07", "no ONNX file"),
    ("cut", lambda folder: _onnx()(folder)[:-900], "no ONNX file|metadata|self-test"),
    ("a zip", b"PK\x05\x06" + bytes(18), "no ONNX file"),
]
CASES = [
    case_of(f"ONNX to {aim}, {what}", _onnx(content) if callable(content) and part is not RAW else content, read, right)
    for aim, read, part in (
        ("verify", _verify, CHANGED),
        ("serve", _serve, DESCRIBED),
        ("read", model_file.read, GRAPHS),
        ("verify", _verify, GRAPHS),
        ("read", model_file.read, RAW),
        ("verify", _verify, RAW),
        ("verify", _verify, [("as it should be", lambda _: None, READ)]),
    )
    for what, content, right in part
]
