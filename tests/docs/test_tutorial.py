"""The tutorial is done as it is written, block by block, and says what it promises; so is the guide to an own net."""

import os
import re
import shlex
import subprocess
import sys

import pytest

from core import jobs, runs
from tests.docs.blocks import blocks

TEXT = (jobs.ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")


def started(words, folder, workspace) -> str:
    """What a command or script prints, started by a person in `folder`; it must end well."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(jobs.ROOT), "VITRINE_WORKSPACE": str(workspace)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{words}: {done.stdout[-1000:]}{done.stderr[-2000:]}"
    return done.stdout


def plain(text: str) -> str:
    """Without numbers and line ends, which may differ from one machine to another."""
    return re.sub(r"\s+", " ", re.sub(r"\d[\d.,]*", "0", text)).strip()


@pytest.mark.slow
def test_every_block_of_the_tutorial_runs_and_prints_what_it_says(tmp_path, workspace):
    said, n_checked = "", 0
    for block in blocks(TEXT):
        if block.language == "python":
            said = started(["-c", block.text], tmp_path, workspace)
        elif block.language == "sh":
            lines = block.text.splitlines()
            said = "".join(started(shlex.split(line)[1:], tmp_path, workspace) for line in lines)
        else:
            assert block.language == "text"
            assert plain(block.text) in plain(said), f"line {block.line}: {said[-2000:]}"
            n_checked += 1
    assert n_checked == TEXT.count("```text") > 4
    run = runs.resolve("latest")
    assert runs.parity(run)["passed"]
    assert {"model.onnx", "kit.zip", "report.html"} <= {path.name for path in runs.path(run, "exports").iterdir()}


def test_each_shell_line_of_the_tutorial_is_a_command_of_python():
    lines = [line for block in blocks(TEXT) if block.language == "sh" for line in block.text.splitlines()]
    assert len(lines) > 6
    assert all(line.startswith("python -m ") for line in lines)


@pytest.mark.slow
def test_the_net_of_the_how_to_guide_is_trained_by_its_command(tmp_path, workspace):
    net, command, *_ = blocks((jobs.ROOT / "docs" / "how-to" / "own-net.md").read_text(encoding="utf-8"))
    (tmp_path / net.title).write_text(net.text, encoding="utf-8")
    said = started([*shlex.split(command.text)[1:], "--epochs", "1"], tmp_path, workspace)
    assert "digits, own" in said and "Right on" in said
