"""Is B better than A? A sentence for two runs, or two groups of runs, on the same test samples."""

from core import notes, runs, words
from core.evaluation import differences, groups, metrics, pairing
from core.evaluation.pairing import Paired
from core.workspace import command


def verdict(
    a_runs: list[str], b_runs: list[str], metric: str = "accuracy", margin: float = 0.01, part: str = "test"
) -> dict:
    """Whether B is better than A on the same samples, in a sentence and in numbers.

    a_runs, b_runs : one run each, or several that differ only by seed, or all folds of a k-fold split
    metric : a name in `metrics.METRICS`;  margin : a difference of this size does not matter, in units of the metric
    part : "test" or "val"
    Returns {"answer": "better", "worse", "equivalent" or "unknown", "sentence", "metric", "margin", "part", "n",
    "a": value, "b": value, "difference": {"value", "low", "high"} (B less A, 95%), "p", "method",
    "right_to_wrong": ids, "wrong_to_right": ids, "needed": samples that would be needed where the answer is unknown}.

    Single runs: for accuracy exact McNemar and Tango's interval, for other metrics Student's t with the spread of a
    paired bootstrap, stratified by class. Groups: t with the variances between seeds and between samples added up.
    A difference counts at p < 0.05; equivalent is what has its 90% interval within the margin (two one-sided tests
    at 5%).
    Raises ValueError with a sentence if the two cannot be compared.
    Sources: McNemar 1947, Psychometrika 12:153; Tango 1998, Statistics in Medicine 17:891; Efron and Tibshirani 1993,
    "An Introduction to the Bootstrap"; Schuirmann 1987, J. Pharmacokinetics and Biopharmaceutics 15:657.
    """
    _check(metric, margin)
    pair = pairing.paired(a_runs, b_runs, part)
    right_a, right_b = (pairing.majority(logits, pair.targets) for logits in (pair.a, pair.b))
    found = differences.over_seeds(pair, metric) if len(pair.a) + len(pair.b) > 2 else differences.of_two(pair, metric)
    better = metrics.METRICS[metric].higher_is_better
    gain = found["difference"]["value"] * (1 if better else -1)
    if found["p"] < differences.SIGNIFICANCE and gain != 0:
        answer = "better" if gain > 0 else "worse"
    else:
        answer = "equivalent" if -margin <= found["low_90"] and found["high_90"] <= margin and margin else "unknown"
    needed = _needed(found, pair.n, margin) if answer == "unknown" else None
    result = {
        "answer": answer,
        "metric": metric,
        "margin": margin,
        "part": part,
        "n": pair.n,
        **{name: found[name] for name in ("a", "b", "difference", "p", "method")},
        "right_to_wrong": pair.ids[right_a & ~right_b].tolist(),
        "wrong_to_right": pair.ids[~right_a & right_b].tolist(),
        "needed": needed,
    }
    return {**result, "sentence": _sentence(result, pair, found)}


def figures(run: str, part: str = "test") -> dict:
    """The metrics of an evaluated run, {name: {"value", "low", "high"}}; ValueError if they are not there."""
    record = runs.evaluation(run)
    if record is None:
        old = runs.path(run, "evaluation.json").exists()
        why = "has figures that are out of date" if old else "has no figures yet"
        raise ValueError(f"{notes.name(run)} {why}; `{command('core')} evaluate {run}` computes them.")
    return record[part]["metrics"]


def shown(figure: dict | None, metric: str) -> str:
    """A metric with its interval, where there is one: "98.9% (97.2 to 99.7)" or "0.123 (0.101 to 0.150)"."""
    if figure is None or figure["value"] is None:
        return "not defined"
    if figure.get("low") is None or figure.get("high") is None:
        return amount(figure["value"], metric)
    low, high = (amount(figure[end], metric).removesuffix("%") for end in ("low", "high"))
    return f"{amount(figure['value'], metric)} ({low} to {high})"


