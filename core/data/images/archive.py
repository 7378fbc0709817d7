"""A zip file from anyone, unpacked whole and within limits, or not at all."""

import errno
import os
import pathlib
import re
import shutil
import stat
import struct
import time
import unicodedata
import zipfile
import zlib
from typing import IO

from core import words
from core.data.reading import Progress

MAX_ENTRIES = 250_000
MAX_DIRECTORY_BYTES = 64 << 20  # the list of entries, which zipfile holds in memory some ten times over
MAX_BYTES = 20 << 30  # unpacked
# Photographs hardly shrink, drawings and masks do so to a hundredth; a bomb to a thousandth.
MAX_RATIO = 100  # unpacked to packed, of the whole
FREE_BYTES = 256 << 20  # that may be unpacked whatever the ratio
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)  # LZMA may ask for 4 GiB of memory
LONGEST_NAME, LONGEST_PATH = 255, 1500  # bytes; a disk takes no longer names, and a path has the workspace before it
ENCRYPTED = 0x1  # flag bit
SKIPPED = (".DS_Store", "Thumbs.db", "__MACOSX")
BLOCK = 1 << 20
TICK_SECONDS = 0.2
DAMAGE = (
    zipfile.BadZipFile,
    EOFError,
    UnicodeDecodeError,
    zlib.error,
    NotImplementedError,
    struct.error,
    OverflowError,
)


def unpack(zip_path: pathlib.Path, folder: pathlib.Path, progress: Progress) -> None:
    """Unpack a zip file into the new folder `folder`. It appears at the end, whole; after an error nothing is left.

    Two processes must not do so with the same `folder` at once; what one that was ended left beside it is removed.
    Raises ValueError with one sentence if the file is no zip, damaged, or holds what an honest one does not: paths out
    of the folder, links, passwords, names that are the same on some systems, too much. OSError if the disk is full.
    """
    name = zip_path.name
    beside = folder.with_name(folder.name + ".part")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        _check_end(zip_path)
        with zipfile.ZipFile(zip_path) as packed:
            members = _checked(packed.infolist(), name)
            most = min(MAX_BYTES, max(FREE_BYTES, MAX_RATIO * zip_path.stat().st_size))
            _check_space(sum(info.file_size for info, _ in members), most, beside, name)
            beside.mkdir(parents=True)
            _write(packed, members, beside, most, name, progress)
        os.replace(beside, folder)
    except DAMAGE as error:
        raise ValueError(
            f"{name} is no zip file, or damaged ({words.cut(str(error), 120)}); pack it or copy it again."
        ) from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # an offset before the beginning
            raise ValueError(f"{name} is no zip file, or damaged; pack it or copy it again.") from error
        if error.errno == errno.ENOSPC:
            raise OSError(f"The disk is full: {name} does not fit beside {folder}; free some space.") from error
        raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _check_end(path: pathlib.Path) -> None:
    """Refuse a list of entries that would fill the memory, from the record at the end of the file that gives its size.

    Source: PKWARE APPNOTE 6.3, sections 4.3.14 to 4.3.16.
    """
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 22 - 0xFFFF - 20))
        tail = file.read()
        at = tail.rfind(b"PK\x05\x06")
        if at < 0 or len(tail) < at + 22:
            raise zipfile.BadZipFile("its end is missing")
        entries, n_bytes = struct.unpack_from("<HI", tail, at + 10)
        if tail[max(0, at - 20) :].startswith(b"PK\x06\x07"):  # more than 65,535 entries or 4 GiB
            file.seek(struct.unpack_from("<Q", tail, at - 12)[0])
            record = file.read(56)
            if record.startswith(b"PK\x06\x06") and len(record) == 56:
                entries, n_bytes = struct.unpack_from("<QQ", record, 32)
    if entries > MAX_ENTRIES or n_bytes > MAX_DIRECTORY_BYTES:
        raise ValueError(_too_many(path.name, entries))


