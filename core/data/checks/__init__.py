"""Checks of a data set before training: `run` finds what spoils it, with evidence; `apply` mends it."""

import numpy as np

from core import progress
from core.data.checks import classes, columns, duplicates, notes, pictures
from core.data.checks.finding import KINDS, SEVERITIES, Finding, Fix
from core.data.checks.fixes import apply
from core.data.content import content_keys
from core.data.dataset import Dataset

__all__ = ["KINDS", "SEVERITIES", "Finding", "Fix", "apply", "run"]


def run(dataset: Dataset, parts: np.ndarray | None = None) -> list[Finding]:
    """All findings, the gravest first.

    parts : of `split.make`; None leaves out what needs a split
    """
    with progress.within(0, 10):
        keys = content_keys(dataset)
    found = [*duplicates.find(dataset, parts, keys), *columns.find(dataset), *classes.find(dataset, parts)]
    with progress.within(1, 10, 9):
        found += pictures.find(dataset, parts, keys)
    found += notes.find(dataset)
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))
