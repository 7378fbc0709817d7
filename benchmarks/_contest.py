"""What benchmarks of training share: problems, contestants that take turns in processes of their own, and figures."""

import contextlib
import dataclasses
import functools
import importlib.util
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"


@dataclass(frozen=True)
class Problem:
    """What every contestant trains on: the same samples, the same net, batches, learning rate and epochs.

    raw : samples as a person has them, uint8 images (n, 1, 28, 28) or float32 rows (n, 14);  y : int64 (n,)
    aside, y_aside : samples that are not trained on. Vitrine validates on them; where `target` is set, every contestant
        trains until its accuracy on them is as high, which is looked at after each epoch while the clock stands
    ours : settings of Vitrine's own that differ from the others'
    """

    kind: str  # "image" or "table"
    raw: np.ndarray
    y: np.ndarray
    aside: np.ndarray
    y_aside: np.ndarray
    n_classes: int
    batch_size: int
    epochs: int
    lr: float = 1e-3
    target: float = 0.0
    ours: dict = field(default_factory=dict)

    @functools.cached_property
    def x(self) -> np.ndarray:
        """The samples ready for a net: float32, each channel or column with mean 0 and deviation 1."""
        return self.ready(self.raw)

    def ready(self, raw: np.ndarray) -> np.ndarray:
        """Any samples, as `x` holds those to train on."""
        axes = (0, 2, 3) if self.kind == "image" else (0,)
        mean, std = (f(self.raw, axis=axes, keepdims=True, dtype=np.float64) for f in (np.mean, np.std))
        return (raw.astype(np.float32) - mean.astype(np.float32)) / std.astype(np.float32)

    @property
    def schema(self):
        """The schema of Vitrine for these samples."""
        from core.data.dataset import Column, Schema

        classes = tuple(f"class {j}" for j in range(self.n_classes))
        columns = ()
        if self.kind == "table":
            columns = tuple(Column(f"x{j}", "number") for j in range(self.raw.shape[1]))
        return Schema(self.kind, self.raw.shape[1:], classes, columns)

    def net(self):
        """The net, untrained: the small CNN of Vitrine, which has 2 blocks, or an MLP of 128 and 64 hidden units."""
        if self.kind == "table":
            from benchmarks.peers import mlp

            return mlp.build(self.raw.shape[1], self.n_classes)
        from core.nets import cnn

        return cnn.build(self.schema)

    def save(self, path: pathlib.Path) -> None:
        values = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}
        arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
        plain = {name: value for name, value in values.items() if name not in arrays}
        np.savez(path, plain=json.dumps(plain), **arrays)

    @classmethod
    def load(cls, path: pathlib.Path) -> "Problem":
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files if name != "plain"}
            return cls(**json.loads(str(file["plain"])), **arrays)


class Reached(Exception):
    """The accuracy that was asked for is there."""


class Clock:
    """Called at the end of every epoch. It stands while the accuracy is looked at, if that is asked for.

    seconds : from the end of the first epoch to the end of the last; with a target, from the beginning
    """

    def __init__(self, problem: Problem):
        self.problem, self.stood = problem, 0.0
        self.x_aside = problem.ready(problem.aside) if problem.target else None
        self.accuracies = []
        self.marks = []
        self.began = time.perf_counter()

    def __call__(self, predict=None, **_) -> None:
        """predict : a function of (raw samples, the same ready for a net) to logits (n, n_classes)."""
        now = time.perf_counter()
        self.marks.append(now - self.stood)
        if not self.problem.target:
            return
        self.accuracies.append(
            float((predict(self.problem.aside, self.x_aside).argmax(1) == self.problem.y_aside).mean())
        )
        self.stood += time.perf_counter() - now
        if self.accuracies[-1] >= self.problem.target:
            raise Reached

    def answer(self) -> dict:
        if self.problem.target:
            return {"seconds": self.marks[-1] - self.began, "accuracies": self.accuracies}
        return {"seconds": self.marks[-1] - self.marks[0]}


