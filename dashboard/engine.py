"""One warm process for what needs torch while a person waits: explanations, export and proof, dry runs.

`call` and `attempt` wait for the answer. `ask` waits for a moment only; then the page goes on without it, shows how far
the work is, and runs again when it is done. All three join work that is under way already.
"""

import concurrent.futures
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core import progress, words
from dashboard import frame, sharing, works
from dashboard.works import EngineDied, State, Work

TRIED_SECONDS = 60  # after which a trial of a net, which may hang, is ended
PATIENCE = 0.8  # seconds for which `ask` holds up its page
LOOK_EVERY = 0.4  # seconds between two looks at work that a page does not wait for
_holder = works.holder  # of the process, see there


@dataclass
class Stop:
    """When a person stopped something, and whether a page has said so since."""

    at: float
    said: bool = False


# ------------------------------------------------------------------------------------------------------ asking


def warm() -> None:
    """Start the process, if it is not there, and let it load torch while the person still reads."""
    submit(works.load_torch)


def submit(function: Callable, *args) -> concurrent.futures.Future:
    """Ask the engine to call a function that can be found by name; the answer comes in the future."""
    sharing.check_computes(function)
    return works.submit(0, function, args)


def call(text: str, function: Callable, *args: Any, timeout: float | None = None) -> Any:
    """Call a function in the engine, showing `text` and how far it is; returns its result.

    timeout : seconds after which the process is ended, as a module of the person's own may never come back
    Raises what the function raises, progress.Stopped if the person stopped it, or EngineDied if its process ended; the
    next call gets a new one.
    """
    sharing.check_computes(function)
    key, work = works.joined(text, function, args)
    came = time.monotonic()
    with contextlib.closing(_Place()) as place:
        while not works.answered(work):
            waited = time.monotonic() - came
            if timeout is not None and waited > timeout:
                works.end()
                works.under_way().pop(key, None)
                raise EngineDied(
                    f"{text} took more than {timeout:.0f} s, so it was ended; you can go on. "
                    "If this was for a module of your own, look whether it ever comes back."
                )
            works.look(work)
            if place.pressed():
                stop(key, work)
            if waited > 0.4:
                place.show(work, key)  # also where Streamlit may end this script
    return works.result(key, work)


def attempt(text: str, function: Callable, *args: Any, timeout: float | None = None) -> Any:
    """As `call`, but an error becomes one sentence on the page, and None comes back."""
    if not _allowed(text, function) or _was_stopped(text, works.key_of(function, args)):
        return None
    return _in_a_sentence(text, function, args, lambda: call(text, function, *args, timeout=timeout))


def ask(text: str, function: Callable, *args: Any, patience: float = PATIENCE) -> Any:
    """The function's result, or None where it is not there yet, or there is none; then the page says why.

    Where it takes longer than `patience` seconds, its progress is shown in a fragment of its own, and the rest of the
    page can be used; the page runs again when the answer is there. What comes is never to be changed.
    """
    key = works.key_of(function, args)
    if not _allowed(text, function) or _was_stopped(text, key):
        return None
    key, work = works.joined(text, function, args)
    until = time.monotonic() + patience
    while time.monotonic() < until and not works.answered(work, 0.02):
        pass
    if work.future.done():
        return _in_a_sentence(text, function, args, lambda: works.result(key, work))
    frame.repeated(_progress, LOOK_EVERY, key, work)
    return None


def stored_or_asked(stored: Any, text: str, function: Callable, *args: Any) -> Any:
    """What is stored, unless that is None; else as `ask`. An answer that was stored meanwhile is not kept here too."""
    if stored is None:
        return ask(text, function, *args)
    works.forget(works.key_of(function, args))
    return stored


def leave() -> None:
    """Say that this session does not wait any more for what it asked for: it may give way to what it asks for next."""
    with works.lock():
        for work in works.under_way().values():
            work.waiting.pop(works.session(), None)


