"""What the values of a JSON object must be, so that a damaged file is found where it is read, not where it is used."""

import math

NUMBER, COUNT, TEXT, TRUTH, OBJECT, LIST = "a number", "a whole number", "text", "true or false", "an object", "a list"
_TYPES = {NUMBER: (int, float), COUNT: int, TEXT: str, TRUTH: bool, OBJECT: dict, LIST: list}


def misfit(values: dict, shape: dict, needed: tuple[str, ...] = ()) -> str | None:
    """What is wrong with an object, as the end of a sentence ("lacks a state"), or None.

    shape : by name, what the value is if it is there: one of the kinds above, a tuple of texts of which it is one, the
        shape of an object, or a list with the shape of what it holds. Numbers are finite, whole ones not negative.
    needed : the names that must be there
    """
    if missing := [name for name in needed if name not in values]:
        return f"lacks {', '.join(missing)}"
    for name, kind in shape.items():
        if name in values and (problem := _problem(values[name], kind)):
            return f"has {name} {problem}"
    return None


def _problem(value, kind) -> str | None:
    """What is wrong with one value, after its name."""
    if isinstance(kind, dict):
        if not isinstance(value, dict):
            return f"as {_short(value)} and not an object"
        inside = misfit(value, kind, tuple(kind))
        return inside and f"that {inside}"
    if isinstance(kind, list):
        if not isinstance(value, (list, tuple)):  # a tuple is what becomes a list in JSON
            return f"as {_short(value)} and not a list"
        return next((problem for one in value if (problem := _problem(one, kind[0]))), None)
    if isinstance(kind, tuple):
        return None if isinstance(value, str) and value in kind else f"as {_short(value)} and not {' or '.join(kind)}"
    fits = isinstance(value, _TYPES[kind]) and (kind == TRUTH or not isinstance(value, bool))
    if fits and kind in (NUMBER, COUNT):
        fits = math.isfinite(value) and (kind == NUMBER or value >= 0)
    return None if fits else f"as {_short(value)} and not {kind}"


def _short(value) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."
