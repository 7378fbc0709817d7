"""The run folder: every path, every read, every write. Plain files, whole or not there."""

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import secrets
import shutil
import time

import numpy as np

from core import data, files, run_names, shapes, words
from core.config import TrainConfig
from core.data.dataset import Dataset, Schema
from core.files import append_rows, read_rows, replacing, write_json  # noqa: F401 (runs.append_rows)
from core.run_shapes import EVALUATION, HISTORY, PARITY, ROW, STATES, STATUS, STEP, WORKING  # noqa: F401
from core.workspace import WorkspaceError, check_workspace, command, workspace

LEFT_SECONDS = 10  # after which a file beside another is not being written any more
NAME = re.compile(r"[\w-]{1,100}")
NO_WEIGHTS = [0, 0, 0.0]  # the stamp of weights that are not there
TRASH = "trash"  # the folder of deleted runs, see `core.trash`


class DamagedRun(ValueError):
    """A file of a run folder cannot be read; the message says which and what to do."""


class NewerRun(DamagedRun):
    """A file of a run folder was written by a newer Vitrine; the message says so."""


# ---------------------------------------------------------------------------------------------------- where


def path(run: str, *parts: str) -> pathlib.Path:
    """A path in the folder of `run`; LookupError if the name could not be a run's."""
    if not NAME.fullmatch(run):
        raise LookupError(f"{words.quoted(run)} is not the name of a run; it has letters, digits and hyphens only.")
    return workspace() / "runs" / run / pathlib.Path(*parts)


