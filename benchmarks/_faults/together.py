"""Two dashboards and three command lines at once on one workspace: no traceback, no lost note, no ghost of a run.

Each of five processes does the same mixture of things with the same runs and data sets, in an order of its own. What is
refused, as somebody else was faster, is refused in a sentence.
"""

import os
import pathlib
import random
import subprocess
import sys

from benchmarks._faults import Count
from core import config, data, jobs, notes, runs, trash
from core.data import ingest, store
from tests.faults import looking, whole

HANDS = ("page", "page", "command", "command", "command")
SECONDS = 900  # that one pair of hands may take


def run(where: pathlib.Path, seed: int, times: int) -> list[Count]:
    """`times` things done by each of the five."""
    prepare(where, os.environ["VITRINE_WORKSPACE"])
    hands = [
        subprocess.Popen(
            [sys.executable, __file__, kind, str(seed * len(HANDS) + number), str(times), str(where)],
            cwd=jobs.ROOT,
            env={**os.environ, "PYTHONPATH": str(jobs.ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for number, kind in enumerate(HANDS)
    ]
    count = Count("five at once")
    for hand in hands:
        out = hand.communicate(timeout=SECONDS)[0]
        count.cases += out.count("\ndid ") + out.startswith("did ")
        count.tracebacks += out.count("FAULT") + (hand.returncode != 0)
        if "FAULT" in out or hand.returncode:
            print(out[out.find("FAULT") :][:3000], flush=True)
    for row in jobs.summaries():
        if row["state"] == "damaged":
            print("damaged", row)
            count.half += 1
    wanted = {f"tag-{number}-{i}" for number in range(len(HANDS)) for i in range(min(2, times))}
    kept = set(notes.read(next(iter(_steady()))).tags)
    if kept != wanted:
        print("tags", sorted(wanted - kept))
    count.lost += len(wanted - kept)
    return [count]


def prepare(where: pathlib.Path, workspace: str) -> None:
    """Runs that are over, and two data sets, for all to work on."""
    os.environ["VITRINE_WORKSPACE"] = workspace
    for seed in range(3):
        made = jobs.start(config.suggest(data.get("iris"), epochs=1, device="cpu", seed=seed))
        assert jobs.wait(made) == "done"
    ingest.add(str(whole.csv(where / "given" / "visits.csv")), "visits", {"target": "ill"})
    (steady, *_) = runs.names()
    (pathlib.Path(workspace) / "steady").write_text(steady)


def _steady() -> list[str]:
    """The run that nobody deletes."""
    return [(runs.workspace() / "steady").read_text()]


def main(kind: str, seed: int, times: int, where: pathlib.Path) -> None:
    """One pair of hands."""
    chance, (steady,) = random.Random(seed), _steady()
    for i in range(times):
        if i < 2:
            seen = looking.command("note", steady, "--tag", f"tag-{seed % len(HANDS)}-{i}")
            print(*(f"FAULT {fault}" for fault in (*seen.faults, *seen.errors)), sep="\n")
            print("did tag", flush=True)
            continue
        what = chance.choice(PAGES if kind == "page" else COMMANDS)
        seen = what(chance, where)
        print("did", what.__name__, "; ".join(seen.errors)[:200].replace("\n", " "), flush=True)
        for fault in seen.faults:
            print("FAULT", what.__name__, fault[-1500:], flush=True)


def _any(chance: random.Random) -> str:
    known = runs.names() + trash.names()
    return chance.choice(known)


def look(chance, where):  # noqa: ARG001
    page = chance.choice(("runs", "live", "evaluate", "export", "share", "data", "train"))
    return looking.page(page, run=_any(chance))


def write_note(chance, where):  # noqa: ARG001
    return looking.command("note", _any(chance), "--note", f"note {chance.random()}")


def delete(chance, where):  # noqa: ARG001
    run = _any(chance)
    return looking.Seen([], []) if run in _steady() else looking.command("delete", run)


def restore(chance, where):  # noqa: ARG001
    return looking.command("restore", _any(chance))


def train(chance, where):  # noqa: ARG001
    quick = ("--epochs", "1", "--set", "device=cpu", "--no-wait")
    return looking.command("train", "--data", chance.choice(("iris", "visits", "seen")), *quick)


def stop(chance, where):  # noqa: ARG001
    return looking.command("stop", _any(chance))


def export(chance, where):  # noqa: ARG001
    return looking.command(chance.choice(("onnx", "report")), _steady()[0], exports=True)


def rename(chance, where):  # noqa: ARG001
    pair = ["visits", "seen"]
    chance.shuffle(pair)
    return looking.guarded(lambda: store.rename(*pair))


def add(chance, where):  # noqa: ARG001
    return looking.command("data", "add", str(where / "given" / "visits.csv"), "--target", "ill")


def remove(chance, where):  # noqa: ARG001
    return looking.guarded(lambda: store.delete(chance.choice(("visits", "seen"))))


def list_all(chance, where):  # noqa: ARG001
    return looking.command(chance.choice(("runs", "trash")))


COMMANDS = (write_note, delete, restore, train, stop, export, rename, add, remove, list_all, write_note, restore)
PAGES = (look, look, look, delete, restore, write_note, rename)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), pathlib.Path(sys.argv[4]))
