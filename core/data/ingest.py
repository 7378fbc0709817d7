"""From what a person names (a file, a folder, a ready-made set, a Dataset in Python) to a stored data set."""

import contextlib
import dataclasses
import difflib
import json
import os
import pathlib
import re
from types import ModuleType
from typing import TYPE_CHECKING, Any

from core import data, files, registry
from core.data import readers, store
from core.data.dataset import Dataset
from core.data.images import decode_many
from core.data.reading import Progress
from core.options import check
from core.workspace import workspace

if TYPE_CHECKING:
    from torch.utils.data import Dataset as TorchDataset

TABLE_SUFFIXES = (".csv", ".tsv", ".txt", ".data", ".test", ".parquet", ".xlsx", ".gz")
PYTHON_NAME = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
PATHS = {"table": "test", "torchvision": "root"}  # the setting of a reader that is a path, too


def reader(name: str) -> ModuleType:
    """The file of one reader; LookupError if there is none of that name."""
    return registry.member(readers, name, "reader")


def recognise(text: str) -> str:
    """The reader for `text`: "table", "folder", "torchvision" or "own"; LookupError says what could be given.

    A ready-made set comes before a folder of its name, which torchvision makes itself; ./NAME is the folder.
    """
    ready = reader("torchvision").READY
    if text in ready:
        return "torchvision"
    path = pathlib.Path(text)
    with contextlib.suppress(OSError, RuntimeError, ValueError):  # no path at all: too long, of an unknown ~user
        path = path.expanduser()
        if path.is_dir() or (path.is_file() and path.suffix.lower() == ".zip"):
            return "folder"
        if path.is_file():
            return "table"
    if PYTHON_NAME.fullmatch(text):
        return "own"
    if path.suffix.lower() in (*TABLE_SUFFIXES, ".zip"):  # not there, as its reader says
        return "folder" if path.suffix.lower() == ".zip" else "table"
    known = {name.lower(): name for name in (*ready, *data.available())}
    near = difflib.get_close_matches(text.lower(), known, n=1)
    shown = text if len(text) <= 200 else f"{text[:200]}..."
    raise LookupError(
        f"There is no data set {shown!r}; there are {', '.join(data.available())}."
        + (f" Did you mean {known[near[0]]}?" if near else "")
        + " Or name a table (.csv, .parquet), a folder or .zip of class folders, a torchvision set "
        + f"({', '.join(ready)}), or package.module:Dataset."
    )


def options_of(name: str, values: dict) -> Any:
    """The Options of a reader with `values` in place of defaults; ValueError if one does not fit.

    What stands for text may be given as another plain value: 5, ["?", "-"], {"n": 4}.
    """
    kind = reader(name).Options
    fields = {field.name: field for field in dataclasses.fields(kind)}
    if unknown := sorted(set(values) - set(fields)):
        known = ", ".join(fields)
        raise ValueError(f"{', '.join(unknown)} is no setting of the reader {name}; the settings are {known}.")
    given = {}
    for key, value in values.items():
        if isinstance(fields[key].default, str):
            value = _text(value)
        elif fields[key].default_factory is dict and not isinstance(value, dict):
            raise ValueError(f'{key} is {value!r}; it must be a JSON object, for example {{"age": "number"}}.')
        given[key] = value
    options = kind(**given)
    check(options)
    return options


def add(text: str, name: str = "", values: dict | None = None, progress: Progress = lambda *_: None) -> Dataset:
    """Read what `text` names, store it, and return it as it is stored; a set that is stored already is returned.

    name : of the data set, where other content becomes a new version; if empty, one is made from `text`, with a number
        where it stands for data from somewhere else
    values : settings of the reader, see `options_of`
    progress : called with phase, done and total; it may raise InterruptedError to end the work
    Raises ValueError or LookupError for what cannot be read, and OSError for a disk that is full or cannot be used, all
    with one sentence; then nothing is stored.
    """
    text, values = os.fspath(text).strip(), _given(values)
    if not text:
        raise ValueError("No data is named; name a data set, a table, a folder of class folders or a .zip of these.")
    if text in data.available():
        if values:
            raise ValueError(f"{text} is stored already; {', '.join(values)} cannot be given with it. Name its file.")
        return data.get(text)
    kind = recognise(text)
    where = _absolute(text) if kind in ("table", "folder") else text
    options, values = _settled(kind, values)
    source = {"reader": kind, "where": where, "options": values}
    stamp = _stamp(kind, where, values)
    target = _own_name(name) if name else _free_name(store.clean(_stem(kind, where)), source)
    if stamp and target in store.names() and store.source(target) == {**source, "stamp": stamp}:
        try:
            return data.get(target)
        except ValueError:
            pass  # damaged: read again
    with _all_or_nothing(target, pathlib.Path(where).name):
        made = reader(kind).load(where, options, progress)
        return store.put(dataclasses.replace(made, name=target), {**source, "stamp": stamp})


