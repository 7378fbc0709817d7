"""Ways in which a file is spoiled: by a crash, by a disk, by an editor, by another version of Vitrine."""

import json
import pathlib

import numpy as np

NEWER = 99  # a format number that nobody has written yet


def _emptied(content: bytes, rng) -> bytes:  # noqa: ARG001 (one signature for all)
    return b""


def _cut(content: bytes, rng) -> bytes:  # noqa: ARG001
    return content[: len(content) // 2]


def _random(content: bytes, rng) -> bytes:
    return rng.bytes(max(1, len(content)))


def _spotted(content: bytes, rng) -> bytes:
    """One byte in a hundred is another one."""
    values = np.frombuffer(content, np.uint8).copy()
    where = rng.integers(0, max(1, len(values)), max(1, len(values) // 100))
    if len(values):
        values[where] = rng.integers(0, 256, len(where), dtype=np.uint8)
    return values.tobytes()


ANY = {"emptied": _emptied, "cut in half": _cut, "random bytes": _random, "some bytes": _spotted}
OF_JSON = {
    "a list": lambda values: [],  # noqa: ARG005
    "a text": lambda values: "x",  # noqa: ARG005
    "another object": lambda values: {"a": None},  # noqa: ARG005
    "nulls": lambda values: dict.fromkeys(values),
    "texts": lambda values: dict.fromkeys(values, "x"),
    "lists": lambda values: {name: [] for name in values},
    "numbers": lambda values: dict.fromkeys(values, -1),
    "deep nulls": lambda values: _deep(values, None),
    "deep texts": lambda values: _deep(values, "x"),
    "newer": lambda values: {**values, "format": NEWER},
}


def ways(file: pathlib.Path) -> list[str]:
    """The damages that there are for a file."""
    return [*ANY, "missing", "a folder", *(OF_JSON if file.suffix in (".json", ".jsonl") else ())]


def spoil(file: pathlib.Path, way: str, seed: int = 0) -> None:
    """Damage a file in one of its `ways`. A row of a .jsonl file is damaged as a JSON file is."""
    content = file.read_bytes()
    if way in ANY:
        made = ANY[way](content, np.random.default_rng(seed))
        file.unlink()  # and not written over: the file may be mapped into memory, or linked
        file.write_bytes(made)
    elif way in ("missing", "a folder"):
        file.unlink()
        if way == "a folder":
            file.mkdir()
    elif file.suffix == ".jsonl":
        rows = [json.loads(line) for line in content.splitlines()]
        file.write_text("".join(json.dumps(OF_JSON[way](row)) + "\n" for row in rows))
    else:
        file.write_text(json.dumps(OF_JSON[way](json.loads(content))))


def _deep(values, leaf):
    """The same lists and objects, each plain value of which is `leaf`; the format stays."""
    if isinstance(values, dict):
        return {name: what if name == "format" else _deep(what, leaf) for name, what in values.items()}
    return [_deep(what, leaf) for what in values] if isinstance(values, list) else leaf
