"""Classes with few samples, with none in some part, or far from balanced."""

import numpy as np

from core import words
from core.data import split
from core.data.checks.finding import Finding, Fix, evidence, listed
from core.data.dataset import Dataset

RARE = 10  # samples, under which a class cannot be learnt or judged
IMBALANCE = 10  # times as many samples in the largest class as in the smallest
STRENGTH = 0.5  # of the resampling that is offered


def find(dataset: Dataset, parts: np.ndarray | None) -> list[Finding]:
    """Findings on how many samples each class has; `parts`, of each sample, "train" and so on, or None."""
    counts = np.bincount(dataset.targets, minlength=len(dataset.classes))
    found = [
        *_few(dataset, counts == 0, "empty_class", "warning", "no sample"),
        *_few(dataset, counts == 1, "single_sample", "problem", "a single sample"),
        *_few(dataset, (counts > 1) & (counts < RARE), "rare_class", "warning", f"fewer than {RARE} samples"),
    ]
    largest, smallest = int(counts.argmax()), int(np.where(counts > 0, counts, len(dataset) + 1).argmin())
    if counts[largest] > IMBALANCE * counts[smallest]:
        names = [dataset.classes[largest], dataset.classes[smallest]]
        sentence = (
            f"Class {listed(names[:1])} has {counts[largest] / counts[smallest]:,.0f} times as many samples as "
            f"{listed(names[1:])} ({counts[largest]:,} and {counts[smallest]:,})."
        )
        fix = Fix("Draw rare classes more often in training", "resample", {"strength": STRENGTH})
        found.append(Finding("imbalance", "warning", sentence, evidence(2, classes=names), fix))
    for part in split.PARTS if parts is not None else ():
        lacking = np.flatnonzero(
            (counts > 1) & (np.bincount(dataset.targets[parts == part], minlength=len(counts)) == 0)
        )
        if len(lacking):
            names = [dataset.classes[target] for target in lacking]
            have = "has" if len(names) == 1 else "have"
            found.append(
                Finding(
                    "class_missing_in_part",
                    "problem" if part == "train" else "warning",
                    f"{words.count(len(names), 'class')} {have} no sample in the {part} part: {listed(names)}.",
                    evidence(len(names), classes=names),
                )
            )
    return found


def _few(dataset: Dataset, which: np.ndarray, check: str, severity: str, what: str) -> list[Finding]:
    names = [dataset.classes[target] for target in np.flatnonzero(which)]
    if not names:
        return []
    have = "has" if len(names) == 1 else "have"
    sentence = f"{words.count(len(names), 'class')} {have} {what}: {listed(names)}."
    ids = dataset.ids[np.isin(dataset.targets, np.flatnonzero(which))]
    left = len(dataset.classes) - len(names)
    fix = Fix(f"Drop {words.count(len(names), 'class')}", "drop_classes", {"names": names}) if left >= 2 else None
    return [Finding(check, severity, sentence, evidence(len(names), classes=names, ids=ids), fix)]
