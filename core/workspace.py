"""The folder that holds everything that Vitrine keeps: data sets, runs, locks."""

import os
import pathlib
import tempfile


class WorkspaceError(OSError):
    """The workspace cannot be used; the message is the sentence to show."""


def workspace() -> pathlib.Path:
    """The folder that holds everything: VITRINE_WORKSPACE, or `workspace` where the program was started."""
    return pathlib.Path(os.environ.get("VITRINE_WORKSPACE") or "workspace").resolve()


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
