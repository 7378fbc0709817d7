"""The judgement of one explanation: all checks, then a verdict in one sentence. Nothing is read or kept here."""

from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from core import progress
from core.trust import deletion, randomised, skill, soft
from core.trust._case import Case

if TYPE_CHECKING:
    import torch
    from torch import nn

    from core.explain._base import Attribution, Target


def judge(
    model: "nn.Module",
    x: "torch.Tensor",
    method: ModuleType,
    target: "int | Target",
    options: Any = None,
    background: "np.ndarray | torch.Tensor | None" = None,
    attribution: "Attribution | None" = None,
    skill_found: dict | None = None,
    seed: int = 0,
) -> dict:
    """The judgement of an explanation: {"verdict", "sentence", "checks"}, see `core.trust.judge`.

    model, x, target, background : as `explain` of the method takes them, x (1, ...)
    method : the file of the method;  attribution : its result, or None to make it
    skill_found : what `skill.measure` says of the net, or None where that is not known
    """
    from core.explain._base import Target

    options = options or method.Options()
    target = Target.of(target)
    if attribution is None:
        more = {"background": background} if getattr(method, "NEEDS_BACKGROUND", False) else {}
        with progress.within(0, 1, 0.1):
            attribution = method.explain(model, x, target, options, **more)
    case = Case(model, x, method, target, options, background, attribution)
    checks = [skill.check(skill_found), something(case)]
    if not checks[1]["passed"]:
        return verdict(case, checks)
    with progress.within(0.1, 1, 0.3):
        checks.append(randomised.check(case, seed))
    with progress.within(0.4, 1, 0.35):
        checks.append(deletion.check(case, seed))
    checks.append(soft.completeness(case))
    with progress.within(0.75, 1, 0.1):
        checks.append(soft.stability(case, seed))
    with progress.within(0.85, 1, 0.15):
        checks.append(soft.agreement(case))
    progress.report(1, 1)
    return verdict(case, checks)


def something(case: Case) -> dict:
    """Whether the map differs anywhere from place to place; value is its largest difference."""
    value = float(np.ptp(case.map)) if np.isfinite(case.map).all() else 0.0
    size = float(np.abs(case.map).max()) if value else 0.0
    passed = bool(value > 1e-9 * size and value > 0) or (case.map.size == 1 and bool(case.map.any()))
    text = "Yes: it differs from place to place." if passed else "No: it is the same everywhere."
    return {"name": "something", "title": "Does it show anything?", "passed": passed, "value": value, "text": text}


def verdict(case: Case, checks: list[dict]) -> dict:
    """The verdict on checks: the first that fails of those which count against the map decides."""
    by_name = {check["name"]: check for check in checks}

    def failed(name):
        return name in by_name and by_name[name]["passed"] is False

    this = "image" if case.is_image else "row"
    skilled = by_name["skill"]["value"]
    if failed("skill"):
        answer, text = "no", "The net is no better than guessing, so that no explanation of it means anything."
    elif failed("something"):
        answer, text = "no", f"There is nothing to see for this {this}: nothing in it moves the score."
    elif failed("randomised"):
        answer, text = (
            "no",
            f"It would look much the same had the net learnt nothing: it shows the {this}, not the net.",
        )
    elif failed("deletion"):
        what = "the same map in another place" if case.is_image else "columns in random order"
        answer, text = "no", f"No better than random for this {this}: {what} moves the probability as much."
    elif failed("stability"):
        answer, text = "care", "Take it with care: what it points at matters, but small noise changes it."
    elif failed("completeness"):
        answer, text = (
            "care",
            f"Take it with care: the shares do not add up ({by_name['completeness']['value']:.0%} amiss).",
        )
    elif failed("agreement"):
        answer, text = "care", "Take it with care: other methods point elsewhere."
    elif skilled is not None and skilled < skill.SOME:
        answer, text = "care", "Take it with care: the net itself is hardly better than guessing."
    elif skilled is None or by_name["deletion"]["passed"] is None:
        answer, text = "care", "Take it with care: not all that matters could be checked."
    else:
        answer, text = (
            "yes",
            "It can be trusted: it depends on what the net learnt, and what it points at matters to the net.",
        )
    return {"verdict": answer, "sentence": text, "checks": checks}
