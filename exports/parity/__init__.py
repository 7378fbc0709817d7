"""The certificate: proof that an exported file decides as PyTorch does, from the data as it was given."""

import hashlib
import json
import pathlib
import time
from typing import TYPE_CHECKING

import numpy as np

from core import progress, runs, words
from core.data import split
from core.data.dataset import Dataset
from core.evaluation import metrics
from exports import answers as answering
from exports import feeding, selftest
from exports.answers import Answers
from exports.parity import hunting
from exports.parity.sides import File, PyTorch, Refused, apart_for_its_size
from exports.parity.tally import CLOSE, Rows, Tally

if TYPE_CHECKING:
    from core.model import Model

FORMAT = runs.PARITY
TOLERANCE = {"table": 1e-5, "image": 1e-4}  # largest allowed difference of a probability
BATCH_SIZES = (1, 2, 7, 64)
SWEPT = {False: 4000, True: 200}  # samples of each further condition, of small and of large samples
NEEDED = {"classes": "classes", "inputs": "inputs", "self_test": "self-test"}  # facts of a file, in words
AT_ONCE = 2**25  # values of samples that are asked at once, at most


def verify(run: str) -> dict:
    """Compare exports/model.onnx of `run` with PyTorch on the whole test split; store and return the record.

    Raises LookupError if there is no exported file yet. See `compare` for the record.
    """
    path = runs.exported(run)
    weights = runs.weights_stamp(run)
    record = of_file(path, run)
    record["weights"] = weights
    record |= _marked(path, None if record["passed"] else record["verdict"])
    runs.write_record(run, "exports/parity.json", record)
    return record


def _marked(path: pathlib.Path, verdict: str | None) -> dict:
    """Write into a file that failed that it did, so that it is known wherever it goes, or (None) take that out.

    Returns what the record says of the file, where it changed.
    """
    import onnx

    try:
        proto = onnx.load(path)
    except Exception:  # no ONNX file, which nobody can use either
        return {}
    before = {entry.key: entry.value for entry in proto.metadata_props}
    marks = {key: text for key, text in before.items() if key != selftest.FAILED}
    if verdict is not None:
        marks[selftest.FAILED] = json.dumps(verdict)
    if marks == before:
        return {}
    del proto.metadata_props[:]
    onnx.helper.set_model_props(proto, marks)
    content = proto.SerializeToString()
    with runs.replacing(path) as beside:
        beside.write_bytes(content)
    return {"model_sha256": hashlib.sha256(content).hexdigest(), "model_bytes": len(content)}


def of_file(path: str | pathlib.Path, run: str) -> dict:
    """As `verify`, of any file that is said to be of the run; nothing is stored. ValueError if it cannot be read."""
    from core import model as models

    dataset, model = runs.dataset(run), models.load(run)
    where = split.load(runs.path(run, "split.parquet"), dataset.ids)["test"]
    try:
        return compare(pathlib.Path(path), model, dataset, where, answering.of_run(run, model), complete=True)
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}); name a file that is there.") from error


