"""The command line of the exports, as a person uses it."""

import subprocess
import sys

import pytest

from core import jobs, runs
from exports import cli
from tests.exports import made


def command(*words):
    """Run `python -m exports words`; returns exit code, output and error stream."""
    done = subprocess.run(
        [sys.executable, "-m", "exports", *words], cwd=jobs.ROOT, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


def ends_with(monkeypatch, *words):
    """What the command line, called here, ends with: an exit code, or a text, which Python prints and ends with 1."""
    monkeypatch.setattr(sys, "argv", ["exports", *words])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return end.value.code


@pytest.mark.slow
def test_onnx_writes_the_file_proves_it_and_ends_with_the_table(finished):
    run = finished["breast_cancer"]
    code, out, err = command("onnx", run)
    assert (code, err) == (0, "")
    for words in ("as written", "largest difference", "113", "Passed: the file decides as the trained net on all 113"):
        assert words in out
    assert runs.parity(run)["passed"]
    assert str(runs.path(run, "exports", "model.onnx")) in out


def test_verify_of_an_equal_file_ends_with_0(exported, monkeypatch, capsys):
    assert ends_with(monkeypatch, "verify", exported["digits"]) == 0
    assert "Passed: the file decides as the trained net on all 359 test images" in capsys.readouterr().out


def test_verify_of_a_file_with_other_weights_ends_with_1(exported, monkeypatch, capsys):
    run = exported["breast_cancer"]
    made.change(run, body__6__weight=lambda weight: -weight)
    assert ends_with(monkeypatch, "verify", run) == 1
    assert "Failed: the file decides otherwise than the trained net on" in capsys.readouterr().out


def test_verify_names_samples_that_differ(exported, monkeypatch, capsys):
    run = exported["breast_cancer"]
    made.change(run, body__6__weight=lambda weight: -weight)
    ends_with(monkeypatch, "verify", run)
    first = runs.parity(run)["decisions"][0]
    expected = f"sample {first['id']}: PyTorch says {first['pytorch']}, the file says {first['onnx']}"
    assert expected in capsys.readouterr().out.splitlines()


def test_report_prints_the_path_of_the_file(finished, monkeypatch, capsys):
    run = finished["digits"]
    assert ends_with(monkeypatch, "report", run[11:]) == 0
    path = runs.path(run, "exports", "report.html")
    assert capsys.readouterr().out == f"{path}\n" and path.stat().st_size > 1e6


def test_script_prints_the_run_as_python_code(finished, monkeypatch, capsys):
    run = finished["digits"]
    assert ends_with(monkeypatch, "script", run[11:]) == 0
    text = capsys.readouterr().out
    compile(text, "train.py", "exec")
    assert text.startswith(f'"""Trains as the run {run} did') and text.endswith(")\n")


def test_an_error_ends_the_process_with_one_line_and_exit_code_1():
    code, out, err = command("report", "nope")
    assert (code, out) == (1, "")
    assert err.startswith("Error: There is no run 'nope' in ") and err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("onnx", "nope"), "Error: There is no run 'nope' in "),
        (("verify", "../x"), "Error: There is no run '../x' in "),
        (("report",), "Error: There is no run 'latest' in "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_not_there_is_refused_with_a_sentence(words, sentence, monkeypatch):
    assert ends_with(monkeypatch, *words).startswith(sentence)


def test_verify_without_a_file_says_what_to_do(finished, monkeypatch):
    run = finished["digits"]
    assert ends_with(monkeypatch, "verify", run) == (
        f"Error: Run {run} has no exported file yet; export it first: python -m exports onnx {run}"
    )


def test_a_run_without_figures_has_no_report(finished, monkeypatch):
    runs.path(finished["digits"], "evaluation.json").unlink()
    assert ends_with(monkeypatch, "report", finished["digits"]).startswith("Error: Run ")


def test_a_run_without_weights_has_no_file(finished, monkeypatch):
    runs.path(finished["digits"], "checkpoints", "best.pt").unlink()
    assert "has no trained weights yet" in ends_with(monkeypatch, "onnx", finished["digits"])


def test_a_file_that_cannot_be_read_is_one_line(exported, monkeypatch):
    path = runs.path(exported["digits"], "exports", "model.onnx")
    path.write_bytes(path.read_bytes()[:1000])
    ending = ends_with(monkeypatch, "verify", exported["digits"])
    assert ending == 1 or (ending.startswith("Error: ") and "\n" not in ending)


@pytest.mark.parametrize("words", [(), ("onnx",), ("verify",), ("report",), ("script",)], ids=" ".join)
def test_help_ends_with_0(words, monkeypatch, capsys):
    assert ends_with(monkeypatch, *words, "--help") == 0
    assert "Usage: " in capsys.readouterr().out


def test_the_command_line_starts_without_torch():
    code = "import sys, exports.cli; assert 'torch' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], cwd=jobs.ROOT, check=False).returncode == 0
