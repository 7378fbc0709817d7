"""Runs seen together: what differs in their settings, seeds as one row, folds as one prediction of every sample."""

import functools
import hashlib
import json
import math
from typing import TYPE_CHECKING

import numpy as np

from core import runs

if TYPE_CHECKING:
    from core.config import TrainConfig

SEED, FOLD = "training.seed", "data.fold"
FIGURES = ("val_accuracy", "test_accuracy")


def differing(names: list[str]) -> list[dict]:
    """The settings in which runs differ: [{"setting": "training.lr", "values": [one per run]}], in their order.

    A setting that a run does not have (an option of another net) is None there.
    """
    configs = [flat(runs.config(run).to_dict()) for run in names]
    settings = list(dict.fromkeys(setting for values in configs for setting in values))
    rows = [{"setting": setting, "values": [values.get(setting) for values in configs]} for setting in settings]
    return [row for row in rows if any(_text(value) != _text(row["values"][0]) for value in row["values"])]


def flat(values: dict, prefix: str = "") -> dict:
    """Nested settings under dotted names: {"net": {"options": {"hidden": 8}}} -> {"net.options.hidden": 8}."""
    found = {}
    for name, value in values.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {f"{prefix}{name}": value}
    return found


def alike(config: "TrainConfig") -> dict[str, str]:
    """{"seed", "fold"}: texts that are equal for configs which differ in nothing but the seed, or but the fold."""
    values = flat(config.to_dict())
    return {
        word: hashlib.sha256(_text({**values, setting: None}).encode()).hexdigest()[:16]
        for word, setting in (("seed", SEED), ("fold", FOLD))
    }


def by_seed(rows: list[dict]) -> list[dict]:
    """Rows of `jobs.summaries` as groups, in their order: runs that differ only in the seed, or only in the fold.

    Each group is {"kind": "seeds", "folds" or "single", "rows", "runs", "n", "done", "val_accuracy", "test_accuracy"}.
    runs : those that count: the ones that are done (all if none is), the first row of each seed or fold; of folds the
        run that pools them, where there is one
    n : how many seeds or folds count;  done : how many of the rows are done
    figures : None, or {"value": mean, "sd", "low", "high", "n": runs}; see `over_seeds` and `over_folds`
    """
    found: dict[tuple, list[dict]] = {}
    for key, row in zip(_keys(rows), rows):
        found.setdefault(key, []).append(row)
    return [_group(kind, members) for (kind, _), members in found.items()]


def siblings(run: str, rows: list[dict]) -> list[str]:
    """The run and all others that are done and differ from it only in the seed, each seed once; the run is first."""
    (mine,) = [row for row in rows if row["run"] == run]
    if not mine.get("alike"):
        return [run]
    like = [row for row in rows if row["state"] == "done" and row.get("alike", {}).get("seed") == mine["alike"]["seed"]]
    return list({mine["seed"]: run, **{row["seed"]: row["run"] for row in reversed(like)}, mine["seed"]: run}.values())


def over_seeds(values: list[float], share: bool = True) -> dict:
    """{"value": mean, "sd", "low", "high", "n"} over runs with different seeds, with the 95% t-interval of the mean.

    sd : with n - 1 in the denominator; it and the interval are None for a single value
    share : whether the values are shares, so that the interval ends at 0 and 1
    Source: Student 1908, "The probable error of a mean", Biometrika 6:1.
    """
    n, mean = len(values), float(np.mean(values))
    if n < 2:
        return {"value": mean, "sd": None, "low": None, "high": None, "n": n}
    sd = float(np.std(values, ddof=1))
    half = _quantile(n - 1) * sd / math.sqrt(n)
    low, high = mean - half, mean + half
    if share:
        low, high = max(0.0, low), min(1.0, high)
    return {"value": mean, "sd": sd, "low": low, "high": high, "n": n}


def over_folds(values: list[float], sizes: list[int]) -> dict:
    """{"value", "sd", "low", "high", "n"} of an accuracy by fold: pooled over all samples, with Wilson's interval.

    sd : between folds. There is no t-interval: folds share training samples, so that it would be too narrow.
    Source: Bengio and Grandvalet 2004, "No unbiased estimator of the variance of k-fold cross-validation", JMLR 5.
    """
    from core.evaluation import intervals

    n_right = sum(round(value * size) for value, size in zip(values, sizes))
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {**intervals.proportion(n_right, sum(sizes)), "sd": sd, "n": len(values)}


