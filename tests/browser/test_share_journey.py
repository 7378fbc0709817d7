"""A team looks: the password, a link that keeps its view, and nothing that can be changed."""

import os
import subprocess
import sys
import urllib.request

import pytest

from core import jobs
from dashboard import sharing
from tests.dashboard.test_main import free_port

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture
def address(workspace, finished, tmp_path):  # noqa: ARG001 (there are runs to be seen)
    """A shared dashboard whose password is in a file; what it prints must never hold a password."""
    port, file, log = free_port(), tmp_path / "password", tmp_path / "log"
    file.write_text("open sesame\n")
    words = [sys.executable, "-m", "dashboard", "--share", "--port", str(port), "--password-file", str(file)]
    with open(log, "wb") as out:
        process = subprocess.Popen(
            words, cwd=jobs.ROOT, env={**os.environ, "VITRINE_WORKSPACE": str(workspace)}, stdout=out, stderr=out
        )
        try:
            for _ in range(300):
                try:
                    urllib.request.urlopen(f"http://localhost:{port}/_stcore/health", timeout=1)
                    break
                except OSError:
                    assert process.poll() is None, log.read_text()
                    jobs.time.sleep(0.1)
            yield f"http://localhost:{port}"
        finally:
            process.terminate()
            process.wait(10)
    assert "sesame" not in log.read_text() and "wrong one" not in log.read_text()


def test_a_link_opens_its_view_after_the_password_and_nothing_can_be_changed(page, address, finished, workspace):
    link = f"{address}/evaluate?run={finished['breast_cancer']}&threshold=0.3"
    page.goto(link)
    word = page.get_by_label("Password").first
    word.fill("wrong one")
    word.press("Enter")
    page.get_by_text("That is not the password.").wait_for()
    word.fill("open sesame")
    word.press("Enter")
    page.get_by_role("heading", name="Evaluate").wait_for()
    assert page.url == link
    page.get_by_text("nothing can be changed here").wait_for()

    page.wait_for_function("document.cookie.includes('vitrine-entered')")
    page.goto(f"{address}/train")  # the browser is known now
    page.get_by_text(sharing.REFUSED).wait_for()
    page.goto(f"{address}/runs")
    page.get_by_role("heading", name="Runs").wait_for()
    page.wait_for_timeout(500)
    for name in ("Delete", "Star", "Train a new run"):
        assert page.get_by_text(name, exact=True).count() == 0
    assert str(workspace) not in page.inner_text("body")
