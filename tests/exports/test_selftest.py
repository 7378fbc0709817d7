"""The self-test inside a file: it passes where the file is as it was made, and says what is wrong where it is not."""

import json
import shutil
import subprocess
import sys

import numpy as np
import onnx
import pytest

from core import jobs, runs
from exports import selftest
from tests.exports import made


@pytest.fixture(params=["digits", "breast_cancer"])
def file(exported, request):
    return runs.path(exported[request.param], "exports", "model.onnx")


def rewrite(path, change) -> dict:
    """What the self-test says after its stored text was changed: `change` takes what is stored."""
    proto = onnx.load(path)
    (entry,) = [entry for entry in proto.metadata_props if entry.key == "vitrine.self_test"]
    entry.value = change(json.loads(entry.value))
    onnx.save(proto, path)
    return selftest.check(path)


def test_a_file_as_it_was_made_passes(file):
    found = selftest.check(file)
    assert found["passed"] and found["largest_difference"] < 1e-5
    assert found["sentence"].startswith("Passed: model.onnx gives here what PyTorch gave where it was made")


def test_it_holds_no_sample_of_the_data(exported):
    stored = json.loads(onnx_facts(runs.path(exported["digits"], "exports", "model.onnx"))["vitrine.self_test"])
    images = np.concatenate([selftest.unpacked(case["inputs"]["image"]).reshape(-1)[:64] for case in stored["cases"]])
    data = runs.dataset(exported["digits"]).images.reshape(-1, 64)
    assert not (data[:, None] == images.reshape(1, -1, 64)).all(axis=2).any()


def onnx_facts(path) -> dict:
    return {entry.key: entry.value for entry in onnx.load(path).metadata_props}


def test_other_weights_fail_by_the_names_of_the_outputs(exported):
    run = exported["breast_cancer"]
    made.change(run, body__6__weight=lambda weight: -weight)
    found = selftest.check(runs.path(run, "exports", "model.onnx"))
    assert not found["passed"]
    assert "probabilities" in found["sentence"] and "decision" in found["sentence"]


def test_answers_that_were_changed_fail(file):
    def lie(stored):
        probabilities = stored["cases"][0]["outputs"]["probabilities"]
        array = selftest.unpacked(probabilities)
        from exports import facts

        stored["cases"][0]["outputs"]["probabilities"] = facts.packed(np.ascontiguousarray(array[:, ::-1]))
        return json.dumps(stored)

    assert not rewrite(file, lie)["passed"]


def thinned(case: dict) -> dict:
    return case | {"outputs": {"probabilities": case["outputs"]["probabilities"]}}


@pytest.mark.parametrize(
    "change",
    [
        lambda _: "no JSON",
        lambda stored: json.dumps(stored | {"cases": []}),
        lambda stored: json.dumps(stored | {"tolerance": 1e9}),
        lambda stored: json.dumps({"cases": stored["cases"]}),
        lambda stored: json.dumps(stored["cases"]),
        lambda stored: json.dumps(stored).replace('"zlib": "eN', '"zlib": "!!'),
        lambda stored: json.dumps(stored | {"cases": [{"inputs": {}, "outputs": {}}]}),
        lambda stored: json.dumps(stored | {"cases": [thinned(stored["cases"][0])]}),
        lambda stored: json.dumps(stored).replace('"shape": [', '"shape": [Infinity, '),
        lambda _: "[" * 100_000,
    ],
    ids="text,no cases,any tolerance,no tolerance,a list,bytes,nothing inside,thinned,infinity,deep".split(","),
)
def test_a_self_test_that_was_tampered_with_is_said_to_be(exported, change):
    found = rewrite(runs.path(exported["digits"], "exports", "model.onnx"), change)
    assert not found["passed"] and found["sentence"].startswith(("The self-test inside", "model.onnx cannot answer"))
    assert "do not use" in found["sentence"]


def test_a_file_from_elsewhere_and_no_file_at_all_are_one_sentence(tmp_path):
    foreign = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 18]> t (float[n] a) => (float[n] b) { b = Abs (a) }'
    )
    onnx.save(foreign, tmp_path / "foreign.onnx")
    (tmp_path / "text.onnx").write_text("not a model")
    assert "holds no self-test" in selftest.check(tmp_path / "foreign.onnx")["sentence"]
    assert "is no ONNX file" in selftest.check(tmp_path / "text.onnx")["sentence"]
    assert "cannot be read" in selftest.check(tmp_path / "gone.onnx")["sentence"]


BLOCKED = """
import sys
class Only:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "pandas", "typer", "rich", "onnx", "sklearn", "scipy", "core"):
            raise ImportError(name)
sys.meta_path.insert(0, Only())
sys.argv = ["exports", "verify", sys.argv[1]]
import runpy
runpy.run_module("exports", run_name="__main__")
"""


def test_verify_needs_numpy_and_onnxruntime_alone(file):
    asked = [sys.executable, "-c", BLOCKED, str(file)]
    done = subprocess.run(asked, cwd=jobs.ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Passed: model.onnx")


def test_the_file_of_the_self_test_runs_by_itself(file, tmp_path):
    for source in (selftest.__file__, file):
        shutil.copy(source, tmp_path)
    asked = [sys.executable, "selftest.py", "model.onnx"]
    assert subprocess.run(asked, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    (tmp_path / "model.onnx").write_bytes(b"")
    assert subprocess.run(asked, cwd=tmp_path, capture_output=True, check=False).returncode == 1
