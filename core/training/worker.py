"""A run's process: `python -m core.training.worker RUN_FOLDER`. It trains, evaluates, and writes the run folder.

A run that has a checkpoint goes on from there. Under `torchrun` several processes train together, and the first writes.
"""

import contextlib
import dataclasses
import hashlib
import os
import pathlib
import sys
import time
import traceback
from typing import TYPE_CHECKING

import psutil

from core import data, files, folds, jobs, nets, processes, runs
from core.data import split
from core.evaluation import pooled
from core.training import reporting
from core.training.reporting import Keeper, Status, Ticker
from core.workspace import INSTALLED

if TYPE_CHECKING:
    from core.training.distributed import World


def main(folder: str) -> int:
    """Do the run in `folder`; returns 0 if it is done or was stopped, 1 if it failed."""
    where = pathlib.Path(folder).resolve()
    os.environ["VITRINE_WORKSPACE"] = str(where.parent.parent)
    run = where.name
    processes.print_in_vain()
    processes.look_for_garbage_seldom()
    with jobs.alive(run):
        if folds.members(run):  # nothing to train: it waits for others
            return _finish(run, contextlib.nullcontext(), lambda: pooled.pool(run))
        with_turn = jobs.turn(run, runs.config(run).training.device)
        return _finish(run, with_turn, lambda: _work(run))


def main_together(run: str, world: "World") -> int:
    """As `main`, in each of several processes: the first of `world` writes the run folder, the others help."""
    if not world.writes:
        try:
            _work(run, world)
        except InterruptedError:
            return 0
        except Exception:
            traceback.print_exc()
            return 1
        return 0
    with jobs.alive(run):
        return _finish(run, contextlib.nullcontext(), lambda: _work(run, world))


def _finish(run: str, with_turn, work) -> int:
    """Do the work in its turn, and write how it ended; returns 0 if it is done or was stopped, 1 if it failed."""
    me = psutil.Process()
    runs.write_status(run, state="queued", pid=me.pid, pid_created=me.create_time())
    try:
        with with_turn:
            work()
        outcome = {"state": "done", "message": ""}
    except (InterruptedError, KeyboardInterrupt):
        outcome = {"state": "stopped", "message": "Stopped by request."}
    except (ValueError, LookupError) as error:  # our own sentences
        traceback.print_exc()
        outcome = {"state": "failed", "message": _sentence(error)}
    except Exception as error:
        traceback.print_exc()
        outcome = {"state": "failed", "message": _message(error)}
    print(f"{outcome['state']}. {outcome['message']}", flush=True)  # first, so that the log of what is over is whole
    # the disk may be full, or the run deleted; then the lock, which is dropped, says that it is over
    with contextlib.suppress(OSError, LookupError):
        runs.write_status(run, **outcome, ended=time.time())
    return int(outcome["state"] == "failed")


def _work(run: str, world=None) -> None:
    """Train as the config says, then evaluate the best epoch."""
    status = Status(run, world is None or world.writes)
    status.write(state="running", phase="starting", started=time.time())
    print("Loading PyTorch and the data", flush=True)
    import torch

    from core import evaluation
    from core.model import Model
    from core.training import checkpoint, devices, distributed, dry_run, loop, resuming
    from core.training.board import Board
    from core.training.kept import Kept

    world = world or distributed.ALONE
    config, schema = runs.config(run), runs.schema(run)
    dataset = runs.dataset(run)
    if world.writes:
        runs.clear(run)
        split.save(runs.path(run, "split.parquet"), dataset.ids, data.parts(dataset, config.data))
    world.first(None)  # nobody reads the split before it is there
    positions = split.load(runs.path(run, "split.parquet"), dataset.ids)
    state = checkpoint.newest(run)

    torch.manual_seed(config.training.seed)
    model = Model(schema, config.net)
    if state is None:
        _start_weights(run, model, config, status)
    settings = _with_batch_size(run, model, dataset, positions["train"], config.training, status, world)
    sample = dataset.x[positions["train"][: min(settings.batch_size, dry_run.FEW)]]
    dry_run.try_net(model, sample, config.net.name)
    devices.use_threads_that_pay(model.eval(), sample, settings.batch_size)
    training = loop.Training(
        model,
        dataset.x,
        dataset.targets,
        positions,
        settings,
        config.augment,
        train_feed=_redrawn(dataset, config, positions["train"]) if config.data.redraw else None,
        kept=Kept(runs.workspace() / "cache" / "training", _key(dataset, schema, config, positions)),
        world=world,
        busy=status.busy,
    )
    status.write(n_parameters=model.n_parameters(), device=str(training.device))
    if world.writes:
        runs.write_record(run, "environment.json", _environment(training.device, dataset.fingerprint))
    print(
        f"Training {config.net.name} ({model.n_parameters():,} parameters) on {len(positions['train'])} samples "
        f"of {config.data.name}, on {training.device}",
        flush=True,
    )
    keeper = Keeper(run, training)
    if state is not None:
        resuming.load(training, state)
        keeper.best = state["best"]
        print(f"Going on from epoch {training.epoch}, step {training.step} of the next", flush=True)
    if world.writes:
        runs.cut_back(run, training.epoch)
        where = positions["val"][training.val_kept]
        runs.begin_epochs(run, dataset.ids[where], dataset.targets[where], len(schema.classes))
    board = Board(run, config, training.epoch) if world.writes else None
    with contextlib.closing(board) if board else contextlib.nullcontext():
        _train(run, training, keeper, status, board)
        status.write(phase="evaluating", doing=None, fraction=None, ended_early=training.ended_early or None)
        if board:
            figures = evaluation.evaluate(run)
            status.write(**evaluation.headline(figures))
            _complete(board, model.cpu(), dataset, positions["train"], figures)