def stop(key: bytes, work: Work) -> None:
    """Let work end at its next report; the page does not start it again by itself."""
    works.stop(work)
    _stopped()[key] = Stop(time.monotonic())


# ------------------------------------------------------------------------------------------------------ shown


def _allowed(text: str, function: Callable) -> bool:
    """Whether this may be computed here; else the page says that it may not."""
    if not sharing.computes(function):
        st.info(f"{text}: not here. {sharing.REFUSED}", icon=":material/visibility:")
        return False
    return True


def _in_a_sentence(text: str, function: Callable, args: tuple, get: Callable):
    """What `get` returns; an error becomes one sentence on the page and a button, and None comes back."""
    try:
        return get()
    except progress.Stopped:
        _stopped().setdefault(works.key_of(function, args), Stop(time.monotonic()))
        _was_stopped(text, works.key_of(function, args))
        return None
    except EngineDied as error:
        st.error(words.literal(str(error.args[0])), icon=":material/error:")
        st.button("Try again", key=f"try-{next(works.numbers)}", icon=":material/replay:")  # any click runs this again
        return None
    except (ValueError, LookupError) as error:  # our own sentences
        sentence = str(error.args[0]) if error.args else type(error).__name__
    except Exception as error:  # a library's: the person still gets one sentence, and the output has the rest
        logging.getLogger(__name__).exception(text)
        first = str(error).strip().split("\n")[0]
        sentence = f"{text} failed ({type(error).__name__}: {first}). The dashboard's output says where."
    st.error(words.literal(sharing.clean(sentence)), icon=":material/error:")
    return None


def _stopped() -> dict[bytes, Stop]:
    """What the person stopped, by key."""
    return st.session_state.setdefault("stopped-work", {})


def _was_stopped(text: str, key: bytes) -> bool:
    """Whether the person stopped this; then the page says so and offers to go on.

    Work that the page comes to whenever it runs stays stopped. Work that began at a click is come to again at another
    click only, which means to begin it.
    """
    stopped = _stopped()
    if key not in stopped:
        return False
    if not stopped[key].said and time.monotonic() - stopped[key].at > works.FORGOTTEN:
        del stopped[key]
        return False
    stopped[key].said = True
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f":material/stop_circle: {text}: stopped.", width="content")
        st.button("Go on", key=f"go-{next(works.numbers)}", type="tertiary", on_click=stopped.pop, args=(key, None))  # ty: ignore[invalid-argument-type]
    return True


def _progress(key: bytes, work: Work) -> None:
    """A fragment that shows how far the work is, and runs the page again when it is done."""
    context = get_script_run_ctx()
    if work.future.done() and context and context.fragment_ids_this_run:
        st.rerun()
    works.look(work)
    _draw(works.state(work), work, lambda: _stop_button(key, work, f"stop-{work.number}-{next(works.numbers)}"))


def _stop_button(key: bytes, work: Work, name: str, on_click: Callable = stop) -> None:
    st.button("Stop", key=name, type="tertiary", icon=":material/stop:", on_click=on_click, args=(key, work))


def _stop_and_say(key: bytes, work: Work) -> None:
    """As `stop`, said at once: a page that began the work at a click does not come to this work again."""
    stop(key, work)
    st.toast(f"{work.text}: stopped.", icon=":material/stop_circle:")


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
        state = works.state(work)
        now = (state.done, int(state.seconds or 0), state.behind, work.stopped)
        if now == self.shown:
            return
        if not self.shown or (state.done is None) != (self.shown[0] is None) or work.stopped != self.shown[3]:
            with self.place.container(horizontal=True, vertical_alignment="center", gap="small"):
                self.line, button = st.empty(), st.empty()
            if state.done is not None and not work.stopped:
                self.name = f"stop-{next(works.numbers)}"
                with button:
                    _stop_button(key, work, self.name, _stop_and_say)
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
