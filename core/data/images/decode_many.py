"""Many image files at once, by processes of their own: their headers, and their pixels in a cache that can go on.

A cache folder holds images.npy (one row per file), done.npy (a byte per file: pending, decoded or broken) and
broken.jsonl (why). Once all is done and some are broken, kept.npy has the rows of the others, and images.npy goes.
A file that stands is never written again in place, as a stored data set may share it by a hard link.
"""

import collections
import contextlib
import errno
import json
import os
import pathlib
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Literal

import filelock
import numpy as np

from core import words
from core.data.images import decode
from core.data.images.decode import BROKEN, OK, PENDING, Header
from core.data.reading import Progress

FEW = 16  # files that are read in this process, as others would not have started before they are done
MOST_WORKERS = 16
TICK_SECONDS = 0.2  # between two looks at how far it is
FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
ENDS_IT = "ends the program that reads it"


@dataclass(frozen=True, eq=False)
class Decoded:
    """images : uint8 (n of those that are whole, c, h, w), memory-mapped;  broken : {index of the file: why}"""

    images: np.ndarray
    broken: dict[int, str]


def scan(files: list[str], progress: Progress, crew: "Crew | None" = None) -> list[Header]:
    """The header of each file, in order; a file that is no image has a `problem`."""
    found: list[Header] = [Header()] * len(files)
    count = 0
    with _crew(crew, len(files)) as workers:
        progress("Reading headers", 0, len(files))
        for answers in workers.each("header", list(enumerate(files))):
            for (i, _), reply in answers:
                found[i] = Header(*reply) if reply is not None else Header(problem=ENDS_IT)
            count += len(answers)
            progress("Reading headers", count, len(files))
    return found


