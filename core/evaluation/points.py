"""Operating points that a person saved with a run, and the one that is used: the run's operating.json."""

from core import runs
from core.evaluation.operating import OperatingPoint

FILE = "operating.json"
MOST = 50  # points of a run
LONGEST = 60  # letters of a name


def saved(run: str) -> dict[str, OperatingPoint]:
    """The saved points by name, in the order in which they were saved; DamagedRun if the file cannot be read."""
    if not runs.path(run, FILE).exists():
        return {}
    values = runs.read_json(run, FILE)
    try:
        points = [OperatingPoint.from_dict(dict(one)) for one in values["points"]]
        for point in points:
            if not isinstance(point.name, str):
                raise TypeError(f"a name is {point.name!r}")
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise runs.DamagedRun(
            f"{FILE} of run {run} is damaged ({str(error).rstrip('.')}); "
            f"delete {runs.path(run, FILE)} and save the points again."
        ) from error
    return {point.name: point for point in points}


def used(run: str) -> OperatingPoint | None:
    """The point by which the run decides, here and in what is exported; None is the most probable class."""
    points = saved(run)
    name = runs.read_json(run, FILE).get("used") if points else None
    return points.get(name) if isinstance(name, str) else None


def save(run: str, point: OperatingPoint) -> None:
    """Keep a point under its name, in place of one of the same name, and use it.

    Raises ValueError if the name is none, or there are MOST already.
    """
    name = point.name.strip()
    if not name or len(name) > LONGEST or not name.isprintable():
        raise ValueError(f"The name {point.name!r} is no name; give 1 to {LONGEST} letters.")
    points = {**saved(run), name: point}
    if len(points) > MOST:
        raise ValueError(f"Run {run} has {MOST} operating points already; delete one first.")
    _write(run, points, name)


def use(run: str, name: str | None) -> None:
    """Decide by the named point from now on, or by the most probable class (None); LookupError if there is none."""
    points = saved(run)
    if name is not None and name not in points:
        raise LookupError(f"Run {run} has no operating point {name!r}; it has {', '.join(points) or 'none'}.")
    _write(run, points, name)


def delete(run: str, name: str) -> None:
    """Forget the named point; LookupError if there is none."""
    points = saved(run)
    if name not in points:
        raise LookupError(f"Run {run} has no operating point {name!r}; it has {', '.join(points) or 'none'}.")
    now = used(run)
    del points[name]
    _write(run, points, None if now is None or now.name == name else now.name)


def text(point: OperatingPoint | None, classes: tuple[str, ...]) -> str:
    """How a point decides, in one sentence."""
    if point is None:
        return "The most probable class is said."
    if len(point.thresholds) == 1:
        name = classes[point.positive]
        said = f"{name} is said where its probability is at least {point.thresholds[0]:.3g}"
    elif point.thresholds:
        said = "Of the classes, the one whose probability is the largest multiple of its threshold is said"
    elif point.costs:
        said = "The class that is expected to cost least is said"
    else:
        said = "The most probable class is said"
    if point.abstain_below > 0:
        said += f"; nothing where the most probable class is less sure than {point.abstain_below:.3g}"
    return f"{said}."


def _write(run: str, points: dict[str, OperatingPoint], name: str | None) -> None:
    values = [{**point.to_dict(), "name": key} for key, point in points.items()]
    runs.write_json(runs.path(run, FILE), {"format": 1, "points": values, "used": name})
