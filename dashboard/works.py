"""Calls handed to the engine's process: joined, stopped, given way, and how far each is. `engine` shows them."""

import concurrent.futures
import contextlib
import itertools
import multiprocessing
import os
import pickle
import threading
import time
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core import processes, progress
from core.workspace import workspace
from dashboard import sharing

FORGOTTEN = 2.0  # seconds after which work that nobody waits for gives way to other work
KEPT = 60.0  # seconds for which an answer that nobody has fetched is kept
SLOTS = 4096  # of works that can be told to stop; an old one's is used again
DIED = (
    "The process that was computing this ended before it was done. A new one has been started; "
    "nothing that was stored is lost. Try again."
)
numbers = itertools.count(1)


class EngineDied(RuntimeError):
    """The process ended before it answered; a new one is there already. The message is the sentence to show."""


@dataclass(eq=False)
class Work:
    """A call that was handed to the engine: what it is called, its answer, and who waits for it."""

    text: str
    future: concurrent.futures.Future
    number: int
    pool: concurrent.futures.Executor
    waiting: dict[str, float] = field(default_factory=dict)  # when each session last looked
    began: float | None = None  # when it was first seen at work
    stopped: bool = False


@dataclass(frozen=True)
class State:
    """How far work is: seconds at it (None: it waits for `behind`), done in [0, 1] or None, seconds left or None."""

    seconds: float | None
    done: float | None = None
    left: float | None = None
    behind: str = ""


@st.cache_resource(show_spinner=False)
def holder() -> dict:
    """Where the pool is, and what it shares; at the end of this process, long work is not waited for."""
    held = {}
    with contextlib.suppress(AttributeError, RuntimeError):  # Python's own pool waits, by a handler made this way
        threading._register_atexit(end_pool, held)  # ty: ignore[missing-attribute]
    return held


@st.cache_resource(show_spinner=False)
def under_way() -> dict[bytes, Work]:
    """What was asked and not fetched, by key."""
    return {}


@st.cache_resource(show_spinner=False)
def lock() -> threading.RLock:
    """What whoever changes the works under way holds meanwhile."""
    return threading.RLock()


# ------------------------------------------------------------------------------------------------------ works


def joined(text: str, function: Callable, args: tuple) -> tuple[bytes, Work]:
    """The work of this function on these arguments, under way already or begun now, and its key."""
    key = key_of(function, args)
    with lock():
        known = under_way()
        work = known.get(key)
        if work is None or work.stopped or _is_stale(work):
            _give_way()
            number = next(numbers)
            future = submit(number, function, args)
            work = known[key] = Work(text, future, number, holder()["pool"])
        work.waiting[session()] = time.monotonic()
    return key, work


def key_of(function: Callable, args: tuple) -> bytes:
    """What tells one call from another."""
    name = getattr(function, "__qualname__", repr(function))
    return b"".join(pickle.dumps(part) for part in (str(workspace()), function.__module__, name, *args))


def _is_stale(work: Work) -> bool:
    """Whether an answer is from so long ago that what it is about may have changed."""
    return work.future.done() and time.monotonic() - max(work.waiting.values(), default=0.0) > KEPT


def _give_way() -> None:
    """Stop what nobody waits for, and forget what is done and was not fetched."""
    now, known = time.monotonic(), under_way()
    for key, work in list(known.items()):
        if work.future.done():
            if work.stopped or _is_stale(work):
                del known[key]
        elif now - max(work.waiting.values(), default=0.0) > FORGOTTEN:
            stop(work)


def forget(key: bytes) -> None:
    """Let go of an answer that is there, as it will not be fetched."""
    with lock():
        work = under_way().get(key)
        if work is not None and work.future.done():
            del under_way()[key]


def stop(work: Work) -> None:
    """Let work end at its next report, or not begin."""
    work.stopped = True
    if not work.future.cancel() and (shared := holder().get("shared")):
        shared[1][work.number % SLOTS] = 1


