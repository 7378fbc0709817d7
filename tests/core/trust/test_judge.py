"""Judgements of a run's explanations, made once and kept."""

import pytest

from core import explain, runs, trust


@pytest.mark.parametrize("name", ["digits", "breast_cancer"])
def test_a_judgement_is_kept_under_the_class_that_was_predicted(finished, name):
    run = finished[name]
    assert trust.kept(run, method="integrated_gradients") is None
    found = trust.judge(run, method="integrated_gradients")
    assert found["verdict"] in ("yes", "care", "no") and len(found["checks"]) >= 2
    assert trust.kept(run, method="integrated_gradients") == found
    sample = str(runs.predictions(run, "test")[0][0])
    predicted = explain.predicted(run, sample)
    assert trust.kept(run, sample, "integrated_gradients", predicted) == found
    other = next(name for name in runs.schema(run).classes if name != predicted)
    assert trust.kept(run, sample, "integrated_gradients", other) is None


def test_a_damaged_judgement_is_made_again(finished):
    run = finished["digits"]
    first = trust.judge(run, method="gradcam")
    (path,) = runs.path(run, "explanations").glob("trust_gradcam-*.json")
    path.write_text('{"verdict": "ye')
    assert trust.kept(run, method="gradcam") is None
    assert trust.judge(run, method="gradcam")["verdict"] == first["verdict"]


def test_an_unknown_sample_is_refused(finished):
    with pytest.raises(LookupError, match="There is no sample 'nope'"):
        trust.judge(finished["digits"], "nope", "gradcam")


def test_the_difference_of_two_classes_is_judged_too(finished):
    found = trust.judge(finished["digits"], method="occlusion", target="1", against="7")
    assert found["verdict"] in ("yes", "care", "no")
    assert trust.kept(finished["digits"], None, "occlusion", "1", "7") == found