def decode_all(
    files: list[str], shape: tuple[int, int, int], folder: pathlib.Path, progress: Progress, crew: "Crew | None" = None
) -> Decoded:
    """Decode all files to `shape` (c, h, w) into the cache `folder`, or find them there; goes on where it stopped.

    Raises OSError with one sentence if the disk is full, and what `progress` raises; the cache is in order after both.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(folder / "lock", progress), _full_disk(folder, len(files) * int(np.prod(shape))):
        found = _load(folder, len(files), shape)
        if found is None:
            _prepare(folder, len(files), shape)
            _decode_pending(files, shape, folder, progress, crew)
            _finish(folder)
            found = _load(folder, len(files), shape)
        if found is None:
            raise OSError(f"The cache {folder} was changed by another program meanwhile; read the data again.")
        progress("Decoding", len(files), len(files))
    return found


@contextlib.contextmanager
def one_at_a_time(path: pathlib.Path, progress: Progress) -> Generator[None]:
    """Hold the lock file `path`; while another process has it, `progress` is told so, and may end the wait."""
    lock = filelock.FileLock(path)
    while True:
        try:
            lock.acquire(timeout=TICK_SECONDS)
            break
        except filelock.Timeout:
            progress("Waiting for another process that reads the same", 0, 0)
    try:
        yield
    finally:
        lock.release()


class Crew:
    """Processes that read image files, started at once and ended together; with few files there are none.

    Programs of their own and no `multiprocessing`: forking is not safe beside threads, and spawning would import the
    main script again, which may be anything. They end when their input does, so with this process at the latest.
    """

    def __init__(self, n_files: int):
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._closed = False
        self._ready: set[int] = set()  # process ids
        self._threads: list[threading.Thread] = []
        self._workers = [] if n_files <= FEW else [self._start() for _ in range(min(cores, MOST_WORKERS))]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._closed = True
        for worker in self._workers:
            worker.kill()
        for thread in self._threads:
            thread.join()
        for worker in self._workers:
            worker.kill()  # one that a thread has just started
            worker.wait()
            for pipe in filter(None, (worker.stdin, worker.stdout)):
                with contextlib.suppress(OSError):
                    pipe.close()

    def each(self, task: str, files: list, **settings) -> Iterator[list[tuple]]:
        """Yield lists of (file, answer), see `decode.answer`, as they come, and at times an empty one.

        An answer is None for a file that ended the process that read it, twice. Raises OSError as `decode.answer`.
        """
        message = {"task": task, **settings}
        size = max(1, min(32, len(files) // (4 * max(1, len(self._workers)))))
        chunks = collections.deque(files[i : i + size] for i in range(0, len(files), size))
        if not self._workers:
            for chunk in chunks:
                yield list(zip(chunk, decode.answer({**message, "files": chunk})))
            return
        results: queue.Queue = queue.Queue()
        at_work = len(self._workers)
        self._threads = [
            threading.Thread(target=self._work, args=(k, message, chunks, results), daemon=True) for k in range(at_work)
        ]
        for thread in self._threads:
            thread.start()
        while at_work:
            try:
                result = results.get(timeout=TICK_SECONDS)
            except queue.Empty:
                yield []
                continue
            if isinstance(result, BaseException):
                raise result
            if result is None:
                at_work -= 1
            else:
                yield result

    def _work(self, k: int, message: dict, chunks: collections.deque, results: queue.Queue) -> None:
        """Have worker `k` answer chunks until none is left; a chunk that ends it is tried again file by file."""
        try:
            while chunks and not self._closed:
                try:
                    chunk = chunks.popleft()
                except IndexError:  # another was quicker
                    break
                answers = self._ask(k, {**message, "files": chunk})
                if answers is None and len(chunk) > 1:
                    chunks.extend([file] for file in chunk)
                else:
                    results.put(list(zip(chunk, answers or [None])))
            results.put(None)
        except BaseException as error:
            results.put(error)

    def _ask(self, k: int, message: dict) -> list | None:
        """The worker's answers, or None if it ended over them; then there is a new one."""
        worker = self._workers[k]
        line = b""
        assert worker.stdin is not None and worker.stdout is not None, "both are pipes"
        with contextlib.suppress(OSError, ValueError):  # its pipes are closed
            worker.stdin.write(json.dumps(message).encode() + b"\n")
            worker.stdin.flush()
            line = worker.stdout.readline()
            if line == b"ready\n":
                self._ready.add(worker.pid)
                line = worker.stdout.readline()
        if line.endswith(b"\n"):
            reply = json.loads(line)
            if "error" in reply:
                raise OSError(reply["errno"], reply["error"])
            return reply["answers"]
        if not self._closed:
            if worker.pid not in self._ready:
                raise RuntimeError(f"The program that reads images does not start: {sys.executable} {decode.__file__}.")
            worker.wait()
            self._workers[k] = self._start()
        return None

    @staticmethod
    def _start() -> subprocess.Popen:
        # by its path and with -P, as importing the package would load pandas in each
        return subprocess.Popen(
            [sys.executable, "-P", decode.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )


def _crew(crew: Crew | None, n_files: int):
    return contextlib.nullcontext(crew) if crew is not None else Crew(n_files)


def _load(folder: pathlib.Path, n: int, shape: tuple) -> Decoded | None:
    """What the cache holds, or None if it is not whole."""
    done = _array(folder / "done.npy", (n,))
    if done is None or (done == PENDING).any():
        return None
    broken = np.flatnonzero(done == BROKEN)
    if len(broken) == n:
        images = np.empty((0, *shape), np.uint8)
    else:
        name = "kept.npy" if len(broken) else "images.npy"
        images = _array(folder / name, (n - len(broken), *shape), "r")
    if images is None:
        return None
    reasons = {}
    with contextlib.suppress(OSError), open(folder / "broken.jsonl", encoding="utf-8") as lines:
        for line in lines:
            with contextlib.suppress(ValueError):  # cut short where the process was ended
                reasons.update([json.loads(line)])
    return Decoded(images, {int(i): reasons.get(int(i), "is cut short or damaged") for i in broken})


def _array(path: pathlib.Path, shape: tuple, mmap_mode: Literal["r", "r+"] | None = None) -> np.ndarray | None:
    """The uint8 array of a .npy file, or None if it is not there, not whole, or another."""
    try:
        array = np.load(path, mmap_mode=mmap_mode, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return array if array.shape == shape and array.dtype == np.uint8 else None


def _prepare(folder: pathlib.Path, n: int, shape: tuple) -> None:
    """See that images.npy and done.npy are there for `n` files; done.npy is made last, so it vouches for the other."""
    if _array(folder / "done.npy", (n,)) is not None and _array(folder / "images.npy", (n, *shape), "r") is not None:
        return
    for name in ("done.npy", "images.npy", "kept.npy", "broken.jsonl"):
        (folder / name).unlink(missing_ok=True)
    for name, size in (("images.npy", (n, *shape)), ("done.npy", (n,))):
        with _making(folder / name, size):
            pass


@contextlib.contextmanager
def _making(path: pathlib.Path, shape: tuple):
    """Give a new uint8 array of zeros in a file that becomes `path` at the end.

    Its place on the disk is taken at once: a write to a map for which there is none would end the process.
    """
    beside = path.with_suffix(".new")
    try:
        array = np.lib.format.open_memmap(beside, "w+", np.uint8, shape)
        if hasattr(os, "posix_fallocate"):
            with open(beside, "r+b") as file:
                os.posix_fallocate(file.fileno(), 0, beside.stat().st_size)
        yield array
        array.flush()
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _decode_pending(files: list[str], shape: tuple, folder: pathlib.Path, progress, crew: Crew | None) -> None:
    pending = [(int(i), files[i]) for i in np.flatnonzero(np.load(folder / "done.npy") == PENDING)]
    settings = {name: [str(folder / f"{name}.npy"), _first_row(folder / f"{name}.npy")] for name in ("images", "done")}
    looked = 0.0
    progress("Decoding", len(files) - len(pending), len(files))
    with (
        _crew(crew, len(pending)) as workers,
        open(folder / "broken.jsonl", "a", encoding="utf-8") as reasons,
        open(folder / "images.npy", "r+b") as images,
    ):
        for answers in workers.each("store", pending, shape=shape, **settings):
            for (i, _), reason in answers:
                if reason is None:
                    with open(folder / "done.npy", "r+b") as done:
                        done.seek(settings["done"][1] + i)
                        done.write(bytes([BROKEN]))
                if reason != "":
                    reasons.write(json.dumps([i, reason or ENDS_IT]) + "\n")
                    reasons.flush()
            if time.monotonic() - looked > TICK_SECONDS:
                os.fsync(images.fileno())  # here beside the work, as at the end all would wait for the disk
                progress("Decoding", int(np.count_nonzero(np.load(folder / "done.npy"))), len(files))
                looked = time.monotonic()


def _first_row(path: pathlib.Path) -> int:
    return np.load(path, mmap_mode="r").offset


def _finish(folder: pathlib.Path) -> None:
    """Put the images on the disk; where some files are broken, keep the rows of the others only."""
    with open(folder / "images.npy", "r+b") as file:
        os.fsync(file.fileno())
    images, done = np.load(folder / "images.npy", mmap_mode="r"), np.load(folder / "done.npy")
    whole = np.flatnonzero(done == OK)
    if len(whole) == len(done):
        return
    if len(whole):
        with _making(folder / "kept.npy", (len(whole), *images.shape[1:])) as kept:
            for start in range(0, len(whole), 1024):
                kept[start : start + 1024] = images[whole[start : start + 1024]]
    (folder / "images.npy").unlink()


@contextlib.contextmanager
def _full_disk(folder: pathlib.Path, n_bytes: int):
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise OSError(
            f"The disk with {folder} is full: the decoded images need {words.size(n_bytes)} there. "
            "Free some space and load them again."
        ) from error
