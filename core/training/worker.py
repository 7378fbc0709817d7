"""A run's process: `python -m core.training.worker RUN_FOLDER`. It trains, evaluates, and writes the run folder."""

import os
import pathlib
import sys
import time
import traceback

import psutil

from core import data, jobs, runs
from core.data import split

STATUS_SECONDS = 0.5  # between two looks at the stop file, and two writes of the status, within an epoch


def main(folder: str) -> int:
    """Do the run in `folder`; returns 0 if it is done or was stopped, 1 if it failed."""
    where = pathlib.Path(folder).resolve()
    os.environ["VITRINE_WORKSPACE"] = str(where.parent.parent)
    run = where.name
    with jobs.alive(run):
        me = psutil.Process()
        runs.write_status(run, pid=me.pid, pid_created=me.create_time())
        try:
            with jobs.turn(run, runs.config(run).training.device):
                _work(run)
            outcome = {"state": "done", "message": ""}
        except (InterruptedError, KeyboardInterrupt):
            outcome = {"state": "stopped", "message": "Stopped by request."}
        except (ValueError, LookupError) as error:  # our own sentences
            traceback.print_exc()
            outcome = {"state": "failed", "message": _sentence(error)}
        except Exception as error:
            traceback.print_exc()
            outcome = {"state": "failed", "message": f"{type(error).__name__}: {error}. The log says where."}
        runs.write_status(run, **outcome, ended=time.time())
        print(f"{outcome['state']}. {outcome['message']}", flush=True)
    return int(outcome["state"] == "failed")


def _work(run: str) -> None:
    """Train as the config says, then evaluate the best epoch."""
    started = time.time()
    runs.write_status(run, state="running", phase="starting", started=started)
    print("Loading PyTorch and the data", flush=True)
    from core import evaluation
    from core.model import Model
    from core.training import checkpoint, loop

    config, schema = runs.config(run), runs.schema(run)
    dataset = runs.dataset(run)
    split.save(runs.path(run, "split.parquet"), dataset.ids, data.parts(dataset, config.data))
    positions = split.load(runs.path(run, "split.parquet"), dataset.ids)

    import torch

    torch.manual_seed(config.training.seed)
    model = Model(schema, config.net)
    loop.use_threads_that_pay(model.eval(), dataset.x[positions["train"][: config.training.batch_size]])
    redrawn = _redrawn(dataset, config, positions["train"]) if config.data.redraw else None
    training = loop.Training(
        model, dataset.x, dataset.targets, positions, config.training, config.augment, train_feed=redrawn
    )
    runs.write_json(runs.path(run, "environment.json"), _environment(training.device, dataset.fingerprint))
    runs.write_status(run, n_parameters=model.n_parameters(), device=str(training.device))
    print(
        f"Training {config.net.name} ({model.n_parameters():,} parameters) on {len(positions['train'])} samples "
        f"of {config.data.name}, on {training.device}",
        flush=True,
    )

    board = _TensorBoard(run, config)
    ticker = _Ticker(run, config.training.epochs, training.n_batches)
    best = float("inf")
    try:
        for row in training.epochs(ticker):
            runs.append_rows(runs.path(run, "steps.jsonl"), row.pop("steps"))
            runs.append_rows(runs.path(run, "history.jsonl"), [row])
            checkpoint.save(runs.path(run, "checkpoints", "last.pt"), {**training.state(), "epoch": row["epoch"]})
            if row["val_loss"] < best:  # finer than accuracy, and it keeps probabilities honest
                best = row["val_loss"]
                checkpoint.save(
                    runs.path(run, "checkpoints", "best.pt"), {"model": model.state_dict(), "epoch": row["epoch"]}
                )
                runs.write_status(run, best_epoch=row["epoch"], val_accuracy=row["val_accuracy"])
            board.add(row)
            print(
                "epoch {epoch}: loss {train_loss:.4f}, accuracy {train_accuracy:.4f}; validation loss {val_loss:.4f}, "
                "accuracy {val_accuracy:.4f}; {samples_per_second:.0f} samples/s".format(**row),
                flush=True,
            )
    finally:
        board.close()
    runs.write_status(run, phase="evaluating")
    figures = evaluation.evaluate(run)
    runs.write_status(run, **evaluation.headline(figures))


def _redrawn(dataset, config, positions):
    """Training batches from the person's own Dataset, read anew in each epoch."""
    from core.data import store
    from core.data.readers import own
    from core.training import feed, loop

    source = store.source(dataset.name)
    if source.get("reader") != "own":
        raise ValueError(f"redraw is for a Dataset of your own; {dataset.name} is none. Leave it out.")
    options = own.Options(**source["options"])
    drawn = own.resolve(source["where"], own.arguments(options.arguments))
    if len(drawn) < positions.max() + 1:
        raise ValueError(f"{source['where']} has {len(drawn)} samples now, fewer than were stored; add it again.")
    device = loop.best_device(config.training.device)
    workers = own.n_workers(drawn)
    return feed.Redrawn(drawn, dataset.targets, positions, device, own.collate_tensor, workers)


class _Ticker:
    """Called after each step: twice a second it looks for a request to stop and says how far the run is."""

    def __init__(self, run: str, n_epochs: int, n_batches: int):
        self.run, self.n_batches, self.n_steps = run, n_batches, n_epochs * n_batches
        self.began = self.looked = time.monotonic()

    def __call__(self, epoch: int, step: int) -> None:
        now = time.monotonic()
        done = (epoch - 1) * self.n_batches + step
        if now - self.looked < STATUS_SECONDS and done not in (1, self.n_steps):
            return
        self.looked = now
        if jobs.should_stop(self.run):
            raise InterruptedError
        left = (now - self.began) * (self.n_steps / done - 1)
        runs.write_status(self.run, phase="training", epoch=epoch, step=done, n_steps=self.n_steps, seconds_left=left)


class _TensorBoard:
    """Event files beside the history, for whoever likes `tensorboard --logdir`."""

    def __init__(self, run: str, config):
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(runs.path(run, "tensorboard")))
        self.writer.add_text("config", f"```\n{config}\n```")

    def add(self, row: dict) -> None:
        for name, value in row.items():
            if name != "epoch":
                tag = name.replace("_", "/", 1) if name.startswith(("train_", "val_")) else name
                self.writer.add_scalar(tag, value, row["epoch"])

    def close(self) -> None:
        self.writer.close()


def _environment(device, fingerprint: str) -> dict:
    """Versions, hardware, git commit, command line and data fingerprint of this run."""
    import importlib.metadata
    import platform
    import subprocess

    import torch

    packages = ("torch", "torchvision", "numpy", "pandas", "scikit-learn", "onnx", "onnxruntime", "captum")
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=jobs.ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
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
        "commit": commit or None,
        "command": sys.argv,
        "fingerprint": fingerprint,
    }


def _sentence(error: Exception) -> str:
    """The message of an error without the quotes that KeyError and its kin put around it."""
    return str(error.args[0]) if error.args else type(error).__name__


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
