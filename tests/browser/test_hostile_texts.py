"""Marked names and texts in a real Chromium: no script of theirs runs, no link or picture of theirs is there."""

import pathlib
import shutil

import pytest

from exports import page as pages
from exports import report
from tests.browser.serving import serving
from tests.dashboard import marked
from tests.workspaces import together

pytestmark = [pytest.mark.slow, pytest.mark.browser]
LOADED = "[...document.querySelectorAll('[onerror], [src*=evil], [href*=evil]')].map((one) => one.outerHTML)"
READ = ("runs", "data", "train", "live", "evaluate", "explain", "compare", "export", "share")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A workspace with a run of marked texts, and the run's name."""
    return marked.exported(together(tmp_path_factory) / "marked")


@pytest.fixture
def run(made, workspace):
    shutil.copytree(made[0], workspace)
    return made[1]


def watch(shown) -> list[str]:
    """What a script of others would do, as it is done."""
    seen: list[str] = []
    shown.on("dialog", lambda dialog: (seen.append(dialog.message), dialog.dismiss()))
    shown.on("popup", lambda other: seen.append(other.url))
    return seen


def test_no_script_of_others_runs_on_any_page(page, run, workspace):
    seen = watch(page)
    with serving(workspace) as address:
        for name in READ:
            page.goto(f"{address}/{name}?run={run}&data=marked&filter=<script>alert(1)</script>")
            page.locator("[data-testid=stHeading]").first.wait_for()
            page.wait_for_timeout(700)
            assert page.evaluate(LOADED) == [], name
    assert seen == []  # that nothing outside was asked for is in the fixture


def test_no_script_of_others_runs_in_the_report(page, run):
    seen, said = watch(page), []
    page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    page.goto(pathlib.Path(report.write(run, samples=True)).as_uri())
    page.locator(".main-svg").first.wait_for()  # so the policy lets the report's own scripts draw
    assert page.evaluate(LOADED) == []
    assert page.evaluate("[...document.scripts].length") == 3
    assert (seen, said) == ([], [])


def test_no_script_of_others_runs_in_the_living_page(page, run, runtime, monkeypatch):
    monkeypatch.setattr(pages.web, "folder", lambda: runtime)
    seen = watch(page)
    page.goto(pages.write(run).path.as_uri())
    page.locator("#shares li").first.wait_for()  # so the policy lets the page's own scripts answer
    assert page.evaluate(LOADED) == []
    assert seen == []
