"""One run trained by several processes: `torchrun --nproc-per-node 2 -m core train ...`.

A process that dies ends the others; torchrun (with --max-restarts) starts all again, and they go on from a checkpoint.
"""

import os
import sys
from collections.abc import Callable

from core import jobs, runs
from core.config import TrainConfig


def asked_for() -> bool:
    """Whether this process was started by torchrun as one of several; told without torch."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def train(make_config: Callable[[], TrainConfig]) -> tuple[str, int]:
    """Train in this process and its siblings; returns the run's name, and 0 if it is done or was stopped, else 1.

    It returns in the first process alone; the others end here.

    make_config : gives what is asked for; called in the first process alone, and not after a restart
    """
    from core.training import distributed, worker

    with distributed.world() as world:
        run = world.first(_run(make_config) if world.writes else "")
        code = worker.main_together(run, world)
    if not world.writes:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return run, code


def _run(make_config) -> str:
    """The run of this launch: a new one, or that of the processes before the restart."""
    folder = runs.check_workspace() / "locks"
    folder.mkdir(exist_ok=True)
    note = folder / f"torchrun-{os.environ.get('TORCHELASTIC_RUN_ID', 'none')}-{os.getppid()}"
    again = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0"
    if again and note.exists():
        return note.read_text(encoding="utf-8")
    run = jobs.create(make_config())
    note.write_text(run, encoding="utf-8")
    return run
