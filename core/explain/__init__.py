"""Explainers: one file each, with KINDS, SCOPE, TITLE, ANSWERS, SILENT, SOURCE and Options at its top, without torch.

ANSWERS, SILENT : a sentence each: the question it answers, and what it does not say
UNIT : "logit" or "probability", in which shares are counted;  NEEDS_BACKGROUND : True if it takes training rows
SCOPE "sample": `explain(model, x, target, options, background) -> Attribution`, for one or more samples x.
SCOPE "model": `explain(model, parts, options) -> (arrays, record)`, over many samples.
See `_base.py` for Target, Attribution and Parts.
"""

import dataclasses
import functools
import sys
import time
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from core import registry, runs
from core.evaluation.metrics import softmax
from core.explain import _kept
from core.explain._kept import Explanation, pin, pinned, unpin
from core.options import from_dict

if TYPE_CHECKING:
    from core.explain._base import Parts
    from core.model import Model

BACKGROUND = 100  # training rows that stand for "not known"
BATCH = 32  # samples explained at once, where all are

__all__ = ["Explanation", "available", "explain", "explain_all", "explain_model", "kept", "pin", "pinned", "unpin"]


def available(kind: str, scope: str | None = None) -> list[str]:
    """Names of the explainers for a kind of data ("image" or "table"), those for one sample first.

    scope : "sample" or "model" for these alone
    """
    found = [
        name
        for name in registry.members(sys.modules[__name__])
        if kind in module(name).KINDS and scope in (None, module(name).SCOPE)
    ]
    return sorted(found, key=lambda name: (module(name).SCOPE != "sample", getattr(module(name), "RANK", 9), name))


def module(name: str) -> ModuleType:
    """The file of one explainer; LookupError if there is none of that name."""
    return registry.member(sys.modules[__name__], name, "explainer")


def options_of(method: str, values: dict | None) -> Any:
    """The method's Options with `values` in place of defaults; ValueError if one is unknown or out of range."""
    return from_dict(module(method).Options, values or {})


def explain(
    run: str,
    sample: str | None = None,
    method: str | None = None,
    target: str | None = None,
    against: str | None = None,
    options: dict | None = None,
) -> Explanation:
    """Explain a decision of `run`, keep the result in its folder, and return it.

    sample : id of any sample of the run's data (default: the first of test);  method : default: the first that fits
    target : class name (default: the predicted class);  against : another, for the difference between the two
    options : differences from the method's own defaults
    Arrays: "attribution", float32 (c, h, w), (1, h, w) or (n_columns,); "x", the sample; and perhaps "error".
    Record: method, sample, target, against, true, predicted, probabilities, unit, score, base, options, seconds.
    What is kept already is read, not computed again. Raises LookupError if method, sample or class is not there,
    ValueError if the method does not fit the data or the net, or the data is gone.
    """
    schema = runs.schema(run)
    method = method or available(schema.kind, "sample")[0]
    _check_fits(run, schema, method, "sample")
    chosen = options_of(method, options)
    for name in (target, against):
        if name is not None and name not in schema.classes:
            raise LookupError(f"There is no class {name!r}; there are {', '.join(schema.classes)}.")
    if sample is None:
        sample = str(runs.predictions(run, "test")[0][0])
    target = target or predicted(run, sample)
    if target is not None:
        _check_differ(target, against)
        if stored := kept(run, method, sample, target, against, options):
            return stored
    started = time.perf_counter()
    from core import model as models
    from core.explain._base import Target, parts_of

    parts, model = parts_of(run), model_of(run)
    found = np.flatnonzero(parts.dataset.ids == sample)
    if not len(found):
        like = str(parts.ids("test")[0])
        raise LookupError(f"There is no sample {sample!r} in the data of run {run}; ids look like {like!r}.")
    where = found[0]
    x = np.array(parts.dataset.x[where : where + 1])
    y_prob = softmax(models.predict(model, x))[0]
    target = target or schema.classes[int(y_prob.argmax())]
    _check_differ(target, against)
    wanted = Target(schema.classes.index(target), None if against is None else schema.classes.index(against))
    arrays, figures = _one(model, module(method), x, wanted, chosen, background(parts) if schema.columns else None)
    record = {
        "method": method,
        "sample": sample,
        "target": target,
        "against": against,
        "true": schema.classes[int(parts.dataset.targets[where])],
        "predicted": schema.classes[int(y_prob.argmax())],
        "probabilities": y_prob.tolist(),
        "unit": module(method).UNIT,
        "options": dataclasses.asdict(chosen),
        **figures,
        "seconds": time.perf_counter() - started,
    }
    key = [sample, target, against, options_key(method, options)]
    return _kept.write(run, method, key, record, {"x": x[0], **arrays})


