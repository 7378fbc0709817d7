"""Smaller and faster files of a run, each measured beside model.onnx: 16-bit floats, and 8 bits in two ways."""

import hashlib
import json
import pathlib
import time

import numpy as np

from core import progress, runs
from core.data import split
from core.data.dataset import Dataset
from core.evaluation import intervals
from exports import feeding
from exports.parity.origins import Graph
from exports.variants import quantise, timing, verdicts

FILES = {
    "fp32": "model.onnx",
    "fp16": "model-fp16.onnx",
    "int8 dynamic": "model-int8-dynamic.onnx",
    "int8 static": "model-int8-static.onnx",
}
NAMES = tuple(name for name in FILES if name != "fp32")
TEXTS = {
    "fp32": "As it was trained.",
    "fp16": "The net in 16-bit floats: half the size; faster on a GPU, as fast or slower on a processor.",
    "int8 dynamic": "Weights in 8 bits, ranges of what comes in measured at each answer.",
    "int8 static": "Weights and values in 8 bits, ranges measured on training samples.",
}
MARGIN = 0.01  # of accuracy
CALIBRATION, VALIDATION, TEST = 200, 400, 5000  # samples, at most
WORST, KEPT = 3, 0.1  # parts of a net whose layers are looked at one by one; share of weights that may stay in floats
TOLERANCE = 0.01  # of a variant's self-test: other processors round 8 bits in other places
LARGE = 4096  # values of what stays in floats in an 8-bit file, from which it is kept in 16 bits
AT_ONCE = 2**22  # values of samples that are asked together


def make(run: str, names: tuple[str, ...] = NAMES, margin: float = MARGIN) -> dict:
    """Write the named variants of exports/model.onnx of `run`, measure all, store and return the record.

    margin : a difference of accuracy, in [0, 1], that does not matter
    The record, exports/variants.json, holds run, model_sha256 (of model.onnx), margin, n (test samples), made,
    processor, and "variants", fp32 first: {"name", "file", "bytes", "load_seconds", "latency": see `timing.latencies`,
    "accuracy": {"value", "low", "high"}, "losses", "gains", "changed": decisions that differ from fp32's,
    "largest_difference" of a probability, "equivalence": see `verdicts.judge`, "kept": layers that stayed in floats,
    "sensitivity"}. One that cannot be made has "name" and "error", a sentence, only.
    Raises LookupError without model.onnx or for an unknown name, ValueError for a margin that cannot be.
    """
    _check(names, margin)
    source = runs.exported(run)
    content, dataset = source.read_bytes(), runs.dataset(run)
    parts = split.load(runs.path(run, "split.parquet"), dataset.ids)
    rows, paths = {"fp32": {}}, {"fp32": source}
    if not len(parts["test"]):
        raise ValueError(f"Run {run} has no test samples on which variants could be compared; split the data anew.")
    with progress.within(0, 10, 4):
        for i, name in enumerate(names):
            with progress.within(i, len(names)):
                target = runs.path(run, "exports", FILES[name])
                target.unlink(missing_ok=True)
                try:
                    rows[name] = _write(name, content, target, dataset, parts, margin)
                    paths[name] = target
                except progress.Stopped:
                    raise
                except Exception as error:  # the libraries' many kinds
                    problem = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
                    rows[name] = {"error": f"This net cannot be made {name} ({problem})."}
    where = split.thinned(parts["test"], TEST)
    with progress.within(4, 10, 3):
        _measure(rows, paths, dataset, where)
    with progress.within(7, 10, 3):
        few = feeding.inputs(dataset, where[: max(timing.BATCHES)])
        timed = timing.latencies(paths, few, _wanted(paths["fp32"]))
    for name, path in paths.items():
        rows[name] |= {
            "file": FILES[name],
            "bytes": path.stat().st_size,
            "load_seconds": timing.load_seconds(path),
            "latency": timed[name],
        }
    record = {
        "format": 1,
        "run": run,
        "model_sha256": hashlib.sha256(content).hexdigest(),
        "made": time.time(),
        "n": len(where),
        "n_calibration": min(CALIBRATION, len(parts["train"])),
        "processor": {"vnni": quantise.has_vnni()},
        "variants": [{"name": name, **row} for name, row in rows.items()],
    }
    record = verdicts.judged(record, margin)
    runs.write_record(run, "exports/variants.json", record)
    return record


