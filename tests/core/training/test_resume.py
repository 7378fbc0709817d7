"""A training that is broken off anywhere, and goes on from its checkpoint, ends as one that was not: to the bit."""

import copy
import os
import signal
import subprocess
import sys

import numpy as np
import psutil
import pytest
import torch

from core import config, data, jobs, runs
from core.config import AugmentConfig, TrainingConfig
from core.data.readers import own
from core.training import checkpoint, feed, loop, resuming
from tests.core import toys
from tests.core.data.readers import datasets


class BrokenOff(Exception):
    pass


def table_job(n=40, **settings):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, 2)).astype(np.float32)
    y = (x[:, 0] > 0.5).astype(np.int64)
    parts = {"train": np.arange(n - 8), "val": np.arange(n - 8, n)}
    values = {"epochs": 3, "batch_size": 4, "device": "cpu", "lr": 0.02, **settings}
    return loop.Training(toys.mlp(hidden=8, dropout=0.5), x, y, parts, TrainingConfig(**values))


def image_job(augment=None, own_dataset=False, **settings):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 255, (24, 1, 4, 4), dtype=np.uint8)
    y = np.arange(24) % 2
    parts = {"train": np.arange(18), "val": np.arange(18, 24)}
    values = {"epochs": 3, "batch_size": 4, "device": "cpu", "lr": 0.02, **settings}
    train_feed = None
    if own_dataset:
        noisy = datasets.Noisy(18)
        train_feed = feed.Redrawn(noisy, y, parts["train"], torch.device("cpu"), own.collate_tensor, 0)
    model = toys.cnn(1, 4, 4, hidden=8, width=4)
    return loop.Training(model, x, y, parts, TrainingConfig(**values), augment, train_feed)


def finished(job, rows=()):
    """The rows of history that do not tell of time, and the weights, at the end of the training."""
    rows = [*rows, *job.epochs(lambda *_: None)]
    told = ("samples_per_second", "seconds", "waiting", "memory_bytes")
    return [{name: value for name, value in row.items() if name not in told} for row in rows], job.weights()


def broken_off(job, at, path):
    """Break `job` off after `at` steps, as a kill would, with the checkpoint in a file; returns the rows so far."""
    seen, rows = [], []

    def after_step(*step):
        seen.append(step)
        if len(seen) == at:
            checkpoint.save(path, resuming.state(job))
            raise BrokenOff

    with pytest.raises(BrokenOff):
        rows.extend(job.epochs(after_step))
    return rows


JOBS = {
    "adamw on a table": lambda: table_job(optimizer="adamw", weight_decay=0.1),
    "sgd with rare classes drawn more often": lambda: table_job(optimizer="sgd", resample=1.0),
    "plateau with clipping and an average": lambda: table_job(schedule="plateau", clip_norm=0.1, ema=0.9),
    "pieces of batches": lambda: table_job(accumulate=2, label_smoothing=0.1),
    "early end": lambda: table_job(patience=1, lr=0.5, epochs=30, schedule="constant"),
    "images that are changed at random": lambda: image_job(AugmentConfig(flip=True, crop=0.5, mixup=1.0)),
    "a backbone frozen for an epoch": lambda: image_job(freeze=1, backbone_lr=0.1),
    "features computed once": lambda: image_job(freeze=-1),
    "a Dataset of one's own that draws": lambda: image_job(own_dataset=True),
    "bf16, channels_last": lambda: image_job(precision="bf16", memory_format="channels_last"),
}


@pytest.mark.parametrize("name", JOBS)
def test_a_training_that_goes_on_ends_as_one_that_was_not_broken_off(name, tmp_path):
    wanted_rows, wanted = finished(JOBS[name]())
    for at in (1, 8, 13):  # in the first epoch, at the end of it or in the second, and later
        rows = broken_off(JOBS[name](), at, tmp_path / "last.pt")
        job = JOBS[name]()
        resuming.load(job, checkpoint.load(tmp_path / "last.pt"))
        rows, weights = finished(job, rows)
        assert [key for key in wanted if not torch.equal(wanted[key], weights[key])] == []
        assert rows == wanted_rows


def test_random_numbers_of_others_go_on_too():
    first, second = table_job(), table_job()
    state = copy.deepcopy(resuming.state(first))
    wanted = np.random.random(), torch.rand(1)
    np.random.seed(5)
    torch.manual_seed(5)
    resuming.load(second, state)
    assert (np.random.random(), torch.rand(1)) == wanted


def test_a_checkpoint_of_another_net_is_refused():
    with pytest.raises(ValueError, match="does not fit this run"):
        resuming.load(table_job(), resuming.state(image_job()))


@pytest.fixture
def toy(workspace):  # noqa: ARG001 (it is put there)
    return data.store.put(toys.table(n=60))


def made(given, **settings):
    asked = {"epochs": 8, "device": "cpu", "batch_size": 8, "precision": "fp32", **settings}
    return runs.create(config.suggest(given, **asked), given.schema, given.fingerprint)


def process_of(run):
    """The run's process, from its beginning."""
    code = (
        "import sys; from core.training import reporting, worker\n"
        "reporting.SAVE_SECONDS = reporting.SAVE_WITHIN = reporting.SAVE_SHARE = 0\n"  # a checkpoint whenever it looks
        "reporting.STATUS_SECONDS = 0\n"
        "sys.exit(worker.main(sys.argv[1]))"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, str(runs.path(run))], stdout=subprocess.DEVNULL, cwd=jobs.ROOT, env=os.environ
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is of Unix")
def test_a_run_killed_at_a_random_moment_and_resumed_has_the_same_weights(toy):
    straight, killed = made(toy), made(toy)
    assert process_of(straight).wait(120) == 0
    process = process_of(killed)
    moment = 1 + int.from_bytes(os.urandom(2), "big") % 35  # a step: a run that made none is queued for a while yet
    toys.until(lambda: runs.status(killed).get("step", 0) >= moment or process.poll() is not None, 60)
    psutil.Process(process.pid).send_signal(signal.SIGKILL)
    process.wait(10)
    assert jobs.state(killed) == "lost"
    jobs.resume(killed)
    assert jobs.wait(killed) == "done"
    first, second = (checkpoint.load(runs.path(run, "checkpoints", "last.pt"))["model"] for run in (straight, killed))
    assert [name for name in first if not torch.equal(first[name], second[name])] == []
    assert [row["epoch"] for row in runs.history(killed)] == list(range(1, 9))
    assert [row["val_loss"] for row in runs.history(killed)] == [row["val_loss"] for row in runs.history(straight)]
    assert [row["step"] for row in runs.steps(killed)] == [row["step"] for row in runs.steps(straight)]
    assert runs.evaluation(killed) == runs.evaluation(straight)
