"""Everyone can use it: axe-core finds no serious fault on any page or file in either theme, and keys are enough."""

import pathlib

import axe_playwright_python
import pytest

from exports import page as living
from exports import report
from exports.page import web
from tests.browser.resting import at_rest
from tests.browser.serving import serving

pytestmark = [pytest.mark.slow, pytest.mark.browser]
AXE = pathlib.Path(axe_playwright_python.__file__).with_name("axe.min.js")
LOOK = """async (rules) => (await axe.run(document, {resultTypes: ["violations"], ...rules})).violations
    .filter(found => ["serious", "critical"].includes(found.impact))
    .map(found => found.id + ": " + found.nodes.map(node => node.html + node.failureSummary).join().slice(0, 900))"""
FOCUSED = "(at => [at.tagName, (at.innerText || '').trim().split('\\n').pop()])(document.activeElement)"
TABS = {"explain": ("What if", "Neighbours", "Whole model"), "data": ("Look", "Split"), "share": ("Living page",)}


def faults(page, theme: str) -> list[str]:
    """What axe-core finds on a page that is at rest, in one theme."""
    another = not page.evaluate(f"matchMedia('(prefers-color-scheme: {theme})').matches")
    page.emulate_media(color_scheme=theme)
    page.wait_for_timeout(400 if another else 50)  # colours fade over
    if not page.evaluate("typeof axe === 'object'"):
        page.add_script_tag(path=AXE)
    rules = {"runOnly": ["color-contrast"]} if theme == "dark" else {}  # the rest is the same in both
    return [f"{page.url}, {theme}: {fault}" for fault in page.evaluate(LOOK, rules)]


def test_axe_finds_a_planted_fault(page):
    page.set_content("<html lang=en><title>x</title><main><img src=a.png><p style='color:#999'>pale</p></main></html>")
    assert [fault.split(": ")[1] for fault in faults(page, "light")] == ["color-contrast", "image-alt"]
    assert [fault.split(": ")[1] for fault in faults(page, "dark")] == ["color-contrast"]


def test_no_page_has_a_serious_fault_in_either_theme(page, finished, workspace):
    found, themes = [], ["light", "dark"]
    first, second = finished["digits"], finished["breast_cancer"]
    asked = [f"{name}?run={first}" for name in ("live", "evaluate", "explain", "export", "share")]
    asked += [f"evaluate?run={second}", f"explain?run={second}"]  # of a table
    asked += ["runs", "data", "train", "search", f"compare?runs={first},{second}"]
    with serving(workspace) as address:
        for where in asked:
            page.goto(f"{address}/{where}")
            page.locator("h1").first.wait_for()
            at_rest(page)
            for tab in ("", *TABS.get(where.split("?")[0], ())):
                if tab:
                    page.get_by_text(tab, exact=True).first.click()
                    at_rest(page)
                for theme in themes:
                    found += faults(page, theme)
                themes.reverse()  # the next look begins in the theme that is there
    assert found == []


def test_the_files_for_others_have_no_serious_fault_in_either_theme(browser, exported, runtime, monkeypatch):
    monkeypatch.setattr(web, "folder", lambda: runtime)
    found, context = [], browser.new_context(bypass_csp=True)  # or axe-core may not run in them
    page = context.new_page()
    for path in (report.write(exported["digits"]), living.write(exported["breast_cancer"]).path):
        page.goto(pathlib.Path(path).as_uri())
        page.wait_for_timeout(1500)
        found += faults(page, "light") + faults(page, "dark")
    context.close()
    assert found == []


def test_a_run_is_trained_and_judged_with_keys_alone(page, workspace):
    with serving(workspace) as address:
        page.goto(f"{address}/train?data=iris")
        page.get_by_role("button", name="Train").wait_for()
        press_to(page, "BUTTON", "Train")
        page.get_by_text("Validation accuracy").first.wait_for(timeout=60_000)
        page.get_by_role("link", name="Evaluate").first.wait_for()
        press_to(page, "A", "Evaluate")
        page.get_by_role("heading", name="Evaluate").wait_for()
        page.get_by_text("test row").first.wait_for()


def press_to(page, tag: str, name: str, most: int = 200) -> None:
    """Press Tab until what has the focus, and shows it, is called `name`; then Enter."""
    for _ in range(most):
        page.keyboard.press("Tab")
        said = page.evaluate(
            "[document.activeElement.tagName, document.activeElement.innerText.trim().split('\\n').pop()]"
        )
        if said == [tag, name]:
            outline = "getComputedStyle(document.activeElement)"
            assert page.evaluate(f"{outline}.outlineStyle !== 'none' || {outline}.boxShadow !== 'none'")
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"{name!r} was not reached with {most} presses of Tab")
