"""A workspace for a while, for what makes one that many tests share, and for benchmarks."""

import contextlib
import json
import os
import pathlib
import shutil
from collections.abc import Callable

import filelock


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


def together(tmp_path_factory) -> pathlib.Path:
    """The folder for what all processes that test together share; each has one of its own in it, if they are many."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if own.name.startswith("popen-") else own  # as pytest-xdist names them


def once(place: pathlib.Path, build: Callable):
    """What `build()` returned, a value for JSON; it fills the folder `place`, and the first process that asks does it.

    Nobody may change what is in `place` afterwards. A build that failed is made anew by who asks next.
    """
    kept = place.with_name(f"{place.name}.json")
    with filelock.FileLock(place.with_name(f"{place.name}.lock")):
        if not kept.exists():
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            kept.write_text(json.dumps(build()), encoding="utf-8")
        return json.loads(kept.read_text(encoding="utf-8"))