def again(name: str, values: dict, progress: Progress = lambda *_: None) -> Dataset:
    """Read a stored set anew from where it came, with other settings of its reader: a new version of it."""
    source = store.source(name)
    if source.get("reader") not in registry.members(readers):
        raise ValueError(f"{name} cannot be read anew, as it is not known from which file or folder; add it again.")
    kind, where = source["reader"], source["where"]
    options, values = _settled(kind, _given(values))
    stamp = _stamp(kind, where, values)
    with _all_or_nothing(name, pathlib.Path(where).name):
        made = reader(kind).load(where, options, progress)
        return store.put(dataclasses.replace(made, name=name), {**source, "options": values, "stamp": stamp})


def take(
    dataset: "TorchDataset", name: str = "", test: "TorchDataset | None" = None, classes: tuple[str, ...] = ()
) -> Dataset:
    """Store a person's own map-style torch Dataset, given as it is; `test` is a second one for the test part."""
    own = reader("own")
    sets = [(own.check(dataset, "data"), "")] + ([] if test is None else [(own.check(test, "test"), "test")])
    kind = type(dataset).__name__
    source = {"reader": "python", "where": kind, "options": {}}
    target = _own_name(name) if name else _free_name(store.clean(kind), source)
    with _all_or_nothing(target, kind):
        made = own.read(sets, name or kind, f"{kind}, given from Python", tuple(classes))
        return store.put(dataclasses.replace(made, name=target), source)


# ------------------------------------------------------------------------------------------- settings, names, paths


def _given(values: dict | None) -> dict:
    return {key: value for key, value in (values or {}).items() if value is not None and value not in ("", {})}


def _settled(kind: str, values: dict) -> tuple[object, dict]:
    """The Options of a reader, and `values` as they are kept: plain, and with whole paths."""
    options = options_of(kind, values)
    if path := getattr(options, PATHS.get(kind, ""), ""):
        options = dataclasses.replace(options, **{PATHS[kind]: _absolute(path)})
    return options, {key: getattr(options, key) for key in values}


def _text(value):
    """A plain value as the text that stands for it; what is not plain comes back, to be refused."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value))
    try:
        return value if isinstance(value, str) else json.dumps(value)
    except TypeError:
        return value


def _absolute(path: str) -> str:
    try:
        return str(pathlib.Path(path).expanduser().resolve())
    except (RuntimeError, ValueError) as error:  # an unknown ~user, a NUL
        raise ValueError(f"{path!r} is no path on this machine ({error}); give the whole path.") from error


def _own_name(text: str) -> str:
    """The name that a person gives; ValueError if it is that of a set that comes with the project."""
    name = store.clean(text)
    if name in data.built_in():
        raise ValueError(f"{name} is the name of a set that comes with Vitrine; choose another one.")
    return name


def _free_name(name: str, source: dict) -> str:
    """`name`, with a number if it stands for data from somewhere else already."""
    taken, number = name, 1
    while taken in data.built_in() or (
        taken in store.names() and store.source(taken).get("where") not in (None, source["where"])
    ):
        number += 1
        taken = f"{name[:50]}-{number}"
    return taken


def _stem(kind: str, where: str) -> str:
    if kind == "own":
        return where.rpartition(":")[2]
    name = pathlib.Path(where).name
    return name.split(".")[0] or name


def _stamp(kind: str, where: str, values: dict) -> list | None:
    """Size and time of the files behind a table, which say whether it has to be read again; None for the others."""
    if kind != "table":
        return None
    paths = [pathlib.Path(where), *([pathlib.Path(values["test"])] if values.get("test") else [])]
    try:
        return [[path.stat().st_size, path.stat().st_mtime_ns] for path in paths]
    except OSError:
        return None


@contextlib.contextmanager
def _all_or_nothing(name: str, what: str):
    """Leave no empty data set `name` behind, and say in one sentence what the machine has against reading `what`."""
    try:
        yield
    except BaseException as error:
        with contextlib.suppress(OSError, LookupError):
            store.folder(name).rmdir()  # goes only if it is empty
        if (said := _in_words(error, what)) is None:
            raise
        raise said from error


def _in_words(error: BaseException, what: str) -> Exception | None:
    """An error of the machine as one whose message is a sentence; None for all that should pass as it is."""
    if isinstance(error, MemoryError):
        return ValueError(f"{what} does not fit into memory; use fewer rows or columns, or a smaller size.")
    if not isinstance(error, OSError) or isinstance(error, InterruptedError):
        return None
    if len(error.args) == 1 and not isinstance(error, files.NotWritten):
        return None
    if error.errno in decode_many.FULL:
        return OSError(f"The disk is full: {what} does not fit into {workspace()}; free some space and add it again.")
    if isinstance(error, files.NotWritten):
        return None
    at = f": {error.filename}" if error.filename else ""
    return OSError(f"{what} cannot be read or stored ({error.strerror}{at}); mend that and add it again.")