def folds_of(names: list[str]) -> list[int] | None:
    """The fold of each run if they are k-fold runs that differ only in the fold (of two or more), else None."""
    configs = [runs.config(run) for run in names]
    if len(names) < 2 or configs[0].data.folds < 2 or len({alike(config)["fold"] for config in configs}) > 1:
        return None
    folds = [config.data.fold for config in configs]
    return folds if len(set(folds)) == len(folds) else None


def pooled(names: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids (n,), targets (n,) and logits (n, n_classes) of all samples, each as said by the run that held it out.

    names : k-fold runs that differ only in the fold, one for each fold
    Raises ValueError with a sentence if they are not, or if a fold is missing.
    """
    folds = folds_of(names)
    if folds is None:
        differ = [row["setting"] for row in differing(names) if row["setting"] != FOLD] if len(names) > 1 else []
        found = f"; these differ in {', '.join(differ[:4])}" if differ else ""
        raise ValueError(f"Only k-fold runs that differ in nothing but the fold can be pooled{found}.")
    k = runs.config(names[0]).data.folds
    if missing := sorted(set(range(k)) - set(folds)):
        raise ValueError(
            f"Fold {', '.join(map(str, missing))} of {k} has no run among these; train it with --set fold={missing[0]}."
        )
    parts = [runs.predictions(run, "test") for _, run in sorted(zip(folds, names))]
    ids, targets, logits = (np.concatenate(arrays) for arrays in zip(*parts))
    if len(np.unique(ids)) < len(ids):
        raise ValueError("A sample was held out by two of the folds; they were not made from one split.")
    return ids, targets, logits


def _keys(rows: list[dict]) -> list[tuple]:
    """(kind, what it is grouped by) of each row; folds before seeds, and by itself if no other row is like it."""
    names = {row["run"] for row in rows}
    pools = {row["pool"] for row in rows if row.get("pool") in names}
    seen: dict[tuple, set] = {}
    choices = []
    for row in rows:
        alike = row.get("alike") or {}
        keys = [("folds", alike["fold"], row["fold"])] if alike and row.get("folds", 0) >= 2 else []
        keys += [("seeds", alike["seed"], row["seed"])] if alike else []
        choices.append([(kind, key) for kind, key, _ in keys])
        for kind, key, value in keys:
            seen.setdefault((kind, key), set()).add(value)
    found = []
    for row, keys in zip(rows, choices):
        pool = row.get("pool") if row.get("pool") in pools else row["run"] if row["run"] in pools else None
        several = [key for key in keys if len(seen[key]) > 1]
        found.append(("folds", pool) if pool else several[0] if several else ("single", row["run"]))
    return found


def _group(kind: str, rows: list[dict]) -> dict:
    pools = {row.get("pool") for row in rows}
    if pool := [row for row in rows if row["run"] in pools]:
        return _pooled_group(pool[0], [row for row in rows if row is not pool[0]])
    done = [row for row in rows if row["state"] == "done"]
    counted = rows
    if kind != "single":
        word = kind.removesuffix("s")
        counted = list({row[word]: row for row in reversed(done or rows)}.values())[::-1]
    names = [row["run"] for row in counted]
    group = {"kind": kind, "rows": rows, "runs": names, "n": len(names), "done": len(done)}
    for name in FIGURES:
        have = [row for row in counted if row.get(name) is not None]
        group[name] = _figure(kind, name, have) if have else None
    return group


def _pooled_group(pool: dict, members: list[dict]) -> dict:
    """The run that pools folds speaks for them: its figure is that of all samples; its spread is theirs."""
    group = _group("folds", members)
    if pool.get("test_accuracy") and group["test_accuracy"]:
        group["test_accuracy"] |= {end: pool["test_accuracy"][end] for end in ("value", "low", "high")}
    return {**group, "rows": [pool, *members], "runs": [pool["run"]], "done": group["done"] + (pool["state"] == "done")}


def _figure(kind: str, name: str, rows: list[dict]) -> dict:
    """One figure of a group over the rows that have it."""
    figures = [row[name] if isinstance(row[name], dict) else {"value": row[name]} for row in rows]
    if kind == "single":
        return {"low": None, "high": None, **figures[0], "sd": None, "n": 1}
    values = [figure["value"] for figure in figures]
    if kind == "seeds":
        return over_seeds(values)
    if name == "test_accuracy" and all("test_n" in row for row in rows):
        return over_folds(values, [row["test_n"] for row in rows])
    return {**over_seeds(values), "low": None, "high": None}


@functools.cache
def _quantile(freedom: int) -> float:
    """97.5% point of Student's t."""
    from scipy.stats import t

    return float(t.ppf(0.975, freedom))


def _text(value) -> str:
    return json.dumps(value, sort_keys=True, default=str)
