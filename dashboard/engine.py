"""One warm process for what needs torch while a person waits: explanations, export and proof, dry runs."""

import concurrent.futures
import contextlib
import logging
import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool

import streamlit as st

TRIED_SECONDS = 60  # after which a trial of a net, which may hang, is ended


class EngineDied(RuntimeError):
    """The process ended before it answered; a new one is there already. The message is the sentence to show."""


@st.cache_resource(show_spinner=False)
def _holder() -> dict:
    return {}


def warm() -> None:
    """Start the process, if it is not there, and let it load torch while the person still reads."""
    submit(_load)


def submit(function: Callable, *args) -> concurrent.futures.Future:
    """Ask the engine to call a function that can be found by name; the answer comes in the future."""
    holder = _holder()
    for _ in range(2):
        if "pool" not in holder:
            context = multiprocessing.get_context("spawn")
            holder["pool"] = concurrent.futures.ProcessPoolExecutor(
                max_workers=1, mp_context=context, initializer=_end_with_the_dashboard
            )
        try:
            return holder["pool"].submit(function, *args)
        except BrokenProcessPool:
            del holder["pool"]
    raise EngineDied("The process that computes cannot be started; restart the dashboard.")


def call(text: str, function: Callable, *args, timeout: float | None = None):
    """Call a function in the engine, showing `text` and the seconds passed; returns its result.

    timeout : seconds after which the process is ended, as a module of the person's own may never come back
    Raises what the function raises, or EngineDied if its process ended; the next call gets a new one.
    """
    future = submit(function, *args)
    began = time.monotonic()
    with contextlib.closing(_Place()) as place:
        while True:
            try:
                return future.result(timeout=0.1)
            except TimeoutError:
                if future.done():  # it came just now, or the error is the function's own
                    return future.result()
                seconds = time.monotonic() - began
                if timeout is not None and seconds > timeout:
                    _end()
                    raise EngineDied(
                        f"{text} took more than {timeout:.0f} s, so it was ended; you can go on. "
                        "If this was for a module of your own, look whether it ever comes back."
                    ) from None
                if seconds > 0.4:
                    place.show(f"{text} ({seconds:.0f} s)")  # also where Streamlit may end this script
            except BrokenProcessPool:
                _holder().pop("pool", None)
                raise EngineDied(
                    "The process that was computing this ended before it was done. A new one has been started; "
                    "nothing that was stored is lost. Try again."
                ) from None


def attempt(text: str, function: Callable, *args, timeout: float | None = None):
    """As `call`, but an error becomes one sentence on the page, and None comes back."""
    try:
        return call(text, function, *args, timeout=timeout)
    except (EngineDied, ValueError, LookupError) as error:  # our own sentences
        sentence = str(error.args[0]) if error.args else type(error).__name__
    except Exception as error:  # a library's: the person still gets one sentence, and the output has the rest
        logging.getLogger(__name__).exception(text)
        first = str(error).strip().split("\n")[0]
        sentence = f"{text} failed ({type(error).__name__}: {first}). The dashboard's output says where."
    st.error(sentence, icon=":material/error:")
    return None


def _end() -> None:
    """End the process, whatever it is at; the next call starts a new one."""
    pool = _holder().pop("pool", None)
    if pool is None:
        return
    for process in list((pool._processes or {}).values()):
        process.kill()
    pool.shutdown(wait=False, cancel_futures=True)


class _Place:
    """A line on the page that is gone when the work is."""

    def __init__(self):
        self.line = st.empty()

    def show(self, text: str) -> None:
        self.line.caption(f":material/hourglass_top: {text}")

    def close(self) -> None:
        self.line.empty()


def _end_with_the_dashboard() -> None:
    """In the engine: end when the dashboard's process does, also when it is killed."""

    def wait() -> None:
        multiprocessing.parent_process().join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _load() -> None:
    import torch  # noqa: F401

    import core.model  # noqa: F401
