"""A dashboard that only shows: what a team may look at, compare, explore and download, and nothing that changes.

That holds in this one place, whatever a page offers and a browser sends: the process gets a hook (`guard`) that refuses
each write into the workspace and each start of a run, and the engine computes what `computes` allows only.
"""

import os
import pathlib
import re
import sys
from collections.abc import Callable

from core.workspace import workspace
from exports.folders import without_folders

VARIABLE = "VITRINE_SHARED"
REFUSED = "This dashboard only shows what is there; it changes nothing. Ask whoever runs it."
HIDDEN = ("Train", "Search")  # pages
COMPUTED = (  # what the engine may be asked for: it keeps its results, and changes nothing else
    "core.explain",
    "core.trust",
    "core.whatif",
    "core.data.insight",
    "core.evaluation.breaking",
    "core.evaluation.leaks",
    "core.evaluation.similar",
    "core.training.previews",
    "exports.whatif",
)
NEVER = ("core.data.insight.mend", "core.explain._kept.pin", "core.explain._kept.unpin")
KEPT = re.compile(r"(cache|locks)(/|$)|runs/[^/]+/explanations/(?!\.?report\.json)")  # results that are kept
KEPT_BY_ENGINE = re.compile(  # what it computes is kept there, beside what all may keep
    KEPT.pattern
    + r"|runs/[^/]+/\.?(robustness|leaks-\w+)\.json|runs/[^/]+/predictions/\.?embedding\.npz"
    + r"|data/[^/]+/[0-9a-f]{12}/\.?(means\.npy|checks\.json|profile\.json)|data/[^/]+/splits(/|$)"
)
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = {  # audit events that change files, and which of their arguments are paths
    "os.rename": (0, 1),
    "os.remove": (0,),
    "os.mkdir": (0,),
    "os.rmdir": (0,),
    "os.truncate": (0,),
    "os.link": (1,),
    "os.symlink": (1,),
    "shutil.rmtree": (0,),
}


class ReadOnly(PermissionError, ValueError):
    """Something was asked for that this dashboard does not do; the message is the sentence to show."""

    def __init__(self, message: str = REFUSED):
        super().__init__(message)
        self.strerror = message


def read_only() -> bool:
    """Whether the dashboard was started to be looked at by a team (`python -m dashboard --share`)."""
    return os.environ.get(VARIABLE) == "1"


def computes(function: Callable) -> bool:
    """Whether the engine may be asked for this."""
    if not read_only():
        return True
    name = f"{function.__module__}.{getattr(function, '__qualname__', '')}"
    return function.__module__ == "dashboard.works" or (name not in NEVER and _within(function.__module__))


def _within(module: str) -> bool:
    return any(module == allowed or module.startswith(f"{allowed}.") for allowed in COMPUTED)


def check() -> None:
    """ReadOnly with a sentence if nothing may be changed here."""
    if read_only():
        raise ReadOnly


def check_computes(function: Callable) -> None:
    """ReadOnly for what the engine may not be asked for."""
    if not computes(function):
        raise ReadOnly


def clean(text: str) -> str:
    """A sentence for a stranger: without the folders of this machine, where only what is shared is shown."""
    if not read_only():
        return text
    return without_folders(text.replace(str(workspace()), "the workspace"))


# --------------------------------------------------------------------------------------------------- the guard

_guarded: list[pathlib.Path] = []
_kept: list[re.Pattern] = []


def guard(folder: pathlib.Path, engine: bool = False) -> None:
    """From now on, let this process change nothing in the workspace `folder` but kept results; start no run.

    engine : whether this process is the engine, which keeps what it computes
    """
    if not _guarded:
        sys.addaudithook(_hook)
    _guarded[:], _kept[:] = [folder.resolve()], [KEPT_BY_ENGINE if engine else KEPT]


def _hook(event: str, arguments: tuple) -> None:
    if not _guarded or not read_only():
        return
    if event == "open":
        path, _, flags = arguments
        if isinstance(flags, int) and flags & WRITES:
            _refuse(path)
    elif event in CHANGES:
        for place in CHANGES[event]:
            _refuse(arguments[place])
    elif event == "subprocess.Popen" and any(str(word).startswith("core.") for word in arguments[1] or ()):
        raise ReadOnly


def _refuse(path) -> None:
    if not isinstance(path, (str, bytes, os.PathLike)):
        return
    full, inside = pathlib.Path(os.fsdecode(path)).resolve(), _guarded[0]
    if full.is_relative_to(inside) and not _kept[0].match(full.relative_to(inside).as_posix()):
        raise ReadOnly
