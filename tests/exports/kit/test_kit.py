"""The kit, unpacked and used where the project is not."""

import csv
import importlib.metadata
import io
import json
import os
import shutil
import subprocess
import sys
import types
import zipfile

import numpy as np
import pytest
from PIL import Image

from core import runs
from exports import kit, model_file
from exports.kit import triton
from tests.exports import served

ALONE = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VITRINE_WORKSPACE")}
ODD_CSV = (
    '\ufeffcity ; note;seen; age\n" rome";"a;b\n""c""";2024-01-31; 39 \natlantis;;?;NA\n\noslo;x;;-1.5e1\n'.encode()
)


@pytest.fixture
def unpacked(exported, tmp_path):
    """Folders of the kits of the finished runs."""
    for run in exported.values():
        with zipfile.ZipFile(kit.write(run)) as archive:
            archive.extractall(tmp_path / "kits")
    return {name: tmp_path / "kits" / run for name, run in exported.items()}


@pytest.fixture(scope="session")
def modules(tmp_path_factory):
    """A folder of Node modules with what the clients need."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node is not installed, so client.mjs cannot be run")
    folder = tmp_path_factory.mktemp("node")
    (folder / "package.json").write_text(json.dumps({"private": True, "dependencies": kit.NPM}))
    command = [shutil.which("npm"), "install", "--prefer-offline", "--no-audit", "--no-fund", "--no-progress"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    if done.returncode:
        pytest.skip(f"npm cannot install what client.mjs needs: {done.stderr.strip().splitlines()[-1:]}")
    return folder / "node_modules"


def toy(folder, path, name="2026-11-24-toy-model"):
    """The kit of a file made by hand, as a folder."""
    files = kit.contents(name, model_file.read(path), path, None, real_samples=False)
    for name, content in (files | {"model.onnx": path.read_bytes()}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def ask(folder, command: list[str], samples: list) -> list[dict]:
    """What a client prints of these files."""
    done = subprocess.run(
        [*command, *map(str, samples)], cwd=folder, env=ALONE, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def python(folder, samples: list) -> list[dict]:
    return ask(folder, [sys.executable, "-I", "client.py"], samples)


def node(folder, modules, samples: list) -> list[dict]:
    if not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(modules)
    return ask(folder, ["node", "client.mjs"], samples)


def samples(folder) -> list:
    return sorted(path for path in (folder / "samples").iterdir() if path.suffix != ".json")


def agree(answers: list[dict], expected: list[dict]) -> None:
    assert [one["label"] for one in answers] == [one["label"] for one in expected]
    for answer, wanted in zip(answers, expected):
        assert answer["probabilities"] == pytest.approx(wanted["probabilities"], abs=kit.TOLERANCE)


def expected(folder) -> list[dict]:
    return json.loads((folder / "samples" / "expected.json").read_text(encoding="utf-8"))


def by_the_file(folder, feeds: list[dict]) -> list[dict]:
    """What the file itself says, as a client would print it."""
    model, found = model_file.read(folder / "model.onnx"), []
    for given in feeds:
        said = model.ask(given)
        for label, row in zip(said["label"], said["probabilities"].tolist()):
            found.append({"label": label, "probabilities": dict(zip(model.classes, row))})
    return found


def odd_images(folder) -> list:
    """Files of many kinds: transparent, with a palette, turned, 16 bits, of print; what is on top decides."""
    ramp = np.linspace(0, 255, 12 * 7).reshape(12, 7).astype(np.uint8)
    colour = np.stack([ramp, ramp[::-1], ramp.T.reshape(12, 7)], axis=-1)
    clear = Image.fromarray(np.dstack([colour, ramp[::-1]]))
    palette = clear.quantize(16)
    palette.info["transparency"] = 3
    turned = Image.Exif()
    turned[0x0112] = 6
    images = {
        "rgba.png": (clear, {}),
        "palette.png": (palette, {}),
        "grey.png": (Image.fromarray(ramp), {}),
        "grey-alpha.png": (clear.convert("LA"), {}),
        "turned.jpg": (Image.fromarray(colour), {"exif": turned, "quality": 100, "subsampling": 0}),
        "sixteen.png": (Image.fromarray(ramp.astype(np.uint16) * 257), {}),
        "bits.png": (Image.fromarray(ramp > 90), {}),
    }
    for name, (image, options) in images.items():
        image.save(folder / name, **options)
    return [folder / name for name in images]


def test_python_reproduces_every_expected_output(unpacked):
    for folder in unpacked.values():
        agree(python(folder, samples(folder)), expected(folder))
        assert len(expected(folder)) >= 3


def test_the_python_client_is_short(unpacked):
    for folder in unpacked.values():
        lines = (folder / "client.py").read_text().splitlines()
        assert len(lines) < 30 and max(map(len, lines)) <= 120


@pytest.mark.slow
def test_node_reproduces_every_expected_output(unpacked, modules):
    for folder in unpacked.values():
        agree(node(folder, modules, samples(folder)), expected(folder))


def test_the_file_proves_itself_where_it_is_unpacked(unpacked):
    for folder in unpacked.values():
        command = [sys.executable, "-I", "verify.py", "model.onnx"]
        done = subprocess.run(command, cwd=folder, env=ALONE, capture_output=True, text=True)
        assert done.returncode == 0 and done.stdout.startswith("Passed")


def test_what_was_proved_and_the_sum_of_the_file_are_told(exported, unpacked):
    import hashlib

    for name, run in exported.items():
        text = (unpacked[name] / "VERIFY.md").read_text(encoding="utf-8")
        assert hashlib.sha256((unpacked[name] / "model.onnx").read_bytes()).hexdigest() in text
        assert runs.parity(run)["verdict"].split(":")[0] in text


def test_real_samples_travel_only_when_asked_for(exported, tmp_path):
    for run in exported.values():
        with zipfile.ZipFile(kit.write(run, real_samples=True)) as archive:
            archive.extractall(tmp_path)
        agree(python(tmp_path / run, samples(tmp_path / run)), expected(tmp_path / run))
        assert len(expected(tmp_path / run)) == 8
        assert "made-up" not in (tmp_path / run / "README.md").read_text(encoding="utf-8")


def test_a_csv_file_is_taken_as_it_stands(tmp_path):
    folder = toy(tmp_path, served.table(tmp_path))
    (folder / "odd.csv").write_bytes(ODD_CSV)
    feeds = {
        "age": np.array([39, np.nan, -15], np.float32),
        "city": np.array(["rome", "atlantis", "oslo"], object),
        "seen": np.array(["2024-01-31", "", ""], object),
    }
    wanted = by_the_file(folder, [feeds])
    agree(python(folder, ["odd.csv"]), wanted)
    agree(python(folder, samples(folder)), expected(folder))


@pytest.mark.parametrize("row", [b"rome;x;;1;204", b"rome;x;39"])
def test_a_row_that_does_not_fit_the_header_is_refused_by_the_client(tmp_path, row):
    folder = toy(tmp_path, served.table(tmp_path))
    (folder / "odd.csv").write_bytes(ODD_CSV + row)
    with pytest.raises(AssertionError, match=r"zip\(\) argument"):
        python(folder, ["odd.csv"])


@pytest.mark.parametrize("channels", [1, 3])
def test_image_files_are_read_as_the_project_reads_them(tmp_path, channels):
    folder = toy(tmp_path, served.image(tmp_path, channels=channels))
    files = odd_images(tmp_path)
    feeds = [{"image": model_file.pixels(path.read_bytes(), channels)[None]} for path in files]
    agree(python(folder, files), by_the_file(folder, feeds))


@pytest.mark.slow
@pytest.mark.parametrize("channels", [1, 3])
def test_node_reads_image_files_as_the_project_does(tmp_path, modules, channels):
    folder = toy(tmp_path, served.image(tmp_path, channels=channels))
    files = odd_images(tmp_path)
    feeds = [{"image": model_file.pixels(path.read_bytes(), channels)[None]} for path in files]
    agree(node(folder, modules, files), by_the_file(folder, feeds))


@pytest.mark.slow
def test_node_takes_a_csv_file_as_python_does(tmp_path, modules):
    folder = toy(tmp_path, served.table(tmp_path))
    (folder / "odd.csv").write_bytes(ODD_CSV)
    agree(node(folder, modules, ["odd.csv"]), python(folder, ["odd.csv"]))
    (folder / "odd.csv").write_bytes(ODD_CSV + b"rome;x;;1;204")
    with pytest.raises(AssertionError, match="Row 4 has 5 cells, and the header 4"):
        node(folder, modules, ["odd.csv"])


def test_the_server_in_the_kit_answers_without_the_project(unpacked):
    folder = unpacked["digits"]
    code = (
        "import sys, pathlib; sys.path.insert(0, 'server')\n"
        "from exports import serve; from exports.serving.answering import Job\n"
        "image = Job(pathlib.Path('samples/image-01.png').read_bytes(), 'image/png')\n"
        "(answer,) = serve.app('model.onnx').batcher._work([image])\n"
        "assert not {'torch', 'pandas', 'core.runs'}.intersection(sys.modules)\n"
        "sys.stdout.write(answer.decode())"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=folder, env=ALONE, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["predictions"][0]["label"] == expected(folder)[0]["label"]


@pytest.mark.parametrize(
    ("given", "said"),
    [({"VITRINE_TOKEN": "short"}, "at least 16 letters"), ({"PORT": "http"}, "must be a number")],
)
def test_the_server_in_the_kit_says_in_a_sentence_what_it_cannot_start_with(unpacked, given, said):
    words, where = [sys.executable, "server/serve.py", "model.onnx"], unpacked["digits"]
    done = subprocess.run(words, cwd=where, env={**ALONE, **given}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_all_that_the_server_installs_is_pinned(unpacked):
    lines = (unpacked["digits"] / "server" / "requirements.txt").read_text().splitlines()
    assert all("==" in line for line in lines)
    names = {line.partition("==")[0] for line in lines}
    assert {"fastapi", "starlette", "uvicorn", "onnxruntime", "numpy", "pillow", "orjson"} <= names
    assert "torch" not in names and "streamlit" not in names


def test_triton_is_told_every_input_and_output(tmp_path):
    text = triton.config("toy", model_file.read(served.table(tmp_path)))
    assert 'input { name: "age" data_type: TYPE_FP32 dims: [ 1 ] reshape { shape: [ ] } }' in text
    assert 'input { name: "city" data_type: TYPE_STRING dims: [ 1 ] reshape { shape: [ ] } }' in text
    assert 'output { name: "probabilities" data_type: TYPE_FP32 dims: [ 2 ] }' in text
    assert 'output { name: "set" data_type: TYPE_BOOL dims: [ 2 ] }' in text
    text = triton.config("toy", model_file.read(served.image(tmp_path)))
    assert 'input { name: "image" data_type: TYPE_UINT8 dims: [ 1, -1, -1 ] }' in text


def test_the_model_lies_in_triton_s_folder_as_it_is(exported, unpacked):
    for name, run in exported.items():
        folder = unpacked[name]
        assert (folder / "models" / run / "1" / "model.onnx").read_bytes() == (folder / "model.onnx").read_bytes()


def test_a_kit_of_a_file_that_failed_its_proof_is_made_only_on_purpose_and_says_so(exported):
    run = exported["digits"]
    record = runs.parity(run) | {"passed": False, "verdict": "Failed: planted."}
    runs.write_json(runs.path(run, "exports", "parity.json"), record)
    with pytest.raises(ValueError, match="Failed: planted"):
        kit.write(run)
    with zipfile.ZipFile(kit.write(run, although_failed=True)) as archive:
        assert "Failed: planted." in archive.read(f"{run}/VERIFY.md").decode()


def test_hostile_class_names_stay_text(tmp_path):
    text = toy(tmp_path, served.table(tmp_path)).joinpath("README.md").read_text(encoding="utf-8")
    assert "\\<yes>" in text and "<yes>" not in text.replace("\\<yes>", "")


def test_without_an_exported_file_there_is_no_kit(finished):
    with pytest.raises(LookupError, match="has no exported file yet"):
        kit.write(finished["digits"])


def test_columns_with_odd_names_are_quoted_in_the_samples(tmp_path):
    folder = toy(tmp_path, served.table(tmp_path))
    rows = list(csv.reader(io.StringIO((folder / "samples" / "rows.csv").read_text(encoding="utf-8"))))
    assert rows[0] == ["age", "city", "seen"] and rows[3][1] == 'a "quoted", town' and rows[2] == ["", "", ""]


@pytest.mark.parametrize("known", [None, ""])
def test_a_licence_that_is_gone_is_said_in_a_sentence(monkeypatch, tmp_path, known):
    def distribution(name):
        if known is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return types.SimpleNamespace(read_text=lambda _: known)

    monkeypatch.setattr(kit, "ROOT", tmp_path)
    monkeypatch.setattr(importlib.metadata, "distribution", distribution)
    with pytest.raises(ValueError, match=r"LICENSE, which travels with the kit, is not there any more; install"):
        kit._licence()
