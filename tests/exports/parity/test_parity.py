"""The proof that file and net are equal: it must pass where they are, and fail on every planted fault."""

import json

import numpy as np
import onnx
import pytest
import torch

from core import data, runs
from core.data.dataset import Column
from core.evaluation import points
from core.evaluation.operating import OperatingPoint
from exports import model_file, parity, selftest
from tests.exports import made

ROWS = [{"a": value} for value in (1.0, -1.0, 2.0, -2.0)]


@pytest.fixture
def toy():
    """Four rows and a net that says "yes" (0.75) where a is positive and "no" (0.75) elsewhere."""
    dataset = made.table(np.sign([row["a"] for row in ROWS])[:, None], (Column("a", "number"),), targets=[1, 0, 0, 0])
    model = made.linear(dataset, [[0.0], [float(np.log(3))]], [0.0, 0.0])
    model.preprocess.limit.fill_(5.0)  # as where it is fitted; infinity is 5 then
    return dataset, model


def written(tmp_path, yes: str):
    """A file made by hand: `yes` is ONNX text that computes `yes` (n, 1), its probability of "yes", from a (n, 1)."""
    text = f"""<ir_version: 8, opset_import: ["" : 18]>
    toy (float[n] a) => (float[n, 2] probabilities) {{
        one = Constant <value = float[1, 1] {{1.0}}> ()
        column = Constant <value = int64[2] {{-1, 1}}> ()
        x = Reshape (a, column)
        {yes}
        no = Sub (one, yes)
        probabilities = Concat <axis = 1> (no, yes)
    }}"""
    onnx.save(onnx.parser.parse_model(text), tmp_path / "model.onnx")
    return tmp_path / "model.onnx"


def off_by(tmp_path, shift: float, slope: float = float(np.log(3))):
    """The file that says sigmoid(slope * a) + shift, and takes a missing one for 0: right but for the shift."""
    return written(
        tmp_path,
        f"slope = Constant <value = float[1, 1] {{{slope}}}> () shift = Constant <value = float[1, 1] {{{shift}}}> () "
        "zero = Sub (one, one) missing = IsNaN (x) known = Where (missing, zero, x) "
        "low = Constant <value = float {-5.0}> () high = Constant <value = float {5.0}> () "
        "held = Clip (known, low, high) "
        "scaled = Mul (held, slope) "
        "right = Sigmoid (scaled) yes = Add (right, shift)",
    )


def compared(toy, path, n=4, **how) -> dict:
    dataset, model = toy
    return parity.compare(path, model, dataset, np.arange(n), **how)


# ---------------------------------------------------------------------------------------------------- equal


@pytest.mark.parametrize(("name", "n"), [("digits", 359), ("breast_cancer", 113)])
def test_a_finished_run_passes_on_every_test_sample_in_batches_of_every_size_and_in_every_other_way(exported, name, n):
    record = parity.verify(exported[name])
    assert record["passed"], record["verdict"]
    how = [(check["batch_size"], check["optimised"], check["threads"]) for check in record["checks"]]
    sizes = [(size, True, None) for size in (n, 1, 2, 7, 64)]
    assert how == [*sizes, (64, False, None), (64, True, 1), (64, True, 2)]
    assert {check["n"] for check in record["checks"]} == {n}
    assert all(row["passed"] for row in record["extreme"]) and len(record["extreme"]) >= 6
    assert record["searched"]["tried"] >= 100 and record["self_test"]["passed"]
    assert record["n"] == n == len(runs.predictions(exported[name], "test")[0])


def test_the_record_is_stored_as_it_is_returned(exported):
    record = parity.verify(exported["digits"])
    assert runs.parity(exported["digits"]) == json.loads(json.dumps(record))


def test_a_record_is_of_the_weights_that_were_compared(exported):
    run = exported["digits"]
    assert parity.stored(run)["passed"]
    runs.write_status(run, best_epoch=99)  # it was resumed, and became better
    assert parity.stored(run) is None


def test_accuracy_is_the_evaluations_on_both_sides(exported):
    record, figures = parity.verify(exported["digits"]), runs.evaluation(exported["digits"])
    expected = figures["test"]["metrics"]["accuracy"]["value"]
    assert record["accuracy"] == pytest.approx({"pytorch": expected, "onnx": expected})


def test_an_equal_file_passes_with_a_sentence_on_how_far_apart_they_are(toy, tmp_path):
    record = compared(toy, off_by(tmp_path, 0))
    assert (record["passed"], record["decisions"]) == (True, [])
    assert record["largest_difference"] < 1e-6
    assert record["verdict"] == (
        "Passed: the file decides as the trained net on all 4 test rows, and no probability differs by more than "
        "0.000001."
    )


def test_accuracy_known_by_hand(toy, tmp_path):
    assert compared(toy, off_by(tmp_path, 0))["accuracy"] == {"pytorch": 0.75, "onnx": 0.75}


def test_one_sample_is_one_row_in_words(toy, tmp_path):
    assert "on all 1 test row, and" in compared(toy, off_by(tmp_path, 0), n=1)["verdict"]


# ---------------------------------------------------------------------------------------------------- planted faults


