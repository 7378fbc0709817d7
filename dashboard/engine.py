"""One warm process for what needs torch while a person waits: explanations, export and proof, dry runs.

`call` and `attempt` wait for the answer. `ask` waits for a moment only; then the page goes on without it, shows how far
the work is, and runs again when it is done. All three join work that is under way already.
"""

import concurrent.futures
import contextlib
import itertools
import logging
import multiprocessing
import os
import pickle
import threading
import time
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core import progress, words

TRIED_SECONDS = 60  # after which a trial of a net, which may hang, is ended
PATIENCE = 0.8  # seconds for which `ask` holds up its page
LOOK_EVERY = 0.4  # seconds between two looks at work that a page does not wait for
FORGOTTEN = 2.0  # seconds after which work that nobody waits for gives way to other work
KEPT = 60.0  # seconds for which an answer that nobody has fetched is kept
SLOTS = 4096  # of works that can be told to stop; an old one's is used again
DIED = (
    "The process that was computing this ended before it was done. A new one has been started; "
    "nothing that was stored is lost. Try again."
)
_numbers = itertools.count(1)


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
def _holder() -> dict:
    return {}


@st.cache_resource(show_spinner=False)
def _works() -> dict[bytes, Work]:
    return {}


@st.cache_resource(show_spinner=False)
def _lock() -> threading.RLock:
    return threading.RLock()


# ------------------------------------------------------------------------------------------------------ asking


def warm() -> None:
    """Start the process, if it is not there, and let it load torch while the person still reads."""
    submit(_load)


def submit(function: Callable, *args) -> concurrent.futures.Future:
    """Ask the engine to call a function that can be found by name; the answer comes in the future."""
    return _submit(0, function, args)


def call(text: str, function: Callable, *args, timeout: float | None = None):
    """Call a function in the engine, showing `text` and how far it is; returns its result.

    timeout : seconds after which the process is ended, as a module of the person's own may never come back
    Raises what the function raises, progress.Stopped if the person stopped it, or EngineDied if its process ended; the
    next call gets a new one.
    """
    key, work = _joined(text, function, args)
    came = time.monotonic()
    with contextlib.closing(_Place()) as place:
        while not _answered(work):
            waited = time.monotonic() - came
            if timeout is not None and waited > timeout:
                _end()
                _works().pop(key, None)
                raise EngineDied(
                    f"{text} took more than {timeout:.0f} s, so it was ended; you can go on. "
                    "If this was for a module of your own, look whether it ever comes back."
                )
            _look(work)
            if place.pressed():
                stop(key, work)
            if waited > 0.4:
                place.show(work, key)  # also where Streamlit may end this script
    return _result(key, work)


def attempt(text: str, function: Callable, *args, timeout: float | None = None):
    """As `call`, but an error becomes one sentence on the page, and None comes back."""
    if _was_stopped(text, _key(function, args)):
        return None
    return _in_a_sentence(text, function, args, lambda: call(text, function, *args, timeout=timeout))


def ask(text: str, function: Callable, *args, patience: float = PATIENCE):
    """The function's result, or None where it is not there yet, or there is none; then the page says why.

    Where it takes longer than `patience` seconds, its progress is shown in a fragment of its own, and the rest of the
    page can be used; the page runs again when the answer is there. What comes is never to be changed.
    """
    key = _key(function, args)
    if _was_stopped(text, key):
        return None
    key, work = _joined(text, function, args)
    until = time.monotonic() + patience
    while time.monotonic() < until and not _answered(work, 0.02):
        pass
    if work.future.done():
        return _in_a_sentence(text, function, args, lambda: _result(key, work))
    _progress(key, work)
    return None


def leave() -> None:
    """Say that this session does not wait any more for what it asked for: it may give way to what it asks for next."""
    with _lock():
        for work in _works().values():
            work.waiting.pop(_session(), None)


def stop(key: bytes, work: Work) -> None:
    """Let work end at its next report; the page does not start it again by itself."""
    _stop(work)
    st.session_state.setdefault("stopped-work", set()).add(key)


# ------------------------------------------------------------------------------------------------------ works


def _joined(text: str, function: Callable, args: tuple) -> tuple[bytes, Work]:
    """The work of this function on these arguments, under way already or begun now, and its key."""
    key = _key(function, args)
    with _lock():
        works = _works()
        work = works.get(key)
        if work is None or work.stopped or _is_stale(work):
            _give_way()
            number = next(_numbers)
            future = _submit(number, function, args)
            work = works[key] = Work(text, future, number, _holder()["pool"])
        work.waiting[_session()] = time.monotonic()
    return key, work


