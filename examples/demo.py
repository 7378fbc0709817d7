"""The whole job without a browser: train on digits, evaluate, explain, export, prove, report; one table at the end."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from rich import box
from rich.table import Table

from core import config, data, evaluation, explain, jobs, runs, trust, words
from core.cli import console, guarded, watch
from exports import report
from exports.pipeline import export_and_prove


def main() -> None:
    began = time.perf_counter()
    run = jobs.start(config.suggest(data.get("digits")))
    console.print(f"Training {run} on digits (Ctrl-C stops it)")
    watch(run)
    if jobs.state(run) != "done":
        raise RuntimeError(f"Run {run} ended as {jobs.state(run)}: {jobs.summary(run)['message']}")
    test = runs.evaluation(run)["test"]
    console.print("Explaining, exporting and comparing with PyTorch")
    explanations = [explain.explain(run, method=method) for method in explain.available("image", "sample")]
    trusted = trust.judge(run, method=explanations[0].record["method"])
    proof = export_and_prove(run)
    page = report.write(run)
    table = Table("", run, box=box.SIMPLE)
    table.add_row("In words", evaluation.sentence(test, "image"))
    table.add_row("Test accuracy (95% interval)", words.interval(test["metrics"]["accuracy"]))
    table.add_row("Test AUROC (macro)", words.area(test["metrics"]["auroc_macro"]["value"]))
    for found in explanations:
        table.add_row(f"Explanation: {found.record['method']}", str(found.path))
    table.add_row("Can the first be trusted?", trusted["sentence"])
    table.add_row("Proof", proof["verdict"])
    table.add_row("ONNX file", str(runs.path(run, "exports", "model.onnx")))
    table.add_row("Report", str(page))
    table.add_row("Took", words.duration(time.perf_counter() - began))
    console.print(table)
    if not proof["passed"]:
        raise RuntimeError("The exported file does not decide as the trained net; see the proof above.")


if __name__ == "__main__":
    guarded(main)
