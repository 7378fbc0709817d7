"""Files that are whole or not there, and JSON that says of itself whether it is still what was written."""

import contextlib
import errno
import hashlib
import json
import os
import pathlib
import secrets
from collections.abc import Generator

import filelock

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
IN_THE_WAY = (errno.EISDIR, errno.ENOTDIR, errno.ENOTEMPTY, errno.EEXIST)
LOCKED = (errno.EROFS, errno.EACCES, errno.EPERM)
SEAL = "seal"  # in a JSON file: the SHA-256 of the rest of it
WAIT_SECONDS = 30.0  # for somebody else who changes the same file


class NotWritten(OSError):
    """A file could not be written, as on a full or a read-only disk; the message is the sentence to show."""

    def __init__(self, sentence: str, number: int | None = None):
        super().__init__(sentence)
        self.errno = number  # as the system has it


class Newer(ValueError):
    """A file was written by a newer Vitrine; the message is the sentence to show."""


@contextlib.contextmanager
def replacing(target: pathlib.Path) -> Generator[pathlib.Path]:
    """Give a path beside `target` to write to; at the end it is flushed and takes the place of `target` at once.

    Raises NotWritten if it cannot be written, or FileNotFoundError if its folder is gone; `target` stays what it was.
    """
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with in_a_sentence(target):
            yield beside
            with open(beside, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(beside, target)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)


@contextlib.contextmanager
def in_a_sentence(target: pathlib.Path) -> Generator[None]:
    """Turn what the system says against a write, as on a full disk, into NotWritten, which says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno is None or isinstance(error, (NotWritten, FileNotFoundError)):
            raise
        raise NotWritten(said(error, target), error.errno) from error


def said(error: Exception, target: pathlib.Path | None = None) -> str:
    """The sentence of an error of ours; of one of the system, which file it is about and what to do.

    target : what was being written, where the error does not name it
    """
    if not isinstance(error, OSError) or error.errno is None or isinstance(error, NotWritten):
        return str(error.args[0] if len(error.args) == 1 else error)
    where = str(target or error.filename or "a file")
    reason = os.strerror(error.errno).lower()
    if error.errno in FULL:
        return f"The disk of {where} is full ({reason}); make room there, then do this again."
    if error.errno in LOCKED:
        return f"{where} cannot be used ({reason}); make it readable and writable, then do this again."
    if error.errno in IN_THE_WAY:
        return f"{where} is in the way ({reason}); move it away, then do this again."
    return f"{where} cannot be used ({reason}); look after it, then do this again."


@contextlib.contextmanager
def alone(target: pathlib.Path) -> Generator[None]:
    """Keep others from changing a file or folder between the look and the write; TimeoutError if it takes too long."""
    lock = filelock.FileLock(target.with_name(f".{target.name}.lock"))
    try:
        with in_a_sentence(target):
            lock.acquire(timeout=WAIT_SECONDS)
    except filelock.Timeout:
        raise TimeoutError(
            f"{target} is being changed by another process for {WAIT_SECONDS:.0f} s; end that one, then do this again."
        ) from None
    with lock:
        yield


def not_before(target: pathlib.Path, source: pathlib.Path) -> None:
    """See to it that `target`, made from `source`, is the newer of the two, also if the clock was set back between."""
    with contextlib.suppress(OSError):
        earliest = source.stat().st_mtime_ns + 1000
        if target.stat().st_mtime_ns < earliest:
            os.utime(target, ns=(earliest, earliest))


def write_json(target: pathlib.Path, values: dict) -> None:
    """Write a JSON file whole or not at all; NaN and infinity are refused."""
    text = json.dumps(values, indent=1, allow_nan=False)
    with replacing(target) as beside:
        beside.write_text(text, encoding="utf-8")


def write_even_if_full(target: pathlib.Path, values: dict) -> None:
    """As `write_json`, but on a full disk what is there is written over, which needs no more room than it has.

    For a status, which has to say that the disk is full.
    """
    try:
        write_json(target, values)
    except OSError as error:
        if error.errno not in FULL or not target.exists():
            raise
        with open(target, "r+", encoding="utf-8") as file:
            file.write(json.dumps(values, allow_nan=False))
            file.truncate()


def write_sealed(target: pathlib.Path, values: dict) -> None:
    """As `write_json`, for what nobody edits: any later change of the file is noticed by `read_json`."""
    write_json(target, {**values, SEAL: _seal(values)})


def read_json(target: pathlib.Path, known: int = 1) -> dict:
    """The JSON object in a file, without its seal.

    known : the newest `format` that can be read here; an object without one is read as it is
    Raises OSError if it cannot be opened, Newer if a newer Vitrine wrote it, ValueError if it is damaged.
    """
    try:
        values = json.loads(target.read_text(encoding="utf-8"), parse_constant=_no_json)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(values, dict):
        raise ValueError("it is not a JSON object")
    number = values.get("format", 1)
    if isinstance(number, bool) or not isinstance(number, int):
        raise ValueError(f"its format is {str(number)[:40]!r} and not a number")
    if number > known:
        raise Newer(
            f"{target} was written by a newer Vitrine (format {number}; this one reads up to {known}); "
            "update Vitrine to open it."
        )
    if SEAL in values and values.pop(SEAL) != _seal(values):
        raise ValueError("it was changed after it was written")
    return values


def append_rows(target: pathlib.Path, rows: list[dict]) -> None:
    """Add rows to a .jsonl file; each row is one line. Raises NotWritten if the disk is full."""
    with in_a_sentence(target), open(target, "a", encoding="utf-8") as file:
        file.write("".join(json.dumps(row) + "\n" for row in rows))


def read_rows(target: pathlib.Path) -> list[dict]:
    """The rows of a .jsonl file; a last line that is still being written, and any damaged line, are left out."""
    try:
        lines = target.read_bytes().split(b"\n")[:-1]
    except OSError:  # not there, or damaged as a whole
        return []
    rows = []
    for line in lines:
        with contextlib.suppress(ValueError, RecursionError):
            rows.append(json.loads(line))
    return [row for row in rows if isinstance(row, dict)]


def _seal(values: dict) -> str:
    return hashlib.sha256(json.dumps(values, allow_nan=False).encode()).hexdigest()


def _no_json(text: str):
    raise ValueError(f"{text} is no JSON")  # NaN and Infinity, which Python would take
