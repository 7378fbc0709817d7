"""How far long work is: the work reports, and whoever shows it listens. Without a listener nothing happens."""

import contextlib
from collections.abc import Callable, Generator

_listeners: list[Callable[[float, float], None]] = []
_pieces: list[tuple[float, float, float]] = []  # of work within which other work reports: done, all, and this one's


class Stopped(RuntimeError):
    """Somebody asked the work to stop; a listener raises this in the middle of it."""


def report(done: float, total: float) -> None:
    """Say that `done` of `total` pieces are done. A listener may raise Stopped, which ends the work."""
    for before, pieces, size in reversed(_pieces):
        done, total = before + size * done / (total or 1), pieces
    for listener in _listeners:
        listener(done, total)


@contextlib.contextmanager
def within(done: float, total: float, size: float = 1) -> Generator[None]:
    """What is reported inside the block is about the next `size` pieces of the work, after `done` of `total` pieces."""
    _pieces.append((done, total, size))
    try:
        report(0, 1)
        yield
    finally:
        _pieces.pop()


@contextlib.contextmanager
def listen(listener: Callable[[float, float], None]) -> Generator[None]:
    """Call `listener(done, total)` for each report until the end of the block."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)
