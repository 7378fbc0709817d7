"""The folder that holds everything that Vitrine keeps: data sets, runs, locks."""

import os
import pathlib
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
INSTALLED = not (ROOT / "pyproject.toml").is_file()  # by pip or pipx, instead of used from a clone


class WorkspaceError(OSError):
    """The workspace cannot be used; the message is the sentence to show."""


def workspace() -> pathlib.Path:
    """The folder that holds everything: VITRINE_WORKSPACE, or `workspace` where the program was started.

    Where Vitrine is installed, it is `vitrine` in the person's home: the same one, wherever they start it.
    """
    usual = pathlib.Path.home() / "vitrine" if INSTALLED else "workspace"
    return pathlib.Path(os.environ.get("VITRINE_WORKSPACE") or usual).resolve()


def check_workspace() -> pathlib.Path:
    """Make the workspace if need be; WorkspaceError if it cannot be written."""
    folder = workspace()
    try:
        (folder / "runs").mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder / "runs"):
            pass
    except OSError as error:
        raise WorkspaceError(
            f"The workspace {folder} cannot be written ({error.strerror}); "
            "make it writable, or name another folder in VITRINE_WORKSPACE."
        ) from error
    return folder


def look_at_workspace() -> str:
    """ "" where the workspace can be written, else the sentence that one can only look.

    Raises WorkspaceError if it cannot be read either, or is not there and cannot be made.
    """
    try:
        check_workspace()
    except WorkspaceError as error:
        if not os.access(workspace() / "runs", os.R_OK | os.X_OK):
            raise
        return f"{error} Until then one can only look."
    return ""


def command(part: str) -> str:
    """How a person begins a command of `part`, "core" or "exports": `vitrine`, or `python -m core` in a clone."""
    return "vitrine" if INSTALLED else f"python -m {part}"
