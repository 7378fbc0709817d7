"""The trash: runs that were deleted, until somebody empties it. Folders move there whole, and back."""

import contextlib
import pathlib
import shutil

from core import files, runs
from core.workspace import workspace


def folder() -> pathlib.Path:
    """Where the folders of deleted runs are; it need not exist."""
    return workspace() / runs.TRASH


def delete(run: str) -> None:
    """Move the run's folder to the trash; LookupError if there is none. Who has it at work must stop it before."""
    target = folder() / run
    with files.alone(folder()):  # of two at once, the second would delete what the first has moved
        if not runs.path(run).is_dir():
            raise LookupError(f"There is no run {run} in {workspace()}.")
        with files.in_a_sentence(target):
            folder().mkdir(exist_ok=True)
            if target.exists():
                shutil.rmtree(target)
            runs.path(run).rename(target)


def names() -> list[str]:
    """The runs in the trash, newest first."""
    with contextlib.suppress(OSError):
        return sorted((entry.name for entry in folder().iterdir() if runs.NAME.fullmatch(entry.name)), reverse=True)
    return []


def restore(run: str) -> None:
    """Bring a run back from the trash; LookupError if it is not there, ValueError if its name is taken again."""
    if run not in names():
        raise LookupError(f"There is no run {run} in the trash.")
    if runs.path(run).exists():
        raise ValueError(f"There is a run {run} already; rename its folder before you bring the other one back.")
    try:
        with files.in_a_sentence(runs.path(run)):
            (folder() / run).rename(runs.path(run))
    except FileNotFoundError:
        raise LookupError(f"There is no run {run} in the trash any more.") from None


def empty() -> int:
    """Delete the runs in the trash for good; returns how many."""
    found = names()
    for run in found:
        # somebody else does it too, or brings it back
        with contextlib.suppress(FileNotFoundError), files.in_a_sentence(folder() / run):
            shutil.rmtree(folder() / run)
    return len(found)