def stored(run: str) -> dict | None:
    """The record of the last `make`, if it is about the file that is there now; else None."""
    source = runs.path(run, "exports", FILES["fp32"])
    if not runs.path(run, "exports", "variants.json").exists() or not source.exists():
        return None
    record = runs.read_json(run, "exports/variants.json")
    same = record.get("model_sha256") == hashlib.sha256(source.read_bytes()).hexdigest()
    return record if same and record.get("format") == 1 else None


def _check(names: tuple[str, ...], margin: float) -> None:
    if unknown := [name for name in names if name not in NAMES]:
        raise LookupError(f"There is no variant {unknown[0]!r}; there are {', '.join(NAMES)}.")
    verdicts.check(margin)


# ---------------------------------------------------------------------------------------------------- files


def _write(name: str, content: bytes, target: pathlib.Path, dataset: Dataset, parts: dict, margin: float) -> dict:
    """Make one variant; what is known of it besides its figures."""
    import onnx

    proto = onnx.load_from_string(content)
    for i, node in enumerate(proto.graph.node):
        node.name = node.name or f"node {i}"
    graph, facts = Graph(proto), {"kept": [], "sensitivity": []}
    with progress.within(0, 5, 4):
        if name == "fp16":
            made = quantise.half(proto)
        elif name == "int8 dynamic":
            made = quantise.dynamic(proto, graph)
        else:
            made, facts = _static(proto, graph, content, dataset, parts, margin)
    if name != "fp16":
        quantise.slim(made, LARGE)
    source = hashlib.sha256(content).hexdigest()
    with progress.within(4, 5):
        _describe(made, {"name": name, "made_from": source, **facts})
    with runs.replacing(target) as beside:
        beside.write_bytes(made.SerializeToString())
    return facts


def _static(proto, graph: Graph, content: bytes, dataset: Dataset, parts: dict, margin: float) -> tuple:
    """The file in 8 bits, with as few layers in floats as validation samples ask for, and which these are.

    Where more of their decisions change than the margin (and more than one), each part of the net is made 8 bits alone,
    and each layer of the WORST parts. The layers that change logits most are then kept in floats, one more at a time,
    until few enough decisions change or the layers kept hold KEPT of all weights.
    """
    held_out = parts["val"] if len(parts["val"]) else parts["train"]
    feeds = feeding.inputs(dataset, split.thinned(held_out, VALIDATION))
    wanted = ["logits", *_decision(_wanted(content))]
    with progress.within(0, 5):
        expected = _answers(content, feeds, wanted)
    ranges = quantise.Static(proto, graph, feeding.inputs(dataset, split.thinned(parts["train"], CALIBRATION)))
    enough = max(margin * len(expected["logits"]), 1)

    def tried(kept) -> tuple:
        with progress.within(0, 2):
            made = ranges.file(frozenset(kept))
        with progress.within(1, 2):
            got = _answers(made.SerializeToString(), feeds, wanted)
        changed = int((_said(got) != _said(expected)).sum())
        return changed, float(np.abs(got["logits"] - expected["logits"]).mean()), made

    def alone(names: list[str], start: float) -> dict[str, float]:
        found = {}
        for i, name in enumerate(names):
            with progress.within(start + i / len(names), 5, 1 / len(names)):
                found[name] = tried(set(ranges.groups) - {name})[1]
        return dict(sorted(found.items(), key=lambda pair: -pair[1]))

    try:
        with progress.within(1, 5):
            best: tuple = (*tried(()), [])
        if best[0] <= enough or len(ranges.groups) < 2:
            return best[2], {"kept": [], "sensitivity": []}
        errors = alone(ranges.groups, 2)
        layers = alone(ranges.split(list(errors)[:WORST]), 3)
        kept = []
        for i, layer in enumerate(layers):
            if ranges.share([*kept, layer]) > KEPT:
                continue
            kept.append(layer)
            with progress.within(4 + i / len(layers), 5, 1 / len(layers)):
                best = min(best, (*tried(kept), list(kept)), key=lambda one: (one[0], len(one[3])))
            if best[0] <= enough:
                break
    finally:
        ranges.close()
    sensitivity = [{"part": name, "logit_error": error} for name, error in (errors | layers).items()]
    return best[2], {"kept": best[3], "sensitivity": sensitivity}