def names() -> list[str]:
    """All runs, newest first."""
    folder = workspace() / "runs"  # asked for once: there may be thousands of runs
    try:
        with os.scandir(folder) as entries:
            found = [entry.name for entry in entries if NAME.fullmatch(entry.name) and entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise WorkspaceError(f"The workspace {folder.parent} cannot be read ({error.strerror}).") from error
    return sorted(found, key=lambda run: (run[:10], _created(f"{folder}/{run}")), reverse=True)


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
    said = f"There is no run {words.quoted(text)} in {workspace()}"
    raise LookupError(f"{said}; `{command('core')} runs` lists those there are.")


# ---------------------------------------------------------------------------------------------------- what


def create(config: TrainConfig, schema: Schema, fingerprint: str) -> str:
    """Make the folder of a new run, whole or not at all, in state "queued", and return its name."""
    check_workspace()
    now = time.time()
    beside = path("new").with_name(f".{secrets.token_hex(8)}")
    try:
        with files.in_a_sentence(beside):
            beside.mkdir()
            for folder in ("checkpoints", "predictions", "explanations", "exports"):
                (beside / folder).mkdir()
        write_json(beside / "config.json", config.to_dict())
        write_json(beside / "schema.json", {"format": 1, "fingerprint": fingerprint, **schema.to_dict()})
        write_json(
            beside / "status.json", {"format": 1, "state": "queued", "created": now, "queued": now, "updated": now}
        )
        return _named(beside)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _named(beside: pathlib.Path) -> str:
    """Give the folder of a new run a name that no run has, nor one in the trash; returns it."""
    while True:
        run = run_names.drawn()
        if path(run).exists() or (workspace() / TRASH / run).exists():
            continue
        try:
            beside.rename(path(run))
            return run
        except OSError as error:
            if error.errno not in files.IN_THE_WAY:  # else somebody took the name at the same moment
                raise


def config(run: str) -> TrainConfig:
    """What the run was asked to do."""
    values = read_json(run, "config.json")
    try:
        return TrainConfig.from_dict(values)
    except (KeyError, TypeError, ValueError) as error:
        problem = f"does not describe a run: {str(error).rstrip('.')}"
        raise DamagedRun(f"config.json of run {run} {problem}{_what_to_do(run, 'config.json')}") from error


def config_now(run: str) -> TrainConfig:
    """What the run was asked to do, with its data by the name that this has now."""
    asked = config(run)
    holder = data.store.find(fingerprint(run), asked.data.name) or asked.data.name
    return dataclasses.replace(asked, data=dataclasses.replace(asked.data, name=holder))


def schema(run: str) -> Schema:
    """What the run's data looks like, also when the data itself is gone."""
    values = read_json(run, "schema.json")
    try:
        return Schema.from_dict(values)
    except (KeyError, TypeError, ValueError) as error:
        problem = f"does not describe data: {str(error).rstrip('.')}"
        raise DamagedRun(f"schema.json of run {run} {problem}{_what_to_do(run, 'schema.json')}") from error


def dataset(run: str) -> Dataset:
    """The data of the run, in the very version it was made with, whatever the set is called now; ValueError if gone."""
    name, content = config(run).data.name, fingerprint(run)
    holder = data.store.find(content, name)
    if holder:
        return data.get(holder, content[:12])
    if name in data.built_in() and (found := data.get(name)).fingerprint == content:
        return found
    raise ValueError(
        f"The version of the data set {name} that run {run} was made with is no longer in the workspace; "
        "add the data again, or start a new run."
    )


def fingerprint(run: str) -> str:
    """The fingerprint of the content of the run's data."""
    found = read_json(run, "schema.json").get("fingerprint")
    if not isinstance(found, str):
        raise DamagedRun(f"schema.json of run {run} lacks the fingerprint of its data{_what_to_do(run, 'schema.json')}")
    return found


def status(run: str) -> dict:
    """The stored status. It may say "running" after the process has died: `jobs.state` knows better."""
    values = read_json(run, "status.json")
    if problem := shapes.misfit(values, STATUS, ("state",)):
        raise DamagedRun(f"status.json of run {run} {problem}{_what_to_do(run, 'status.json')}")
    return values


def write_status(run: str, **changes) -> None:
    """Replace the stored status by one with these changes; None takes a name out.

    A new run, or one with a damaged file, gets a fresh one.
    """
    if not path(run).is_dir():
        raise LookupError(_gone(run))
    with files.alone(path(run, "status.json")):
        try:
            values = status(run)
        except NewerRun:
            raise
        except (DamagedRun, LookupError):
            values = {}
        values = {name: value for name, value in {**values, **changes}.items() if value is not None}
        files.write_even_if_full(path(run, "status.json"), {**values, "updated": time.time()})


def history(run: str) -> list[dict]:
    """One row per epoch, with the keys that HISTORY explains; a row that is damaged is left out."""
    rows = read_rows(path(run, "history.jsonl"))
    return [row for row in rows if not shapes.misfit(row, ROW | {"epoch": shapes.COUNT}, ("epoch",))]


def steps(run: str) -> list[dict]:
    """One row per few steps: step, epoch (a fraction), loss, lr, and grad_norm where it was looked at."""
    return [row for row in read_rows(path(run, "steps.jsonl")) if not shapes.misfit(row, STEP, ("epoch",))]


def evaluation(run: str) -> dict | None:
    """The figures of the finished run, or None if it has not been evaluated with the weights that it has now."""
    record = _read_record(run, "evaluation.json", ("val", "test"), EVALUATION)
    if record is None or record.get("format") != EVALUATION:  # an older one is made anew
        return None
    figures = {"val": {"metrics": shapes.OBJECT}, "test": {"metrics": shapes.OBJECT}}
    if problem := shapes.misfit(record, {"temperature": shapes.NUMBER, **figures}):
        raise DamagedRun(f"evaluation.json of run {run} {problem}{_what_to_do(run, 'evaluation.json')}")
    return record if of_these_weights(run, record) else None


def exported(run: str) -> pathlib.Path:
    """The exported file of the run; LookupError with what to do if there is none."""
    target = path(run, "exports", "model.onnx")
    if not target.is_file():
        raise LookupError(f"Run {run} has no exported file yet; export it first: {command('exports')} onnx {run}")
    return target


def parity(run: str) -> dict | None:
    """The record of the last comparison of the exported file with PyTorch, or None."""
    return _read_record(run, "exports/parity.json", ("passed", "verdict", "checks", "model_sha256"), PARITY)


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
    stored = path(run, "predictions", "epochs.bin")
    with files.in_a_sentence(stored), open(stored, "ab") as file:
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


def clear(run: str) -> None:
    """Remove what a process of the run that was killed has left half-written; for the run's own process."""
    for folder in ("checkpoints", "predictions"):
        for left in path(run, folder).glob(".*.tmp"):
            with contextlib.suppress(OSError):
                if time.time() - left.stat().st_mtime > LEFT_SECONDS:
                    left.unlink()


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
        return NO_WEIGHTS
    return [n_bytes, facts.get("best_epoch") or 0, facts.get("val_accuracy") or 0.0]


def of_these_weights(run: str, record: dict) -> bool:
    """Whether a record, which may have a `weights_stamp` as "weights", is of the run's weights as they are now."""
    now = weights_stamp(run)
    return now == NO_WEIGHTS or record.get("weights", now) == now


def log_tail(run: str, n_lines: int = 40) -> str:
    """The last lines that the run's process printed."""
    try:
        with open(path(run, "log.txt"), "rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 200 * n_lines))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-n_lines:])
    except OSError:
        return ""


# ---------------------------------------------------------------------------------------------------- files


def read_json(run: str, name: str, known: int = 1) -> dict:
    """A JSON object of the run folder; LookupError if the run is gone, DamagedRun if the file cannot be read.

    known : the newest format of this file that can be read here; a newer one is a NewerRun
    """
    target = path(run, name)
    if not target.parent.is_dir():
        raise LookupError(_gone(run))
    try:
        return files.read_json(target, known)
    except files.Newer as error:
        raise NewerRun(str(error)) from error
    except (OSError, ValueError) as error:
        problem = "is missing" if isinstance(error, FileNotFoundError) else f"is damaged ({_short(error)})"
        raise DamagedRun(f"{name} of run {run} {problem}{_what_to_do(run, name)}") from error


def write_record(run: str, name: str, values: dict) -> None:
    """Write a JSON file that nobody edits; `read_json` notices any later change of it."""
    files.write_sealed(path(run, name), values)


def _read_record(run: str, name: str, needed: tuple[str, ...], known: int) -> dict | None:
    """A JSON object that may not be there yet (None); DamagedRun if it lacks one of the `needed` names."""
    if not path(run, name).exists():
        return None
    values = read_json(run, name, known)
    if problem := shapes.misfit(values, {}, needed):
        raise DamagedRun(f"{name} of run {run} {problem}{_what_to_do(run, name)}")
    return values


def _what_to_do(run: str, name: str) -> str:
    """The end of a sentence about a damaged file of a run."""
    if name in ("config.json", "schema.json", "status.json"):
        return f"; repair it or delete the folder {path(run)}."
    folder = pathlib.PurePosixPath(name).parts[0]
    again = {"exports": "export", "predictions": "evaluate", "evaluation.json": "evaluate"}.get(folder)
    return f"; delete {path(run, name)}" + (f" and {again} the run again." if again else ", it is made again.")


def _gone(run: str) -> str:
    return f"There is no run {run} in {workspace()}; it may have been deleted or moved."


def _short(error: Exception) -> str:
    """Why a file cannot be read, without its path."""
    return (getattr(error, "strerror", None) or str(error)).lower().rstrip(".")


def _created(folder: str) -> float:
    """When a run's folder got its config, which never changes; 0 if it is gone."""
    try:
        return os.stat(f"{folder}/config.json").st_mtime  # noqa: PTH116 (pathlib takes ten times as long)
    except OSError:
        return 0.0
