"""Columns that tell too much, or nothing: leaks, identifiers, constants, missing and outlying values."""

import numpy as np

from core import words
from core.data.checks.finding import Finding, Fix, evidence, listed
from core.data.dataset import Dataset

NEARLY_GIVES_AWAY = 0.97  # of the mistakes of the best guess
MOSTLY_MISSING = 0.5
FAR = 10  # robust standard deviations
ALONE = 3  # times as far from the middle as the next value
MOST_COLUMNS = 20  # that get a finding of their own, for each check
LOOKED_AT = 20_000  # rows in which identifiers are looked for
LEAK_CELLS = 2_000_000  # cells in which leaks are looked for, so that ten thousand columns take seconds


def find(dataset: Dataset) -> list[Finding]:
    """Findings on the columns of a table; none for images."""
    if dataset.kind != "table":
        return []
    return [
        *_leaks(dataset),
        *_useless(dataset),
        *_missing(dataset),
        *_outliers(dataset),
        *_left_out(dataset),
    ]


def _leaks(dataset: Dataset) -> list[Finding]:
    from core.data.tables.columns import GIVES_AWAY, gives_away

    n = min(len(dataset), max(1000, LEAK_CELLS // max(1, len(dataset.columns))))
    rows = np.sort(np.random.default_rng(0).choice(len(dataset), n, replace=False))
    table, targets = dataset.frame.iloc[rows], dataset.targets[rows]
    scores = [(gives_away(table[column.name], targets), column.name) for column in dataset.columns]
    found = []
    for score, name in sorted(scores, key=lambda pair: -pair[0]):
        if score < NEARLY_GIVES_AWAY:
            break
        sure = score >= GIVES_AWAY
        gives = "gives the target away" if sure else "nearly gives the target away"
        found.append(
            Finding(
                "leak",
                "problem" if sure else "warning",
                f"Column {listed([name])} {gives}: alone it avoids {score:.1%} of the mistakes of the best guess "
                "without it. Leave it out if it is not known at the time of a prediction.",
                evidence(1, columns=[name]) | {"score": float(score)},
                _leave_out([name], "It gives the target away."),
            )
        )
    return _shortened(found)


def _useless(dataset: Dataset) -> list[Finding]:
    """Identifiers and constants that the model reads."""
    from core.data.tables.columns import infer

    names = [column.name for column in dataset.columns]
    found = []
    for report in infer(dataset.frame[names].iloc[:LOOKED_AT]):
        values = dataset.frame[report.name]
        if report.type == "identifier":
            sentence = f"Column {listed([report.name])} looks like an identifier: {_lower(report.reason)}"
            fix = _leave_out([report.name], report.reason)
            found.append(Finding("identifier", "warning", sentence, evidence(1, columns=[report.name]), fix))
        elif report.type == "constant" and values.nunique() <= 1 and (values.isna().all() or values.notna().all()):
            sentence = f"Column {listed([report.name])} tells nothing: {_lower(report.reason)}"
            fix = _leave_out([report.name], report.reason)
            found.append(Finding("constant", "warning", sentence, evidence(1, columns=[report.name]), fix))
    return _shortened(found)


def _missing(dataset: Dataset) -> list[Finding]:
    names = [column.name for column in dataset.columns]
    share = dataset.frame[names].isna().mean()
    found = []
    for name in share[(share > MOSTLY_MISSING) & (share < 1)].sort_values(ascending=False).index:
        n = int(dataset.frame[name].notna().sum())
        sentence = (
            f"Column {listed([name])} is mostly missing: {n:,} of {words.count(len(dataset), 'row')} have a value."
        )
        fix = _leave_out([name], f"It is missing in {share[name]:.0%} of the rows.")
        found.append(Finding("missing", "warning", sentence, evidence(len(dataset) - n, columns=[name]), fix))
    return _shortened(found)


def _outliers(dataset: Dataset) -> list[Finding]:
    found = []
    for column in dataset.columns:
        if column.type != "number":
            continue
        x = dataset.frame[column.name].to_numpy(np.float64, na_value=np.nan)
        far = _far(x)
        if len(far) == 0:
            continue
        ids = dataset.ids[far].tolist()
        low, high = np.nanquantile(np.delete(x, far), [0, 1])
        values = ", ".join(f"{value:,.6g}" for value in np.unique(x[far])[:3])
        more = ", …" if len(np.unique(x[far])) > 3 else ""
        sentence = (
            f"Column {listed([column.name])} has {words.count(len(far), 'value')} far from all others ({values}{more}; "
            f"the others are from {low:,.6g} to {high:,.6g})."
        )
        fix = Fix(f"Drop {words.count(len(ids), 'row')}", "drop_samples", {"ids": ids})
        found.append(Finding("outliers", "warning", sentence, evidence(len(far), columns=[column.name], ids=ids), fix))
    return _shortened(found)


def _far(x: np.ndarray) -> np.ndarray:
    """Where the few values are that lie 10 robust deviations from the median and 3 times as far as the next, int (n,).

    The deviation is the interquartile range as that of a normal distribution, or where most values are the same, that
    of the others. The second condition leaves long tails alone, such as those of prices. Few are 1%, or 5.
    """
    known = np.flatnonzero(np.isfinite(x))
    if len(known) < 5:
        return known[:0]
    low, middle, high = np.quantile(x[known], [0.25, 0.5, 0.75])
    distance = np.abs(x[known] - middle)
    scale = (high - low) / 1.349  # of a normal distribution
    if scale == 0:
        apart = distance[distance > 0]
        scale = np.median(apart) / 0.6745 if len(apart) else np.inf
    few = max(len(known) // 100, min(5, len(known) // 10), 1)
    first = len(known) - few - 1
    order = np.argpartition(distance, first)
    tail = order[first:][np.argsort(distance[order[first:]], kind="stable")]
    ordered = distance[tail]
    jumps = np.flatnonzero((ordered[1:] > ALONE * ordered[:-1]) & (ordered[:-1] > 0) & (ordered[1:] > FAR * scale))
    return np.sort(known[tail[jumps[0] + 1 :]]) if len(jumps) else known[:0]


def _left_out(dataset: Dataset) -> list[Finding]:
    found = []
    for column in dataset.left_out:
        sentence = f"Column {listed([column.name])} is left out. {column.reason}"
        found.append(Finding("left_out", "note", sentence, evidence(1, columns=[column.name])))
    return _shortened(found)


def _shortened(found: list[Finding]) -> list[Finding]:
    """The first 20, and the others of the same kind together in one."""
    if len(found) <= MOST_COLUMNS + 1:
        return found
    rest = found[MOST_COLUMNS:]
    names = [name for finding in rest for name in finding.evidence["columns"]]
    sentence = f"{words.count(len(rest), 'more column')} with the same to say: {listed(names)}."
    fixes = [finding.fix for finding in rest if finding.fix]
    fix = None
    if len(fixes) == len(rest) and all(fix.kind == "leave_out_columns" for fix in fixes):
        fix = _leave_out(names, fixes[0].arguments["reason"])
    together = Finding(rest[0].check, rest[0].severity, sentence, evidence(len(rest), columns=names), fix)
    return [*found[:MOST_COLUMNS], together]


def _leave_out(names: list[str], reason: str) -> Fix:
    label = f"Leave out {listed(names)}" if len(names) == 1 else f"Leave out {words.count(len(names), 'column')}"
    return Fix(label, "leave_out_columns", {"names": names, "reason": reason})


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
