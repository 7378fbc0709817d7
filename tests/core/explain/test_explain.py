"""Explainers keep the same promises, and what is kept of them is found again."""

import json
import re

import numpy as np
import pandas as pd
import pytest

import core.explain as explainers
from core import progress, registry, runs
from core.explain._base import Attribution, Target
from tests.core import toys

RUNS = {"image": "digits", "table": "breast_cancer"}
CASES = [(kind, method) for kind in RUNS for method in explainers.available(kind)]
each_case = pytest.mark.parametrize(("kind", "method"), CASES)
of_samples = pytest.mark.parametrize(
    ("kind", "method"), [(k, m) for k, m in CASES if explainers.module(m).SCOPE == "sample"]
)


def made(run: str, method: str):
    """The method's explanation of the first sample, or of the whole model."""
    of = explainers.explain_model if explainers.module(method).SCOPE == "model" else explainers.explain
    return of(run, method=method)


# ---------------------------------------------------------------------------------------------------- every one


def test_every_explainer_is_there_for_some_kind_of_data():
    assert {method for _, method in CASES} == set(registry.members(explainers))


def test_explainers_for_one_sample_come_first():
    for kind in RUNS:
        scopes = [explainers.module(name).SCOPE for name in explainers.available(kind)]
        assert scopes == sorted(scopes, key=lambda scope: scope != "sample")


@pytest.mark.parametrize("name", registry.members(explainers))
def test_an_explainer_says_what_it_answers_and_what_not_and_names_its_paper(name):
    module = explainers.module(name)
    for sentence in (module.ANSWERS, module.SILENT, module.SOURCE):
        assert re.fullmatch(r"\S+( \S+){4,}\.", sentence), sentence
    assert re.search(r"\b(19|20)\d\d\b", module.SOURCE)
    assert module.SCOPE in ("sample", "model") and set(module.KINDS) <= set(RUNS)
    assert module.SCOPE == "model" or module.UNIT in ("logit", "probability")
    assert explainers.options_of(name, {}) == module.Options()


@of_samples
def test_an_explanation_is_finite_and_has_the_shape_of_what_it_explains(finished, kind, method):
    run = finished[RUNS[kind]]
    found = made(run, method)
    attribution, shape = found.arrays["attribution"], runs.schema(run).shape
    assert attribution.shape[-2:] == shape[-2:]
    assert attribution.dtype == np.float32
    assert np.isfinite(attribution).all() and np.abs(attribution).max() > 0


@each_case
def test_an_explanation_is_kept_and_read_again(finished, kind, method):
    run = finished[RUNS[kind]]
    first, second = made(run, method), made(run, method)
    assert first.path.parent == runs.path(run, "explanations")
    assert first.record == second.record  # seconds and all: nothing was computed again
    json.dumps(first.record, allow_nan=False)
    for name, values in first.arrays.items():
        np.testing.assert_array_equal(values, second.arrays[name])


@each_case
def test_an_explanation_is_described_in_a_sentence(finished, kind, method):
    text = explainers.describe(made(finished[RUNS[kind]], method))
    assert text.endswith(".") and not re.search(r"\bnan\b", text)


@of_samples
def test_the_difference_of_two_classes_is_explained_too(finished, kind, method):
    run = finished[RUNS[kind]]
    first, second = runs.schema(run).classes[:2]
    there = explainers.explain(run, method=method, target=first, against=second)
    back = explainers.explain(run, method=method, target=second, against=first)
    assert there.record["score"] == pytest.approx(-back.record["score"], rel=1e-4, abs=1e-6)
    assert there.record["against"] == second


# ---------------------------------------------------------------------------------------------------- kept


@pytest.mark.parametrize("ending", ["json", "npz"])
def test_a_damaged_explanation_is_made_again(finished, ending):
    run = finished["digits"]
    first = made(run, "gradcam")
    first.path.with_suffix(f".{ending}").write_bytes(b'{"arrays": [')
    again = made(run, "gradcam")
    np.testing.assert_allclose(again.arrays["attribution"], first.arrays["attribution"], atol=1e-6)


