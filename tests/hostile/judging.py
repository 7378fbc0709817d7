"""Judges what becomes of a hostile input: read, or refused in a sentence, within bounds, nothing written outside."""

import contextlib
import os
import pathlib
import re
import resource
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import pytest

READ = "read"
SECONDS = 60  # after which a reader hangs
ROOM = 6 << 30  # bytes of address space that a reader may take, so that a bomb ends the reader and not the machine
MOST_BYTES = 1 << 30  # of memory, beyond what the process had
LONGEST = 800  # characters of a sentence; a list of all settings takes 600
REFUSALS = (ValueError, LookupError, OSError, RuntimeError)  # what `core.cli.guarded` and the pages show as a sentence
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
CHANGES = ("os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod", "os.chown", "os.utime")
CODE = ("os.system", "os.exec", "os.posix_spawn", "socket.connect", "webbrowser.open", "ctypes.dlopen")


@dataclass(frozen=True)
class Case:
    """One hostile input.

    make : writes it into an empty folder and returns what the reader is given
    read : the reader, called with that; what it returns is the reading
    right : READ, or a pattern that the sentence of the refusal holds
    check : says whether a reading is right
    """

    name: str
    make: Callable
    read: Callable
    right: str = READ
    check: Callable = lambda _found: True


class TooLong(BaseException):
    """The reader did not end; no handler of errors may catch this."""


class Fence:
    """Notes what this process writes outside a folder, and whether it starts programs, while it is up."""

    def __init__(self):
        self.inside: tuple[str, ...] = ()
        self.broken: list[str] = []
        sys.addaudithook(self._seen)

    @contextlib.contextmanager
    def up(self, folder: pathlib.Path):
        """While this lasts, everything written must lie in `folder`; `broken` holds what did not."""
        self.broken, self.inside = [], (os.path.realpath(folder), "/dev/null")
        try:
            yield self
        finally:
            self.inside = ()

    def _seen(self, event: str, arguments: tuple) -> None:
        if not self.inside:
            return
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
            self._check(event, arguments[0])
        elif event in ("os.rename", "os.link"):
            self._check(event, arguments[0], arguments[2])
            self._check(event, arguments[1], arguments[3])
        elif event == "os.symlink":
            self._check(event, arguments[1], arguments[2])
        elif event in CHANGES:
            self._check(event, arguments[0], arguments[-1])
        elif event in CODE and str(arguments[0]) not in (sys.executable, "None"):
            self.broken.append(f"{event} {arguments[0]!r}")

    def _check(self, event: str, place, folder=-1) -> None:
        """folder : a descriptor of the folder that a relative path starts from, -1 for the current one."""
        if not isinstance(place, (str, bytes, os.PathLike)) or "__pycache__" in os.fsdecode(place):
            return
        start = pathlib.Path()
        if isinstance(folder, int) and folder >= 0:
            start = pathlib.Path(f"/proc/self/fd/{folder}").readlink()
        real = os.path.realpath(start / os.fsdecode(place))
        if not real.startswith(self.inside):
            self.broken.append(f"{event} {real}")


FENCE = Fence()


def judge(case: Case, folder: pathlib.Path) -> tuple[str, object]:
    """("read", the reading) or ("refused", the sentence) of a case, made in the empty folder `folder`.

    Raises AssertionError if it ended in anything else, took too long or too much, or wrote outside `folder`.
    """
    given = case.make(folder)
    before = tempfile.tempdir
    tempfile.tempdir = str(folder)
    try:
        with warnings.catch_warnings(), bounds(), FENCE.up(folder) as fence:
            warnings.simplefilter("ignore")
            try:
                outcome = READ, case.read(given)
            except REFUSALS as error:
                assert not isinstance(error, (KeyError, IndexError, RecursionError)), repr(error)
                outcome = "refused", str(error.args[0] if len(error.args) == 1 else error)
    finally:
        tempfile.tempdir = before
    assert not fence.broken, fence.broken
    if outcome[0] == "refused":
        check_sentence(outcome[1])
    return outcome


def must_end_well(case: Case, folder: pathlib.Path) -> None:
    """Fail unless the case ends as it says."""
    outcome, found = judge(case, folder)
    if case.right == READ:
        assert outcome == READ, found
        assert case.check(found), f"{found!r:.500}"
    else:
        assert outcome == "refused", f"it was read: {found!r:.300}"
        assert re.search(case.right, str(found)), found


def check_sentence(text: str) -> None:
    """One sentence, or two short ones, for a person: no traceback, no object's address, no more than one line."""
    assert re.search(r"\S+( \S+){3,}", text), f"no sentence: {text!r}"
    assert text.rstrip().endswith((".", ")", "?")) or re.search(r"python -m \S+ .*$", text), f"no full stop: {text!r}"
    assert "\n" not in text, f"{text.count(chr(10)) + 1} lines: {text!r:.300}"
    assert len(text) <= LONGEST, f"{len(text)} characters: {text:.200}"
    assert "Traceback" not in text and " object at 0x" not in text, text


@contextlib.contextmanager
def bounds():
    """End what takes too long; fail if it took too much memory."""
    if sys.platform != "linux":
        yield
        return
    start = _memory("VmRSS")
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the highest mark starts anew
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    former = signal.signal(signal.SIGALRM, _ring)
    resource.setrlimit(resource.RLIMIT_AS, (_memory("VmSize") + ROOM, hard))
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, former)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    taken = _memory("VmHWM") - start
    assert taken < MOST_BYTES, f"it took {taken >> 20} MiB of memory"


def parametrised(cases: list[Case]):
    """A decorator that runs a test with each of the cases, by name."""
    names = [case.name for case in cases]
    assert len(set(names)) == len(names), [name for name in names if names.count(name) > 1]
    return pytest.mark.parametrize("case", cases, ids=names)


def _ring(*_) -> None:
    raise TooLong(f"not done after {SECONDS} s")


def _memory(name: str) -> int:
    """Bytes that /proc says of this process."""
    (line,) = [line for line in pathlib.Path("/proc/self/status").read_text().splitlines() if line.startswith(name)]
    return int(line.split()[1]) << 10