def explain_model(run: str, method: str, options: dict | None = None) -> Explanation:
    """Explain the model of `run` as a whole, keep the result and return it; what is kept already is read.

    Arrays and record are the method's own, see its file; the record also has method, options and seconds.
    """
    schema = runs.schema(run)
    _check_fits(run, schema, method, "model")
    chosen = options_of(method, options)
    if stored := kept(run, method, None, None, None, options):
        return stored
    started = time.perf_counter()
    from core.explain._base import parts_of

    arrays, record = module(method).explain(model_of(run), parts_of(run), chosen)
    record |= {"method": method, "sample": None, "options": dataclasses.asdict(chosen)}
    record |= {"seconds": time.perf_counter() - started}
    return _kept.write(run, method, [None, None, None, options_key(method, options)], record, arrays)


def explain_all(run: str, method: str | None = None, part: str = "test", options: dict | None = None) -> dict:
    """Explain each decision of a part of the split; returns arrays by name.

    "id" (n,), "true" and "predicted" (n,), class names; "attribution" float32 (n, n_columns) of tables, float16
    (n, h, w) of images, whose channels are added; "score" (n,) and, where shares add up to something, "base" (n,).
    """
    from core import model as models
    from core import progress
    from core.explain._base import Target, parts_of

    schema = runs.schema(run)
    method = method or available(schema.kind, "sample")[0]
    _check_fits(run, schema, method, "sample")
    if part not in ("train", "val", "test"):
        raise ValueError(f"The part is {part!r}; it must be train, val or test.")
    chosen, parts, model = options_of(method, options), parts_of(run), model_of(run)
    where, rows = parts.where(part), background(parts) if schema.columns else None
    if not len(where):
        raise ValueError(f"Run {run} has no samples in {part}; choose another part.")
    pieces, order = [], []
    y_pred = models.predict(model, parts.x(part)).argmax(axis=1)
    for index in np.unique(y_pred):
        same = np.flatnonzero(y_pred == index)
        for start in range(0, len(same), BATCH):
            batch = same[start : start + BATCH]
            x = np.array(parts.dataset.x[where[batch]])
            with progress.within(len(order), len(where), len(batch)):
                pieces.append(_attribution(model, module(method), x, Target(int(index)), chosen, rows))
            order.extend(batch)
    back, classes = np.argsort(order), np.array(schema.classes)
    values = np.concatenate([_plain(piece.values) for piece in pieces])[back]
    found = {
        "id": parts.ids(part),
        "true": classes[parts.y_true(part)],
        "predicted": classes[y_pred],
        "attribution": values if schema.columns else values.sum(axis=1).astype(np.float16),
        "score": np.concatenate([_plain(piece.score) for piece in pieces])[back],
    }
    if pieces[0].base is not None:
        found["base"] = np.concatenate([_plain(piece.base) for piece in pieces])[back]
    return found


def kept(
    run: str,
    method: str,
    sample: str | None,
    target: str | None,
    against: str | None = None,
    options: dict | None = None,
) -> Explanation | None:
    """The stored result of this explanation, or None. A damaged one counts as not there: it is made again."""
    return _kept.read(run, method, [sample, target, against, options_key(method, options)])