def planted(run: str, **changes) -> dict:
    """The record of a file in which some arrays were changed."""
    made.change(run, **changes)
    return parity.verify(run)


def test_a_file_with_other_weights_decides_otherwise(exported):
    record = planted(exported["breast_cancer"], body__6__weight=lambda weight: -weight)
    assert not record["passed"]
    assert record["verdict"].startswith(
        f"Failed: the file decides otherwise than the trained net on {len(record['decisions'])} of"
    )


def test_a_net_trained_on_after_the_export_decides_otherwise(exported):
    path = runs.path(exported["breast_cancer"], "checkpoints", "best.pt")
    stored = torch.load(path, weights_only=True)
    stored["model"]["net.body.6.weight"] *= -1
    torch.save(stored, path)
    assert parity.verify(exported["breast_cancer"])["verdict"].startswith("Failed: the file decides otherwise")


@pytest.mark.parametrize("name", ["digits", "breast_cancer"])
def test_mean_and_deviation_swapped_in_the_file_decides_otherwise(exported, name):
    path = runs.path(exported[name], "exports", "model.onnx")
    arrays = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
    mean, std = arrays["model.preprocess.mean"], arrays["model.preprocess.std"]
    record = planted(exported[name], preprocess__mean=lambda _: std, preprocess__std=lambda _: mean)
    assert record["verdict"].startswith("Failed: the file decides otherwise")


def test_scores_in_another_order_than_the_classes_decide_otherwise(exported):
    def reverse(values):
        return values[::-1]

    record = planted(exported["breast_cancer"], body__6__weight=reverse, body__6__bias=reverse)
    assert len(record["decisions"]) == record["n"] == 113
    assert record["verdict"] == "Failed: the file decides otherwise than the trained net on 113 of 113 test rows."


def test_a_file_that_failed_is_marked_wherever_it_goes_until_it_passes(exported):
    run = exported["breast_cancer"]
    path = runs.path(run, "exports", "model.onnx")
    right = path.read_bytes()
    record = planted(run, body__6__weight=lambda weight: -weight)
    assert parity.stored(run) == json.loads(json.dumps(record))  # of the file as it is marked
    assert model_file.read(path).facts["failed"] == record["verdict"]
    assert "failed its certificate where it was made" in selftest.check(path)["sentence"]
    assert not parity.verify(run)["passed"] and parity.stored(run) is not None
    proto = onnx.load_from_string(right)
    onnx.helper.set_model_props(proto, {entry.key: entry.value for entry in onnx.load(path).metadata_props})
    onnx.save(proto, path)  # right, and still marked
    assert not selftest.check(path)["passed"]
    assert parity.verify(run)["passed"] and selftest.check(path)["passed"]
    assert "failed" not in model_file.read(path).facts


def test_a_file_that_lacks_what_it_should_have_fails_by_name(exported):
    run = exported["breast_cancer"]
    path = runs.path(run, "exports", "model.onnx")
    proto = onnx.load(path)
    for output in [output for output in proto.graph.output if output.name in ("label", "abstain")]:
        proto.graph.output.remove(output)
    kept = {entry.key: entry.value for entry in proto.metadata_props if entry.key != "vitrine.self_test"}
    del proto.metadata_props[:]
    onnx.helper.set_model_props(proto, kept)
    onnx.save(proto, path)
    record = parity.verify(run)
    assert record["problems"] == ["the file lacks the outputs abstain and label", "the file does not say its self-test"]
    assert record["verdict"] == "Failed: the file lacks the outputs abstain and label."


def test_a_file_that_decides_by_another_point_than_the_one_in_use_fails(exported):
    run = exported["breast_cancer"]
    points.save(run, OperatingPoint(thresholds=(0.9,), name="careful"))
    record = parity.verify(run)
    assert record["verdict"] == "Failed: the file decides by another operating point than the one in use."
    assert record["differing"] == 0  # by its own point it does


def test_the_margin_counts_what_was_seen_on_made_up_inputs_too(exported):
    record = parity.verify(exported["digits"])
    seen = [row["largest_logit_difference"] for row in (*record["checks"], *record["extreme"], record["searched"])]
    assert record["margin"]["d"] == record["logits"]["largest"] == max(seen)


def test_class_names_in_another_order_in_the_file_decide_otherwise(exported):
    run = exported["breast_cancer"]
    path = runs.path(run, "exports", "model.onnx")
    proto = onnx.load(path)
    (classes,) = [entry for entry in proto.metadata_props if entry.key == "vitrine.classes"]
    classes.value = json.dumps(["benign", "malignant"])
    onnx.save(proto, path)
    assert not parity.verify(run)["passed"]  # whoever reads the classes from the file is told the wrong one


def test_a_file_that_gives_nan_fails(toy, tmp_path):
    record = compared(toy, written(tmp_path, "zero = Sub (x, x) yes = Div (zero, zero)"))
    assert (record["passed"], record["largest_difference"]) == (False, None)
    json.dumps(record, allow_nan=False)


