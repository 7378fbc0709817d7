"""A workspace for a while, for what makes one that many tests share, and for benchmarks."""

import contextlib
import os
import pathlib


@contextlib.contextmanager
def workspace_of(folder: pathlib.Path):
    """Make `folder` the workspace of this process for a while."""
    before = os.environ.get("VITRINE_WORKSPACE")
    os.environ["VITRINE_WORKSPACE"] = str(folder)
    try:
        yield folder
    finally:
        os.environ.pop("VITRINE_WORKSPACE")
        if before is not None:
            os.environ["VITRINE_WORKSPACE"] = before
