"""Explainers: one file each, with KIND, SCOPE, TITLE and TEXT at its top, read without torch.

SCOPE "sample": `explain(model, x, target) -> attribution`, float32 with the shape of x, for one or more samples x.
SCOPE "model": `explain(model, x, y_true) -> (mean, std)`, float64 (n_columns,) each, over many samples.
"""

import hashlib
import json
import sys
import time

import numpy as np

from core import registry, runs
from core.evaluation.metrics import softmax


def available(kind: str) -> list[str]:
    """Names of the explainers for a kind of data ("image" or "table"), those for one sample first."""
    names = [name for name in registry.members(sys.modules[__name__]) if kind in module(name).KINDS]
    return sorted(names, key=lambda name: module(name).SCOPE != "sample")


def module(name: str):
    """The file of one explainer; LookupError if there is none of that name."""
    return registry.member(sys.modules[__name__], name, "explainer")


def explain(run: str, method: str, sample: str | None = None, target: str | None = None) -> dict:
    """Explain a decision of `run`, keep the result in its folder, and return the record.

    sample : id of a test sample (default: the first);  target : class name (default: the predicted class)
    The record holds method, run, sample, target, predicted, true, probabilities, attribution (arrays as lists of the
    sample's shape, or per column), seconds and path. What is kept already is read, not computed again.
    Raises LookupError if method, sample or class is not there, ValueError if the method does not fit the data.
    """
    schema = runs.schema(run)
    explainer = module(method)
    if schema.kind not in explainer.KINDS:
        raise ValueError(f"{method} does not work on {schema.kind}s; choose {', '.join(available(schema.kind))}.")
    if target is not None and target not in schema.classes:
        raise LookupError(f"There is no class {target!r}; there are {', '.join(schema.classes)}.")
    whole_model = explainer.SCOPE == "model"
    if whole_model:
        sample = target = None
    else:
        ids, _, logits = runs.predictions(run, "test")
        sample = str(ids[0]) if sample is None else sample
        if sample not in ids:
            raise LookupError(f"There is no test sample {sample!r} in run {run}; ids look like {str(ids[0])!r}.")
        target = target or schema.classes[int(logits[list(ids).index(sample)].argmax())]
    if stored := kept(run, method, sample, target):
        return stored
    started = time.perf_counter()
    record = (_whole_model if whole_model else _one_sample)(run, schema, explainer, sample, target)
    record |= {"method": method, "sample": sample, "target": target, "seconds": time.perf_counter() - started}
    path = _path(run, method, sample, target)
    runs.write_json(path, record)
    return {**record, "run": run, "path": str(path)}


def kept(run: str, method: str, sample: str | None, target: str | None) -> dict | None:
    """The stored record of this explanation, or None. A damaged one counts as not there: it is made again."""
    path = _path(run, method, sample, target)
    try:
        return {**json.loads(path.read_text(encoding="utf-8")), "run": run, "path": str(path)}
    except (OSError, ValueError, TypeError):
        return None


def describe(record: dict) -> str:
    """What a record says, in plain sentences."""
    attribution = np.array(record["attribution"])
    if record["sample"] is None:
        columns = runs.schema(record["run"]).columns
        best = np.argsort(-attribution)[:3]
        drops = ", ".join(f"{columns[j].name} ({attribution[j]:.1%})" for j in best)
        return f"Shuffling a column costs accuracy on validation: {drops}."
    start = (
        f"Sample {record['sample']} is {record['true']}; the model says {record['predicted']} "
        f"({max(record['probabilities']):.1%})."
    )
    columns = runs.schema(record["run"]).columns
    if columns:
        best = np.argsort(-np.abs(attribution))[:3]
        parts = ", ".join(f"{columns[j].name} ({attribution[j]:+.2f})" for j in best)
        return f"{start} What speaks most for or against {record['target']}: {parts}."
    return f"{start} The map shows what speaks for {record['target']}."


def _one_sample(run, schema, explainer, sample, target) -> dict:
    import torch

    from core import model as models

    model = models.load(run)
    dataset = runs.dataset(run)
    where = int(np.flatnonzero(dataset.ids == sample)[0])
    x = torch.from_numpy(np.array(dataset.x[where : where + 1]))
    logits = models.predict(model, dataset.x[where : where + 1])
    attribution = explainer.explain(model, x, schema.classes.index(target))
    return {
        "true": schema.classes[int(dataset.targets[where])],
        "predicted": schema.classes[int(logits[0].argmax())],
        "probabilities": softmax(logits)[0].tolist(),
        "attribution": attribution[0].cpu().double().numpy().tolist(),
    }


def _whole_model(run, schema, explainer, sample, target) -> dict:  # noqa: ARG001 (one signature for both)
    from core import model as models
    from core.data import split

    dataset = runs.dataset(run)
    where = split.load(runs.path(run, "split.parquet"), dataset.ids)["val"]
    mean, std = explainer.explain(models.load(run), dataset.x[where], dataset.targets[where])
    return {"attribution": mean.tolist(), "std": std.tolist(), "n": len(where)}


def _path(run, method, sample, target):
    """Where the record is kept; ids and class names come from the data, so they are hashed rather than used."""
    key = hashlib.sha256(json.dumps([sample, target]).encode()).hexdigest()[:16]
    return runs.path(run, "explanations", f"{method}-{key}.json")
