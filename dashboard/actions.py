"""What can be done with runs: stop, resume, run again, clone with changes, delete and undo that."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from core import files, folds, jobs, runs, trash, words
from dashboard import sharing

RESUMABLE = ("stopped", "failed", "lost")


def can_resume(row: dict) -> bool:
    """Whether a run (a row of `jobs.summaries`) ended before its time and left a checkpoint."""
    if row["state"] not in RESUMABLE:
        return False
    return any(runs.path(row["run"], "checkpoints", name).exists() for name in ("last.pt", "previous.pt"))


def buttons(row: dict, key: str) -> None:
    """The buttons for one run that is not at work, in a line: to be called in a horizontal container."""
    if sharing.read_only():
        return
    run, state = row["run"], row["state"]
    resume = can_resume(row) and st.button(
        "Resume", icon=":material/resume:", key=f"{key}-resume", help="Go on from the last checkpoint, exactly."
    )
    if resume and attempt(jobs.resume, run) is not None:
        st.switch_page("views/live.py", query_params={"run": run})
    if state != "damaged":
        if st.button(
            "Run again",
            icon=":material/replay:",
            key=f"{key}-again",
            help="A new run with the same settings on the same data.",
        ):
            with st.spinner("Starting"):
                new = attempt(folds.again if folds.members(run) else jobs.again, run)
            if new is not None:
                st.switch_page("views/live.py", query_params={"run": new})
        if st.button(
            "Clone with changes",
            icon=":material/tune:",
            key=f"{key}-clone",
            help="Open the Train page with these settings filled in.",
        ):
            st.switch_page("views/train.py", query_params={"from": run})


def delete_button(row: dict, key: str) -> None:
    """A button that moves a run that is not at work to the trash: to be called in a horizontal container."""
    if sharing.read_only() or row["state"] in runs.WORKING:
        return
    if st.button("Delete", icon=":material/delete:", key=f"{key}-delete", help="Move it to the trash."):
        delete([row["run"]])
        st.switch_page("views/runs.py")


def delete(names: list[str]) -> None:
    """Move runs to the trash; those still at work are stopped first. `undo` then offers them back."""
    sharing.check()
    gone = []
    for run in names:
        try:
            if jobs.summary(run)["state"] in runs.WORKING:
                jobs.stop(run)
            trash.delete(run)
            gone.append(run)
        except (OSError, RuntimeError, ValueError, LookupError) as error:
            st.session_state["refused"] = f"{run[11:]} could not be deleted: {error}"
    st.session_state["deleted"] = gone


def undo() -> None:
    """Say what was just deleted, and bring it back on a click."""
    if refused := st.session_state.pop("refused", None):
        st.error(words.literal(refused), icon=":material/error:")
    deleted = [run for run in st.session_state.get("deleted", []) if run in trash.names()]
    if not deleted:
        return
    what = deleted[0][11:] if len(deleted) == 1 else words.count(len(deleted), "run")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/delete: Moved {what} to the trash.", width="content")
        if st.button("Undo", key="undo", icon=":material/undo:"):
            for run in deleted:
                attempt(restored, run)
            del st.session_state["deleted"]
            st.rerun(scope="app")


def restored(run: str) -> str:
    """Bring a run back from the trash; returns its name."""
    trash.restore(run)
    return run


def attempt(function: Callable, *args: Any) -> Any:
    """Call a function whose errors are sentences; such an error is shown, and None comes back (else never)."""
    try:
        result = function(*args)
        return True if result is None else result
    except (ValueError, LookupError, RuntimeError, OSError) as error:
        st.error(words.literal(sharing.clean(files.said(error))), icon=":material/error:")
        return None
