"""Several processes train one net, on the CPU through gloo, as one process would."""

import os
import signal
import subprocess
import sys

import numpy as np
import psutil
import pytest

from core import config, data, jobs, runs
from tests.core import toys

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="torchrun is of Unix here")]

SCRIPT = """
import sys
from core import config, data
from core.training import reporting, together
reporting.SAVE_SECONDS = reporting.SAVE_WITHIN = reporting.SAVE_SHARE = 0
if together.asked_for():
    def made():
        return config.suggest(data.get("iris"), "mlp", {"dropout": 0.0, "unknown": 0.0}, **SETTINGS)
    run, code = together.train(made)
    sys.exit(code)
"""


@pytest.fixture
def toy(workspace):  # noqa: ARG001 (it is put there)
    return data.store.put(toys.table(n=100))


def torchrun(tmp_path, settings, *options):
    """A launch of two processes."""
    script = tmp_path / "train.py"
    script.write_text(SCRIPT.replace("SETTINGS", repr(settings)))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *options]
    return subprocess.Popen(
        [*command, str(script)],
        env={**os.environ, "PYTHONPATH": str(jobs.ROOT), "OMP_NUM_THREADS": "1"},
        stdout=open(tmp_path / "printed.txt", "w"),
        stderr=subprocess.STDOUT,
    )


def alone(given, settings):
    from core.training import worker

    suggested = config.suggest(given, "mlp", {"dropout": 0.0, "unknown": 0.0}, **settings)
    run = jobs.create(suggested)
    assert worker.main(str(runs.path(run))) == 0
    return run


SETTINGS = {"epochs": 4, "batch_size": 16, "device": "cpu", "precision": "fp32", "resample": 1.0}


def test_two_processes_have_the_loss_curve_of_one(toy, tmp_path):
    assert torchrun(tmp_path, SETTINGS).wait(120) == 0
    (together,) = runs.names()
    assert jobs.state(together) == "done"
    one = alone(toy, SETTINGS)
    for name in ("train_loss", "val_loss"):
        curves = [[row[name] for row in runs.history(run)] for run in (together, one)]
        np.testing.assert_allclose(*curves, rtol=1e-4)
    assert [row["epoch"] for row in runs.history(together)] == [1, 2, 3, 4]


@pytest.mark.usefixtures("toy")
def test_a_killed_process_leads_to_a_restart_from_the_checkpoint(tmp_path):
    settings = {**SETTINGS, "epochs": 60}
    launch = torchrun(tmp_path, settings, "--max-restarts", "2")
    toys.until(lambda: len(runs.names()) == 1 and len(runs.history(runs.names()[0])) >= 5, 60)
    workers = [child for child in psutil.Process(launch.pid).children() if "train.py" in " ".join(child.cmdline())]
    workers[-1].send_signal(signal.SIGKILL)
    assert launch.wait(120) == 0
    (run,) = runs.names()
    assert (jobs.state(run), [row["epoch"] for row in runs.history(run)]) == ("done", list(range(1, 61)))
    assert "Going on from epoch" in (tmp_path / "printed.txt").read_text()
