"""Progress of work that is made of pieces which report their own progress."""

import contextlib

from core import progress

TOTAL = 1000


@contextlib.contextmanager
def stretch(first: float, last: float):
    """Within the block, what is reported counts as the way from `first` to `last`, fractions of the whole."""
    listeners = list(progress._listeners)

    def scaled(done, total):
        part = first + (last - first) * done / max(1, total)
        for listener in listeners:
            listener(round(TOTAL * part), TOTAL)

    progress._listeners[:] = [scaled] if listeners else []
    try:
        yield
    finally:
        progress._listeners[:] = listeners
