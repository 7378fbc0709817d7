"""The whole path as a person goes it, in a real Chromium."""

import json

import numpy as np
import onnxruntime
import pytest

from core import data, runs
from core.evaluation.metrics import softmax
from exports import report
from tests.browser.serving import serving
from tests.core.toys import until

pytestmark = [pytest.mark.slow, pytest.mark.browser]


def test_from_nothing_to_a_proved_model_file_that_decides_as_the_dashboard_says(page, workspace, tmp_path):
    with serving(workspace) as address:
        page.goto(address)
        page.get_by_role("button", name="Train the example").click()

        page.wait_for_url("**/live?run=*")
        page.get_by_text("See how good it is").wait_for(timeout=120_000)
        (run,) = runs.names()
        page.wait_for_url(f"**/live?run={run}*")
        page.get_by_text("See how good it is").click()

        page.wait_for_url(f"**/evaluate?run={run}*")
        page.get_by_text("Right on").wait_for()
        page.get_by_text("Confusion matrix").wait_for()
        page.locator(".js-plotly-plot").nth(1).wait_for()

        go_to(page, "Explain")
        page.wait_for_url(f"**/explain?run={run}*")
        page.get_by_text("The model says").first.wait_for()
        page.get_by_text("Integrated gradients", exact=True).first.wait_for()
        page.locator(".js-plotly-plot").nth(2).wait_for(timeout=60_000)  # two maps and the probabilities
        kept = {path.name.rpartition("-")[0] for path in runs.path(run, "explanations").glob("*.json")}
        assert {"gradcam", "integrated_gradients"} <= kept

        go_to(page, "Export")
        page.get_by_role("button", name="Export and prove").click()
        page.get_by_text("Passed: the file decides as the trained net").wait_for(timeout=90_000)
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Download model.onnx").click()
        file = tmp_path / "downloaded.onnx"
        waiting.value.save_as(file)

        go_to(page, "Share")
        page.get_by_role("button", name="Write the report").click()
        page.get_by_role("button", name="Download the report").wait_for()

    session = onnxruntime.InferenceSession(file)
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["vitrine.run"]) == run
    ids, _, logits = runs.predictions(run, "test")
    digits = data.get("digits")
    where = {sample: i for i, sample in enumerate(digits.ids)}
    images = np.asarray(digits.images)[[where[sample] for sample in ids]]
    probabilities, labels = session.run(["probabilities", "label"], {"image": images})
    np.testing.assert_allclose(probabilities, softmax(logits / json.loads(facts["vitrine.temperature"])), atol=1e-5)
    assert (labels == np.array(digits.classes, object)[logits.argmax(axis=1)]).all()


def test_the_report_opens_from_disk_and_draws_its_figures(page, finished):
    run = finished["digits"]
    page.goto(report.write(run).as_uri())
    page.get_by_text("Right on").wait_for()
    page.locator(".js-plotly-plot .main-svg").nth(4).wait_for()
    assert page.locator("figure").count() == 6  # calibration too


def test_a_closed_tab_and_a_restarted_dashboard_lose_nothing_and_stop_stops(page, workspace):
    with serving(workspace) as address:
        page.goto(f"{address}/train")
        page.get_by_role("spinbutton", name="Epochs").fill("1000")
        page.get_by_role("spinbutton", name="Epochs").press("Enter")
        page.get_by_role("button", name="Train", exact=True).click()
        page.wait_for_url("**/live?run=*")
        page.get_by_text(" of 1000, ").first.wait_for(timeout=60_000)
        page.goto("about:blank")
    (run,) = runs.names()
    until(lambda: runs.history(run), seconds=60)
    with serving(workspace) as address:
        page.goto(f"{address}/live?run={run}")
        page.get_by_text(" of 1000, ").first.wait_for()
        page.get_by_test_id("stMain").get_by_role("button", name="Stop").click()
        page.get_by_text("stopped", exact=True).wait_for()
    assert runs.status(run)["state"] == "stopped"
    assert runs.path(run, "checkpoints", "last.pt").exists()


def test_a_copied_link_opens_the_same_view_and_back_works(page, finished, workspace):
    run = finished["breast_cancer"]
    with serving(workspace) as address:
        page.goto(f"{address}/evaluate?run={run}&positive=malignant&threshold=0")
        page.get_by_text("malignant: recall 100.0%").wait_for()
        go_to(page, "Explain")
        page.wait_for_url(f"**/explain?run={run}*")
        page.get_by_text("The model says").first.wait_for()
        page.go_back()
        page.wait_for_url("**threshold=0*")
        page.get_by_text("malignant: recall 100.0%").wait_for()


def go_to(page, name: str) -> None:
    """Click a page in the sidebar."""
    page.get_by_test_id("stSidebar").get_by_role("link", name=name, exact=True).click()
