"""Runs in the states that the tests of jobs look at."""

from core import config, runs
from tests.core import toys


def queued(**settings) -> str:
    """A run in state "queued" without a process."""
    asked = config.suggest(toys.table(), **{"device": "cpu", **settings})
    return runs.create(asked, toys.table().schema, "")