class Contestant:
    """A process of one file of benchmarks/peers. It trains when told to and sleeps in between.

    as_run : whether the process has the environment of a run's process, or that of any script
    """

    def __init__(self, name: str, problem: pathlib.Path, scratch: pathlib.Path, as_run: bool = False):
        self.name, self.log = name, scratch / f"{name}-{as_run}.log"
        environment = {k: v for k, v in os.environ.items() if k != "GOMP_SPINCOUNT"}
        if as_run:
            from core import processes

            environment |= {"GOMP_SPINCOUNT": os.environ["GOMP_SPINCOUNT"], **processes.KEEP_MEMORY}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.peers", name, str(problem), str(scratch)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=open(self.log, "wb"),
            text=True,
        )

    def turn(self, seed: int) -> dict:
        """Train once; the answer of the peer: {"seconds": of all epochs but the first, and perhaps more}.

        RuntimeError with the last line that the process said if it could not.
        """
        with contextlib.suppress(BrokenPipeError):
            print(json.dumps(seed), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            said = self.log.read_text(errors="replace").strip().splitlines()
            raise RuntimeError(said[-1] if said else "it ended without a word")
        return json.loads(answer)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


@contextlib.contextmanager
def together(contestants: dict[str, Contestant]):
    """The contestants, each ready before any is timed; their processes end with the block."""
    try:
        for one in contestants.values():
            one.process.stdout.readline()  # nothing, if it ended before: its turn says why
        yield contestants
    finally:
        for one in contestants.values():
            one.close()


def installed(packages: dict[str, str]) -> list[str]:
    """Which of the peers, name -> package that it needs, can be run; a sentence is printed if some cannot."""
    there = [name for name, package in packages.items() if importlib.util.find_spec(package)]
    if missing := [package for name, package in packages.items() if name not in there]:
        print(f"  Left out, not installed: {', '.join(missing)}. `pip install -r requirements-bench.txt` adds them.")
    return there


def take_turns(contestants: dict, repeats: int) -> dict[str, list]:
    """What each answered in each of its turns; each repeat goes through all, starting with another one every time.

    contestants : name -> function of the seed. One that fails is left out from there on, with a sentence.
    """
    answers = {name: [] for name in contestants}
    names = list(contestants)
    for seed in range(repeats):
        first = seed % len(names)
        for name in names[first:] + names[:first]:
            if name not in answers:
                continue
            try:
                answers[name].append(contestants[name](seed))
            except (RuntimeError, ValueError) as error:
                print(f"  {name} is left out: {error}", flush=True)
                del answers[name]
    return {name: answers[name] for name in names if name in answers}


def against(ours: list[float], theirs: list[float], form: str = "{:.2f}") -> str:
    """How many times as much ours is, turn by turn."""
    return shown([a / b for a, b in zip(ours, theirs)], form)


def shown(values: list[float], form: str = "{:,.0f}") -> str:
    """Median, and from the least to the most."""
    middle, low, high = (form.format(value) for value in (statistics.median(values), min(values), max(values)))
    return f"{middle} ({low} to {high})"


def fashion_mnist(folder: pathlib.Path) -> dict[str, np.ndarray]:
    """Images uint8 (n, 1, 28, 28) and classes int64 (n,) from the four idx files in `folder`: x, y, x_test, y_test."""
    import gzip

    found = {}
    for part, ending in (("train", ""), ("t10k", "_test")):
        with gzip.open(folder / f"{part}-images-idx3-ubyte.gz") as file:
            found[f"x{ending}"] = np.frombuffer(file.read()[16:], np.uint8).reshape(-1, 1, 28, 28)
        with gzip.open(folder / f"{part}-labels-idx1-ubyte.gz") as file:
            found[f"y{ending}"] = np.frombuffer(file.read()[8:], np.uint8).astype(np.int64)
    return found
