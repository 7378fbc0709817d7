"""Files that are whole or not there: what changes is written beside, flushed, and renamed."""

import contextlib
import json
import os
import pathlib
import secrets


@contextlib.contextmanager
def replacing(target: pathlib.Path):
    """Give a path beside `target` to write to; at the end it is flushed and takes the place of `target` at once."""
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield beside
        with open(beside, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(beside, target)
    finally:
        beside.unlink(missing_ok=True)


def write_json(target: pathlib.Path, values: dict) -> None:
    """Write a JSON file whole or not at all; NaN and infinity are refused."""
    text = json.dumps(values, indent=1, allow_nan=False)
    with replacing(target) as beside:
        beside.write_text(text, encoding="utf-8")
