"""From bytes to a decision outside the project: the kit's client.py, given the very files, against Vitrine's pages.

All test photographs of clothing-small as files, and adult's test file as it stands. The pages show what PyTorch said
when the run was evaluated (its stored logits, by the operating point in use), which is what is compared with.
To reach: no decision that differs; probabilities within 1e-5 for rows, 1e-4 for photographs.

    python benchmarks/from_bytes.py [--data FOLDER]

Trains both first, which takes a few minutes.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import zipfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import numpy as np

from benchmarks._contest import SHARED

BARS = {"table": 1e-5, "image": 1e-4}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=str(SHARED), help="folder that holds clothing-small, tables and weights")
    asked = parser.parse_args()
    shared = pathlib.Path(asked.data)
    print(f"{'':36}{'samples':>9}{'decisions that differ':>24}{'largest difference':>20}{'to reach':>10}{'client':>9}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VITRINE_WORKSPACE"] = str(pathlib.Path(folder, "workspace"))
        line("adult's test file", *compare(adult(shared), pathlib.Path(folder)))
        line("clothing-small's test photographs", *compare(photographs(shared), pathlib.Path(folder)))


def adult(shared: pathlib.Path) -> tuple[str, list[str], list[str]]:
    """A run, the files for its client, and the ids of the samples in them, in order."""
    import core
    from core import runs

    tables = shared / "tables"
    run = core.train(
        str(tables / "adult.data"), "mlp", target="income", test=str(tables / "adult.test"), epochs=2, device="cpu"
    )
    return run, [str(tables / "adult.test")], sorted(runs.predictions(run, "test")[0].tolist())


def photographs(shared: pathlib.Path) -> tuple[str, list[str], list[str]]:
    import core
    from core import runs

    weights = str(shared / "weights" / "mobilenet_v2_imagenet.pth")
    settings = {"weights": weights, "freeze": -1, "epochs": 1, "image_size": 224, "device": "cpu"}
    run = core.train(str(shared / "clothing-small"), "pretrained", {"arch": "mobilenet_v2"}, **settings)
    dataset = runs.dataset(run)
    files = dict(zip(dataset.ids.tolist(), dataset.about["file"]))
    ids = runs.predictions(run, "test")[0].tolist()
    return run, [str(pathlib.Path(dataset.root, files[sample])) for sample in ids], ids


def compare(made: tuple[str, list[str], list[str]], folder: pathlib.Path) -> tuple[str, int, int, float, float]:
    """Kind of data, samples, decisions that differ, the largest difference of a probability, seconds of the client."""
    from core import runs
    from core.evaluation.metrics import softmax
    from exports import kit, live, onnx

    run, files, ids = made
    onnx.export(run)
    with zipfile.ZipFile(kit.write(run)) as archive:
        archive.extractall(folder / "kit")
    start = time.perf_counter()
    command = [sys.executable, "-I", "client.py", *files]  # -I: nothing but what is installed
    done = subprocess.run(command, cwd=folder / "kit" / run, stdout=subprocess.PIPE, text=True, check=True)
    seconds = time.perf_counter() - start
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    schema, (stored, _, logits) = runs.schema(run), runs.predictions(run, "test")
    assert len(answers) == len(ids) == len(stored), "the client answers other samples than the pages show"
    logits = logits[np.argsort(stored)][np.argsort(np.argsort(ids))]
    said = np.array([*schema.classes, ""], object)[live.decide(run, softmax(logits))]
    differ = sum(answer["label"] != label for answer, label in zip(answers, said))
    expected = softmax(logits / runs.evaluation(run)["temperature"])
    got = np.array([[answer["probabilities"][name] for name in schema.classes] for answer in answers])
    return schema.kind, len(ids), differ, float(np.abs(got - expected).max()), seconds


def line(title: str, kind: str, n: int, differ: int, largest: float, seconds: float) -> None:
    good = "pass" if not differ and largest <= BARS[kind] else "MISS"
    print(f"{title:36}{n:>9,}{differ:>24,}{largest:>20.1e}{BARS[kind]:>10.0e}{seconds:>7.1f} s  {good}", flush=True)


if __name__ == "__main__":
    main()
