"""Evaluation: whether intervals are true, whether conformal sets keep their promise, and how fast it all is.

    python benchmarks/evaluation.py [--part speed|coverage|conformal] [--simulations 2000] [--repeats 5] [--quick]

To reach: each kind of interval holds the truth in 93% to 97% of 2,000 simulated test sets; conformal coverage is within
its exact interval in 95% of 200 simulations; 100,000 samples of 10 classes: 2,000 bootstrap resamples of accuracy, F1
and AUROC together in under 5 s, a move of a slider in under 0.3 s. Beside it scikit-learn's time for the same work.

The truth of a problem is its value on 1,000,000 samples. Test sets are drawn at random, or with fixed shares of the
classes ("fixed"), as the split draws them; Wilson's interval of a precision is then a little wider than it need be. The
calibration error of a model that is calibrated is held more often than 95%, as it cannot be below 0.
"""

import argparse
import multiprocessing
import os
import pathlib
import sys
import time
import warnings
from dataclasses import dataclass

os.environ.setdefault("OMP_NUM_THREADS", "2")
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import numpy as np

from core.evaluation import bootstrap, conformal, curves, estimates, intervals, metrics, operating, summary

PROCESSES = 2
LIMITS = 0.93, 0.97
TRUTH = 1_000_000
FALSE_ALARMS, RECALLS = (0.02, 0.1, 0.3), (0.3, 0.6, 0.9)  # where the bands are looked at
KINDS = {
    "Wilson": "accuracy top_2 top_3 recall precision f1",
    "bootstrap of the confusion matrix": "balanced_accuracy precision_macro recall_macro f1_macro f1_weighted mcc "
    "kappa",
    "DeLong and its like, Wilson": "auroc_macro auroc_micro auroc average_precision_macro average_precision_micro "
    "average_precision",
    "score interval of a mean": "log_loss brier",
    "test inverted": "ece",
    "rows of the confusion matrix": "cost",
    "bands of curves": "roc precision_recall",
}


