"""How far an explanation can be trusted: checks with numbers, a sentence each, and a verdict. Read without torch.

The checks: "skill" (does the net know anything), "something" (does the map show anything), "randomised" (does it depend
on what was learnt), "deletion" (does what it points at matter), "completeness", "stability", "agreement".
"""

import numpy as np

from core import explain, runs
from core.explain import _kept

FORMAT = 1  # of the record; what an older one kept is made anew

__all__ = ["judge", "kept"]


def judge(
    run: str,
    sample: str | None = None,
    method: str | None = None,
    target: str | None = None,
    against: str | None = None,
    options: dict | None = None,
) -> dict:
    """Judge an explanation (made if it is not kept), keep the judgement in the run's folder and return it.

    The arguments are those of `core.explain.explain`. The record: verdict ("yes", "care" or "no"), sentence, checks,
    each with name, title, passed (None: does not apply), value, text, and of "deletion" also curves.
    Raises what `core.explain.explain` raises.
    """
    from core import progress

    if stored := kept(run, sample, method, target, against, options):
        return stored
    with progress.within(0, 1, 0.1):
        found = explain.explain(run, sample, method, target, against, options)
    from core.explain._base import Attribution, Target, parts_of
    from core.trust import checks, skill

    record, schema = found.record, runs.schema(run)
    import torch

    about = record["against"]
    wanted = Target(schema.classes.index(record["target"]), None if about is None else schema.classes.index(about))
    rows = torch.from_numpy(explain.background(parts_of(run))) if schema.columns else None
    values = torch.from_numpy(np.array(found.arrays["attribution"]))[None]
    base = None if record["base"] is None else torch.tensor([record["base"]])
    _, y_true, logits = runs.predictions(run, "test")
    with progress.within(0.1, 1, 0.9):
        judged = checks.judge(
            explain.model_of(run),
            torch.from_numpy(np.array(found.arrays["x"]))[None],
            explain.module(record["method"]),
            wanted,
            explain.options_of(record["method"], options),
            background=rows,
            attribution=Attribution(values, torch.tensor([record["score"]]), base),
            skill_found=skill.measure(y_true, logits),
        )
    key = _key(record["sample"], record["method"], record["target"], about, options)
    _kept.write(run, f"trust_{record['method']}", key, judged)
    return judged


def kept(
    run: str,
    sample: str | None = None,
    method: str | None = None,
    target: str | None = None,
    against: str | None = None,
    options: dict | None = None,
) -> dict | None:
    """The kept judgement of this explanation, with the arguments of `judge`, or None."""
    method = method or explain.available(runs.schema(run).kind, "sample")[0]
    if sample is None:
        sample = str(runs.predictions(run, "test")[0][0])
    target = target or explain.predicted(run, sample)
    if target is None:
        return None
    found = _kept.read(run, f"trust_{method}", _key(sample, method, target, against, options))
    if found is None or not {"verdict", "sentence", "checks"} <= set(found.record):
        return None
    return {name: found.record[name] for name in ("verdict", "sentence", "checks")}


def _key(sample, method, target, against, options) -> list:
    return [FORMAT, sample, target, against, explain.options_key(method, options)]
