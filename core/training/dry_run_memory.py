"""How much memory a piece of work takes at its height, beyond what was taken before it."""

import contextlib
import ctypes
import pathlib
import sys
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

STATUS, REFS = pathlib.Path("/proc/self/status"), pathlib.Path("/proc/self/clear_refs")


@contextlib.contextmanager
def peak(device: "torch.device") -> Generator[Callable[[], int | None]]:
    """Within it, a function that returns the bytes taken at most so far; None where that cannot be measured.

    On a GPU these are PyTorch's own figures. On a CPU it is the growth of this process's resident memory, after what
    lies free in it was given back to the system, so that memory used a second time counts again; Linux alone says that.
    """
    if device.type == "cuda":
        import torch

        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        yield lambda: torch.cuda.max_memory_allocated(device) - before
        return
    resident = _start_anew() if device.type == "cpu" else None
    yield lambda: None if resident is None else max(0, _status("VmHWM") - resident)


def _start_anew() -> int | None:
    """Give back what is free and begin a new height; the bytes that are resident then, None where that cannot be."""
    if sys.platform != "linux":
        return None
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        REFS.write_text("5")
        resident = _status("VmRSS")
    except (OSError, AttributeError, ValueError):  # another libc, or a system that does not allow it
        return None
    return resident if _status("VmHWM") < resident * 1.02 else None


def _status(name: str) -> int:
    """A line of /proc/self/status in kB, as bytes."""
    (line,) = [line for line in STATUS.read_text(encoding="ascii").splitlines() if line.startswith(f"{name}:")]
    return 1024 * int(line.split()[1])
