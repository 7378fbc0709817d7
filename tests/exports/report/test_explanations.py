"""What the report shows of explanations that were added to it."""

from core import explain, runs, trust
from core.whatif.counterfactuals import Wish
from exports import report, whatif
from exports.report import explanations as report_explanations


def text_of(run: str) -> str:
    return report.write(run, samples=True).read_text(encoding="utf-8")


def test_without_an_added_explanation_the_report_has_no_such_part(finished):
    explain.explain(finished["digits"], method="gradcam")
    assert report_explanations.sections(finished["digits"]) == []
    assert "Why it decides so" not in text_of(finished["digits"])


def test_a_map_is_shown_beside_its_picture_with_its_verdict(finished):
    run = finished["digits"]
    explain.pin(run, explain.explain(run, method="gradcam"))
    verdict = trust.judge(run, method="gradcam")
    (section,) = report_explanations.sections(run)
    assert section["title"].startswith("Grad-CAM: ") and len(section["pictures"]) == 2
    assert all(uri.startswith("data:image/png;base64,iVBOR") for _, uri in section["pictures"])
    assert section["trust"]["sentence"] == verdict["sentence"]
    text = text_of(run)
    assert "Why it decides so" in text and report_explanations.VERDICTS[verdict["verdict"]] in text


def test_explanations_of_single_samples_stay_out_of_a_report_in_which_none_may_travel(finished):
    run = finished["breast_cancer"]
    sample = str(runs.predictions(run, "test")[0][0])
    for found in (explain.explain(run, sample, "integrated_gradients"), explain.explain_model(run, "shapley_summary")):
        explain.pin(run, found)
    explain.pin(run, explain.explain_model(run, "permutation_importance"))
    assert [one["title"] for one in report_explanations.sections(run, samples=False)] == ["Permutation importance"]
    text = report.write(run).read_text(encoding="utf-8")
    assert "2 more are about single rows, which do not travel in this report." in text and f": {sample}<" not in text


def test_shares_ways_and_the_whole_model_are_shown_in_the_order_in_which_they_were_added(exported):
    run = exported["breast_cancer"]
    sample = str(runs.predictions(run, "test")[0][0])
    ways = whatif.counterfactuals(run, sample, Wish())
    added = [
        explain.explain(run, sample, "integrated_gradients"),
        ways,
        *(explain.explain_model(run, name) for name in ("permutation_importance", "partial_dependence", "shortcuts")),
    ]
    for found in added:
        explain.pin(run, found)
    sections = report_explanations.sections(run)
    assert [bool(section["figure"]) for section in sections] == [True, False, True, True, False]
    assert len(sections[1]["changes"]) == len(ways.record["changes"])
    assert sections[1]["changes"][0]["said"] in runs.schema(run).classes
    text = text_of(run)
    places = [text.index(section["sentence"].split("'")[0][:30]) for section in sections]
    assert places == sorted(places)


def test_what_is_gone_is_left_out(finished):
    run = finished["digits"]
    found = explain.explain(run, method="gradcam")
    explain.pin(run, found)
    found.path.unlink()
    assert report_explanations.sections(run) == []
