"""Five people from nothing to done, in Chromium: seconds, clicks and fields filled in, as few as the pages allow.

1 newcomer: nothing at hand, to a file that is proved. 2 analyst: an untidy CSV and a cost for each mistake, to a
threshold in the file. 3 photographer: a folder of photographs and pretrained weights, to a judged net. 4 manager: a
link, a report and a living page, to a sentence and an answer. 5 engineer: the kit, to an answer over HTTP.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile

from playwright.sync_api import sync_playwright

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import core
from core import nets
from exports import kit, report
from exports import page as living
from exports.pipeline import export_and_prove
from tests.browser import chromium
from tests.browser.serving import serving
from tests.workspaces import workspace_of

DATA = pathlib.Path(__file__).parent.parent.parent / "shared" / "data"
LONG = 900_000  # milliseconds that a training, or an export on a busy machine, may take


class Person:
    """Somebody at a page, whose clicks and fields are counted."""

    def __init__(self, page):
        self.page, self.clicks, self.fields = page, 0, 0

    def click(self, role: str, name: str | re.Pattern, **how) -> None:
        """Click what is called so, as soon as it is there."""
        self.page.get_by_role(role, name=name, **how).first.click(timeout=60_000)
        self.clicks += 1

    def fill(self, label: str, text: str) -> None:
        """Fill in a field and leave it with Enter."""
        found = self.page.locator("input").and_(self.page.get_by_label(label))  # not the button that explains it
        field = found.filter(visible=True).first
        field.fill(text)
        field.press("Enter")
        self.fields += 1

    def choose(self, label: str, option: str) -> None:
        """Open a list, and choose what begins so."""
        field = self.page.get_by_role("combobox", name=label, exact=True)
        field.click(timeout=60_000, delay=100)  # as long as a finger takes: a list closes when the page still moves
        self.clicks += 1
        self.click("option", re.compile(f"^{re.escape(option)}"))

    def see(self, text: str, timeout: int = 90_000) -> None:
        """Wait until a text is seen."""
        self.page.get_by_text(text).first.wait_for(timeout=timeout)


def newcomer(person: Person, address: str) -> None:
    """From an empty workspace to a proved file."""
    person.page.goto(address)
    person.click("button", "Train the example")
    person.see("See how good it is")
    person.click("link", "See how good it is")
    person.see("Right on")
    person.click("link", "Export", exact=True)
    person.click("button", "Export and prove")
    person.see("Passed: the file decides", LONG)
    with person.page.expect_download():
        person.click("button", "Download model.onnx")


def analyst(person: Person, address: str) -> None:
    """From a CSV with blank cells to a threshold by cost, inside a proved file."""
    person.page.goto(f"{address}/data")
    person.click("button", "Add data")
    person.page.locator("input[type=file]").set_input_files(DATA / "tables" / "telco-churn.csv")
    person.fields += 1
    person.see("Column to predict")
    person.click("button", "Add", exact=True)
    person.see("is added")
    person.click("link", "Train on it")
    person.see("to train on")
    person.click("button", "Train", exact=True)
    person.see("See how good it is", LONG)
    person.click("link", "See how good it is")
    person.see("Operating point")
    person.fill("Cost of a miss", "5")
    person.click("button", re.compile("Take the cheapest"))
    person.page.wait_for_url(re.compile("threshold="))
    person.click("button", "Save this point")
    person.fill("Name", "cheap")
    person.click("button", "Save", exact=True)
    person.see("Saved as cheap")
    person.click("link", "Export", exact=True)
    person.click("button", "Export and prove")
    person.see("Passed: the file decides", LONG)


def photographer(person: Person, address: str) -> None:
    """From a folder of photographs and a weights file to a net that is judged; one epoch of its head, to be short."""
    person.page.goto(f"{address}/data")
    person.click("button", "Add data")
    person.click("radio", "Path")
    person.fill("A table, a .zip, or a folder", str(DATA / "clothing-small"))
    person.click("button", "Add", exact=True)
    person.see("is added", LONG)
    person.click("link", "Train on it")
    person.see("to train on")
    person.choose("Net", nets.module("pretrained").TITLE)
    person.click("radio", "A file of mine")
    person.fill("Path of a .pth", str(DATA / "weights" / "mobilenet_v2_imagenet.pth"))
    person.fill("Epochs", "1")
    person.click("button", "Train", exact=True)
    person.see("See how good it is", LONG)
    person.click("link", "See how good it is")
    person.see("Right on")


def manager(person: Person, address: str, run: str) -> None:
    """From a link, a report and a living page to a sentence and an answer."""
    person.page.goto(f"{address}/evaluate?run={run}")
    person.see("Right on")
    person.page.goto(report.write(run).as_uri())
    person.see("Right on")
    person.page.goto(living.write(run).path.as_uri())
    assert person.page.evaluate("vitrine.ready")["passed"]


def engineer(run: str, folder: pathlib.Path) -> int:
    """From the kit to an answer over HTTP, by the lines of its README; returns how many commands that took."""
    with zipfile.ZipFile(kit.write(run)) as archive:
        archive.extractall(folder)
    (where,) = folder.iterdir()
    token = "a-token-that-is-long-enough"
    subprocess.run([sys.executable, "verify.py", "model.onnx"], cwd=where, check=True, capture_output=True)
    environment = {**os.environ, "PORT": "8799", "VITRINE_TOKEN": token}
    served = [sys.executable, "server/serve.py", "model.onnx"]
    server = subprocess.Popen(served, cwd=where, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while server.poll() is None:
            try:
                urllib.request.urlopen("http://localhost:8799/health", timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        lines = (where / "README.md").read_text(encoding="utf-8").splitlines()
        (asked,) = [line for line in lines if line.startswith("curl") and "/predict" in line]
        asked = asked.replace("8600", "8799")
        done = subprocess.run(asked, shell=True, cwd=where, env=environment, check=True, capture_output=True, text=True)
        assert '"label"' in done.stdout, done.stdout
    finally:
        server.terminate()
        server.wait()
    return 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="*", default=["newcomer", "analyst", "photographer", "manager", "engineer"])
    only = parser.parse_args().only
    print(f"{'who':14} {'seconds':>8} {'clicks':>7} {'fields':>7}")
    with tempfile.TemporaryDirectory() as folder, workspace_of(pathlib.Path(folder, "workspace")) as workspace:
        with serving(workspace) as address, sync_playwright() as p:
            browser = p.chromium.launch(executable_path=chromium.find(), args=list(chromium.FLAGS))
            for go in (newcomer, analyst, photographer):
                if go.__name__ in only:
                    person, began = Person(browser.new_page(viewport={"width": 1440, "height": 900})), time.monotonic()
                    go(person, address)
                    told(go.__name__, time.monotonic() - began, person.clicks, person.fields)
            if {"manager", "engineer"} & set(only):
                run = core.train("breast_cancer", epochs=15)
                export_and_prove(run)
            if "manager" in only:
                person, began = Person(browser.new_page()), time.monotonic()
                manager(person, address, run)
                told("manager", time.monotonic() - began, 3, 0)
            browser.close()
        if "engineer" in only:
            began = time.monotonic()
            commands = engineer(run, pathlib.Path(folder, "kit"))
            told("engineer", time.monotonic() - began, commands, 0)


def told(who: str, seconds: float, clicks: int, fields: int) -> None:
    """A row of the table; for the engineer clicks are commands."""
    print(f"{who:14} {seconds:8.1f} {clicks:7} {fields:7}", flush=True)


if __name__ == "__main__":
    main()