@dataclass(frozen=True)
class Problem:
    """Logits with one normal number per class, higher by `skill` for the true one; `sure` multiplies them."""

    n: int
    shares: tuple[float, ...]
    skill: float
    sure: float = 1.0
    fixed: bool = False

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(f"class {j}" for j in range(len(self.shares)))

    @property
    def costs(self) -> tuple[tuple[float, ...], ...]:
        """To miss the last class costs 5, any other mistake 1."""
        costs = 1.0 - np.eye(len(self.shares))
        costs[-1, :-1] = 5
        return tuple(map(tuple, costs))

    def draw(self, rng, n: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Targets (n,) and probabilities (n, n_classes); the classes differ in how hard they are, and so do samples."""
        n, shares = n or self.n, np.array(self.shares)
        sizes = np.round(n * shares).astype(int) if self.fixed else rng.multinomial(n, shares)
        y_true = np.repeat(np.arange(len(shares)), sizes)
        logits = rng.normal(size=(len(y_true), len(shares)))
        ease = np.linspace(0.85, 1.15, len(shares))[y_true] * rng.uniform(0.7, 1.3, len(y_true))
        logits[np.arange(len(y_true)), y_true] += self.skill * ease
        return y_true, metrics.softmax(self.sure * (self.skill * logits + np.log(shares)))


PROBLEMS = (
    Problem(200, (0.7, 0.3), 1.5, sure=1.5),
    Problem(300, (0.5, 0.3, 0.2), 2.2, sure=1.5),
    Problem(500, (0.5, 0.3, 0.2), 2.2, fixed=True),
    Problem(1000, (0.4, 0.25, 0.15, 0.12, 0.08), 2.2, sure=1.5),
    Problem(2000, (0.8, 0.2), 2.0, sure=2),
    Problem(2000, (0.3, 0.25, 0.2, 0.15, 0.1), 2.8, sure=1.3),
    Problem(2000, (0.3, 0.25, 0.2, 0.15, 0.1), 2.8, sure=1.3, fixed=True),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS)
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="only see whether it works: few simulations and repeats")
    asked = parser.parse_args()
    if asked.quick:
        asked.simulations, asked.repeats = 40, 1
    for name, part in PARTS.items():
        if asked.part in (None, name):
            part(asked)


# ---------------------------------------------------------------------------------------------------- coverage


def coverage(asked) -> None:
    """Print how often each interval holds the truth: a row for each figure, a column for each problem."""
    print(
        f"95% intervals that hold the truth, of {asked.simulations:,} simulated test sets; "
        f"{intervals.RESAMPLES:,} resamples; * outside {LIMITS[0]:.0%} to {LIMITS[1]:.0%}"
    )
    heads = [f"{p.n} x {len(p.shares)}{' fixed' if p.fixed else ''}" for p in PROBLEMS]
    print(f"{'':34}" + "".join(f"{head:>16}" for head in [*heads, "all"]))
    found, truths = [], []
    for problem in PROBLEMS:
        held, truth = simulate(problem, asked.simulations)
        found.append(held)
        truths.append(truth)
    print(f"{'  (accuracy)':34}" + "".join(f"{truth['accuracy']:>16.1%}" for truth in truths))
    print(f"{'  (calibration error)':34}" + "".join(f"{truth['ece']:>16.1%}" for truth in truths))
    for kind, names in KINDS.items():
        print(kind)
        for name in names.split():
            _line(f"  {name}", [held.get(name) for held in found])
        pooled = [np.concatenate([held[name] for name in names.split() if name in held]) for held in found]
        _line("  all of this kind", pooled)
    print(flush=True)


def simulate(problem: Problem, simulations: int) -> tuple[dict[str, np.ndarray], dict]:
    """Whether each interval held the truth in each simulation, name -> bool array, and the truths."""
    truth = _figures(problem, *problem.draw(np.random.default_rng(10**6), TRUTH), resamples=2)
    seeds = np.array_split(np.arange(simulations), PROCESSES)
    with multiprocessing.get_context("fork").Pool(PROCESSES) as pool:
        parts = pool.starmap(_held, [(problem, truth, some) for some in seeds])
    held = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return held, {name: figure["value"] for name, figure in truth.items() if isinstance(figure, dict)}


def _held(problem: Problem, truth: dict, seeds) -> dict[str, np.ndarray]:
    held: dict[str, list] = {}
    for seed in seeds:
        found = _figures(problem, *problem.draw(np.random.default_rng(int(seed))), seed=int(seed))
        for name, figure in found.items():
            pairs = zip(figure, truth[name]) if isinstance(figure, list) else [(figure, truth[name])]
            for got, true in pairs:
                if got["value"] is not None:
                    held.setdefault(name, []).append(got["low"] <= true["value"] <= got["high"])
    return {name: np.array(values) for name, values in held.items()}


def _figures(problem: Problem, y_true, y_prob, resamples=intervals.RESAMPLES, seed=0) -> dict:
    """Every figure with an interval; those of each class or of each point of a band as lists."""
    n_classes = len(problem.shares)
    found = estimates.of_all(y_true, y_prob, resamples, seed)
    rows = summary.class_table(metrics.confusion(y_true, y_prob.argmax(axis=1), n_classes), problem.classes)
    found |= {name: [row[name] for row in rows] for name in ("precision", "recall", "f1")}
    point = operating.OperatingPoint(costs=problem.costs)
    found["cost"] = operating.outcome(y_true, operating.decide(y_prob, point), point, n_classes)["cost"]
    for work, at in ((curves.roc, FALSE_ALARMS), (curves.precision_recall, RECALLS)):
        found[work.__name__] = [
            {
                name: float(np.interp(x, curve["x"], curve[key]))
                for name, key in (("value", "y"), ("low", "low"), ("high", "high"))
            }
            for curve in work(y_true, y_prob, problem.classes)
            for x in at
        ]
    return found


def _line(name: str, held: list) -> None:
    shares = [None if each is None else each.mean() for each in held]
    shares.append(np.concatenate([each for each in held if each is not None]).mean())
    cells = ["" if s is None else f"{s:.1%}{' ' if LIMITS[0] <= s <= LIMITS[1] else '*'}" for s in shares]
    print(f"{name:34}" + "".join(f"{cell:>16}" for cell in cells), flush=True)


# ---------------------------------------------------------------------------------------------------- conformal


def conformal_sets(asked) -> None:
    """Print how often the coverage of conformal sets is within its exact interval."""
    simulations = min(asked.simulations, 200)
    print(f"Conformal coverage within its exact 95% interval, of {simulations} simulations (validation x test samples)")
    for n_val, n_test in ((200, 200), (500, 1000), (2000, 2000)):
        for promised in (0.8, 0.9, 0.95):
            problem = Problem(n_val + n_test, (0.5, 0.3, 0.2), 2.2)
            low, high = conformal.expected(n_val, promised, n_test)
            inside, sizes = [], []
            for seed in range(simulations):
                rng = np.random.default_rng(seed)
                y_true, y_prob = problem.draw(rng)
                order = rng.permutation(len(y_true))
                val, test = order[:n_val], order[n_val:]
                members = conformal.sets(y_prob[test], conformal.calibrate(y_prob[val], y_true[val], promised))
                seen = conformal.observed(members, y_true[test])
                inside.append(low <= seen["coverage"]["value"] <= high)
                sizes.append(seen["size"]["value"])
            print(
                f"  {f'{n_val} x {n_test}, {promised:.0%} promised':34}{np.mean(inside):>8.1%}"
                f"   mean size {np.mean(sizes):.2f}",
                flush=True,
            )
    print()


# ---------------------------------------------------------------------------------------------------- speed


def speed(asked) -> None:
    """Print seconds of ours beside scikit-learn's, medians and extremes of the repeats."""
    n = 5_000 if asked.quick else 100_000
    y_true, y_prob = Problem(n, (0.1,) * 10, 2.2).draw(np.random.default_rng(0))
    two = Problem(n, (0.75, 0.25), 1.5).draw(np.random.default_rng(0))
    many = Problem(n // 10, (0.002,) * 500, 4.0).draw(np.random.default_rng(0))
    names = ["accuracy", "f1_macro", "auroc_macro"]
    point = operating.OperatingPoint(thresholds=(0.3,), costs=((0, 1), (5, 0)), abstain_below=0.6)
    summary.figures(*two, ("no", "yes"))  # what is imported once is not counted
    of_scikit_learn(y_true[::100], y_prob[::100])
    print(f"Seconds, {n:,} samples of 10 classes where nothing else is said; median (least to most) of {asked.repeats}")
    print(f"{'':52}" + "".join(f"{f'{who}, processors':>40}" for who in ("Vitrine", "scikit-learn")))
    _timed(asked, "every metric", lambda: metrics.values(y_true, y_prob), lambda: of_scikit_learn(y_true, y_prob))
    _timed(
        asked,
        f"{intervals.RESAMPLES:,} resamples of accuracy, F1 and AUROC (1)",
        lambda: bootstrap.replicates(y_true, y_prob, names, bootstrap.counts(y_true)),
        lambda: resampled_by_scikit_learn(y_true, y_prob, 2),
        intervals.RESAMPLES / 2,
    )
    _timed(asked, "every metric with its interval", lambda: estimates.of_all(y_true, y_prob))
    _timed(
        asked,
        "the whole record, curves with bands and all",
        lambda: summary.figures(y_true, y_prob, tuple("abcdefghij")),
    )
    _timed(
        asked,
        f"the same, {len(many[0]):,} samples of 500 classes",
        lambda: summary.figures(*many, tuple(map(str, range(500)))),
    )
    _timed(
        asked,
        "a move of the threshold, two classes",
        lambda: operating.outcome(two[0], operating.decide(two[1], point), point, 2),
        lambda: report_by_scikit_learn(two[0], two[1][:, 1] >= 0.3),
    )
    by_class = operating.OperatingPoint(thresholds=(0.1, 0.2, 0.3, 0.4, 0.5) * 2, abstain_below=0.5)
    _timed(
        asked,
        "a move of the thresholds, 10 classes",
        lambda: operating.outcome(y_true, operating.decide(y_prob, by_class), by_class, 10),
        lambda: report_by_scikit_learn(y_true, (y_prob / np.array(by_class.thresholds)).argmax(axis=1)),
    )
    _timed(asked, "the cheapest threshold, two classes", lambda: operating.cheapest(*two, point.costs))
    _timed(
        asked,
        "conformal sets, calibrated and observed",
        lambda: conformal.observed(conformal.sets(y_prob, conformal.calibrate(y_prob, y_true, 0.9)), y_true),
    )
    print("(1) scikit-learn: two resamples, times 1,000\n")


def of_scikit_learn(y_true, y_prob) -> None:
    """The metrics of core.evaluation.metrics by scikit-learn."""
    from sklearn import metrics as sk

    y_pred, flags = y_prob.argmax(axis=1), y_true[:, None] == np.arange(y_prob.shape[1])
    sk.accuracy_score(y_true, y_pred)
    sk.balanced_accuracy_score(y_true, y_pred)
    for average in ("macro", "weighted"):
        sk.precision_recall_fscore_support(y_true, y_pred, average=average, zero_division=np.nan)
    sk.matthews_corrcoef(y_true, y_pred)
    sk.cohen_kappa_score(y_true, y_pred)
    for k in (2, 3, 5):
        sk.top_k_accuracy_score(y_true, y_prob, k=k)
    sk.log_loss(y_true, y_prob)
    sk.brier_score_loss(y_true, y_prob)
    for average in ("macro", "micro"):
        sk.roc_auc_score(flags, y_prob, average=average)
        sk.average_precision_score(flags, y_prob, average=average)


def resampled_by_scikit_learn(y_true, y_prob, resamples: int) -> None:
    """Accuracy, macro F1 and macro AUROC of bootstrap resamples by scikit-learn."""
    from sklearn import metrics as sk

    y_pred, rng = y_prob.argmax(axis=1), np.random.default_rng(0)
    for _ in range(resamples):
        drawn = rng.integers(0, len(y_true), len(y_true))
        sk.accuracy_score(y_true[drawn], y_pred[drawn])
        sk.f1_score(y_true[drawn], y_pred[drawn], average="macro")
        sk.roc_auc_score(y_true[drawn], y_prob[drawn], multi_class="ovr")


def report_by_scikit_learn(y_true, y_pred) -> None:
    """Confusion matrix, precision and recall, without intervals."""
    from sklearn import metrics as sk

    sk.confusion_matrix(y_true, y_pred)
    sk.precision_recall_fscore_support(y_true, y_pred, zero_division=np.nan)


def _timed(asked, what: str, ours, theirs=None, times: float = 1.0) -> None:
    """Print the seconds of both, in turn, and those that processors were busy; theirs `times` as many."""
    cells = []
    seconds = {work: [] for work in (ours, theirs) if work}
    for _ in range(asked.repeats):
        for work, kept in seconds.items():
            start, busy = time.perf_counter(), time.process_time()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                work()
            kept.append((time.perf_counter() - start, time.process_time() - busy))
    for work, kept in seconds.items():
        wall, busy = (np.array(column) * (times if work is theirs else 1) for column in zip(*kept))
        cells.append(f"{np.median(wall):.3f} ({wall.min():.3f} to {wall.max():.3f}){np.median(busy):>10.3f}")
    print(f"{what:52}" + "".join(f"{cell:>40}" for cell in cells), flush=True)


PARTS = {"speed": speed, "coverage": coverage, "conformal": conformal_sets}

if __name__ == "__main__":
    main()
