"""The run folder: every path, every read, every write. Plain files, whole or not there."""

import contextlib
import datetime
import json
import os
import pathlib
import re
import secrets
import shutil
import time

import numpy as np

from core import data
from core.config import TrainConfig
from core.data.dataset import Dataset, Schema
from core.files import replacing, write_json
from core.workspace import WorkspaceError, check_workspace, workspace

ADJECTIVES = (
    "amber bold brave brisk bright calm clear clever coral crisp curious daring eager early fair fleet fresh gentle "
    "glad golden grand happy hardy ivory jolly keen kind late light lively lucky mellow merry mild neat nimble noble "
    "patient plain proud quick quiet ready rosy royal rustic silent silver simple sleepy smart snowy soft solid spry "
    "steady still sunny swift tidy tranquil warm wide wild wise young"
).split()
NOUNS = (
    "acorn alder ash aspen badger beech birch bison brook cedar cherry cliff cloud clover comet crane creek daisy "
    "dune eagle elm ember falcon fern finch fjord forest fox garnet glade harbor hare hawk hazel heron hill holly "
    "island iris jay juniper lake larch lark lily linden lynx maple marsh meadow moon moss oak olive opal orchid "
    "otter owl pebble pine pond poplar raven reed river robin rowan sage sparrow spruce star stone swan thistle tide "
    "tulip valley willow wren"
).split()
HISTORY = {  # what a row of history.jsonl says of its epoch
    "epoch": "which one, from 1",
    "train_loss": "mean over the training samples, while the net learnt",
    "train_accuracy": "of the training samples, likewise",
    "val_loss": "mean cross-entropy over the validation samples after the epoch",
    "val_accuracy": "of the validation samples",
    "lr": "learning rate of its last step",
    "grad_norm": "length of the gradient, mean over the steps that were looked at",
    "samples_per_second": "training samples",
    "waiting": "share of the training time in which the device waited for samples",
    "memory_bytes": "at most so far on a GPU, by the process now on a CPU",
    "never_predicted": "classes, by index, of validation samples that no prediction named, at most 20",
    "seconds": "validation included",
}
EVALUATION = 2  # format of evaluation.json
WORKING = ("queued", "running")  # states in which a process must be alive
NAME = re.compile(r"[\w-]{1,100}")


class DamagedRun(ValueError):
    """A file of a run folder cannot be read; the message says which and what to do."""


# ---------------------------------------------------------------------------------------------------- where


def path(run: str, *parts: str) -> pathlib.Path:
    """A path in the folder of `run`; LookupError if the name could not be a run's."""
    if not NAME.fullmatch(run):
        raise LookupError(f"{run!r} is not the name of a run; it has letters, digits and hyphens only.")
    return workspace() / "runs" / run / pathlib.Path(*parts)


