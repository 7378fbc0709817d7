"""A full disk at every stage: a sentence that names it, nothing half-written, and all is well once there is room.

The workspace is on a tmpfs of its own, which takes root to mount; a file on it leaves as much room as chance says.
"""

import contextlib
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys

from benchmarks._faults import Count
from benchmarks._faults.kills import _half_exported
from core import config, data, jobs, runs, search
from tests.faults import whole

SECONDS = 300  # that a command may take
SAID = re.compile(r"(full|room|space)", re.IGNORECASE)
SHARE = 0.15  # of the cases, in which nothing at all is left


def run(where: pathlib.Path, seed: int, times: int) -> list[Count]:
    """`times` commands in all on a disk with little room left."""
    chance = random.Random(seed)
    names = _prepared(where)
    stages = _stages(where, names)
    counts = [Count(f"disk full, {stage}") for stage in stages]
    for case in range(times):
        stage = list(stages)[case % len(stages)]
        needs, words, check = stages[stage]
        _one(counts[case % len(stages)], where, words, check, 0 if chance.random() < SHARE else chance.randrange(needs))
    return counts


def _stages(where: pathlib.Path, names: dict[str, str]) -> dict:
    """By stage: bytes that it takes, the words of the command, and what must hold once it is done."""
    run = names["run"]
    exports = {name: ("exports", name, run) for name in ("variants", "kit", "report", "page", "card")}
    table, pictures = str(where / "given" / "visits.csv"), str(where / "given" / "shades.zip")
    quick = ("--set", "device=cpu", "--epochs", "2")
    return {
        "training": (600_000, ("core", "train", "--data", "iris", *quick), lambda: _done_runs() >= 2),
        "table": (2_000_000, ("core", "data", "add", table), lambda: len(data.get("visits")) == 20_000),
        "photographs": (9_000_000, ("core", "data", "add", pictures), lambda: len(data.get("shades")) == 600),
        "sweep": (900_000, ("core", "sweep", "lr=0.001..0.01", "--data", "iris", "--trials", "2"), _searched),
        "evaluation": (60_000, ("core", "evaluate", run), lambda: runs.evaluation(run) is not None),
        "explanation": (60_000, ("core", "explain", run), lambda: any(runs.path(run, "explanations").iterdir())),
        "note": (8_000, ("core", "note", run, "--title", "A title"), lambda: True),
        "onnx": (400_000, ("exports", "onnx", run), lambda: not _half_exported(run)),
        **{name: (900_000, words, lambda: not _half_exported(run)) for name, words in exports.items()},
    }


def _one(count: Count, where: pathlib.Path, words: tuple, check, room: int) -> None:
    """One command with so many bytes of room, and again with enough."""
    count.cases += 1
    with _small_disk(where) as workspace:
        before = _files(workspace)
        with _ballast(workspace, room):
            code, out = _told(words)
        said = f"{' '.join(words)} with {room:,} bytes: "
        if "Traceback" in out or code not in (0, 1):
            print(said + out[-1500:], flush=True)
            count.tracebacks += 1
        elif code and not SAID.search(out):
            print(said + "does not name the disk: " + out[-500:], flush=True)
            count.tracebacks += 1
        rows = jobs.summaries()
        for row in rows:
            if row["state"] != "done" and not (row["state"] == "failed" and SAID.search(row["message"])):
                print(said + f"{row['run']} is {row['state']}: {row.get('message')}", flush=True)
                count.half += 1
        for file in before:
            if not file.exists() or (file.suffix == ".json" and not file.read_bytes().strip()):
                print(said + f"{file} is gone", flush=True)
                count.lost += 1
        for name in data.store.names():
            data.get(name)
        code, out = _told(_once_more(words, rows))
        if code or not check():
            print(said + "no success with room: " + out[-500:], flush=True)
            count.lost += 1


def _once_more(words: tuple, rows: list[dict]) -> tuple:
    """The command that goes on where the first one ended: a run, or a search, that is there already is resumed."""
    if words[1] == "sweep" and search.names() and search.status(search.names()[0])["state"] != "done":
        return "core", "sweep", "--resume", search.names()[0]
    if words[1] == "train" and (failed := [row["run"] for row in rows if row["state"] != "done"]):
        return "core", "resume", failed[0]
    return words


def _files(workspace: pathlib.Path) -> list[pathlib.Path]:
    return [file for file in workspace.rglob("*") if file.is_file() and not file.name.startswith(".")]


def _told(words: tuple) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=jobs.ROOT, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    return done.returncode, done.stdout + done.stderr


@contextlib.contextmanager
def _small_disk(where: pathlib.Path):
    """The prepared workspace on a disk of its own."""
    kept, mount = where / "prepared", where / "disk"
    mount.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=120m", "tmpfs", str(mount)], check=True)
    try:
        shutil.copytree(kept, mount / "workspace")
        os.environ["VITRINE_WORKSPACE"] = str(mount / "workspace")
        yield mount / "workspace"
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)


@contextlib.contextmanager
def _ballast(workspace: pathlib.Path, room: int):
    """Fill the disk but for so many bytes."""
    file = workspace.parent / "ballast"
    facts = os.statvfs(workspace)
    with open(file, "wb") as out:
        os.posix_fallocate(out.fileno(), 0, max(1, facts.f_bavail * facts.f_bsize - room))
    try:
        yield
    finally:
        file.unlink()


def _prepared(where: pathlib.Path) -> dict[str, str]:
    """A workspace with one exported run of iris, in the folder "prepared"."""
    from exports import pipeline

    whole.csv(where / "given" / "visits.csv", n=20_000)
    whole.photographs(where / "given" / "shades.zip", n=600, side=48)
    kept = where / "prepared"
    os.environ["VITRINE_WORKSPACE"] = str(kept)
    if not kept.exists():
        run = jobs.start(config.suggest(data.get("iris"), epochs=2, device="cpu"))
        assert jobs.wait(run) == "done", runs.log_tail(run)
        pipeline.export_and_prove(run)
    (run,) = runs.names()
    return {"run": run}


def _done_runs() -> int:
    return sum(row["state"] == "done" for row in jobs.summaries())


def _searched() -> bool:
    return all(search.status(name)["state"] == "done" for name in search.names()) and bool(search.names())
