"""What two sides, runs or groups of runs, say of the same samples; why some cannot be paired, in a sentence."""

import contextlib
from dataclasses import dataclass

import numpy as np

from core import notes, runs, words
from core.evaluation import groups
from core.workspace import command


@dataclass(frozen=True)
class Paired:
    """What two sides say of the same samples."""

    a_runs: tuple[str, ...]
    b_runs: tuple[str, ...]
    ids: np.ndarray  # (n,)
    targets: np.ndarray  # int (n,)
    a: tuple[np.ndarray, ...]  # logits (n, n_classes) of each predictor of A: a run, or all folds together
    b: tuple[np.ndarray, ...]

    @property
    def n(self) -> int:
        """Samples that both runs answered."""
        return len(self.ids)


def paired(a_runs: list[str], b_runs: list[str], part: str = "test") -> Paired:
    """The predictions of both sides, sample by sample; ValueError with the reason if they are not of one kind."""
    if not a_runs or not b_runs:
        raise ValueError("A comparison needs a run on each side.")
    if set(a_runs) & set(b_runs):
        raise ValueError(f"{notes.name(min(set(a_runs) & set(b_runs)))} is on both sides; choose another run for one.")
    everyone = [*a_runs, *b_runs]
    for run in everyone:
        _check_over(run)
    _check_same_data(everyone)
    sides = [_predictors(side, part) for side in (a_runs, b_runs)]
    for ids, _, logits in (predictor for side in sides for predictor in side):
        _check_answers(ids, logits, part)
    ids, targets, _ = sides[0][0]
    order = np.argsort(ids)
    ids, targets = ids[order], targets[order]
    logits = []
    for side in sides:
        rows = []
        for other_ids, _, other in side:
            where = np.argsort(other_ids)
            if len(other_ids) != len(ids) or (other_ids[where] != ids).any():
                raise ValueError(_other_samples(a_runs, b_runs, part))
            rows.append(other[where])
        logits.append(tuple(rows))
    if len(ids) == 0:
        raise ValueError(f"The {part} part has no samples, so there is nothing to compare.")
    return Paired(tuple(a_runs), tuple(b_runs), ids, targets, *logits)


def votes(logits: tuple[np.ndarray, ...]) -> np.ndarray:
    """How many of the predictors say which class, int (n, n_classes)."""
    count = np.zeros(logits[0].shape, np.int64)
    rows = np.arange(len(count))
    for one in logits:
        count[rows, one.argmax(axis=1)] += 1
    return count


def majority(logits: tuple[np.ndarray, ...], targets: np.ndarray) -> np.ndarray:
    """Which samples more than half of the predictors get right, bool (n,)."""
    return 2 * votes(logits)[np.arange(len(targets)), targets] > len(logits)


def _predictors(side: list[str], part: str) -> list[tuple]:
    """(ids, targets, logits) of each predictor: one for each run, or one for all folds together."""
    if part == "test" and len(side) > 1 and groups.folds_of(side):
        return [groups.pooled(side)]
    if len(side) > 1 and (more := [row["setting"] for row in groups.differing(side) if row["setting"] != groups.SEED]):
        raise ValueError(
            f"{words.count(len(side), 'run')} on one side differ in more than the seed: {', '.join(more[:4])}; "
            "put those that do on different sides."
        )
    return [runs.predictions(run, part) for run in side]


def _check_answers(ids: np.ndarray, logits: np.ndarray, part: str) -> None:
    if not np.isfinite(logits).all():
        raise ValueError("The predictions of a run hold NaN or infinity; train it again with a lower learning rate.")
    if len(np.unique(ids)) < len(ids):
        raise ValueError(f"The {part} part holds a sample more than once, as pooled folds do; compare the test part.")


def _check_over(run: str) -> None:
    from core import jobs

    state = jobs.state(run)
    if state in runs.WORKING:
        raise ValueError(f"{notes.name(run)} is still {state}; compare it when it is done.")
    if not runs.path(run, "predictions", "test.parquet").exists():
        raise ValueError(
            f"{notes.name(run)} ({state}) has no predictions yet; `{command('core')} evaluate {run}` makes them, "
            "if it has trained for an epoch."
        )
    with contextlib.suppress(runs.DamagedRun):
        if not runs.of_these_weights(run, runs.read_json(run, "evaluation.json", runs.EVALUATION)):
            raise ValueError(
                f"{notes.name(run)} has got better since its predictions; `{command('core')} evaluate {run}` makes "
                "them anew."
            )


def _check_same_data(names: list[str]) -> None:
    first, *others = names
    for other in others:
        mine, its = (runs.fingerprint(run) for run in (first, other))
        if mine == its:
            continue
        a, b = (runs.config(run).data for run in (first, other))
        what = (
            f"different data sets, {a.name} and {b.name}"
            if a.name != b.name
            else f"different versions of {a.name}, {str(mine)[:12]} and {str(its)[:12]}"
        )
        raise ValueError(
            f"{notes.name(first)} and {notes.name(other)} were made with {what}; only runs on the same samples can be "
            "compared."
        )


def _other_samples(a_runs: list[str], b_runs: list[str], part: str) -> str:
    everyone = list(dict.fromkeys([*a_runs, *b_runs]))
    split = ("data.split", "data.split_by", "data.split_seed", "data.test_fraction", "data.val_fraction")
    rows = [row for row in groups.differing(everyone) if row["setting"] in (*split, "data.folds", groups.FOLD)]
    found = [f"{row['setting']} is {' and '.join(map(str, dict.fromkeys(row['values'])))}" for row in rows]
    why = f" ({'; '.join(found)})" if found else ""
    return f"These runs have different {part} samples{why}; train one of them again with the split of the other."