def names() -> list[str]:
    """All runs, newest first."""
    try:
        with os.scandir(workspace() / "runs") as entries:
            found = [entry.name for entry in entries if NAME.fullmatch(entry.name) and entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise WorkspaceError(f"The workspace {workspace()} cannot be read ({error.strerror}).") from error
    return sorted(found, key=lambda run: (run[:10], _created(run)), reverse=True)


def resolve(text: str) -> str:
    """The run that `text` names: in full, by its last words ("quiet-maple"), or "latest"; else LookupError."""
    known = names()
    if text in known:
        return text
    if text == "latest" and known:
        return known[0]
    found = [run for run in known if run.endswith(f"-{text}")]
    if len(found) == 1:
        return found[0]
    if found:
        raise LookupError(f"{len(found)} runs end in {text!r}: {', '.join(found)}. Give the whole name.")
    raise LookupError(f"There is no run {text!r} in {workspace()}; `python -m core runs` lists those there are.")


# ---------------------------------------------------------------------------------------------------- what


def create(config: TrainConfig, schema: Schema, fingerprint: str) -> str:
    """Make the folder of a new run, in state "queued", and return its name."""
    check_workspace()
    today = datetime.date.today().isoformat()
    while True:
        run = f"{today}-{secrets.choice(ADJECTIVES)}-{secrets.choice(NOUNS)}"
        try:
            path(run).mkdir()
            break
        except FileExistsError:
            continue
    for folder in ("checkpoints", "predictions", "explanations", "exports"):
        path(run, folder).mkdir()
    write_json(path(run, "config.json"), config.to_dict())
    write_json(path(run, "schema.json"), {"fingerprint": fingerprint, **schema.to_dict()})
    write_status(run, state="queued", created=time.time(), queued=time.time())
    return run


def config(run: str) -> TrainConfig:
    """What the run was asked to do."""
    values = read_json(run, "config.json")
    try:
        return TrainConfig.from_dict(values)
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedRun(f"config.json of run {run} does not describe a run: {error}") from error


def schema(run: str) -> Schema:
    """What the run's data looks like, also when the data itself is gone."""
    values = read_json(run, "schema.json")
    try:
        return Schema.from_dict(values)
    except (KeyError, TypeError) as error:
        raise DamagedRun(f"schema.json of run {run} does not describe data: {error}") from error


def dataset(run: str) -> Dataset:
    """The data of the run, in the very version it was made with, whatever the set is called now; ValueError if gone."""
    name = config(run).data.name
    fingerprint = read_json(run, "schema.json")["fingerprint"]
    holder = data.store.find(fingerprint, name)
    if holder:
        return data.get(holder, fingerprint[:12])
    if name in data.built_in() and (found := data.get(name)).fingerprint == fingerprint:
        return found
    raise ValueError(
        f"The version of the data set {name} that run {run} was made with is no longer in the workspace; "
        "add the data again, or start a new run."
    )


def status(run: str) -> dict:
    """The stored status. It may say "running" after the process has died: `jobs.state` knows better."""
    values = read_json(run, "status.json")
    times = [values.get(name, 0) for name in ("created", "started", "ended", "updated")]
    if "state" not in values or not all(isinstance(value, (int, float)) for value in times):
        raise DamagedRun(
            f"status.json of run {run} lacks a state or has a time that is no number; "
            f"repair it or delete the folder {path(run)}."
        )
    return values


def write_status(run: str, **changes) -> None:
    """Replace the stored status by one with these changes; None takes a name out.

    A new run, or one with a damaged file, gets a fresh one.
    """
    try:
        values = status(run)
    except (DamagedRun, LookupError):
        values = {}
    values = {name: value for name, value in {**values, **changes}.items() if value is not None}
    write_json(path(run, "status.json"), {**values, "updated": time.time()})


def history(run: str) -> list[dict]:
    """One row per epoch, with the keys that HISTORY explains."""
    return read_rows(path(run, "history.jsonl"))


def steps(run: str) -> list[dict]:
    """One row per few steps: step, epoch (a fraction), loss, lr, and grad_norm where it was looked at."""
    return read_rows(path(run, "steps.jsonl"))


def evaluation(run: str) -> dict | None:
    """The figures of the finished run, or None if it has not been evaluated."""
    record = _read_record(run, "evaluation.json", ("val", "test"))
    if record is None or record.get("format") != EVALUATION:  # an older one is made anew
        return None
    if not all("metrics" in record[part] for part in ("val", "test")):
        raise DamagedRun(f"evaluation.json of run {run} lacks figures; delete the file and evaluate the run again.")
    return record


def exported(run: str) -> pathlib.Path:
    """The exported file of the run; LookupError with what to do if there is none."""
    target = path(run, "exports", "model.onnx")
    if not target.is_file():
        raise LookupError(f"Run {run} has no exported file yet; export it first: python -m exports onnx {run}")
    return target


def parity(run: str) -> dict | None:
    """The record of the last comparison of the exported file with PyTorch, or None."""
    return _read_record(run, "exports/parity.json", ("passed", "verdict", "checks", "model_sha256"))


def predictions(run: str, part: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sample ids (n,), targets (n,) and logits (n, n_classes) of "val" or "test", as stored."""
    import pandas as pd

    try:
        table = pd.read_parquet(path(run, "predictions", f"{part}.parquet"))
        logits = table.filter(regex=r"^logit_\d+$").to_numpy(np.float32)
        return table["id"].to_numpy(str), table["target"].to_numpy(), logits
    except (OSError, ValueError, KeyError) as error:
        raise DamagedRun(f"predictions/{part}.parquet of run {run} cannot be read; evaluate the run again.") from error


def write_predictions(run: str, part: str, ids: np.ndarray, targets: np.ndarray, logits: np.ndarray) -> None:
    """Keep the logits of one part of the split."""
    import pandas as pd

    table = pd.DataFrame(logits, columns=[f"logit_{j}" for j in range(logits.shape[1])])
    table.insert(0, "id", ids)
    table.insert(1, "target", targets)
    with replacing(path(run, "predictions", f"{part}.parquet")) as beside:
        table.to_parquet(beside)


def begin_epochs(run: str, ids: np.ndarray, targets: np.ndarray, n_classes: int) -> None:
    """Note which validation samples `append_epoch` is about."""
    import pandas as pd

    with replacing(path(run, "predictions", "epochs.parquet")) as beside:
        pd.DataFrame({"id": ids, "target": targets}).to_parquet(beside)
    write_json(path(run, "predictions", "epochs.json"), {"n": len(ids), "n_classes": n_classes, "dtype": "float16"})


def append_epoch(run: str, logits: np.ndarray) -> None:
    """Add what the net says after one more epoch, float16 (n, n_classes), to the run's epochs.bin."""
    with open(path(run, "predictions", "epochs.bin"), "ab") as file:
        file.write(np.ascontiguousarray(logits, "<f2").tobytes())


def epochs(run: str) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Sample ids (n,), targets (n,) and logits float16 (n_epochs, n, n_classes) of validation samples after each epoch.

    The logits stay in their file until they are read. None for a run that kept none.
    """
    import pandas as pd

    stored = path(run, "predictions", "epochs.bin")
    try:
        facts = read_json(run, "predictions/epochs.json")
        table = pd.read_parquet(path(run, "predictions", "epochs.parquet"))
        shape = (facts["n"], facts["n_classes"])
        n_epochs = stored.stat().st_size // (2 * facts["n"] * facts["n_classes"])
        logits = np.memmap(stored, "<f2", "r", shape=(n_epochs, *shape))
        return table["id"].to_numpy(str), table["target"].to_numpy(), logits
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError):
        return None


def cut_back(run: str, epoch: int) -> None:
    """Forget what is known about epochs after `epoch`, which are trained again."""
    stored = path(run, "predictions", "epochs.bin")
    if stored.exists() and (kept := epochs(run)) is not None:
        n_bytes = min(epoch, len(kept[2])) * kept[2][0].nbytes
        del kept
        os.truncate(stored, n_bytes)
    else:
        stored.unlink(missing_ok=True)
    for name in ("history.jsonl", "steps.jsonl"):
        target = path(run, name)
        rows = [row for row in read_rows(target) if row.get("epoch", 0) <= epoch]
        with replacing(target) as beside:
            beside.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def weights_stamp(run: str) -> list[float]:
    """Numbers that change when the run's best weights do, and not when its folder is copied."""
    try:
        n_bytes = path(run, "checkpoints", "best.pt").stat().st_size
        facts = status(run)
    except (OSError, DamagedRun, LookupError):
        return [0, 0, 0.0]
    return [n_bytes, facts.get("best_epoch") or 0, facts.get("val_accuracy") or 0.0]


def log_tail(run: str, n_lines: int = 40) -> str:
    """The last lines that the run's process printed."""
    try:
        with open(path(run, "log.txt"), "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 200 * n_lines))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-n_lines:])
    except FileNotFoundError:
        return ""


# ---------------------------------------------------------------------------------------------------- trash


def delete(run: str) -> None:
    """Move the run's folder to the trash; LookupError if there is none. Who has it at work must stop it before."""
    if not path(run).is_dir():
        raise LookupError(f"There is no run {run} in {workspace()}.")
    _trash().mkdir(exist_ok=True)
    target = _trash() / run
    if target.exists():
        shutil.rmtree(target)
    path(run).rename(target)


def trash() -> list[str]:
    """The runs in the trash, newest first."""
    with contextlib.suppress(FileNotFoundError):
        return sorted((entry.name for entry in _trash().iterdir() if NAME.fullmatch(entry.name)), reverse=True)
    return []


def restore(run: str) -> None:
    """Bring a run back from the trash; LookupError if it is not there, ValueError if its name is taken again."""
    if run not in trash():
        raise LookupError(f"There is no run {run} in the trash.")
    if path(run).exists():
        raise ValueError(f"There is a run {run} already; rename its folder before you bring the other one back.")
    (_trash() / run).rename(path(run))


def empty_trash() -> int:
    """Delete the runs in the trash for good; returns how many."""
    found = trash()
    for run in found:
        shutil.rmtree(_trash() / run)
    return len(found)


def _trash() -> pathlib.Path:
    return workspace() / "trash"


# ---------------------------------------------------------------------------------------------------- files


def read_json(run: str, name: str) -> dict:
    """A JSON object of the run folder; LookupError if the run is gone, DamagedRun if the file cannot be read."""
    target = path(run, name)
    if not target.parent.is_dir():
        raise LookupError(f"There is no run {run} in {workspace()}; it may have been deleted or moved.")
    try:
        values = json.loads(target.read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise ValueError("it is not a JSON object")
        return values
    except (OSError, ValueError) as error:
        problem = "is missing" if isinstance(error, FileNotFoundError) else f"is damaged ({error})"
        raise DamagedRun(f"{name} of run {run} {problem}; repair it or delete the folder {path(run)}.") from error


def _read_record(run: str, name: str, needed: tuple[str, ...]) -> dict | None:
    """A JSON object that may not be there yet (None); DamagedRun if it lacks one of the `needed` names."""
    if not path(run, name).exists():
        return None
    values = read_json(run, name)
    if missing := [key for key in needed if key not in values]:
        raise DamagedRun(f"{name} of run {run} lacks {', '.join(missing)}; delete the file and make it again.")
    return values


def append_rows(target: pathlib.Path, rows: list[dict]) -> None:
    """Add rows to a .jsonl file; each row is one line."""
    with open(target, "a", encoding="utf-8") as file:
        file.write("".join(json.dumps(row) + "\n" for row in rows))


def read_rows(target: pathlib.Path) -> list[dict]:
    """The rows of a .jsonl file; a last line that is still being written, and any damaged line, are left out."""
    try:
        lines = target.read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    rows = []
    for line in lines:
        with contextlib.suppress(ValueError):
            rows.append(json.loads(line))
    return [row for row in rows if isinstance(row, dict)]


def _created(run: str) -> float:
    """When the run's folder got its config, which never changes; 0 if it is gone."""
    try:
        return path(run, "config.json").stat().st_mtime
    except OSError:
        return 0.0
