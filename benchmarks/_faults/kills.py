"""kill -9 at random moments of training, ingestion, export, sweep and report, each followed by another try.

Lost: something that a checkpoint or an earlier file held is gone, or the second try does not come to the result of an
undisturbed one. Half-written: something incomplete is listed, or read, as whole.
"""

import contextlib
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time

from benchmarks._faults import Count
from core import config, data, jobs, notes, processes, runs, search
from core.data import imports, store
from core.training import checkpoint
from exports import parity, selftest
from tests.faults import looking, whole

SAVE_SECONDS = 0.5  # between two checkpoints here, so that there are some to go on from
WORKER = (
    "import sys; from core.training import reporting, worker; "
    f"reporting.SAVE_SECONDS, reporting.SAVE_SHARE = {SAVE_SECONDS}, 1; sys.exit(worker.main(sys.argv[1]))"
)
EXACT = ("train_loss", "val_loss", "val_accuracy")  # figures of an epoch that a resumed run must come to


def run(where: pathlib.Path, seed: int, times: int) -> list[Count]:
    """`times` kills in all, half of them of training."""
    chance, given = random.Random(seed), where / "given"
    whole.csv(given / "visits.csv", n=20_000)
    whole.photographs(given / "shades.zip", n=600, side=48)
    workspace = pathlib.Path(os.environ["VITRINE_WORKSPACE"])
    shares = {training: 0.4, ingestion: 0.2, sweep: 0.1, export: 0.2, report: 0.1}
    counts = []
    for campaign, share in shares.items():
        shutil.rmtree(workspace, ignore_errors=True)
        count = Count(f"kill -9, {campaign.__name__}")
        counts.append(count)
        campaign(count, chance, round(share * times), given)
        print(f"{count.campaign}: {count.cases} kills, {count.lost} lost, {count.half} half-written", flush=True)
    return counts


class Killed:
    """`python ARGUMENTS` in a session of its own, killed at a random moment unless it ends before."""

    def __init__(self, *arguments: str):
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=jobs.ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def after(self, seconds: float) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(seconds)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, 9)
        self.process.communicate()

    def to_its_end(self) -> tuple[int, str, float]:
        """Exit code, what it printed, seconds."""
        out = self.process.communicate()[0].decode(errors="replace")
        return self.process.returncode, out, time.monotonic() - self.began


# ------------------------------------------------------------------------------------------------------ training


def training(count: Count, chance: random.Random, times: int, given: pathlib.Path) -> None:  # noqa: ARG001
    asked = config.suggest(data.get("digits"), epochs=12, device="cpu", seed=3)
    wanted = jobs.create(asked)
    code, out, seconds = _train(wanted).to_its_end()
    assert code == 0, out
    rows = _figures(wanted)
    while count.cases < times:
        run = jobs.create(asked)
        notes.write(run, note="keep me", tags=("kept",))
        for _ in range(chance.choice((1, 1, 2, 3))):
            if count.cases >= times or runs.status(run)["state"] == "done":
                break
            _train(run).after(chance.uniform(0.2, 1.0) * seconds)
            count.cases += 1
            count.half += _half(run)
            kept = checkpoint.newest(run)
            if kept is not None and len(_figures(run)) < kept["epoch"]:
                print("history behind the checkpoint", run, kept["epoch"], len(_figures(run)))
                count.lost += 1
        runs.write_status(run, state="queued", queued=time.time())
        code, out, _ = _train(run).to_its_end()
        same = _figures(run) == rows and notes.read(run).note == "keep me"
        if code or not same or runs.evaluation(run) != runs.evaluation(wanted):
            print("not the same", run, code, same, out[-600:], runs.log_tail(run)[-600:])
            count.lost += 1


def _train(run: str) -> Killed:
    return Killed("-c", WORKER, str(runs.path(run)))


def _figures(run: str) -> list[tuple]:
    return [(row["epoch"], *(row[name] for name in EXACT)) for row in runs.history(run)]


def _half(run: str) -> bool:
    """Whether something of a run that was killed cannot be read, or is read as whole and is not."""
    row = jobs.summary(run)
    record = runs.evaluation(run) if row["state"] != "damaged" else None
    wrong = row["state"] == "damaged" or (row["state"] == "done") != (record is not None and "ended" in row)
    if wrong and not (record is not None and row["state"] in ("lost", "queued")):  # killed after its figures
        print("half", run, row["state"], row.get("message"))
        return True
    return False


# ----------------------------------------------------------------------------------------------------- ingestion


