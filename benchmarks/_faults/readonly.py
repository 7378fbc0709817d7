"""A workspace on a read-only disk: pages and commands look, and where they would write they say so in a sentence.

The disk is a tmpfs that is mounted again as read-only, which takes root.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess

from benchmarks._faults import Count
from benchmarks._faults.damage import prepare
from tests.faults import looking

PAGES = ("runs", "data", "train", "search", "live", "evaluate", "explain", "compare", "export", "share")
LOOKS = (
    ("runs",),
    ("trash",),
    ("nets",),
    ("data", "list"),
    ("show", "{run}"),
    ("evaluate", "{run}"),
    ("slices", "{run}"),
)
WRITES = (
    ("train", "--data", "iris", "--epochs", "1"),
    ("resume", "{run}"),
    ("again", "{run}"),
    ("delete", "{run}"),
    ("stop", "{run}"),
    ("trash", "--empty"),
    ("restore", "{binned}"),
    ("note", "{run}", "--note", "New."),
    ("explain", "{run}", "--method", "shapley"),
    ("sweep", "lr=0.001..0.01", "--data", "iris"),
    ("sweep", "--resume", "{search}"),
    ("data", "add", "{file}", "--name", "anew"),
)
EXPORTS = ("onnx", "verify", "variants", "kit", "report", "page", "card", "script")


def run(where: pathlib.Path, seed: int, times: int) -> list[Count]:  # noqa: ARG001 (nothing here is left to chance)
    """Every page, and every command."""
    names = prepare(where)
    names |= {"run": names["table"], "file": str(where / "given" / "later.csv")}
    count = Count("read-only disk")
    with _read_only(where) as workspace:
        before = {file: file.stat().st_mtime_ns for file in workspace.rglob("*")}
        for what, seen in _looks(names):
            count.cases += 1
            count.tracebacks += bool(seen.faults)
            for fault in seen.faults:
                print(f"FAULT {what}:\n" + "\n".join(fault.strip().splitlines()[-7:]), flush=True)
        count.lost = sum(file.stat().st_mtime_ns != moment for file, moment in before.items())
    return [count]


def _looks(names: dict[str, str]):
    for page in PAGES:
        query = {"runs": f"{names['run']},{names['other']}"} if page == "compare" else {"run": names["run"]}
        yield page, looking.page(page, **query)
    for words in (*LOOKS, *WRITES):
        words = [word.format(**names) for word in words]
        yield "$ " + " ".join(words), looking.command(*words)
    for name in EXPORTS:
        yield f"$ {name}", looking.command(name, names["run"], exports=True)


@contextlib.contextmanager
def _read_only(where: pathlib.Path):
    mount = where / "disk"
    mount.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", str(mount)], check=True)
    try:
        shutil.copytree(where / "workspace", mount / "workspace")
        subprocess.run(["mount", "-o", "remount,ro", str(mount)], check=True)
        os.environ["VITRINE_WORKSPACE"] = str(mount / "workspace")
        yield mount / "workspace"
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)