def test_a_file_that_gives_nan_where_it_would_decide_alike_fails_in_words(toy, tmp_path):
    dataset, model = toy
    path = written(tmp_path, "zero = Sub (x, x) yes = Div (zero, zero)")  # NumPy takes the first NaN for the largest
    record = parity.compare(path, model, dataset, np.array([1]))
    assert record["verdict"] == (
        "Failed: the decisions are the same on 1 test row, but a probability differs by not a number "
        "(allowed: 0.00001)."
    )


def test_a_net_that_gives_nan_fails_also_if_the_file_does(toy, tmp_path):
    dataset, model = toy
    with torch.no_grad():
        model.net.body[0].weight.fill_(float("nan"))
    path = written(tmp_path, "zero = Sub (x, x) yes = Div (zero, zero)")
    assert not parity.compare(path, model, dataset, np.arange(4))["passed"]


def test_nothing_compared_is_a_failure(toy, tmp_path):
    record = compared(toy, off_by(tmp_path, 0), n=0)
    assert (record["passed"], record["n"], record["checks"]) == (False, 0, [])
    assert record["verdict"] == "Failed: no test sample was compared."


def test_a_record_of_nothing_has_the_same_entries_as_any_other(toy, tmp_path):
    path = off_by(tmp_path, 0)
    assert compared(toy, path, n=0).keys() == compared(toy, path).keys()


def test_a_probability_just_above_the_tolerance_fails_though_decisions_are_the_same(toy, tmp_path):
    record = compared(toy, off_by(tmp_path, 1.1e-5))
    assert (record["passed"], record["decisions"]) == (False, [])
    assert record["verdict"] == (
        "Failed: the decisions are the same on 4 test rows, but a probability differs by 0.000011 (allowed: 0.00001)."
    )


def test_a_probability_just_below_the_tolerance_passes(toy, tmp_path):
    assert compared(toy, off_by(tmp_path, 0.9e-5))["passed"]


def test_the_tolerance_can_be_chosen(toy, tmp_path):
    assert compared(toy, off_by(tmp_path, 1.1e-5), tolerance=1e-4)["passed"]


def test_the_record_lists_the_samples_on_which_they_differ(toy, tmp_path):
    record = compared(toy, off_by(tmp_path, 0.3, slope=0.0))  # always "yes", 0.8
    assert record["decisions"] == [
        {
            "id": sample,
            "pytorch": "no",
            "onnx": "yes",
            "probability_pytorch": pytest.approx(0.75),
            "probability_onnx": pytest.approx(0.8),
        }
        for sample in ("row-1", "row-3")
    ]
    assert record["verdict"] == "Failed: the file decides otherwise than the trained net on 2 of 4 test rows."
    assert record["accuracy"] == {"pytorch": 0.75, "onnx": 0.25}


def test_the_record_names_the_sample_with_the_largest_difference(toy, tmp_path):
    dataset, model = toy
    path = written(tmp_path, "half = Constant <value = float[1, 1] {0.75}> () zero = Sub (x, x) yes = Add (zero, half)")
    record = parity.compare(path, model, dataset, np.array([0, 3, 2]))
    assert record["largest_at"] == "row-3"
    assert record["largest_difference"] == pytest.approx(0.5)


def test_a_fault_that_shows_only_in_some_batch_sizes_is_found(toy, tmp_path):
    record = compared(  # the mean over the batch: right for one sample alone, wrong for more
        toy,
        written(
            tmp_path,
            "quarter = Constant <value = float[1, 1] {0.25}> () half = Constant <value = float[1, 1] {0.5}> () "
            "axes = Constant <value = int64[1] {0}> () zero = Sub (x, x) mean = ReduceMean (x, axes) "
            "alike = Add (zero, mean) scaled = Mul (alike, quarter) yes = Add (scaled, half)",
        ),
    )
    assert [check["decisions_that_differ"] for check in record["checks"]] == [2, 0, 2, 2, 2, 2]  # all, 1, 2, ...
    assert not record["passed"]


# ---------------------------------------------------------------------------------------------------- the record


def test_the_record_names_the_file_that_was_compared(toy, tmp_path):
    import hashlib

    path = off_by(tmp_path, 0)
    record = compared(toy, path)
    assert record["model_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert record["model_bytes"] == path.stat().st_size


def test_without_an_exported_file_a_sentence_says_what_to_do(finished):
    run = finished["digits"]
    with pytest.raises(LookupError) as error:
        parity.verify(run)
    assert error.value.args == (f"Run {run} has no exported file yet; export it first: python -m exports onnx {run}",)


def test_a_file_that_cannot_be_read_is_no_proof(exported):
    run = exported["digits"]
    path = runs.path(run, "exports", "model.onnx")
    path.write_bytes(path.read_bytes()[:1000])
    try:
        assert not parity.verify(run)["passed"]
    except (ValueError, LookupError) as error:  # one of our own sentences would do as well
        assert str(path) in str(error)


def test_the_split_of_the_run_is_compared_and_no_other(exported):
    run = exported["breast_cancer"]
    dataset = data.get("breast_cancer")
    ids = set(runs.predictions(run, "test")[0])
    assert parity.verify(run)["largest_at"] in ids < set(dataset.ids)