def look(work: Work) -> None:
    """Note that this session waits, and let go of what nobody else waits for."""
    with lock():
        work.waiting[session()] = time.monotonic()
        if len(under_way()) > 1:
            _give_way()


def answered(work: Work, seconds: float = 0.1) -> bool:
    """Whether the answer is there, or comes within so many seconds."""
    concurrent.futures.wait([work.future], seconds)
    return work.future.done()


def result(key: bytes, work: Work) -> Any:
    """The result of work that is done; it is forgotten then, as the same question may have another answer later."""
    with lock():
        if under_way().get(key) is work:
            del under_way()[key]
    try:
        return work.future.result()
    except BrokenProcessPool:
        if holder().get("pool") is work.pool:  # else there is a new one already
            del holder()["pool"]
        raise EngineDied(DIED) from None
    except concurrent.futures.CancelledError:
        raise progress.Stopped(f"{work.text} was stopped.") from None


def state(work: Work) -> State:
    """How far the work is."""
    shared, now = holder().get("shared"), time.monotonic()
    if shared is None or int(shared[0][0]) != work.number:
        others = [other for other in list(under_way().values()) if shared and other.number == int(shared[0][0])]
        return State(None, behind=others[0].text if others and not others[0].future.done() else "")
    work.began = work.began or now
    seconds, done = now - work.began, float(shared[0][1])
    if done < 0:
        return State(seconds)
    return State(seconds, min(done, 1.0), seconds * (1 - done) / done if done > 0 and seconds > 1 else None)


def session() -> str:
    """Whose page this is, "" outside of any."""
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else ""


# ------------------------------------------------------------------------------------------------------ process


def submit(number: int, function: Callable, args: tuple) -> concurrent.futures.Future:
    """Hand a call to the process, which is started if it is not there; 0 is the number of what nobody follows."""
    held = holder()
    with lock():
        for _ in range(2):
            if "pool" not in held:
                context = multiprocessing.get_context("spawn")
                shared = (context.RawArray("d", 2), context.RawArray("b", SLOTS))  # (number at work, done); to stop
                pool = concurrent.futures.ProcessPoolExecutor(
                    max_workers=1, mp_context=context, initializer=_begin, initargs=(shared,)
                )
                held.update(pool=pool, shared=shared)
            held["shared"][1][number % SLOTS] = 0
            try:
                return held["pool"].submit(_work, number, str(workspace()), function, args)
            except BrokenProcessPool:
                del held["pool"]
    raise EngineDied("The process that computes cannot be started; restart the dashboard.")


def end() -> None:
    """End the process, whatever it is at; the next call starts a new one."""
    end_pool(holder())


def end_pool(held: dict) -> None:
    """End the processes of a pool at once, if there is one."""
    pool = held.pop("pool", None)
    if pool is None:
        return
    for process in list((pool._processes or {}).values()):
        process.kill()
    pool.shutdown(wait=False, cancel_futures=True)


# In the engine.

_shared: Any = None


def _begin(shared) -> None:
    """End when the dashboard's process does, also when it is killed; keep what both can see."""
    global _shared
    _shared = shared

    def wait() -> None:
        multiprocessing.parent_process().join()  # ty: ignore[missing-union-attribute]
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
    processes.look_for_garbage_seldom()


def _work(number: int, where: str, function: Callable, args: tuple):
    """Call the function in the workspace `where`; its reports are seen by the dashboard, which can stop it at each."""
    state, stops = _shared

    def tell(done: float, total: float) -> None:
        state[1] = done / total if total else 0.0
        if stops[number % SLOTS]:
            raise progress.Stopped("The work was stopped.")

    os.environ["VITRINE_WORKSPACE"] = where
    if sharing.read_only():
        sharing.guard(workspace(), engine=True)
    state[1] = -1.0
    state[0] = number
    try:
        if stops[number % SLOTS]:
            raise progress.Stopped("The work was stopped before it began.")
        with progress.listen(tell):
            return function(*args)
    finally:
        state[0] = 0


def load_torch() -> None:
    """Import what takes long, before it is needed."""
    import torch  # noqa: F401

    import core.model  # noqa: F401
