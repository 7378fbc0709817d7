"""The living page of a run: one HTML file that runs the exported model itself, in any browser and without a network."""

import base64
import dataclasses
import gzip
import hashlib
import json
import pathlib
import zlib
from typing import Any

from core import notes, progress, runs, words
from core.evaluation import points
from exports import plain, policy, report
from exports.answers import point_of
from exports.folders import without_folders
from exports.page import samples as page_samples
from exports.page import web

TEMPLATES = pathlib.Path(__file__).parent / "templates"
SCRIPTS = ("engine", "decide", "look", "picture", "form", "answer", "check", "start")
DAMAGED = "The exported file is damaged; export the run again."
GIVEN = ("kind", "classes", "inputs", "outputs")  # facts of the file that the page needs as they are


@dataclasses.dataclass(frozen=True)
class Made:
    """The file that was written, what it weighs, and how many samples of the data travel in it."""

    path: pathlib.Path
    n_bytes: int
    n_real: int


def write(run: str, samples: tuple[str, ...] = ()) -> Made:
    """Write exports/page.html of `run`. It holds exports/model.onnx, onnxruntime-web, and nothing of the data.

    samples : ids of samples that travel in it, with their true classes; without any it has made-up ones to begin with
    Raises LookupError if the run has not been exported or evaluated, or has no such sample; ValueError if the file is
    an older one, or onnxruntime-web cannot be had.
    """
    record = runs.evaluation(run)
    if record is None:
        raise LookupError(f"Run {run} has no figures yet; wait until it is done, or evaluate it first.")
    target = runs.exported(run)
    model = target.read_bytes()
    facts = metadata(model)
    if facts.get("format") != 2 or "outputs" not in facts:
        raise ValueError(f"The exported file of run {run} is of an older kind; export it again first.")
    if not _is_whole(facts):
        raise ValueError(DAMAGED)
    if facts["inputs"][0]["role"] == "image" and facts["inputs"][0]["type"] != "uint8":
        raise ValueError(
            f"Run {run} takes images of type {facts['inputs'][0]['type']}, and a browser's pictures are levels from 0 "
            "to 255; a living page can be made of runs on such pictures only."
        )
    progress.report(0, 4)
    parts = web.files()
    progress.report(1, 4)
    shown = page_samples.real(run, samples) if samples else page_samples.made_up(facts)
    progress.report(2, 4)
    packed = {
        "runtime": parts["ort.wasm.bundle.min.mjs"],
        "wasm": parts["ort-wasm-simd-threaded.wasm"],
        "model": model,
    }
    text = render(run, record, facts, shown, {name: pack(content) for name, content in packed.items()}, model)
    progress.report(3, 4)
    with runs.replacing(target.with_name("page.html")) as beside:
        beside.write_text(text, encoding="utf-8")
    progress.report(4, 4)
    return Made(target.with_name("page.html"), len(text.encode()), len(samples))


def metadata(model: bytes) -> dict:
    """What an exported file says of itself, {} for a file from elsewhere; ValueError if it is damaged."""
    import onnx

    try:
        proto = onnx.load_from_string(model)
    except Exception as error:  # protobuf's own kinds
        raise ValueError(DAMAGED) from error
    pairs = {entry.key: entry.value for entry in proto.metadata_props if entry.key.startswith("vitrine.")}
    try:
        return {key.removeprefix("vitrine."): json.loads(value) for key, value in pairs.items()}
    except (ValueError, RecursionError) as error:
        raise ValueError(DAMAGED) from error


def _is_whole(facts: dict) -> bool:
    """Whether the facts are of the kinds that the page needs; another hand may have written them."""
    texts = [facts.get(name) for name in ("kind", "data", "net", "data_fingerprint")]
    inputs, classes = facts.get("inputs"), facts.get("classes")
    try:
        point_of(facts)
    except (ValueError, LookupError, TypeError, AttributeError):
        return False
    return (
        all(isinstance(one, str) for one in texts)
        and isinstance(classes, list)
        and all(isinstance(one, str) for one in classes)
        and isinstance(inputs, list)
        and bool(inputs)
        and isinstance(facts.get("conformal") or {}, dict)
        and all(isinstance(one, dict) and {"name", "column", "role", "type", "text"} <= one.keys() for one in inputs)
        and (facts["kind"] == "image") == (inputs[0]["role"] == "image")
    )