def _checked(infos: list[zipfile.ZipInfo], name: str) -> list[tuple[zipfile.ZipInfo, str]]:
    """The files to unpack with their paths; ValueError with one sentence for the first that is not allowed."""
    if len(infos) > MAX_ENTRIES:
        raise ValueError(_too_many(name, len(infos)))
    members, spellings, files, folders = [], {}, set(), set()
    for info in infos:
        parts = _parts(info, name)
        if not parts or any(part in SKIPPED for part in parts):
            continue
        for end in range(1, len(parts) + 1):
            path = "/".join(parts[:end])
            seen = spellings.setdefault(unicodedata.normalize("NFC", path).casefold(), path)
            if seen != path:
                raise ValueError(
                    f"{name} holds {_shown(seen)} and {_shown(path)}, one name on some systems; rename one of them."
                )
        if info.is_dir():
            continue
        if path in files:
            raise ValueError(f"{name} holds {_shown(path)} twice; pack it again without the second.")
        files.add(path)
        folders.update("/".join(parts[:end]) for end in range(1, len(parts)))
        members.append((info, path))
    if both := files & folders:
        raise ValueError(f"{name} holds {_shown(min(both))} both as a file and as a folder; rename one of them.")
    return members


def _parts(info: zipfile.ZipInfo, name: str) -> list[str]:
    """The parts of a member's path; ValueError if it leads out of the folder, or is no plain file or folder."""
    path = info.orig_filename
    if "\0" in path or "\\" in path:
        raise ValueError(f"{name} holds {_shown(path)}, a name with a backslash or NUL; pack it with another program.")
    parts = path.split("/")
    if path.startswith("/") or re.match("[A-Za-z]:", path) or ".." in parts:
        raise ValueError(
            f"{name} holds {_shown(path)}, which leads out of the folder; pack it again with paths inside."
        )
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ValueError(f"{name} holds {_shown(path)}, a link or device; pack the files themselves.")
    if info.flag_bits & ENCRYPTED:
        raise ValueError(f"{name} is locked with a password; unpack it yourself and give the folder.")
    if info.compress_type not in METHODS:
        raise ValueError(f"{name} is packed in a way that cannot be read here; pack it as a plain zip.")
    if len(path.encode(errors="replace")) > LONGEST_PATH or max(len(part.encode()) for part in parts) > LONGEST_NAME:
        raise ValueError(f"{name} holds {_shown(path)}, a name too long for a disk; shorten it and pack it again.")
    return [part for part in parts if part not in ("", ".")]


def _check_space(n_bytes: int, most: int, beside: pathlib.Path, name: str) -> None:
    """Refuse by what the zip file says of itself; `_write` counts again."""
    if n_bytes > most:
        raise ValueError(_too_much(name))
    beside.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(beside.parent).free
    if n_bytes > free:
        raise OSError(
            f"{name} needs {words.size(n_bytes)} unpacked, and {beside.parent} has {words.size(free)} left; "
            "free some space."
        )


def _write(packed: zipfile.ZipFile, members: list, beside: pathlib.Path, most: int, name: str, progress) -> None:
    """Write the members, counting the bytes that really come out, whatever the zip file says of them."""
    written, looked, made = 0, 0.0, set()
    for i, (info, path) in enumerate(members):
        target = beside / path
        if target.parent not in made:
            target.parent.mkdir(parents=True, exist_ok=True)
            made.add(target.parent)
        with packed.open(info) as source, open(target, "xb") as file:
            while block := _read(source):
                written += len(block)
                if written > most:
                    raise ValueError(_too_much(name))
                file.write(block)
                if time.monotonic() - looked > TICK_SECONDS:
                    progress("Unpacking", i, len(members))
                    looked = time.monotonic()
    progress("Unpacking", len(members), len(members))


def _read(source: IO[bytes]) -> bytes:
    """The next bytes of a member; zipfile.BadZipFile also where bzip2 calls damage a fault of the system."""
    try:
        return source.read(BLOCK)
    except OSError as error:
        if error.errno is None:
            raise zipfile.BadZipFile(str(error)) from error
        raise


def _shown(path: str) -> str:
    """A name from the file as a sentence repeats it."""
    return repr(words.cut(path, 100))


def _too_many(name: str, n: int) -> str:
    return f"{name} lists {n:,} entries; at most {MAX_ENTRIES:,} are unpacked. Unpack it yourself and give the folder."


def _too_much(name: str) -> str:
    return (
        f"{name} unpacks to more than {words.size(MAX_BYTES)} or {MAX_RATIO} times its size, as a zip bomb does; "
        "unpack it yourself and give the folder."
    )
