"""`make stop` ends all that works on a workspace, and nothing else."""

import json
import os
import subprocess
import sys
import time
import urllib.request

import psutil
import pytest

from core import config, data, jobs, runs
from dashboard import ending
from tests.browser.serving import serving


def stop(workspace) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "dashboard", "--stop"],
        cwd=jobs.ROOT,
        env={**os.environ, "VITRINE_WORKSPACE": str(workspace)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def ended(pid: int) -> bool:
    """Whether a process is gone, or only its parent, which is this process, has not asked for its end yet."""
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.slow
def test_a_dashboard_and_a_run_of_the_workspace_are_ended_and_no_process_is_left(workspace):
    run = jobs.start(config.suggest(data.get("digits"), epochs=500))
    with serving(workspace) as address:
        while "pid" not in runs.status(run):  # its process has begun
            time.sleep(0.1)
        (note,) = (workspace / "dashboards").iterdir()
        dashboard = psutil.Process(int(note.stem))
        assert stop(workspace) == "1 run, 1 dashboard."
        assert jobs.state(run) == "stopped"
        assert ended(runs.status(run)["pid"])
        assert ended(dashboard.pid)
        with pytest.raises(OSError):
            urllib.request.urlopen(address, timeout=2)
    assert list((workspace / "dashboards").iterdir()) == []


def test_where_nothing_is_at_work_that_is_said(workspace):
    assert ending.everything() == ["Nothing was at work"]
    assert not workspace.exists()


@pytest.mark.parametrize("left", [json.dumps(12.0), "null", "{", ""])
def test_a_process_that_only_has_the_number_of_a_dashboard_is_left_alone(workspace, left):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        (workspace / "dashboards").mkdir(parents=True)
        (workspace / "dashboards" / f"{other.pid}.json").write_text(left)
        assert ending.everything() == ["Nothing was at work"]
        assert other.poll() is None
        other.stdin.close()