def _train(run: str, training, keeper, status, board) -> None:
    """Train, and write what each epoch came to; without a board this process writes nothing."""
    ticker = Ticker(run, training, keeper, status)
    try:
        for row in training.epochs(ticker):
            better = keeper.look_at(row)
            if board:
                runs.append_epoch(run, training.val_logits)
                runs.append_rows(runs.path(run, "steps.jsonl"), row.pop("steps"))
                runs.append_rows(runs.path(run, "history.jsonl"), [row])
                board.add(row)
                print(_line(row), flush=True)
            if better:
                ticker.also = {"best_epoch": row["epoch"], "val_accuracy": row["val_accuracy"]}
            keeper.save_if_due(reporting.SAVE_SECONDS)
    except InterruptedError:
        keeper.save()
        raise
    keeper.save()
    status.write(epoch=training.epoch, **ticker.facts())


def _complete(board, model, dataset, where, figures: dict) -> None:
    """What TensorBoard shows besides the course: figures, the graph, some training images."""
    import numpy as np
    import torch

    few = np.array(dataset.x[where[:16]])
    if dataset.kind == "image" and few.dtype == np.uint8:
        board.samples(few, [dataset.classes[j] for j in dataset.targets[where[:16]]])
    board.graph(model, torch.from_numpy(few[:2]))
    board.finish(figures)


def _line(row: dict) -> str:
    return (
        "epoch {epoch}: loss {train_loss:.4f}, accuracy {train_accuracy:.4f}; validation loss {val_loss:.4f}, "
        "accuracy {val_accuracy:.4f}; {samples_per_second:.0f} samples/s".format(**row)
    )


def _start_weights(run: str, model, config, status) -> None:
    """Load the weights that the net starts from, and keep the report of what fitted."""
    if not nets.starts_trained(config.net.name, config.net.weights):
        return
    from core.nets import weights

    report = weights.start(model, config.net, status.busy)
    if report and status.writes:
        runs.write_record(run, "weights.json", report)


def _key(dataset, schema, config, positions) -> list:
    """What the features of a frozen backbone and the speed of a step depend on, besides weights and settings."""
    digest = hashlib.sha256()
    for part in ("train", "val"):
        digest.update(positions[part].tobytes())
    return [dataset.fingerprint, schema.to_dict(), dataclasses.asdict(config.net), digest.hexdigest()]


def _with_batch_size(run: str, model, dataset, where, settings, status, world):
    """The settings with a batch size that was found, if that is asked for; a run that goes on keeps what it had."""
    if settings.batch_size:
        return settings
    size = world.first(runs.status(run).get("batch_size"))  # one answer for all: the first writes it soon
    if size is None:
        from core.training import batch_size, devices

        device = devices.best_device(settings.device)
        found = batch_size.find(model, dataset.x, dataset.targets, where, settings, device) if world.writes else None
        size, why = world.first(found)
        status.write(batch_size=size)
        print(why, flush=True)
    return dataclasses.replace(settings, batch_size=size)


def _redrawn(dataset, config, positions):
    """Training batches from the person's own Dataset, read anew in each epoch."""
    from core.data import store
    from core.data.readers import own
    from core.training import devices, feed

    source = store.source(dataset.name)
    if source.get("reader") != "own":
        raise ValueError(f"redraw is for a Dataset of your own; {dataset.name} is none. Leave it out.")
    options = own.Options(**source["options"])
    drawn = own.resolve(source["where"], own.arguments(options.arguments))
    if len(drawn) < positions.max() + 1:
        raise ValueError(f"{source['where']} has {len(drawn)} samples now, fewer than were stored; add it again.")
    device = devices.best_device(config.training.device)
    workers = own.n_workers(drawn)
    return feed.Redrawn(drawn, dataset.targets, positions, device, own.collate_tensor, workers)


def _commit() -> str | None:
    """The project's git commit; None where there is no git, or Vitrine is installed without its clone."""
    import shutil
    import subprocess

    if INSTALLED or shutil.which("git") is None:
        return None
    asked = ["git", "rev-parse", "HEAD"]
    return subprocess.run(asked, cwd=jobs.ROOT, capture_output=True, text=True, check=False).stdout.strip() or None


def _environment(device, fingerprint: str) -> dict:
    """Versions, hardware, git commit, command line and data fingerprint of this run."""
    import importlib.metadata
    import platform

    import torch

    packages = ("torch", "torchvision", "numpy", "pandas", "scikit-learn", "onnx", "onnxruntime")
    return {
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in packages},
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "device": str(device),
        "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "threads": torch.get_num_threads(),
        "commit": _commit(),
        "command": sys.argv,
        "fingerprint": fingerprint,
    }


def _message(error: Exception) -> str:
    """What is said of an error that is not ours."""
    if isinstance(error, OSError):
        return files.said(error)
    return f"{type(error).__name__}: {error}. The log says where."


def _sentence(error: Exception) -> str:
    """The message of an error without the quotes that KeyError and its kin put around it."""
    return str(error.args[0]) if error.args else type(error).__name__


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
