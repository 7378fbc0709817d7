"""The wheel holds what the program needs, and the installed `vitrine` works far from the clone."""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile

import pytest

from core import jobs

pytest.importorskip("setuptools")
PACKAGES = ("core", "exports", "dashboard")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built offline from a copy of the tree, so that the checkout stays as it is."""
    tree, built = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "requirements.txt", "README.md", "LICENSE"):
        shutil.copy(jobs.ROOT / name, tree)
    for name in PACKAGES:
        shutil.copytree(jobs.ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    words = ["wheel", "--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", *words, "--wheel-dir", built, tree], check=True, cwd=tree)
    return next(built.glob("vitrine-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder of installed packages with nothing but Vitrine in it; all else comes from this Python."""
    place = tmp_path_factory.mktemp("installed")
    words = ["install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", "--target", place, wheel]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True)
    return place


@pytest.fixture
def home(tmp_path):
    """An empty home, in which the command is started."""
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def surroundings(installed, home) -> dict:
    """Environment variables of a person who has installed it, and set nothing."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VITRINE_")}
    place = {"PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"}
    return {**kept, **place, "HOME": str(home), "USERPROFILE": str(home)}


def command(installed) -> pathlib.Path:
    return next(path for path in (installed / "bin").iterdir() if path.stem == "vitrine")


def vitrine(installed, home, *words) -> str:
    """What the installed command prints; it must end well."""
    done = subprocess.run(
        [command(installed), *words],
        cwd=home,
        env=surroundings(installed, home),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:]
    return done.stdout


def files(folder) -> dict:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel):
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    here = {
        path.relative_to(jobs.ROOT).as_posix()
        for name in PACKAGES
        for path in (jobs.ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert inside == here
    assert {"dashboard/.streamlit/config.toml", "dashboard/icon.svg"} < inside


def test_the_wheel_asks_for_what_requirements_txt_says(wheel):
    archive = zipfile.ZipFile(wheel)
    about = archive.read(next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))).decode()
    asked = [line for line in about.splitlines() if line.startswith("Requires-Dist: ")]
    lines = (jobs.ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert len(asked) == len([line for line in lines if line and not line.startswith("#")]) > 20


def test_the_command_lists_all_commands_of_core_and_exports_without_torch():
    code = (
        "import sys, typer; from dashboard import command; from core import cli as a; from exports import cli as b\n"
        "names = set(typer.main.get_command(command.build()).commands)\n"
        "parts = [set(typer.main.get_command(part.app).commands) for part in (a, b)]\n"
        "assert names == parts[0] | parts[1] | {'dashboard', 'share'}, names\n"
        "assert not parts[0] & parts[1]\n"
        "assert 'torch' not in sys.modules and 'streamlit' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=jobs.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_installed_command_keeps_its_runs_at_home_and_names_itself(installed, home):
    said = vitrine(installed, home, "runs")
    assert str(home / "vitrine") in said and "vitrine train --data digits" in said
    assert "vitrine " in vitrine(installed, home, "--help")
    assert vitrine(installed, home, "--version").strip() == "0.1.0"


@pytest.mark.slow
def test_the_installed_command_trains_exports_and_writes_to_the_workspace_alone(installed, home):
    before = files(installed)
    vitrine(installed, home, "train", "--data", "iris", "--epochs", "1")
    vitrine(installed, home, "onnx")
    code = (
        "from exports import kit, report, script; from core import runs\n"
        "for write in (report.write, kit.write, script.script): write(runs.resolve('latest'))"
    )
    environment = surroundings(installed, home)
    subprocess.run([sys.executable, "-P", "-c", code], cwd=home, env=environment, check=True)
    exported = next(home.glob("vitrine/runs/*/exports"))
    assert {"model.onnx", "report.html", "kit.zip"} <= {path.name for path in exported.iterdir()}
    said = vitrine(installed, home, "verify", str(exported / "model.onnx"))
    assert said.startswith("Passed: model.onnx gives here what PyTorch gave")
    assert files(installed) == before


@pytest.mark.slow
def test_the_installed_dashboard_starts_in_its_own_looks(installed, home):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [command(installed), "--port", str(port)],
        cwd=home,
        env=surroundings(installed, home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert str(home / "vitrine") in process.stdout.readline()
        assert answer(f"http://localhost:{port}/_stcore/health") == "ok"
        asked = "from streamlit import config; config._main_script_path = {!r}; print(config.get_option({!r}))"
        code = asked.format(str(installed / "dashboard" / "app.py"), "theme.light.primaryColor")
        done = subprocess.run([sys.executable, "-c", code], cwd=home, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "#0b6e82"
    finally:
        process.terminate()
        process.wait(20)


def answer(address: str) -> str:
    """What is at an address, once something answers."""
    for _ in range(200):
        try:
            with urllib.request.urlopen(address, timeout=5) as found:
                return found.read().decode()
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"nothing answers at {address}")