def test_an_explanation_of_other_weights_counts_as_not_there(finished):
    run = finished["digits"]
    record = made(run, "gradcam").record
    arguments = (run, "gradcam", record["sample"], record["target"])
    assert explainers.kept(*arguments) is not None
    runs.write_status(run, best_epoch=99)
    assert explainers.kept(*arguments) is None


def test_naming_a_default_changes_nothing(finished):
    run = finished["digits"]
    default = explainers.module("integrated_gradients").Options().steps
    first = explainers.explain(run, method="integrated_gradients")
    assert explainers.explain(run, method="integrated_gradients", options={"steps": default}).path == first.path
    assert explainers.explain(run, method="integrated_gradients", options={"steps": 8}).path != first.path


def test_a_kept_explanation_is_found_after_the_workspace_moved(finished, workspace, monkeypatch):
    run = finished["digits"]
    first = made(run, "gradcam")
    workspace.rename(workspace.with_name("moved"))
    monkeypatch.setenv("VITRINE_WORKSPACE", str(workspace.with_name("moved")))
    assert made(run, "gradcam").record == first.record


def test_what_is_pinned_is_in_the_report_until_it_is_taken_out(finished):
    run = finished["digits"]
    one, two = made(run, "gradcam"), made(run, "integrated_gradients")
    for found in (one, two, one):
        explainers.pin(run, found)
    assert [found.record["method"] for found in explainers.pinned(run)] == ["gradcam", "integrated_gradients"]
    explainers.unpin(run, one.record["name"])
    assert [found.record["method"] for found in explainers.pinned(run)] == ["integrated_gradients"]


def test_names_in_a_changed_file_of_pins_cannot_lead_out_of_the_folder(finished):
    run = finished["digits"]
    runs.path(run, "explanations", "report.json").write_text('{"names": ["../config", 7, "gradcam-0123456789abcdef"]}')
    assert explainers.pinned(run) == []


# ---------------------------------------------------------------------------------------------------- of a run


def test_what_a_record_says_of_the_decision_is_what_was_predicted(finished):
    run = finished["digits"]
    ids, targets, logits = runs.predictions(run, "test")
    found = explainers.explain(run, str(ids[7]), "gradcam")
    record, classes = found.record, runs.schema(run).classes
    assert (record["sample"], record["true"]) == (ids[7], classes[targets[7]])
    assert record["predicted"] == record["target"] == classes[logits[7].argmax()]
    assert sum(record["probabilities"]) == pytest.approx(1)
    dataset = runs.dataset(run)
    np.testing.assert_array_equal(found.arrays["x"], dataset.images[dataset.ids == ids[7]][0])


def test_a_training_sample_can_be_explained(finished):
    run = finished["digits"]
    held_out = {*runs.predictions(run, "test")[0], *runs.predictions(run, "val")[0]}
    sample = next(str(sample) for sample in runs.dataset(run).ids if sample not in held_out)
    assert explainers.explain(run, sample, "gradcam").record["sample"] == sample


def test_the_default_sample_is_the_first_of_the_test_split(finished):
    run = finished["digits"]
    assert made(run, "gradcam").record["sample"] == runs.predictions(run, "test")[0][0]


def test_all_decisions_of_a_part_are_explained_as_each_alone(finished):
    run = finished["breast_cancer"]
    found = explainers.explain_all(run, "integrated_gradients", "val")
    ids = runs.predictions(run, "val")[0]
    np.testing.assert_array_equal(found["id"], ids)
    one = explainers.explain(run, str(ids[3]), "integrated_gradients")
    np.testing.assert_allclose(found["attribution"][3], one.arrays["attribution"], atol=1e-5)
    np.testing.assert_allclose(found["attribution"].sum(axis=1), found["score"] - found["base"], rtol=0.05, atol=0.05)