def stored(run: str) -> dict | None:
    """The record of the last comparison, if it is of the file and of the weights that are there now; else None."""
    path, record = runs.path(run, "exports", "model.onnx"), runs.parity(run)
    if record is None or record.get("format") != FORMAT or not path.exists():
        return None
    same = record["model_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    return record if same and runs.of_these_weights(run, record) else None


def compare(
    path: pathlib.Path,
    model: "Model",
    dataset: Dataset,
    where: np.ndarray,
    wanted: Answers | None = None,
    tolerance: float | None = None,
    complete: bool = False,
) -> dict:
    """Run the file `path` in onnxruntime and `model` in PyTorch on the samples at `where` of `dataset`.

    wanted : what the file is to say; default: nothing but probabilities, uncalibrated, and decisions
    complete : whether the file must have every output that is wanted, say what it is, and decide by the point wanted
    The record, plain values, holds passed (bool), verdict (a sentence), n, tolerance, and
        checks: one row per condition, with "input" ("original" files or "stored" samples), "batch_size", "optimised",
            "threads", "provider", "n", "largest_difference" and "p999_difference" of probabilities,
            "largest_logit_difference", "decisions_that_differ", "accuracy", and "others": what else differs
        decisions: those that differ (id, both classes, both probabilities);  largest_at: the sample where it is
        margin: {"d", "beyond", "grey"}, with d the largest difference of a logit seen anywhere, the share of samples
            whose two largest logits are more than 2 d apart, and those that are not, {"id", "margin"}
        metrics: {name: {"pytorch", "onnx"}};  explanation: {"n", "largest_difference"} or None
        extreme, searched: see `exports.parity.hunting`;  self_test: {"passed", "sentence"}
        originals: whether the original images were "compared", are "gone", or there are "none"
        lacks: what the file has not that it should have;  problems: why it failed, a clause each
        fault: where the two part, if the proof failed, see `exports.parity.locate.first`
    Nothing compared is a failure, and so is a NaN on either side.
    """
    started = time.perf_counter()
    content, thing = pathlib.Path(path).read_bytes(), dataset.schema.sample_word
    wanted = wanted or Answers()
    record = _empty(content, len(where), TOLERANCE[dataset.kind] if tolerance is None else tolerance)
    if len(where) == 0:
        return record | {"verdict": "Failed: no test sample was compared."}
    try:
        file = File(content)
        record |= {"operating_point": file.facts.get("operating_point"), "exporter": file.facts.get("exporter")}
        if file.facts.get("classes", list(dataset.classes)) != list(dataset.classes):
            record["verdict"] = "Failed: the class names in the file are not those of the data, in its order."
        else:
            record["lacks"] = _lacking(file, wanted) if complete else []
            record |= _compared(file, content, model, dataset, where, wanted, record["tolerance"])
            record["problems"] = _problems(record, thing)
            record["passed"] = not record["problems"]
            record["verdict"] = _verdict(record, thing)
    except Refused as error:  # a damaged file, another input, a frozen batch
        record["verdict"] = f"Failed: onnxruntime cannot run it ({error}). Export it again."
    if not record["passed"]:
        record["fault"] = _fault(path, model, dataset, where, wanted)
    return record | {"seconds": time.perf_counter() - started}


def _lacking(file: File, wanted: Answers) -> list[str]:
    """What an exported file has and this one has not, a clause each."""
    names = [name for name in (*wanted.outputs, "label") if name not in file.outputs]
    found = [f"the file lacks the output{'s' * (len(names) > 1)} {' and '.join(names)}"] if names else []
    found += [f"the file does not say its {word}" for key, word in NEEDED.items() if key not in file.facts]
    if "operating_point" in file.facts and file.point != wanted.point:
        found.append("the file decides by another operating point than the one in use")
    return found


def _compared(
    file: File, content: bytes, model, dataset: Dataset, where: np.ndarray, wanted: Answers, tolerance: float
) -> dict:
    """All that the record says of the two sides."""
    torch_side, rows = PyTorch(model, wanted, file.point), Rows(dataset, where)
    tally, found = Tally(rows, wanted, tolerance), {}
    with progress.within(0, 10, 8):
        for how, places, expected, got in _checks(content, file, torch_side, rows):
            tally.add(how, places, expected, got)
    with progress.within(8, 10):
        if "explanation" in file.outputs:
            found["explanation"] = _explanations(rows, file, torch_side)
    with progress.within(9, 10):
        found["extreme"] = hunting.extreme(file, torch_side, tolerance)
        found["searched"] = hunting.searched(file, torch_side, rows.x, tolerance)
    seen = [row["largest_logit_difference"] for row in (*found["extreme"], found["searched"])]
    if "self_test" in file.facts:
        said = selftest.check(content, although_marked=True)
        found["self_test"] = {"passed": said["passed"], "sentence": said["sentence"]}
    there = any(check["input"] == "original" for check in tally.checks)
    found["originals"] = "compared" if there else "gone" if "file" in dataset.about else "none"
    return found | tally.record(seen)


# ------------------------------------------------------------------------------------------------------ conditions


def _checks(content: bytes, file: File, torch_side: PyTorch, rows: Rows):
    """Each comparison: (how, places of the samples, what PyTorch says, what the file says).

    Images are compared from their original files, one by one and each at its own size, where these are there. All
    samples are then compared as they are stored, and many of them in batches of other sizes, with the graph as it was
    written, by one thread and by two, and on a GPU where onnxruntime has one.
    """
    import onnxruntime

    from core import model as models

    everything = np.arange(len(rows.where))
    some = split.thinned(everything, SWEPT[rows.large])
    whole = min(len(everything), max(64, AT_ONCE // max(1, rows.x[0].size)))
    conditions = [("as it is", file, everything, whole)]
    conditions += [("batch", file, some, size) for size in BATCH_SIZES if size < len(some)]
    conditions += [("plain", File(content, optimised=False), some, min(64, len(some)))]
    conditions += [(f"{n} threads", File(content, threads=n), some, min(64, len(some))) for n in (1, 2)]
    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        conditions.append(("CUDA", File(content, provider="CUDA"), some, min(64, len(some))))
    total = len(conditions) + 3

    with progress.within(0, total, 1):
        expected = _expected(torch_side, rows)
    plain = [name for name in file.outputs if name != "explanation"]
    with progress.within(1, total):
        originals = models.predict_originals(torch_side.model, rows.dataset, rows.where)
    with progress.within(2, total):
        if originals is not None:
            got = []
            for i, image in enumerate(models.originals(rows.dataset, rows.where)):
                progress.report(i, len(everything))
                got.append(file.ask({"image": image[None]}, plain))
            got = {name: np.concatenate([one[name] for one in got]) for name in got[0]}
            how = {"input": "original", "batch_size": 1, "optimised": True, "threads": None, "provider": "CPU"}
            yield how, everything, torch_side.answers(originals), got
    for i, (name, asked, places, size) in enumerate(conditions):
        with progress.within(3 + i, total):
            got = asked.ask_in_batches(rows.feeds(places), size, plain)
        how = {
            "input": "stored",
            "batch_size": size,
            "optimised": name != "plain",
            "threads": int(name[0]) if name.endswith("threads") else None,
            "provider": "CUDA" if name == "CUDA" else "CPU",
        }
        yield how, places, {key: value[places] for key, value in expected.items()}, got


def _expected(torch_side: PyTorch, rows: Rows) -> dict[str, np.ndarray]:
    """What PyTorch says of all samples as they are stored."""
    from core import model as models
    from core.evaluation import similar

    if torch_side.wanted.outlier is None and not torch_side.wanted.embedding:
        return torch_side.answers(models.predict(torch_side.model, rows.x))
    embedding, logits = similar.embed_with_logits(torch_side.model, rows.dataset, rows.where)
    return torch_side.answers(logits, embedding)


def _explanations(rows: Rows, file: File, torch_side: PyTorch) -> dict:
    """The file's explanations beside those of `core.explain`, of all samples as they are stored."""
    largest, step = 0.0, 64 if rows.large else 1024
    for start in range(0, len(rows.where), step):
        places = np.arange(start, min(start + step, len(rows.where)))
        got = file.ask(rows.feeds(places), ["explanation", "decision", "logits"])
        with progress.within(start, len(rows.where), len(places)):
            expected = torch_side.explanations(rows.x[places], got["decision"], got["logits"])
        largest = max(largest, float(apart_for_its_size(got["explanation"], expected).max()))
    return {"n": len(rows.where), "largest_difference": metrics.plain(largest)}


# ------------------------------------------------------------------------------------------------------ the verdict


def _empty(content: bytes, n: int, tolerance: float) -> dict:
    import onnxruntime
    import torch

    return {
        "format": FORMAT,
        "passed": False,
        "verdict": "",
        "problems": [],
        "lacks": [],
        "originals": None,
        "n": n,
        "tolerance": tolerance,
        "model_sha256": hashlib.sha256(content).hexdigest(),
        "model_bytes": len(content),
        "versions": {"torch": str(torch.__version__), "onnxruntime": onnxruntime.__version__},
        "made": time.time(),
        "checks": [],
        "decisions": [],
        "differing": 0,
        "largest_difference": None,
        "largest_at": None,
        "p999_difference": None,
        "accuracy": {"pytorch": None, "onnx": None},
        "metrics": {},
        "margin": None,
        "logits": None,
        "extreme": [],
        "searched": None,
        "self_test": None,
        "explanation": None,
        "operating_point": None,
        "exporter": None,
        "fault": None,
        "seconds": 0.0,
    }


def _problems(record: dict, thing: str) -> list[str]:
    """Why the proof fails, a clause each; none if it holds."""
    n, found = _counted(record["n"], thing), list(record["lacks"])
    if record["differing"]:
        found.append(f"the file decides otherwise than the trained net on {record['differing']:,} of {n}")
    largest, allowed = record["largest_difference"], words.decimal(record["tolerance"], 1)
    if largest is None or largest > record["tolerance"]:
        found.append(f"a probability differs by {_apart(largest)} (allowed: {allowed})")
    names = sorted({name for check in record["checks"] for name in check["others"]})
    if names:
        found.append(
            f"the outputs {' and '.join(names)} differ" if len(names) > 1 else f"the output {names[0]} differs"
        )
    explained = record["explanation"]
    if explained and (explained["largest_difference"] is None or explained["largest_difference"] > CLOSE):
        found.append(
            f"an explanation differs by {_apart(explained['largest_difference'])} (allowed: {words.decimal(CLOSE, 1)})"
        )
    wrong = [row["name"] for row in record["extreme"] if not row["passed"]]
    if wrong:
        found.append(f"the two differ on extreme inputs ({', '.join(wrong[:3])})")
    searched = record["searched"]
    if searched and not searched["passed"]:
        found.append("a search found inputs on which the two differ")
    if record["self_test"] and not record["self_test"]["passed"]:
        found.append("the self-test inside the file fails")
    return found


def _verdict(record: dict, thing: str) -> str:
    n = _counted(record["n"], thing)
    if record["passed"]:
        most = words.at_most(record["largest_difference"])
        return (
            f"Passed: the file decides as the trained net on all {n}, and no probability differs by more than {most}."
        )
    first = record["problems"][0]
    return (
        f"Failed: {first}."
        if record["differing"] or record["lacks"]
        else f"Failed: the decisions are the same on {n}, but {first}."
    )


def _fault(path: pathlib.Path, model, dataset: Dataset, where: np.ndarray, wanted: Answers) -> dict | None:
    from exports.parity import locate

    places = split.thinned(where, 64)
    try:
        feeds, x = feeding.inputs(dataset, places), np.asarray(dataset.x[places])
        return locate.first(path, model, feeds, x, wanted.temperature)
    except progress.Stopped:
        raise
    except Exception as error:  # the file may be anything; where it parts is a help, not the proof
        problem = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        return {"node": None, "module": None, "text": f"Where the two part could not be found ({problem})."}


def _counted(n: int, thing: str) -> str:
    return f"{n:,} test {thing}{'' if n == 1 else 's'}"


def _apart(value: float | None) -> str:
    return "not a number" if value is None else words.decimal(value)