def _key(function: Callable, args: tuple) -> bytes:
    """What tells one call from another."""
    name = getattr(function, "__qualname__", repr(function))
    return b"".join(pickle.dumps(part) for part in (function.__module__, name, *args))


def _is_stale(work: Work) -> bool:
    """Whether an answer is from so long ago that what it is about may have changed."""
    return work.future.done() and time.monotonic() - max(work.waiting.values(), default=0.0) > KEPT


def _give_way() -> None:
    """Stop what nobody waits for, and forget what is done and was not fetched."""
    now, works = time.monotonic(), _works()
    for key, work in list(works.items()):
        if work.future.done():
            if work.stopped or _is_stale(work):
                del works[key]
        elif now - max(work.waiting.values(), default=0.0) > FORGOTTEN:
            _stop(work)


def _stop(work: Work) -> None:
    work.stopped = True
    if not work.future.cancel() and (shared := _holder().get("shared")):
        shared[1][work.number % SLOTS] = 1


def _look(work: Work) -> None:
    """Note that this session waits, and let go of what nobody else waits for."""
    with _lock():
        work.waiting[_session()] = time.monotonic()
        if len(_works()) > 1:
            _give_way()


def _answered(work: Work, seconds: float = 0.1) -> bool:
    """Whether the answer is there, or comes within so many seconds."""
    concurrent.futures.wait([work.future], seconds)
    return work.future.done()


def _result(key: bytes, work: Work):
    """The result of work that is done; it is forgotten then, as the same question may have another answer later."""
    with _lock():
        if _works().get(key) is work:
            del _works()[key]
    try:
        return work.future.result()
    except BrokenProcessPool:
        if _holder().get("pool") is work.pool:  # else there is a new one already
            del _holder()["pool"]
        raise EngineDied(DIED) from None
    except concurrent.futures.CancelledError:
        raise progress.Stopped(f"{work.text} was stopped.") from None


def _state(work: Work) -> State:
    """How far the work is."""
    shared, now = _holder().get("shared"), time.monotonic()
    if shared is None or int(shared[0][0]) != work.number:
        others = [other for other in list(_works().values()) if shared and other.number == int(shared[0][0])]
        return State(None, behind=others[0].text if others and not others[0].future.done() else "")
    work.began = work.began or now
    seconds, done = now - work.began, float(shared[0][1])
    if done < 0:
        return State(seconds)
    return State(seconds, min(done, 1.0), seconds * (1 - done) / done if done > 0 and seconds > 1 else None)


def _session() -> str:
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else ""


# ------------------------------------------------------------------------------------------------------ shown


def _in_a_sentence(text: str, function: Callable, args: tuple, get: Callable):
    """What `get` returns; an error becomes one sentence on the page and a button, and None comes back."""
    try:
        return get()
    except progress.Stopped:
        st.session_state.setdefault("stopped-work", set()).add(_key(function, args))
        _was_stopped(text, _key(function, args))
        return None
    except EngineDied as error:
        st.error(error.args[0], icon=":material/error:")
        st.button("Try again", key=f"try-{next(_numbers)}", icon=":material/replay:")  # any click runs this again
        return None
    except (ValueError, LookupError) as error:  # our own sentences
        sentence = str(error.args[0]) if error.args else type(error).__name__
    except Exception as error:  # a library's: the person still gets one sentence, and the output has the rest
        logging.getLogger(__name__).exception(text)
        first = str(error).strip().split("\n")[0]
        sentence = f"{text} failed ({type(error).__name__}: {first}). The dashboard's output says where."
    st.error(sentence, icon=":material/error:")
    return None


def _was_stopped(text: str, key: bytes) -> bool:
    """Whether the person stopped this; then the page says so and offers to go on."""
    stopped = st.session_state.get("stopped-work", set())
    if key not in stopped:
        return False
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f":material/stop_circle: {text}: stopped.", width="content")
        st.button("Go on", key=f"go-{next(_numbers)}", type="tertiary", on_click=stopped.discard, args=(key,))
    return True


@st.fragment(run_every=LOOK_EVERY)
def _progress(key: bytes, work: Work) -> None:
    """A fragment that shows how far the work is, and runs the page again when it is done."""
    if work.future.done() and get_script_run_ctx().fragment_ids_this_run:
        st.rerun()
    _look(work)
    _draw(_state(work), work, lambda: _stop_button(key, work, f"stop-{work.number}-{next(_numbers)}"))


