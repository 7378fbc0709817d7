"""Functions for the engine, which finds them by name."""

import os
import signal
import sys
import time

from core import progress


def double(number):
    return 2 * number


def refuse(sentence):
    raise LookupError(sentence)


def run_out_of_time():
    raise TimeoutError("The function's own.")


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def process_id():
    return os.getpid()


def tell_and_sleep(path):
    """Write the process's id and then take far too long."""
    with open(path, "w") as file:
        file.write(str(os.getpid()))
    time.sleep(60)


def has_torch():
    return "torch" in sys.modules


def in_pieces(path, n, seconds):
    """Write a line to the file, then work through n pieces, reporting each; returns n."""
    with open(path, "a") as file:
        file.write(f"{os.getpid()}\n")
    for done in range(n):
        progress.report(done, n)
        time.sleep(seconds)
    return n
