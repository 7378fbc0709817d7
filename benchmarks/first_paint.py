"""Seconds in Chromium until a page shows its content, and from a click to the next page's content.

Beside the dashboard runs an empty Streamlit script, the least that Streamlit needs. To reach, after a warm start:
first paint under 2 s, a page change under 0.7 s; also with --runs 1000, copies of the first under other names.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import core
from tests.browser import chromium
from tests.browser.serving import serving
from tests.workspaces import workspace_of

REPEATS = 7
# A page, and what is on it once it says something of the run.
PAGES = {
    "Runs": "text=Newest:",
    "Live": "text=Validation accuracy",
    "Evaluate": "text=Right on",
    "Explain": "text=The model says",
    "Export": "text=takes raw input",
    "Data": "text=Origin:",
    "Train": "text=to train on",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--runs", type=int, default=1, help="runs in the workspace")
    n_runs, rows = parser.parse_args().runs, {}
    with tempfile.TemporaryDirectory() as folder, workspace_of(pathlib.Path(folder, "workspace")) as workspace:
        print("Training one run to look at")
        run = workspace / "runs" / core.train("digits", epochs=3)
        for number in range(1, n_runs):
            shutil.copytree(run, run.with_name(f"2026-01-01-copy-{number:04d}"), copy_function=os.link)
        empty = pathlib.Path(folder, "empty.py")
        empty.write_text("import streamlit as st\nst.title('Nothing')\n")
        with serving(workspace) as ours, serving(workspace, empty) as bare, sync_playwright() as p:
            browser = p.chromium.launch(executable_path=chromium.find(), args=list(chromium.FLAGS))
            for repeat in range(REPEATS + 1):  # the first warms up and is not counted
                measured = {
                    "first paint, empty script": first_paint(browser, bare, "text=Nothing"),
                    "first paint, Runs": first_paint(browser, ours, PAGES["Runs"]),
                    "first paint, Evaluate": first_paint(browser, f"{ours}/evaluate", PAGES["Evaluate"]),
                    **page_changes(browser, ours),
                }
                if repeat:
                    for name, seconds in measured.items():
                        rows.setdefault(name, []).append(seconds)
            browser.close()
    print(f"{'seconds':32} {'median':>7} {'min':>7} {'max':>7}   ({REPEATS} repeats, interleaved)")
    for name, values in rows.items():
        print(f"{name:32} {statistics.median(values):7.2f} {min(values):7.2f} {max(values):7.2f}")


def first_paint(browser, address: str, content: str) -> float:
    """Seconds from asking for the address, in a fresh browser profile, until `content` is seen."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    began = time.perf_counter()
    page.goto(address, wait_until="commit")
    page.locator(content).first.wait_for()
    seconds = time.perf_counter() - began
    page.context.close()
    return seconds


def page_changes(browser, address: str) -> dict[str, float]:
    """Seconds from a click in the sidebar until the next page's content is seen, page by page."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.goto(address)
    page.locator(PAGES["Runs"]).first.wait_for()
    page.wait_for_timeout(2000)  # a person reads the first page before the first click
    seconds = {}
    for name in ("Live", "Evaluate", "Explain", "Export", "Data", "Train", "Runs"):
        began = time.perf_counter()
        page.locator("[data-testid=stSidebar]").get_by_role("link", name=name, exact=True).click()
        page.locator(PAGES[name]).first.wait_for()
        seconds[f"page change to {name}"] = time.perf_counter() - began
        page.wait_for_timeout(800)
    page.context.close()
    return seconds


if __name__ == "__main__":
    main()
