"""The deployment kit of a run, one zip: model, clients, samples with expected outputs, a server, Triton's layout."""

import contextlib
import hashlib
import importlib.metadata
import json
import pathlib
import re
import sys
import zipfile

from core import files, progress, runs, words
from exports.kit import samples as kit_samples
from exports.kit import triton
from exports.model_file import ModelFile

TEMPLATES = pathlib.Path(__file__).parent / "templates"
ROOT = pathlib.Path(__file__).parent.parent.parent
SERVER = ("fastapi", "uvicorn", "httptools", "uvloop", "orjson", "python-multipart", "prometheus-client")
CLIENT = ("onnxruntime", "numpy", "Pillow")
NPM = {"onnxruntime-web": "1.30.0", "sharp": "0.35.5"}
TOLERANCE = 1e-4  # of the samples' probabilities: JPEG decoders and processors differ by a little
PACKAGE = '"""A part of Vitrine that serves an exported file."""\n'


def write(run: str, real_samples: bool = False, although_failed: bool = False) -> pathlib.Path:
    """Write exports/kit.zip of `run`, which has a folder with the run's name, and return its path.

    real_samples : a few test samples go along; otherwise all samples are made up
    although_failed : also of a file whose certificate failed, which VERIFY.md then says
    Raises LookupError if there is no exported file, ValueError if it takes images that are no pixels, or failed.
    """
    from exports import model_file, parity

    path = runs.exported(run)
    progress.report(0, 3)
    model = model_file.read(path)
    if model.kind == "image" and model.inputs[0]["type"] != "uint8":
        raise ValueError(f"The model of run {run} takes numbers, not the pixels of an image file; a kit is for those.")
    proof = parity.stored(run)
    if proof is not None and not proof["passed"] and not although_failed:
        raise ValueError(
            f"The certificate of run {run} failed, so no kit is made unless you insist. {proof['verdict']}"
        )
    inside = contents(run, model, path, proof, real_samples)
    progress.report(1, 3)
    target = runs.path(run, "exports", "kit.zip")
    with runs.replacing(target) as beside, zipfile.ZipFile(beside, "w") as archive:
        for name in sorted(inside):
            _add(archive, f"{run}/{name}", inside[name])
        for name in ("model.onnx", f"models/{run}/1/model.onnx"):
            archive.write(path, f"{run}/{name}", zipfile.ZIP_STORED)  # weights do not get smaller
            progress.report(2, 3)
    files.not_before(target, path)
    progress.report(3, 3)
    return target


def contents(
    run: str, model: ModelFile, path: pathlib.Path, proof: dict | None, real_samples: bool
) -> dict[str, bytes]:
    """All files of the kit but the model, by path."""
    from exports import serve
    from exports.serving import pages

    try:
        samples, expected = kit_samples.real(run, model) if real_samples else kit_samples.made_up(model)
    except (KeyError, TypeError) as error:
        raise ValueError(f"The self-test inside {model.name} is damaged; export the run again.") from error
    versions = model.facts.get("versions")
    versions = versions if isinstance(versions, dict) else {}
    facts = pages.metadata(model)
    described = {
        "run": run,
        "kind": model.kind,
        "channels": model.inputs[0]["shape"][1] if model.kind == "image" else None,
        "n_classes": len(model.classes),
        "classes": words.literal(words.cut(" ".join(", ".join(model.classes).split()), 300)),
        "samples_text": "test samples" if real_samples else "made-up samples, none of a real one",
        "sample_arguments": " ".join(f"samples/{name}" for name in samples),
        "tolerance": f"{TOLERANCE:g}",
        "curl": _curl(model, list(samples)),
        "npm": NPM,
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",  # the pinned versions are for it
        "name": re.sub(r"^[\d-]+(?=[a-z])", "", run),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "verdict": words.literal(proof["verdict"] if proof else "Nothing yet: the proof was not run on this file."),
        "made_with": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "fingerprint": model.facts.get("data_fingerprint", ""),
    }
    made = {
        "client.py": "client.py", "client.mjs": "client.mjs", "package.json": "package.json", "README.md": "README.md",
        "VERIFY.md": "VERIFY.md", "Dockerfile": "Dockerfile", "compose.yaml": "compose.yaml",
        "server/serve.py": "serve.py",
    }  # fmt: skip
    texts = {name: _rendered(template, described) for name, template in made.items()}
    texts |= {
        "requirements.txt": pinned(CLIENT),
        "server/requirements.txt": pinned((*CLIENT, *SERVER)),
        "metadata.json": json.dumps(facts, indent=1, ensure_ascii=False),
        "openapi.json": json.dumps(serve.app(path).openapi(), indent=1, ensure_ascii=False),
        "samples/expected.json": json.dumps(expected, indent=1, ensure_ascii=False),
        f"models/{run}/config.pbtxt": triton.config(run, model),
        "verify.py": (ROOT / "exports" / "selftest.py").read_text(encoding="utf-8"),
    }
    files = {name: text.encode() for name, text in texts.items()} | server()
    return files | {f"samples/{name}": content for name, content in samples.items()}


def server() -> dict[str, bytes]:
    """The project's files that serve a model, as they are, by path in the kit."""
    parts = sorted((ROOT / "exports" / "serving").glob("*.py"))
    parts += [ROOT / "exports" / "serve.py", ROOT / "exports" / "model_file.py", ROOT / "core/data/images/decode.py"]
    found = {f"server/{path.relative_to(ROOT).as_posix()}": path.read_bytes() for path in parts}
    packages = {pathlib.PurePosixPath(name).parent for name in found}
    packages |= {parent for folder in packages for parent in folder.parents}
    for folder in packages:
        if len(folder.parts) > 1 and f"{folder}/__init__.py" not in found:
            found[f"{folder}/__init__.py"] = PACKAGE.encode()
    return found | {"server/LICENSE": _licence()}


def _licence() -> bytes:
    """The project's licence; where the project is installed, it is among what the installer knows of it."""
    if (ROOT / "LICENSE").is_file():
        return (ROOT / "LICENSE").read_bytes()
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        if text := importlib.metadata.distribution("vitrine").read_text("licenses/LICENSE"):
            return text.encode()
    raise ValueError("Vitrine's LICENSE, which travels with the kit, is not there any more; install Vitrine again.")


def pinned(names: tuple[str, ...]) -> str:
    """These distributions and all that they need, each with the version that is installed here, for pip."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found, waiting = {}, list(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in found:
            continue
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # not for this system
        needs = map(Requirement, importlib.metadata.requires(name) or ())
        waiting += [need.name for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    windows = {"uvloop": ' ; sys_platform != "win32"'}
    return "".join(f"{name}=={version}{windows.get(name, '')}\n" for name, version in sorted(found.items()))


def _curl(model: ModelFile, samples: list[str]) -> str:
    kind = "image/png" if model.kind == "image" else "text/csv"
    key = '-H "Authorization: Bearer $VITRINE_TOKEN"'
    return f'curl {key} -H "Content-Type: {kind}" --data-binary @samples/{samples[0]} http://127.0.0.1:8600/predict'


def _rendered(template: str, described: dict) -> str:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    )
    return environment.get_template(f"{template}.jinja").render(**described)


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    about = zipfile.ZipInfo(name)  # without a time, so that the same kit is the same file
    about.external_attr = 0o644 << 16
    archive.writestr(about, content, zipfile.ZIP_DEFLATED)
