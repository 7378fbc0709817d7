"""Every file of a workspace damaged in every way: the lists stay, other things stay as they were, pages say why."""

import collections
import os
import pathlib
import random
import re
import shutil

from benchmarks._faults import Count
from tests.faults import damage, looking, whole

OF_A_RUN = ("live", "evaluate", "explain", "export", "share", "compare")
SKIPPED = re.compile(r"(^|/)(lock|[\w-]*\.lock|\.[^/]*)$|onnxruntime-web|^originals/.*[1-9]\.png$|^locks/")
COMMANDS = {
    "show": ("show", "{run}"),
    "evaluate": ("evaluate", "{run}"),
    "slices": ("slices", "{run}"),
    "compare": ("compare", "{run}", "{other}"),
    "explain": ("explain", "{run}"),
}
EXPORTS = {"report": ("report", "{run}"), "card": ("card", "{run}"), "verify": ("verify", "{run}")}


def run(where: pathlib.Path, seed: int, times: int) -> list[Count]:
    """Damage files; `times` cases are looked at through pages and commands, all of them through the lists."""
    names = prepare(where)
    os.environ["VITRINE_WORKSPACE"] = str(where / "workspace")
    workspace, kept = where / "workspace", where / "kept"
    listed, paged, told = Count("damage, lists"), Count("damage, pages"), Count("damage, commands")
    found = cases(kept, names)
    print(f"{len(found)} cases of damage")
    before = looking.lists()
    chosen = set(random.Random(seed).sample(range(len(found)), min(times, len(found))))
    faults = collections.Counter()
    for number, (name, way) in enumerate(found):
        damage.spoil(workspace / name, way, seed)
        listed.cases += 1
        try:
            now = looking.lists()
            listed.lost += bool(changed := others_that_changed(before, now, name))
            if changed:
                print("CHANGED", name, way, changed, flush=True)
        except Exception as error:
            listed.tracebacks += 1
            print("LIST", name, way, type(error).__name__, error, flush=True)
        if number in chosen:
            for what, seen in looks(name, names):
                count = told if what.startswith("$") else paged
                count.cases += 1
                count.tracebacks += bool(seen.faults)
                for fault in seen.faults:
                    text = "\n".join(fault.strip().splitlines()[-7:])
                    faults[text] += 1
                    if faults[text] == 1:
                        print(f"FAULT {what} after {name}, {way}:\n{text}\n", flush=True)
        put_back(kept, workspace, name, number in chosen)
    return [listed, paged, told]


def prepare(where: pathlib.Path) -> dict[str, str]:
    """A workspace with one of everything, and a copy of it; both stay if the folder is kept."""
    import json

    note = where / "names.json"
    if not note.exists():
        names = whole.make(where / "workspace")
        shutil.copytree(where / "workspace", where / "kept")
        note.write_text(json.dumps(names))
    shutil.rmtree(where / "workspace", ignore_errors=True)
    shutil.copytree(where / "kept", where / "workspace")
    return json.loads(note.read_text())


def cases(kept: pathlib.Path, names: dict[str, str]) -> list[tuple[str, str]]:
    """Each file that counts, with each way to damage it."""
    ours = {names[key] for key in ("table", "image", "pool", "search")}
    found = []
    for file in sorted(kept.rglob("*")):
        name = file.relative_to(kept).as_posix()
        if not file.is_file() or SKIPPED.search(name):
            continue
        if name.split("/")[0] in ("runs", "searches") and name.split("/")[1] not in ours:
            continue
        if name.split("/")[0] in ("trash", "cache", "originals"):
            ways = ("emptied", "random bytes", "missing")
        else:
            ways = damage.ways(file)
        found += [(name, way) for way in ways]
    return found


def others_that_changed(before: dict, now: dict, name: str) -> list:
    """What the lists show otherwise, although it is not what was damaged."""
    mine = name.split("/")[1]
    return [key for key, value in before.items() if mine not in (key, key[1]) and now.get(key, "gone") != value]


def looks(name: str, names: dict[str, str]):
    """What people look at that could hold the damaged file, as (what, Seen)."""
    kind, mine = name.split("/")[:2]
    other = names["other"]
    yield "runs", looking.page("runs")
    if kind == "runs":
        run = mine
    elif kind == "searches":
        yield "search", looking.page("search", search=mine)
        yield "$sweep", looking.command("sweep", "--resume", mine)
        return
    elif kind == "trash":
        return
    else:
        run = names["image"] if mine in ("digits",) or kind in ("cache", "originals") else names["table"]
        asked = {"data": mine} if kind == "data" else {}
        yield "data", looking.page("data", **asked)
        yield "train", looking.page("train", **asked)
    for page in OF_A_RUN:
        query = {"runs": f"{run},{other}"} if page == "compare" else {"run": run}
        yield page, looking.page(page, **query)
    for command, words in COMMANDS.items():
        yield f"${command}", looking.command(*[word.format(run=run, other=other) for word in words])
    for command, words in EXPORTS.items():
        yield f"${command}", looking.command(*[word.format(run=run) for word in words], exports=True)


def put_back(kept: pathlib.Path, workspace: pathlib.Path, name: str, looked_at: bool) -> None:
    """Undo the damage, and what looking at it has changed around it."""
    if not looked_at:
        what = workspace / name
        shutil.rmtree(what) if what.is_dir() else what.unlink(missing_ok=True)
        shutil.copy2(kept / name, what)
        return
    for top in {"/".join(name.split("/")[:2]), "runs"}:
        shutil.rmtree(workspace / top, ignore_errors=True)
        shutil.copytree(kept / top, workspace / top)
