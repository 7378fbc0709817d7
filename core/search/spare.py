"""A run's process that starts ahead: it loads PyTorch while the run before it trains, then waits for the next run.

`python -m core.search.spare WORKSPACE` is such a process. It ends if whoever started it goes away.
"""

import contextlib
import os
import subprocess
import sys
import threading
from typing import Any

from core import jobs, processes, runs


class Spare:
    """One process that waits for a run; it takes some 300 MB of memory meanwhile."""

    def __init__(self):
        self.process: subprocess.Popen | None = None

    def get_ready(self) -> None:
        """Start the process, unless it is there already."""
        if self.process is not None:
            return
        path = os.pathsep.join(filter(None, [str(processes.ROOT), os.environ.get("PYTHONPATH")]))
        detached: dict[str, Any] = {} if sys.platform == "win32" else {"start_new_session": True}
        with contextlib.suppress(OSError):  # then the run starts as others do
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "core.search.spare", str(runs.workspace())],
                env={**processes.KEEP_MEMORY, **os.environ, "PYTHONPATH": path},
                stdin=subprocess.PIPE,
                **detached,
            )

    def start(self, run: str) -> None:
        """Let the waiting process do the run, which was made before; or start one for it."""
        process, self.process = self.process, None
        if process is not None and process.poll() is None:
            assert process.stdin is not None, "it is a pipe"
            with contextlib.suppress(OSError):  # it has died meanwhile
                process.stdin.write(f"{run}\n".encode())
                process.stdin.close()
                threading.Thread(target=process.wait, daemon=True).start()  # so that it leaves no zombie behind
                return
        jobs.start_process(run)

    def close(self) -> None:
        """Let the waiting process end."""
        process, self.process = self.process, None
        if process is not None:
            assert process.stdin is not None, "it is a pipe"
            with contextlib.suppress(OSError):
                process.stdin.close()
            process.wait()


def main(workspace: str) -> int:
    """Load what a run needs, wait for its name, and do it; returns as `core.training.worker.main`."""
    os.environ["VITRINE_WORKSPACE"] = workspace
    from core.training import worker

    processes.look_for_garbage_seldom()
    load()
    run = sys.stdin.readline().strip()
    if not run:
        return 0
    with open(runs.path(run, "log.txt"), "ab") as log:  # from here on it is as if it had been started for this run
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(log.fileno(), stream.fileno())
    sys.argv = [worker.__file__, str(runs.path(run))]
    return worker.main(sys.argv[1])


def load() -> None:
    """Import what takes long: PyTorch, the evaluation and what it needs."""
    import scipy.optimize  # noqa: F401

    from core import evaluation, model  # noqa: F401
    from core.training import batch_size, board, checkpoint, distributed, dry_run, kept, loop, resuming  # noqa: F401


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
