"""A peer's process: `python -m benchmarks.peers NAME PROBLEM SCRATCH`. It trains once for each seed that it reads."""

import contextlib
import importlib
import json
import os
import pathlib
import sys
import tempfile

import torch  # before `core`, which would choose how its threads wait; peers get what PyTorch does by itself

from benchmarks._contest import Clock, Problem, Reached


def main(name: str, problem: str, scratch: str) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever the peer prints goes to the log
    peer = importlib.import_module(f"benchmarks.peers.{name}")
    problem = Problem.load(pathlib.Path(problem))
    _ = problem.x  # made before any clock runs
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        torch.manual_seed(json.loads(line))
        clock, also = Clock(problem), None
        folder = tempfile.TemporaryDirectory(dir=scratch)
        with folder, contextlib.chdir(folder.name), contextlib.suppress(Reached):
            also = peer.train(problem, clock, pathlib.Path(folder.name))
        print(json.dumps(clock.answer() | (also or {})), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