def predicted(run: str, sample: str) -> str | None:
    """The class that a sample was given, by the stored predictions on test or validation; None if it is in neither."""
    classes = runs.schema(run).classes
    for part in ("test", "val"):
        try:
            ids, _, logits = runs.predictions(run, part)
        except runs.DamagedRun:
            continue
        where = np.flatnonzero(ids == sample)
        if len(where):
            return classes[int(logits[where[0]].argmax())]
    return None


def options_key(method: str, options: dict | None) -> dict:
    """The options that differ from the method's defaults, so that naming a default changes nothing."""
    plain = dataclasses.asdict(module(method).Options())
    return {name: value for name, value in sorted((options or {}).items()) if plain.get(name) != value}


def background(parts: "Parts", most: int = BACKGROUND) -> np.ndarray:
    """Training rows, evenly spread, float32 (n, n_columns), that stand for a column that is not known."""
    return parts.x("train", most)


@functools.lru_cache(maxsize=2)
def _loaded(run: str, workspace: str, stamp: tuple):  # noqa: ARG001 (another workspace or other weights, another model)
    """The run's model, kept for the next question: reading it takes as long as a map."""
    from core import model as models

    return models.load(run)


def model_of(run: str) -> "Model":
    """The model of a run, never to be changed; as `core.model.load`, but kept in this process."""
    return _loaded(run, str(runs.workspace()), tuple(runs.weights_stamp(run)))


def describe(found: Explanation) -> str:
    """What an explanation says, in plain sentences."""
    record = found.record
    method = module(record["method"])
    if "sentence" in record:
        return record["sentence"]
    columns = runs.schema(record["run"]).columns
    start = (
        f"Sample {record['sample']} is {record['true']}; the model says {record['predicted']} "
        f"({max(record['probabilities']):.1%})."
    )
    what = record["target"] + (f" rather than {record['against']}" if record["against"] else "")
    if columns:
        attribution = found.arrays["attribution"]
        best = np.argsort(-np.abs(attribution))[:3]
        parts = ", ".join(f"{columns[j].name} ({attribution[j]:+.2f})" for j in best)
        return f"{start} What speaks most for or against {what}: {parts}. By {method.TITLE}."
    return f"{start} The map shows what speaks for {what}. By {method.TITLE}."


def _check_fits(run: str, schema, method: str, scope: str) -> None:
    explainer = module(method)
    if schema.kind not in explainer.KINDS:
        fitting = ", ".join(available(schema.kind, scope))
        raise ValueError(f"{method} does not work on {schema.kind}s; choose {fitting}.")
    if scope != explainer.SCOPE:
        fitting, what = ", ".join(available(schema.kind, scope)), {"sample": "one sample", "model": "a whole model"}
        raise ValueError(f"{method} does not explain {what[scope]}; choose {fitting}.")
    if not runs.path(run).is_dir():
        raise LookupError(f"There is no run {run} in {runs.workspace()}.")


def _check_differ(target: str, against: str | None) -> None:
    if target == against:
        raise ValueError(f"{target} cannot be compared with itself; choose another class for one of the two.")


def _one(model, explainer, x, target, options, rows) -> tuple[dict, dict]:
    """Arrays and figures of one sample."""
    found = _attribution(model, explainer, x, target, options, rows)
    arrays = {"attribution": _plain(found.values)[0]}
    if found.error is not None:
        arrays["error"] = _plain(found.error)[0]
    base = None if found.base is None else float(_plain(found.base)[0])
    return arrays, {"score": float(_plain(found.score)[0]), "base": base}


def _attribution(model, explainer, x: np.ndarray, target, options, rows):
    import torch

    more = {"background": torch.from_numpy(rows)} if getattr(explainer, "NEEDS_BACKGROUND", False) else {}
    return explainer.explain(model, torch.from_numpy(x), target, options, **more)


def _plain(values) -> np.ndarray:
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values, np.float32)