def render(run: str, record: dict, facts: dict, samples: list[dict], blocks: dict[str, str], model: bytes) -> str:
    """The HTML text. What comes from data is escaped in it, or JSON that the page shows as text."""
    import jinja2

    script = "\n".join((TEMPLATES / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS)
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    point = facts.get("operating_point")
    known: dict[str, Any] = {name: facts[name] for name in GIVEN} | {
        "thing": "picture" if facts["kind"] == "image" else "row",
        "point": point and {name: point[name] for name in ("thresholds", "costs", "abstain_below", "positive")},
        "coverage": (facts.get("conformal") or {}).get("coverage"),
        "self_test": _self_test(facts.get("self_test")),
        "samples": samples,
        **plain.outcomes(run, point_of(facts)),
    }
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("page.html").render(
        title=notes.name(run),
        kind=facts["kind"],
        thing=known["thing"],
        sentence=_what(facts, known["thing"]),
        plain=plain.lines(run, point_of(facts), known["thing"]),
        n_test=record["test"]["n"],
        failed=facts.get("failed"),
        about=_about(run, facts),
        holds=_held(model, sum(one["truth"] is not None for one in samples)),
        sha256=hashlib.sha256(model).hexdigest(),
        runtime=web.VERSION,
        script=script,
        script_hash=policy.digest(script),
        style=style,
        style_hash=policy.digest(style),
        facts=_json(known),
        blocks=blocks.items(),
    )


def holds(run: str) -> dict | None:
    """What the page that is there holds, {"model_sha256", "samples": how many real ones}; None if there is none."""
    return report.held(runs.path(run, "exports", "page.html"), {"model_sha256", "samples"})


def is_current(run: str) -> bool:
    """Whether the page that is there holds the exported file that is there."""
    found, path = holds(run), runs.path(run, "exports", "model.onnx")
    return bool(found) and path.exists() and found["model_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


def _held(model: bytes, n_real: int) -> str:
    return json.dumps({"model_sha256": hashlib.sha256(model).hexdigest(), "samples": n_real})


def pack(content: bytes) -> str:
    """Bytes as the page unpacks them: gzip, then base 64."""
    return base64.b64encode(gzip.compress(content, 6, mtime=0)).decode()


def _what(facts: dict, thing: str) -> str:
    classes = facts["classes"]
    named = ", ".join(classes[:6]) + (f" and {len(classes) - 6} more" if len(classes) > 6 else "")
    does = "shows" if thing == "picture" else "belongs to"
    which = f"which of {len(classes)} classes it {does}: {named}"
    return f"It takes a {thing} like those of “{facts['data']}” and says {which}."


def _about(run: str, facts: dict) -> list[tuple[str, str]]:
    classes = tuple(facts["classes"])
    described = [
        ("Run", f"{run}, trained {plain.day(runs.status(run).get('created'))}"),
        (
            "Data",
            f"{facts['data']}, {words.count(len(classes), 'class')}, fingerprint {facts['data_fingerprint'][:12]}",
        ),
        ("Licence of the data", without_folders(facts.get("licence") or "not stated")),
        ("Net", facts["net"]),
        ("It takes", "; ".join(f"{one['column']}: {one['text']}" for one in facts["inputs"][:30])),
        ("How it decides", points.text(point_of(facts), classes)),
    ]
    return [(name, str(text)) for name, text in described]


def _self_test(stored: dict | None) -> dict | None:
    """The self-test of the file, its arrays as {"type", "dims", "data"}: texts, or bytes in base 64."""
    if stored is None:
        return None

    def plain_array(packed: dict) -> dict:
        head = {"type": packed["dtype"], "dims": packed["shape"]}
        if packed["dtype"] == "string":
            return head | {"data": packed["text"]}
        return head | {"data": base64.b64encode(zlib.decompress(base64.b64decode(packed["zlib"]))).decode()}

    cases = [{side: {k: plain_array(v) for k, v in case[side].items()} for side in case} for case in stored["cases"]]
    return {"tolerance": stored["tolerance"], "cases": cases}


def _json(values) -> str:
    """JSON that may stand between <script> tags, whatever its texts are."""
    text = json.dumps(values, allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
