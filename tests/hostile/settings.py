"""Hostile configs, settings and names of runs, data sets, lists, tags and points."""

import json
import pathlib
import re

from core import config, data, notes, options, runs
from core.data import imports, ingest, store
from core.search import space
from core.training import checkpoint  # noqa: F401 (so that no import is counted against a case)
from tests.core import toys
from tests.hostile import words
from tests.hostile.judging import READ, Case

GOOD = config.TrainConfig().to_dict()


def _changed(*path, to) -> dict:
    values = json.loads(json.dumps(GOOD))
    inner = values
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = to
    return values


def _without(name: str) -> dict:
    return {key: value for key, value in GOOD.items() if key != name}


def _run(folder: pathlib.Path, text: str | bytes) -> str:
    name = "2026-01-01-quiet-maple"
    where = folder / "workspace" / "runs" / name
    where.mkdir(parents=True)
    (where / "config.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    return name


def _config(name, values, right) -> Case:
    text = values if isinstance(values, (str, bytes)) else json.dumps(values)
    return Case(f"config, {name}", lambda folder: _run(folder, text), runs.config, right)


CONFIGS = [
    _config("as it should be", GOOD, READ),
    _config("empty", "", "config.json"),
    _config("a list", "[]", "config.json"),
    _config("null", "null", "config.json"),
    _config("a number", "7", "config.json"),
    _config("text", '"x"', "config.json"),
    _config("NaN", "NaN", "config.json"),
    _config("cut", json.dumps(GOOD)[:-9], "config.json"),
    _config("bytes", bytes(range(256)), "config.json"),
    _config("NULs", bytes(4096), "config.json"),
    _config("100,000 brackets", "[" * 100_000, "config.json"),
    _config("100,000 objects", '{"a":' * 100_000, "config.json"),
    _config("half a surrogate", _changed("data", "name", to="\ud800"), READ),
    _config("a number of 5,000 digits", '{"data": ' + "9" * 5000 + "}", "config.json"),
    _config("the same name twice", '{"data": {}, "data": {}, "net": {}, "training": {}}', READ),
    *[_config(f"without {name}", _without(name), "config.json") for name in ("data", "net", "training")],
    *[
        _config(f"{name} a list", _changed(name, to=[1]), "config.json")
        for name in ("data", "net", "training", "augment")
    ],
    *[_config(f"{name} null", _changed(name, to=None), "config.json") for name in ("data", "net", "training")],
    _config("a setting unknown", _changed("training", "evil", to=1), "evil"),
    _config("epochs nan", _changed("training", "epochs", to=float("nan")), "no json"),
    _config("epochs a text", _changed("training", "epochs", to="ten"), "epochs"),
    _config("epochs negative", _changed("training", "epochs", to=-1), "epochs"),
    _config("epochs 1e9", _changed("training", "epochs", to=10**9), "epochs"),
    _config("epochs a list", _changed("training", "epochs", to=[1]), "epochs"),
    _config("epochs true", _changed("training", "epochs", to=True), "."),
    _config("lr infinity", _changed("training", "lr", to=float("inf")), "no json"),
    _config("lr nan", _changed("training", "lr", to=float("nan")), "no json"),
    _config("lr null", _changed("training", "lr", to=None), "lr"),
    _config("batch of 2 to the 70", _changed("training", "batch_size", to=2**70), "batch_size"),
    _config("a choice unknown", _changed("training", "optimizer", to="rm -rf"), "optimizer"),
    _config("a choice a list", _changed("training", "optimizer", to=["adam"]), "optimizer"),
    _config("folds of 1e6", _changed("data", "folds", to=10**6), "folds"),
    _config("a name a number", _changed("data", "name", to=5), "name"),
    _config("options a list", _changed("net", "options", to=[1]), "options"),
    _config("weights a number", _changed("net", "weights", to=5), "weights"),
]

REFUSE = "."


def _names(what, read, names, make=lambda _folder: None) -> list[Case]:
    """A case for each name, all of which must be refused."""
    return [Case(f"{what}, {kind}", lambda f, n=name: (make(f), n)[1], read, REFUSE) for kind, name in names.items()]


def _workspace(folder: pathlib.Path) -> None:
    (folder / "workspace").mkdir()
    data.store.put(toys.table("mine"))


def _noted(**changes):
    run = "2026-01-01-quiet-maple"
    (runs.workspace() / "runs" / run).mkdir(parents=True)
    return notes.write(run, **changes)


NO_NAMES = {kind: name for kind, name in words.ALL.items() if not re.fullmatch(r"[\w-]{1,60}", name)}
NAMES = [
    *_names(
        "folder of a run",
        lambda name: runs.path(name, "x"),
        NO_NAMES,
    ),
    *_names("run", runs.resolve, words.ALL),
    *_names("data set", store.version, words.ALL),
    *_names("data set to load", data.get, words.ALL),
    *_names("version of a data set", lambda v: data.get("mine", v or "x"), words.ALL, _workspace),
    *_names("what to add", ingest.add, {**words.MARKED, **words.ODD}),
    *_names("import", imports.status, words.PATHS),
    *_names(
        "list",
        lambda name: data.lists.save("mine", name, ["1"]),
        NO_NAMES,
        _workspace,
    ),
    *_names("setting", lambda text: options.parse([text]), {k: v for k, v in words.ALL.items() if "=" not in v}),
    *_names("range to search", lambda text: space.check(space.parse([f"lr={text}"]), "mlp"), words.PATHS),
    *_names(
        "space to search",
        lambda text: space.check(space.parse(text.split("\n")), "mlp"),
        {
            text: text
            for text in ("lr=[1],[2]", "lr=" + "[" * 9999, "net=null,cnn", "net=1..2", "lr=nan..inf", "lr=1e999..2")
        },
    ),
    Case("title of 10,000 letters", lambda _: words.LONG, lambda text: _noted(title=text), REFUSE),
    Case("tag of 10,000 letters", lambda _: words.LONG, lambda text: _noted(tags=(text,)), REFUSE),
    Case("a thousand tags", lambda _: tuple(f"t{i}" for i in range(1000)), lambda tags: _noted(tags=tags), REFUSE),
    Case("note of a million letters", lambda _: words.LONG * 100, lambda text: _noted(note=text), REFUSE),
    Case("tags that are numbers", lambda _: (1, 2), lambda tags: _noted(tags=tags), REFUSE),
    Case("title that is a list", lambda _: ["x"], lambda title: _noted(title=title), REFUSE),
]
CASES = [*CONFIGS, *NAMES]