def _stop_button(key: bytes, work: Work, name: str) -> None:
    st.button("Stop", key=name, type="tertiary", icon=":material/stop:", on_click=stop, args=(key, work))


def _draw(state: State, work: Work, stop_button: Callable) -> None:
    """A bar with the time left and a way to stop, or the seconds alone where the work does not say how far it is."""
    if work.stopped:
        st.caption(f":material/hourglass_top: {work.text}: stopping")
    elif state.seconds is None and state.behind:
        st.caption(f":material/hourglass_top: {work.text} (waits for: {state.behind})")
    elif state.done is None:
        st.caption(f":material/hourglass_top: {work.text} ({state.seconds or 0:.0f} s)")
    else:
        left = f", {words.duration(state.left)} left" if state.left is not None else ""
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.progress(state.done, text=f"{work.text}{left}", width=320)
            stop_button()


class _Place:
    """A place on the page for the progress of what the page waits for; it is gone when the work is."""

    def __init__(self):
        self.place = st.empty()
        self.name = ""
        self.shown: tuple = ()

    def show(self, work: Work, key: bytes) -> None:
        """Draw what has changed; the button stays the same, so that it can be hit."""
        state = _state(work)
        now = (state.done, int(state.seconds or 0), state.behind, work.stopped)
        if now == self.shown:
            return
        if not self.shown or (state.done is None) != (self.shown[0] is None) or work.stopped != self.shown[3]:
            with self.place.container(horizontal=True, vertical_alignment="center", gap="small"):
                self.line, button = st.empty(), st.empty()
            if state.done is not None and not work.stopped:
                self.name = f"stop-{next(_numbers)}"
                with button:
                    _stop_button(key, work, self.name)
        self.shown = now
        with self.line:
            _draw(state, work, lambda: None)

    def pressed(self) -> bool:
        """Whether Stop was pressed. In a fragment, Streamlit keeps the click for when this is over, so look there."""
        requests = getattr(get_script_run_ctx(suppress_warning=True), "script_requests", None)
        states = getattr(getattr(requests, "_rerun_data", None), "widget_states", None)
        return bool(self.name and states) and any(
            state.trigger_value and state.id.endswith(f"-{self.name}") for state in states.widgets
        )

    def close(self) -> None:
        self.place.empty()


# ------------------------------------------------------------------------------------------------------ process


def _submit(number: int, function: Callable, args: tuple) -> concurrent.futures.Future:
    holder = _holder()
    with _lock():
        for _ in range(2):
            if "pool" not in holder:
                context = multiprocessing.get_context("spawn")
                shared = (context.RawArray("d", 2), context.RawArray("b", SLOTS))  # (number at work, done); to stop
                pool = concurrent.futures.ProcessPoolExecutor(
                    max_workers=1, mp_context=context, initializer=_begin, initargs=(shared,)
                )
                holder.update(pool=pool, shared=shared)
            holder["shared"][1][number % SLOTS] = 0
            try:
                return holder["pool"].submit(_work, number, function, args)
            except BrokenProcessPool:
                del holder["pool"]
    raise EngineDied("The process that computes cannot be started; restart the dashboard.")


def _end() -> None:
    """End the process, whatever it is at; the next call starts a new one."""
    pool = _holder().pop("pool", None)
    if pool is None:
        return
    for process in list((pool._processes or {}).values()):
        process.kill()
    pool.shutdown(wait=False, cancel_futures=True)


# In the engine.

_shared = None


def _begin(shared) -> None:
    """End when the dashboard's process does, also when it is killed; keep what both can see."""
    global _shared
    _shared = shared

    def wait() -> None:
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _work(number: int, function: Callable, args: tuple):
    """Call the function; its reports are seen by the dashboard, which can stop it at each."""
    state, stops = _shared

    def tell(done: int, total: int) -> None:
        state[1] = done / total if total else 0.0
        if stops[number % SLOTS]:
            raise progress.Stopped("The work was stopped.")

    state[1] = -1.0
    state[0] = number
    try:
        if stops[number % SLOTS]:
            raise progress.Stopped("The work was stopped before it began.")
        with progress.listen(tell):
            return function(*args)
    finally:
        state[0] = 0


def _load() -> None:
    import torch  # noqa: F401

    import core.model  # noqa: F401
