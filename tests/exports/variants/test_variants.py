"""Smaller files: made from the exported one, measured beside it, and judged within a margin."""

import itertools

import numpy as np
import onnx
import pytest

from core import progress, runs
from core.data import split
from exports import feeding, model_file, selftest, variants
from exports.parity.origins import Graph
from exports.variants import half_precision, quantise, timing, verdicts


@pytest.fixture
def quick(monkeypatch):
    """Times are taken a few times only."""
    monkeypatch.setattr(timing, "SECONDS", 0.01)
    monkeypatch.setattr(timing, "BATCHES", (1, 2))


@pytest.fixture
def digits(exported):
    return exported["digits"]


def file(run: str, name: str = "fp32"):
    return runs.path(run, "exports", variants.FILES[name])


def some(run: str, n: int = 50) -> dict:
    dataset = runs.dataset(run)
    return feeding.inputs(dataset, split.load(runs.path(run, "split.parquet"), dataset.ids)["test"][:n])


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("kind", ["digits", "breast_cancer"])
def test_each_variant_is_smaller_and_says_nearly_the_same(exported, kind):
    run = exported[kind]
    record = variants.make(run, margin=0.05)
    assert variants.stored(run) == record
    first, given = model_file.read(file(run)), some(run)
    expected, sizes = first.ask(given), []
    for row in record["variants"]:
        assert "error" not in row, row
        made = model_file.read(file(run, row["name"]))
        assert made.outputs == first.outputs and made.inputs == first.inputs
        got = made.ask(given)
        assert np.abs(got["probabilities"] - expected["probabilities"]).max() < 0.2
        assert (got["decision"] == expected["decision"]).mean() > 0.9
        assert {(one["batch"], one["threads"]) for one in row["latency"]} == {(1, 1), (2, 1), (1, 2), (2, 2)}
        sizes.append(row["bytes"])
    assert sizes[0] > sizes[1] and sizes[0] > sizes[2] and sizes[0] > sizes[3]
    assert record["variants"][0]["changed"] == 0 and "equivalence" not in record["variants"][0]


@pytest.mark.usefixtures("quick")
def test_a_variant_says_what_it_is_and_passes_its_own_self_test(digits):
    variants.make(digits, ("int8 static",))
    made = model_file.read(file(digits, "int8 static"))
    assert made.facts["variant"]["name"] == "int8 static" and made.facts["run"] == digits
    assert selftest.check(file(digits, "int8 static"))["passed"]
    assert not selftest.check(_with(file(digits, "int8 static"), ".weight_quantized", lambda w: -w))["passed"]


@pytest.mark.usefixtures("quick")
def test_progress_only_goes_up_and_the_work_can_be_stopped(digits):
    seen = []
    with progress.listen(lambda done, total: seen.append(done / total)):
        variants.make(digits, ("fp16", "int8 static"))
    assert all(after >= before - 1e-9 for before, after in itertools.pairwise(seen))

    def stop(done, total):
        if done / total > 0.3:
            raise progress.Stopped

    with progress.listen(stop), pytest.raises(progress.Stopped):
        variants.make(digits, ("fp16",))


@pytest.mark.usefixtures("quick")
def test_a_net_that_cannot_be_made_smaller_gets_a_sentence(digits, monkeypatch):
    monkeypatch.setattr(quantise, "dynamic", lambda *_: 1 / 0)
    record = variants.make(digits, ("int8 dynamic",))
    assert record["variants"][1] == {
        "name": "int8 dynamic",
        "error": "This net cannot be made int8 dynamic (division by zero).",
    }
    assert not file(digits, "int8 dynamic").exists() and verdicts.sentence(record).startswith("No variant")


@pytest.mark.usefixtures("quick")
def test_the_record_of_another_file_is_none(digits):
    variants.make(digits, ("fp16",))
    file(digits).write_bytes(_with(file(digits), "prior_shift", lambda w: w + 0.5))
    assert variants.stored(digits) is None


@pytest.mark.usefixtures("quick")
def test_the_layer_that_changes_most_stays_in_floats(digits, monkeypatch):
    said = variants._said
    rng = np.random.default_rng(0)  # decisions change whatever is kept, so that all of the search is gone through
    monkeypatch.setattr(
        variants, "_said", lambda got: rng.integers(0, 10, len(got["logits"])) if "logits" in got else said(got)
    )
    monkeypatch.setattr(variants, "KEPT", 1.0)
    row = variants.make(digits, ("int8 static",))["variants"][1]
    errors = {one["part"]: one["logit_error"] for one in row["sensitivity"]}
    assert row["kept"][:1] == [max(errors, key=errors.get)]
    types = {tensor.name: tensor.data_type for tensor in onnx.load(file(digits, "int8 static")).graph.initializer}
    assert types[f"model.{row['kept'][0]}.weight"] == onnx.TensorProto.FLOAT