def amount(value: float, metric: str, sign: bool = False) -> str:
    """A metric's value or, with sign, a difference, as a person reads it: 0.013 -> "1.3%", "+1.3 points"."""
    form = metrics.METRICS[metric].form
    if form == "percent":
        return f"{100 * value:+.1f} points" if sign else f"{value:.1%}"
    if form == "area" and not sign:
        return words.area(value)
    return f"{value:+.3f}" if sign else f"{value:.3f}"


def _check(metric: str, margin: float) -> None:
    if metric not in metrics.METRICS:
        raise ValueError(f"There is no metric {metric!r}; choose one of {', '.join(metrics.METRICS)}.")
    if not isinstance(margin, (int, float)) or not 0 <= margin <= 1:
        raise ValueError(f"The margin is {margin}; it must lie from 0 to 1, for example 0.01.")


def _needed(found: dict, n: int, margin: float) -> int | None:
    count = differences.needed(found["difference"]["value"], found["variance"], margin, found["fixed"])
    return None if count is None else max(count, n + 1)


def _sentence(result: dict, pair: Paired, found: dict) -> str:
    metric, n = result["metric"], result["n"]
    a, b = _name(pair.a_runs), _name(pair.b_runs)
    title = metrics.METRICS[metric].title
    title = title if title[:2].isupper() else title[0].lower() + title[1:]
    difference = result["difference"]
    thing = runs.schema(pair.a_runs[0]).sample_word
    where = words.count(n, f"{result['part'].replace('val', 'validation')} {thing}")
    figures = f"{title} {amount(result['b'], metric)} against {amount(result['a'], metric)}"
    low, high = (amount(difference[end], metric, sign=True).removesuffix(" points") for end in ("low", "high"))
    change = f"{amount(difference['value'], metric, sign=True)} ({low} to {high})"
    margin = _margin(result["margin"], metric)
    text = f"{figures}, {change}, on {where}"
    seeds = f" over {len(pair.a)} and {words.count(len(pair.b), 'seed')}" if found["method"].startswith("t ") else ""
    if result["answer"] in ("better", "worse"):
        small = abs(difference["low"]) <= result["margin"] and abs(difference["high"]) <= result["margin"]
        less = f" The difference is smaller than the margin of {margin}." if small else ""
        return f"{b} is {result['answer']} than {a}: {text}{seeds}, {_p(result['p'])}.{less}"
    if result["answer"] == "equivalent":
        return f"{b} and {a} are equivalent within {margin}: {text}{seeds}."
    start = f"Cannot tell whether {b} is better than {a}: {text}{seeds}, {_p(result['p'])}."
    if difference["low"] * difference["high"] > 0:
        start += " The interval leaves out 0, but the test is the stricter of the two here, and the test decides."
    if result["needed"]:
        flipped = result["right_to_wrong"] or result["wrong_to_right"]
        if_so = "the difference is as seen" if flipped else "no sample flips among them either"
        return f"{start} About {_round(result['needed']):,} samples would be needed if {if_so}."
    if found["fixed"]:
        return f"{start} More seeds would be needed; more samples would not tell."
    return f"{start} No number of samples would tell as long as the margin is {margin}; set a wider one."


def _margin(margin: float, metric: str) -> str:
    if metrics.METRICS[metric].form != "percent":
        return f"{margin:g}"
    return f"{100 * margin:g} point{'' if margin == 0.01 else 's'}"


def _name(names: tuple[str, ...]) -> str:
    if len(names) == 1:
        return notes.name(names[0])
    kind = "folds" if groups.folds_of(list(names)) else "seeds"
    title = next((said.title for said in map(notes.read, names) if said.title), notes.name(names[0]))
    return f"{title} ({len(names)} {kind})"


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def _round(n: int) -> int:
    """Two digits, rounded up: an estimate has no more."""
    step = 10 ** max(0, len(str(n)) - 2)
    return -(-n // step) * step
