"""How long files take to answer: all of them in turn, so that what else the machine does meets them alike."""

import pathlib
import time
from typing import TYPE_CHECKING

import numpy as np

from core import progress

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SECONDS = 4.0  # of each combination of batch size and threads, all files together
LEAST, MOST = 5, 300  # rounds
LOADS = 3
BATCHES, THREADS = (1, 32), (1, 2)


def load_seconds(path: pathlib.Path) -> float:
    """Median time to open a file, after it was read once."""
    seconds = []
    for _ in range(LOADS):
        start = time.perf_counter()
        opened(path, 1)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def latencies(paths: dict[str, pathlib.Path], feeds: dict[str, np.ndarray], wanted: list[str]) -> dict[str, list[dict]]:
    """For each file a row for each batch size and number of threads.

    {"batch", "threads", "median", "p95": seconds, "throughput": samples per second, "rounds"}; a batch size beyond the
    samples is left out.
    """
    rows = {name: [] for name in paths}
    n = len(next(iter(feeds.values())))
    conditions = [(batch, threads) for threads in THREADS for batch in BATCHES if batch <= n]
    rng = np.random.default_rng(0)
    for i, (batch, threads) in enumerate(conditions):
        sessions = {name: opened(path, threads) for name, path in paths.items()}
        given = {name: values[:batch] for name, values in feeds.items()}
        for session in sessions.values():
            ask(session, given, wanted)
        seconds, began = {name: [] for name in paths}, time.perf_counter()
        while len(seconds[next(iter(paths))]) < MOST:
            spent = time.perf_counter() - began
            if spent > SECONDS and len(seconds[next(iter(paths))]) >= LEAST:
                break
            progress.report(i + min(1.0, spent / SECONDS), len(conditions))
            for name in rng.permutation(list(paths)):
                start = time.perf_counter()
                ask(sessions[name], given, wanted)
                seconds[name].append(time.perf_counter() - start)
        for name, times in seconds.items():
            median, p95 = (float(np.quantile(times, q)) for q in (0.5, 0.95))
            row = {"batch": batch, "threads": threads, "median": median, "p95": p95, "throughput": batch / median}
            rows[name].append({**row, "rounds": len(times)})
    return rows


def opened(path: pathlib.Path, threads: int) -> "InferenceSession":
    """A session that does not wait busily, as others are timed beside it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def ask(session: "InferenceSession", feeds: dict[str, np.ndarray], wanted: list[str]) -> list[np.ndarray]:
    """These outputs and no others are computed."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    options.only_execute_path_to_fetches = True
    return session.run(wanted, feeds, options)  # ty: ignore[invalid-explicit-return]