def _describe(proto, variant: dict) -> None:
    """Say in the file which variant it is, and let its self-test hold what it says itself."""
    import onnx

    from exports import facts

    texts = {entry.key: entry.value for entry in proto.metadata_props if entry.key.startswith("vitrine.")}
    stored = json.loads(texts.get("vitrine.self_test", "null"))
    del proto.metadata_props[:]
    for node in proto.graph.node:
        del node.metadata_props[:]  # which module it comes from, in a small net half of the file
    if stored:
        names = [output.name for output in proto.graph.output if output.name in stored["cases"][0]["outputs"]]
        cases = [quantise.small(inputs) for inputs in quantise.inputs_of(stored)]
        said = [_answers(proto.SerializeToString(), inputs, names) for inputs in cases]
        packed = [
            {side: {k: facts.packed(v) for k, v in part.items()} for side, part in (("inputs", a), ("outputs", b))}
            for a, b in zip(cases, said)
        ]
        texts["vitrine.self_test"] = json.dumps({"tolerance": TOLERANCE, "of": variant["name"], "cases": packed})
    texts.pop("vitrine.metrics", None)  # measured on the file that it was made of
    texts["vitrine.variant"] = json.dumps(variant)
    onnx.helper.set_model_props(proto, texts)


# ---------------------------------------------------------------------------------------------------- figures


def _measure(rows: dict, paths: dict[str, pathlib.Path], dataset: Dataset, where: np.ndarray) -> None:
    """Accuracy, decisions and probabilities of each file on test samples as they are stored."""
    feeds, y_true = feeding.inputs(dataset, where), dataset.targets[where]
    wanted, first = _wanted(paths["fp32"]), None
    for i, (name, path) in enumerate(paths.items()):
        with progress.within(i, len(paths)):
            got = _answers(path.read_bytes(), feeds, wanted)
        right = _said(got) == y_true
        first = first or (got, right)
        apart = np.abs(got["probabilities"].astype(float) - first[0]["probabilities"])
        rows[name] |= {
            "accuracy": intervals.proportion(int(right.sum()), len(right)),
            "losses": int((first[1] & ~right).sum()),
            "gains": int((~first[1] & right).sum()),
            "changed": int((_said(got) != _said(first[0])).sum()),
            "largest_difference": float(apart.max()) if len(apart) and np.isfinite(apart).all() else None,
        }


def _answers(content: bytes, feeds: dict[str, np.ndarray], wanted: list[str]) -> dict[str, np.ndarray]:
    """These outputs of a file for any number of samples, by name."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    n = len(next(iter(feeds.values())))
    step = max(1, min(256, AT_ONCE // max(1, sum(values.size for values in feeds.values()) // max(1, n))))
    pieces = []
    for start in range(0, n, step):
        progress.report(start, n)
        batch = {name: values[start : start + step] for name, values in feeds.items()}
        pieces.append(timing.ask(session, batch, wanted))
    return {name: np.concatenate(values) for name, values in zip(wanted, zip(*pieces))}


def _wanted(source: pathlib.Path | bytes) -> list[str]:
    """What a person asks a file for."""
    import onnx

    proto = onnx.load_from_string(source) if isinstance(source, bytes) else onnx.load(source)
    return ["probabilities", *_decision([output.name for output in proto.graph.output])]


def _decision(names: list[str]) -> list[str]:
    return ["decision"] if "decision" in names else []


def _said(answers: dict[str, np.ndarray]) -> np.ndarray:
    """What is decided, int (n,); the most probable class by a file that does not decide."""
    if "decision" in answers:
        return answers["decision"]
    return answers["probabilities" if "probabilities" in answers else "logits"].argmax(axis=1)
