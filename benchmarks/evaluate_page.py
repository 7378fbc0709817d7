"""The Evaluate page on 100,000 test samples of 10 and 2 classes, in Chromium: until it is complete, and a slider move.

To reach: complete in under 2 s from stored numbers, a move under 0.3 s. Beside it scikit-learn's time for the figures
that the page shows: report, confusion matrix, ROC and precision/recall curves with their areas.

    python benchmarks/evaluate_page.py [--samples 100000] [--repeats 5]
"""

import argparse
import os
import pathlib
import statistics
import sys
import tempfile
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from core import config, evaluation, runs
from core.data.dataset import Column, Schema
from tests.browser import chromium
from tests.browser.serving import serving
from tests.workspaces import workspace_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    print(
        f"{asked.samples:,} test samples, {asked.repeats} repeats, median (min to max); load {os.getloadavg()[0]:.1f}"
    )
    with tempfile.TemporaryDirectory() as folder, workspace_of(pathlib.Path(folder, "workspace")) as workspace:
        runs.check_workspace()
        made = {k: run_of(asked.samples, k) for k in (10, 2)}
        with serving(workspace) as address:
            for k, run in made.items():
                page_of(address, run, k, asked.repeats)
                print(f"  {k:2} classes: the same figures by scikit-learn {by_scikit_learn(run):.2f} s", flush=True)


def run_of(n: int, k: int) -> str:
    """A finished run on paper with n test samples, and a tenth for validation, of k classes."""
    schema = Schema("table", (1,), tuple(f"class {j}" for j in range(k)), (Column("a", "number"),))
    asked = config.TrainConfig(config.DataConfig("iris"), config.NetConfig("mlp"), config.TrainingConfig(epochs=1))
    run, rng = runs.create(asked, schema, "0" * 64), np.random.default_rng(0)
    for part, size in (("val", n // 10), ("test", n)):
        y = rng.integers(0, k, size)
        logits = rng.normal(size=(size, k)).astype(np.float32)
        logits[np.arange(size), y] += 2
        runs.write_predictions(run, part, np.array([f"{part}-{i}" for i in range(size)]), y, logits)
    began = time.perf_counter()
    record = evaluation.recorded(run, {"epoch": 1, "pixels": "stored"})
    print(f"  {k:2} classes: every figure with its interval computed and stored in {time.perf_counter() - began:.2f} s")
    runs.write_status(run, state="done", started=1.0, ended=3.0, best_epoch=1, **evaluation.headline(record))
    return run


def page_of(address: str, run: str, k: int, repeats: int) -> None:
    """Print seconds until the page is complete, in a fresh profile and coming from Runs, and for a move of a slider."""
    from playwright.sync_api import sync_playwright

    complete, changes, moves = [], [], []
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium.find(), args=list(chromium.FLAGS))
        for repeat in range(repeats + 1):  # the first warms up and is not counted
            context = browser.new_context(viewport={"width": 1440, "height": 900})
            page = context.new_page()
            began = time.perf_counter()
            page.goto(f"{address}/evaluate?run={run}&silent=0.5")  # at 0, a step leaves no sample to a person
            page.locator(".js-plotly-plot .main-svg").nth(4).wait_for()  # both figures are drawn
            page.get_by_text("Chosen on").wait_for()  # the last line
            seconds = time.perf_counter() - began
            thumb = page.get_by_role("slider").first
            sentence = page.get_by_text("are right.").first
            before = sentence.text_content() if sentence.count() else ""
            thumb.focus()
            began = time.perf_counter()
            page.keyboard.press("ArrowRight")
            page.wait_for_function(
                "before => [...document.querySelectorAll('p')].some("
                "p => p.textContent.includes('are right.') && p.textContent !== before)",
                arg=before,
            )
            moved = time.perf_counter() - began
            page.get_by_test_id("stSidebar").get_by_role("link", name="Runs", exact=True).click()
            page.get_by_text("Newest:").wait_for()
            page.wait_for_timeout(2000)  # a person reads
            began = time.perf_counter()
            page.get_by_test_id("stSidebar").get_by_role("link", name="Evaluate", exact=True).click()
            page.get_by_text("Chosen on").wait_for()
            page.locator(".js-plotly-plot .main-svg").nth(4).wait_for()
            changed = time.perf_counter() - began
            context.close()
            if repeat:
                complete.append(seconds)
                changes.append(changed)
                moves.append(moved)
        browser.close()
    print(
        f"  {k:2} classes: page complete after {shown(complete)} s in a fresh profile, {shown(changes)} s coming from "
        f"Runs (to reach: 2); a move {shown(moves)} s (to reach: 0.3)"
    )


def by_scikit_learn(run: str) -> float:
    """Seconds that scikit-learn needs for the figures, without intervals."""
    from sklearn import metrics as sk

    from core.evaluation.metrics import softmax

    _, y_true, logits = runs.predictions(run, "test")
    y_prob = softmax(logits)
    began = time.perf_counter()
    sk.classification_report(y_true, y_prob.argmax(axis=1), output_dict=True)
    sk.confusion_matrix(y_true, y_prob.argmax(axis=1))
    for j in range(y_prob.shape[1]):
        sk.roc_curve(y_true == j, y_prob[:, j])
        sk.precision_recall_curve(y_true == j, y_prob[:, j])
        sk.roc_auc_score(y_true == j, y_prob[:, j])
        sk.average_precision_score(y_true == j, y_prob[:, j])
    return time.perf_counter() - began


def shown(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
