"""From a trained run to files that leave the house: export, certificate, kit, report and living page, in a Chromium."""

import shutil
import subprocess
import sys
import zipfile

import pytest

from core import jobs, runs
from exports import page as living
from exports import report
from exports.page import web
from tests.browser.serving import serving

pytestmark = [pytest.mark.slow, pytest.mark.browser]


def took(page, name: str, folder):
    """Click a download and return the file."""
    with page.expect_download() as got:
        page.get_by_role("button", name=name).click()
    path = folder / got.value.suggested_filename
    got.value.save_as(path)
    return path


def test_a_run_is_exported_proved_taken_and_shared(page, finished, workspace, tmp_path, runtime):
    run = finished["digits"]
    shutil.copytree(runtime, web.folder())
    with serving(workspace) as address:
        page.goto(f"{address}/export?run={run}")
        page.get_by_text("Explanation inside the file").click()
        page.get_by_role("button", name="Export and prove").click()
        page.get_by_text("Passed: the file decides as the trained net on all").wait_for(timeout=60_000)
        page.get_by_text("What was compared", exact=True).wait_for()
        page.get_by_text("Explanations of").wait_for()
        model = took(page, "Download model.onnx", tmp_path)
        page.get_by_role("button", name="Make the deployment kit").click()
        kit = took(page, "Deployment kit (", tmp_path)

        page.get_by_role("link", name="A report for others is on the Share page").click()
        page.get_by_role("button", name="Write the report").click()
        written = took(page, "Download the report", tmp_path)
        page.get_by_text("Living page", exact=True).click()
        page.get_by_role("button", name="Make the living page").click()
        made = took(page, "Download the living page", tmp_path)

    command = [sys.executable, "-m", "exports", "verify", str(model)]
    done = subprocess.run(command, cwd=jobs.ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("Passed"), done.stdout + done.stderr
    with zipfile.ZipFile(kit) as archive:
        assert archive.read(f"{run}/model.onnx") == model.read_bytes()
    assert runs.parity(run)["explanation"]["n"] and report.holds(run) and living.is_current(run)
    assert written.read_bytes() == runs.path(run, "exports", "report.html").read_bytes()
    page.goto(made.as_uri())
    assert page.evaluate("vitrine.ready")["passed"]