def ingestion(count: Count, chance: random.Random, times: int, given: pathlib.Path) -> None:
    sources = [(given / "visits.csv", {"target": "ill"}), (given / "shades.zip", {})]
    wanted, seconds = {}, {}
    for file, values in sources:
        job, process = _import(file, values)
        code, out, seconds[file] = process.to_its_end()
        assert code == 0, (out, imports.status(job))
        made = data.get(imports.status(job)["name"])
        wanted[file] = (made.fingerprint, made.ids.tolist())
        store.delete(made.name)
        shutil.rmtree(runs.workspace() / "cache", ignore_errors=True)
    while count.cases < times:
        file, values = sources[count.cases % 2]
        job, process = _import(file, values)
        process.after(chance.uniform(0.2, 1.0) * seconds[file])
        count.cases += 1
        looking.lists()
        for name in store.names():
            found = data.get(name)  # what is listed can be read, whole
            if (found.fingerprint, found.ids.tolist()) != wanted[file]:
                print("half", name)
                count.half += 1
        if imports.status(job)["state"] == "working":
            runs.write_json(imports.folder(job) / "status.json", {**imports._read(job), "created": 0.0})
        assert imports.status(job)["state"] in ("lost", "done"), imports.status(job)
        job, process = _import(file, values)
        code, out, _ = process.to_its_end()
        made = data.get(imports.status(job)["name"]) if code == 0 else None
        if made is None or (made.fingerprint, made.ids.tolist()) != wanted[file]:
            print("not the same", file.name, imports.status(job), out[-600:])
            count.lost += 1
        for name in store.names():
            store.delete(name)
        shutil.rmtree(runs.workspace() / "cache", ignore_errors=True)


def _import(file: pathlib.Path, values: dict) -> tuple[str, Killed]:
    with _started() as processes_:
        job = imports.start(str(file), "", values)
    return job, processes_[0]


@contextlib.contextmanager
def _started():
    """The processes that are started meanwhile, to be killed."""
    before, found = processes.start, []
    processes.start = lambda module, folder, _log: found.append(Killed("-m", module, str(folder)))
    try:
        yield found
    finally:
        processes.start = before


# -------------------------------------------------------------------------------------------------------- sweeps


def sweep(count: Count, chance: random.Random, times: int, given: pathlib.Path) -> None:  # noqa: ARG001
    seconds = 25.0
    while count.cases < times:
        name = f"killed-{count.cases}"
        with _started() as started:
            search.start(data.get("iris"), None, ["lr=0.001..0.01"], name, trials=3, objective="val_loss")
        started[0].after(chance.uniform(0.1, 1.0) * seconds)
        count.cases += 1
        looking.lists()
        before = [row for row in search.trials(name) if row["state"] == "done"]
        search.write_status(name, created=0.0)
        while processes.is_held(search.path(name, "lock")):
            time.sleep(0.1)
        if search.status(name)["state"] != "done":
            search.resume(name)
        until = time.monotonic() + 120
        while search.status(name)["state"] in runs.WORKING and time.monotonic() < until:
            time.sleep(0.2)
        rows = search.trials(name)
        again = {row["number"]: row for row in rows}
        kept = all(again.get(row["number"], {}).get("value") == row["value"] for row in before)
        whole_ = len(rows) == 3 and all(row["state"] == "done" for row in rows)
        marked = all(runs.status(row["run"]).get("search") == name for row in rows if row["run"])
        if not kept or not whole_ or not marked or search.status(name)["state"] != "done":
            print("search", name, search.status(name), rows, before)
            count.lost += 1
        count.half += sum(row["state"] == "damaged" for row in jobs.summaries())


# ------------------------------------------------------------------------------------------------ exports, reports


def export(count: Count, chance: random.Random, times: int, given: pathlib.Path) -> None:  # noqa: ARG001
    run, seconds = _finished(), {}
    commands = {"onnx": ("onnx", run), "variants": ("variants", run), "kit": ("kit", run)}
    for name, words in commands.items():
        code, out, seconds[name] = Killed("-m", "exports", *words).to_its_end()
        assert code == 0, out
    while count.cases < times:
        name = list(commands)[count.cases % len(commands)]
        Killed("-m", "exports", *commands[name]).after(chance.uniform(0.3, 1.0) * seconds[name])
        count.cases += 1
        count.half += _half_exported(run)
        code, out, _ = Killed("-m", "exports", *commands[name]).to_its_end()
        if code or _half_exported(run) or parity.stored(run) is None:
            print("export", name, code, out[-600:])
            count.lost += 1


def _half_exported(run: str) -> int:
    """How many exported files are there and are not whole."""
    import zipfile

    found = 0
    for file in runs.path(run, "exports").iterdir():
        if file.name.startswith("."):
            continue
        try:
            if file.suffix == ".onnx":
                assert selftest.check(str(file), although_marked=True)["passed"]
            elif file.suffix == ".zip":
                assert zipfile.ZipFile(file).testzip() is None
            elif file.suffix == ".json":
                json.loads(file.read_text())
        except Exception as error:
            print("half", file.name, error)
            found += 1
    seen = looking.page("export", run=run)
    return found + len(seen.faults)


def report(count: Count, chance: random.Random, times: int, given: pathlib.Path) -> None:  # noqa: ARG001
    run = _finished()
    code, out, seconds = Killed("-m", "exports", "report", run).to_its_end()
    assert code == 0, out
    file = runs.path(run, "exports", "report.html")
    while count.cases < times:
        if chance.random() < 0.5:
            file.unlink(missing_ok=True)
        Killed("-m", "exports", "report", run).after(chance.uniform(0.3, 1.0) * seconds)
        count.cases += 1
        count.half += file.exists() and not file.read_text().rstrip().endswith("</html>")
        code, out, _ = Killed("-m", "exports", "report", run).to_its_end()
        count.lost += code != 0 or not file.read_text().rstrip().endswith("</html>")


def _finished() -> str:
    run = jobs.start(config.suggest(data.get("iris"), epochs=2, device="cpu"))
    assert jobs.wait(run) == "done", runs.log_tail(run)
    return run
