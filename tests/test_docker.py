"""The Dockerfile is one that a linter accepts, and what it copies, starts and asks is there."""

import json
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from core import jobs

TEXT = (jobs.ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_hadolint_accepts_the_dockerfile():
    beside = pathlib.Path(sys.executable).with_name("hadolint")
    linter = str(beside) if beside.exists() else shutil.which("hadolint")
    if linter is None:
        pytest.skip("there is no hadolint here")
    done = subprocess.run([linter, jobs.ROOT / "Dockerfile"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_all_that_is_copied_is_there_and_not_ignored():
    ignored = (jobs.ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = {name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", TEXT, re.M) for name in line.split()}
    assert copied == kept
    assert all((jobs.ROOT / name).exists() for name in copied)


def test_the_container_runs_without_root_and_keeps_its_workspace_in_a_volume():
    last = TEXT.split("\nFROM ")[-1]
    assert re.search(r"^USER 1000$", last, re.M)
    workspace = re.search(r"VITRINE_WORKSPACE=(\S+)", last)[1]
    assert f"\nVOLUME {workspace}\n" in last and f"--owner 1000 {workspace}\n" in last


def test_what_the_container_starts_has_these_options_and_listens_where_its_health_is_asked():
    command = json.loads(re.findall(r"^CMD (.+)$", TEXT, re.M)[-1])
    port = command[command.index("--port") + 1]
    assert f"EXPOSE {port}\n" in TEXT and f"http://localhost:{port}/_stcore/health" in TEXT
    words = [*command, "--help"]
    code = "import sys; from dashboard import command; sys.argv = ['vitrine', *sys.argv[1:]]; command.main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=jobs.ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and done.stdout.startswith("usage: vitrine")