def test_all_maps_of_a_part_have_the_size_of_the_images(finished):
    found = explainers.explain_all(finished["digits"], "gradcam", "val")
    assert found["attribution"].shape == (len(found["id"]), 8, 8) and "base" not in found


def test_a_part_without_samples_is_refused(finished):
    run = finished["breast_cancer"]
    path = runs.path(run, "split.parquet")
    pd.read_parquet(path).replace("val", "train").to_parquet(path)
    with pytest.raises(ValueError, match="has no samples in val; choose another part"):
        explainers.explain_all(run, "integrated_gradients", "val")


def test_long_work_says_how_far_it_is_and_can_be_stopped(finished):
    seen = []

    def listener(done, total):
        seen.append(done / total)
        if done:
            raise progress.Stopped("Stopped.")

    with progress.listen(listener), pytest.raises(progress.Stopped):
        explainers.explain_all(finished["digits"], "gradcam", "val")
    assert seen[0] == 0 and 0 < seen[-1] < 1


# ---------------------------------------------------------------------------------------------------- bad input


def test_an_unknown_sample_is_refused_with_what_ids_look_like(finished):
    run = finished["digits"]
    first = str(runs.predictions(run, "test")[0][0])
    with pytest.raises(LookupError) as error:
        explainers.explain(run, "nope", "gradcam")
    assert error.value.args[0].startswith(f"There is no sample 'nope' in the data of run {run}; ids look like ")
    assert first in error.value.args[0] and "np.str_" not in error.value.args[0]


def test_an_unknown_class_is_refused_with_those_there_are(finished):
    with pytest.raises(LookupError, match="There is no class 'benin'; there are malignant, benign"):
        explainers.explain(finished["breast_cancer"], method="integrated_gradients", target="benin")


def test_a_class_against_itself_is_refused(finished):
    with pytest.raises(ValueError, match="3 cannot be compared with itself"):
        explainers.explain(finished["digits"], target="3", against="3")


def test_an_unknown_method_is_refused_with_the_near_one(finished):
    with pytest.raises(LookupError, match=r"There is no explainer 'gradcm'; there are .*Did you mean gradcam"):
        explainers.explain(finished["digits"], method="gradcm")


def test_a_method_for_other_data_is_refused_with_those_that_fit(finished):
    with pytest.raises(ValueError, match=r"gradcam does not work on tables; choose .*integrated_gradients"):
        explainers.explain(finished["breast_cancer"], method="gradcam")


def test_a_method_of_the_other_scope_is_refused(finished):
    with pytest.raises(ValueError, match="permutation_importance does not explain one sample"):
        explainers.explain(finished["breast_cancer"], method="permutation_importance")
    with pytest.raises(ValueError, match="gradcam does not explain a whole model"):
        explainers.explain_model(finished["digits"], "gradcam")


def test_an_unknown_option_is_refused_with_those_there_are(finished):
    with pytest.raises(ValueError, match="There is no setting 'stepz' here; the settings are steps"):
        explainers.explain(finished["digits"], method="integrated_gradients", options={"stepz": 3})


def test_a_score_is_of_one_class_or_of_the_difference_of_two():
    logits = np.array([[1.0, 4.0, 2.0]])
    assert Target.of(1).score(logits) == [4.0]
    assert Target(1, 2).score(logits) == [2.0]
    assert Attribution(np.zeros(3), 1.0).base is None


def test_a_run_without_weights_is_refused(workspace):  # noqa: ARG001
    dataset = toys.images()
    from core import config, data

    data.store.put(dataset)
    run = runs.create(config.suggest(data.get("digits"), epochs=1), dataset.schema, dataset.fingerprint)
    with pytest.raises((LookupError, ValueError)):
        explainers.explain(run, "image-0", "gradcam", "dark")