def test_only_the_net_is_made_smaller(digits):
    proto = onnx.load(file(digits))
    graph = Graph(proto)
    before = [node.op_type for i, node in enumerate(graph.nodes) if graph.modules[i][:1] == ["preprocess"]]
    half = quantise.half(proto)
    after = Graph(half)
    assert [n.op_type for i, n in enumerate(after.nodes) if after.modules[i][:1] == ["preprocess"]] == before
    names = {tensor.name for tensor in half.graph.initializer if tensor.data_type == onnx.TensorProto.FLOAT16}
    assert names and not any("preprocess" in name for name in names)


def test_weights_too_large_for_sixteen_bits_stay_as_they_are(digits):
    proto = onnx.load_from_string(_with(file(digits), "net.head.3.weight", lambda w: w + 70000))
    half = quantise.half(proto)
    types = {tensor.name: tensor.data_type for tensor in half.graph.initializer}
    assert types["model.net.head.3.weight"] == onnx.TensorProto.FLOAT
    assert types["model.net.head.0.weight/half"] == onnx.TensorProto.FLOAT16


def test_the_middle_of_a_graph_in_sixteen_bits_gives_what_is_known_by_hand():
    node, info = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    nodes = [
        node("Add", ["x", "one"], ["y"], name="first"),
        node("Mul", ["y", "third"], ["z"], name="middle"),
        node("Add", ["z", "one"], ["out"], name="last"),
    ]
    weights = [onnx.numpy_helper.from_array(np.float32(v), name) for name, v in (("one", 1), ("third", 1 / 3))]
    ends = [info(name, onnx.TensorProto.FLOAT, ["n"]) for name in ("x", "out")]
    proto = onnx.helper.make_model(onnx.helper.make_graph(nodes, "toy", ends[:1], ends[1:], weights))
    half_precision.half(proto, {1})
    onnx.checker.check_model(proto, full_check=True)
    (out,) = onnx.reference.ReferenceEvaluator(proto).run(None, {"x": np.array([2], np.float32)})
    assert out.tolist() == [float(np.float16(3) * np.float16(1 / 3)) + 1]


@pytest.mark.parametrize(
    ("losses", "gains", "n", "margin", "answer"),
    [
        (0, 0, 1000, 0.01, "equivalent"),
        (0, 0, 100, 0.01, "unknown"),  # 90% interval +-2.6 points
        (60, 0, 1000, 0.01, "worse"),
        (0, 60, 1000, 0.01, "better"),
        (5, 5, 1000, 0.02, "equivalent"),
    ],
)
def test_as_accurate_is_what_has_its_interval_within_the_margin(losses, gains, n, margin, answer):
    found = verdicts.judge({"name": "fp16", "losses": losses, "gains": gains}, n, margin)
    assert found["answer"] == answer
    assert found["difference"]["value"] == (gains - losses) / n
    assert (found["needed"] is None) == (answer != "unknown")


@pytest.mark.usefixtures("quick")
def test_another_margin_gives_another_verdict_without_measuring(digits):
    record = variants.make(digits, ("fp16",), margin=0.5)
    assert record["variants"][1]["equivalence"]["answer"] == "equivalent"
    assert verdicts.judged(record, 0.001)["variants"][1]["equivalence"]["answer"] == "unknown"


def test_what_cannot_be_is_refused_with_a_sentence(finished, digits):
    with pytest.raises(LookupError, match="There is no variant 'int4'; there are fp16"):
        variants.make(digits, ("int4",))
    with pytest.raises(ValueError, match="The margin is -1; it must be more than 0"):
        variants.make(digits, margin=-1)
    file(finished["digits"]).unlink()
    with pytest.raises(LookupError, match="has no exported file yet; export it first"):
        variants.make(finished["digits"])


def _with(path, end: str, function) -> bytes:
    """The file with the weights changed whose name ends so."""
    proto = onnx.load(path)
    tensor = next(tensor for tensor in proto.graph.initializer if tensor.name.endswith(end))
    before = onnx.numpy_helper.to_array(tensor)
    after = np.ascontiguousarray(function(before), before.dtype)
    tensor.CopyFrom(onnx.numpy_helper.from_array(after, tensor.name))
    return proto.SerializeToString()
