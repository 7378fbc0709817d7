"""Whether a smaller file is as accurate as the one it was made from, within a margin; which of several to choose."""

from core import words
from core.evaluation import differences, intervals


def judged(record: dict, margin: float) -> dict:
    """The record with the verdicts for another margin; nothing is measured anew."""
    check(margin)
    rows = [
        row if "error" in row or row["name"] == "fp32" else row | {"equivalence": judge(row, record["n"], margin)}
        for row in record["variants"]
    ]
    return record | {"margin": margin, "variants": rows}


def judge(row: dict, n: int, margin: float) -> dict:
    """Whether a variant is as accurate as fp32: {"answer", "difference", "low_90", "high_90", "needed", "sentence"}.

    row : with "name", and "losses" and "gains", the samples that only fp32, and only the variant, gets right, of n
    "equivalent" where the 90% interval of the difference of accuracies lies within the margin (two one-sided tests at
    5%); else "better" or "worse" where the 95% interval lies on one side of 0; else "unknown".
    Sources: Tango 1998, Statistics in Medicine 17:891; Schuirmann 1987, Journal of Pharmacokinetics and
    Biopharmaceutics 15:657.
    """
    losses, gains = row["losses"], row["gains"]
    value = (gains - losses) / n
    (low, high), (low_90, high_90) = (differences.paired_interval(losses, gains, n, level) for level in (0.95, 0.90))
    if margin and -margin <= low_90 and high_90 <= margin:
        answer = "equivalent"
    else:
        answer = "better" if low > 0 else "worse" if high < 0 else "unknown"
    needed = None
    if answer == "unknown":
        share = (losses + gains + 1) / (n + 2) if losses + gains else 0.0
        needed = differences.needed(value, share - value**2, margin)
        needed = None if needed is None else max(needed, n + 1)
    found = {"answer": answer, "difference": intervals.figure(value, low, high), "low_90": low_90, "high_90": high_90}
    return {**found, "needed": needed, "sentence": _sentence(row["name"], found, margin, needed)}


def _sentence(name: str, found: dict, margin: float, needed: int | None) -> str:
    within = points(margin)
    low, high = (100 * found[end] for end in ("low_90", "high_90"))
    change = (
        f"accuracy changes by {100 * found['difference']['value']:+.1f} points, 90% interval {low:+.1f} to {high:+.1f}"
    )
    if found["answer"] == "equivalent":
        return f"{name} is as accurate as fp32 within {within}: {change}."
    if found["answer"] in ("better", "worse"):
        return f"{name} is {found['answer']} than fp32: {change}, beyond {within}."
    start = f"Whether {name} is as accurate as fp32 within {within} cannot be told: {change}"
    return f"{start}; about {needed:,} test samples would be needed." if needed else f"{start}."


def points(margin: float) -> str:
    """A margin, in [0, 1], as a person reads it: "1 point", "0.5 points"."""
    return f"{100 * margin:g} point{'' if margin == 0.01 else 's'}"


def check(margin: float) -> None:
    """ValueError for a margin that cannot be."""
    if not isinstance(margin, (int, float)) or not 0 < margin <= 0.5:
        raise ValueError(f"The margin is {margin}; it must be more than 0 and at most 0.5, for example 0.01.")


def sentence(record: dict) -> str:
    """What is worth choosing: the fastest file that is as accurate as fp32, and the smallest."""
    rows = {row["name"]: row for row in record["variants"] if "error" not in row}
    base = rows["fp32"]
    good = [row for row in rows.values() if (row.get("equivalence") or {}).get("answer") in ("equivalent", "better")]
    if not good:
        return "No variant is shown to be as accurate as fp32 within the margin; stay with model.onnx."
    fast = min(good, key=lambda row: _single(row))
    ratio, small = _single(base) / _single(fast), min(good, key=lambda row: row["bytes"])
    if ratio < 1.1:
        text = "No variant that is as accurate answers faster than fp32 on this processor"
    else:
        text = f"{fast['name']} answers one sample {ratio:.1f} times as fast as fp32"
        text += f" at {fast['bytes'] / base['bytes']:.0%} of its size"
    if small["bytes"] < 0.95 * base["bytes"] and (ratio < 1.1 or small["name"] != fast["name"]):
        text += f"; {small['name']} is the smallest, {words.size(small['bytes'])}"
    return f"{text}. As accurate means: within {points(record['margin'])}."


def _single(row: dict) -> float:
    """Median seconds of one sample by one thread."""
    return next(one["median"] for one in row["latency"] if one["batch"] == 1 and one["threads"] == 1)
