"""The living page in Chromium, from the disk and without a network, against onnxruntime in Python on all test samples.

To reach: under 25 MB for digits and adult, the first answer within 5 s, and no decision that differs.

    python benchmarks/living_page.py [--data digits adult clothing] [--runs RUN ...] [--repeats 3]

Without --runs, runs are trained first, in a workspace that is removed afterwards; with it, finished runs of the
workspace are exported anew. Photographs are also given to the page as files, so that the browser decodes them; where
its decoder is another than Pillow's, a level may differ by 1, and the last column says what comes of it.
"""

import argparse
import base64
import contextlib
import os
import pathlib
import statistics
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import numpy as np

import core
from core import runs
from core.data import split
from exports import feeding, onnx, page
from tests.browser import chromium
from tests.workspaces import workspace_of

SHARED = pathlib.Path(__file__).resolve().parent.parent.parent / "shared" / "data"
MOST_MB, MOST_SECONDS = 25, 5.0
WANTED = ["probabilities", "decision"]
AT_ONCE = 64
ASK = "async (feeds) => { const got = await vitrine.ask(feeds, ['probabilities', 'decision']); " + (
    "return [Array.from(got.probabilities.data), Array.from(got.decision.data)]; }"
)
ASK_FILE = """async ([name, content]) => {
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const pixels = await vitrine.pixelsOf(new Blob([bytes]), vitrine.facts.inputs[0].shape[1]);
  const got = await vitrine.ask({[name]: {type: "uint8", ...pixels}}, ["decision"]);
  return got.decision.data[0];
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="*", default=["digits", "adult"], choices=("digits", "adult", "clothing"))
    parser.add_argument("--runs", nargs="*", default=[])
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    heads = (
        "run",
        "data",
        "page",
        "first answer",
        "samples",
        "differ",
        "largest",
        "self-test",
        "",
        "files that differ",
    )
    print(("{:<14}{:<12}{:>9}{:>22}{:>9}{:>8}{:>10}{:>11}  {:<6}{}").format(*heads))
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        if not asked.runs:
            stack.enter_context(workspace_of(pathlib.Path(folder, "workspace")))
        for run in [runs.resolve(name) for name in asked.runs] or map(trained, asked.data):
            measure(run, asked.repeats)
    print(f"load {os.getloadavg()[0]:.1f}; first answer: median (min to max) from opening the file")


def trained(name: str) -> str:
    if name == "digits":
        return core.train("digits", epochs=5, device="cpu")
    if name == "adult":
        files = {"target": "income", "test": str(SHARED / "tables" / "adult.test")}
        return core.train(str(SHARED / "tables" / "adult.data"), epochs=5, device="cpu", **files)
    settings = {"weights": str(SHARED / "weights" / "mobilenet_v2_imagenet.pth"), "freeze": -1, "epochs": 1}
    return core.train(str(SHARED / "clothing-small"), "pretrained", {"arch": "mobilenet_v2"}, **settings, device="cpu")


def measure(run: str, repeats: int) -> None:
    from playwright.sync_api import sync_playwright

    onnx.export(run, explanation=True)
    made = page.write(run)
    dataset = runs.dataset(run)
    where = np.sort(split.load(runs.path(run, "split.parquet"), dataset.ids)["test"])
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium.find(), args=list(chromium.FLAGS))
        seconds = []
        for _ in range(repeats):
            context = browser.new_context(offline=True)
            shown = context.new_page()
            shown.goto(made.path.as_uri())
            test = shown.evaluate("vitrine.ready")
            seconds.append(shown.evaluate("vitrine.first") / 1000)
        differ, largest, files = compared(run, dataset, where, shown)
        browser.close()
    size = made.n_bytes / 1e6
    passed = size < MOST_MB and max(seconds) < MOST_SECONDS and not differ and test["passed"]
    first = f"{statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"
    checked = "passed" if test["passed"] else "FAILED"
    print(
        f"{run[11:]:<14}{dataset.name:<12}{size:>6.1f} MB{first:>22}{len(where):>9,}{differ:>8}{largest:>10.1e}"
        f"{checked:>11}  {'pass' if passed else 'MISS':<6}{files}",
        flush=True,
    )


def compared(run: str, dataset, where: np.ndarray, shown) -> tuple[int, float, str]:
    """Decisions that differ, the largest difference of a probability, and what becomes of decoded files."""
    import onnxruntime

    session = onnxruntime.InferenceSession(runs.path(run, "exports", "model.onnx"))
    differ, largest, others, n_files = 0, 0.0, 0, 0
    for feeds, content in batches(dataset, where):
        y_prob, said = session.run(WANTED, feeds)
        got = shown.evaluate(ASK, {name: sent(values) for name, values in feeds.items()})
        differ += int((np.array(got[1]) != said).sum())
        largest = max(largest, float(np.abs(np.array(got[0]).reshape(y_prob.shape) - y_prob).max()))
        if content:
            n_files += 1
            others += shown.evaluate(ASK_FILE, ["image", base64.b64encode(content).decode()]) != said[0]
    return differ, largest, f"{others} of {n_files}" if n_files else "-"


def batches(dataset, where: np.ndarray):
    """Feeds, and the file of a picture that has one."""
    from core.data.images import decode

    if dataset.kind == "image" and dataset.root and "file" in dataset.about:
        paths = [pathlib.Path(dataset.root, name) for name in dataset.about["file"].to_numpy(str)[where]]
        for path in filter(pathlib.Path.is_file, paths):
            yield {"image": decode.original(str(path), dataset.images.shape[1])[None]}, path.read_bytes()
        return
    for start in range(0, len(where), AT_ONCE):
        yield feeding.inputs(dataset, where[start : start + AT_ONCE]), b""


def sent(values: np.ndarray) -> dict:
    """An array as `vitrine.ask` takes it."""
    if values.dtype == object:
        return {"type": "string", "dims": list(values.shape), "data": values.tolist()}
    content = base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
    return {"type": str(values.dtype), "dims": list(values.shape), "data": content}


if __name__ == "__main__":
    main()
