"""`python -m dashboard`: a port that is free, or a sentence."""

import os
import socket
import subprocess
import sys

import pytest

import dashboard.__main__ as start
from core import jobs


@pytest.fixture
def taken():
    """A port on which somebody listens."""
    with socket.socket() as server:
        server.bind(("localhost", 0))
        server.listen()
        yield server.getsockname()[1]


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("localhost", 0))
        return server.getsockname()[1]


def command(*words):
    """Run `python -m dashboard words`, which must end by itself; returns exit code, output and error stream."""
    done = subprocess.run(
        [sys.executable, "-m", "dashboard", *words],
        cwd=jobs.ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def test_a_free_port_asked_for_is_taken():
    port = free_port()
    assert start.find_port("localhost", port) == port


def test_a_port_in_use_that_was_asked_for_is_one_sentence(taken):
    with pytest.raises(OSError) as error:
        start.find_port("localhost", taken)
    assert error.value.args == (f"Port {taken} cannot be used (Address already in use); give another one with --port.",)


def test_the_first_port_is_taken_in_silence_if_it_is_free(monkeypatch, capsys):
    monkeypatch.setattr(start, "FIRST_PORT", free_port())
    assert start.find_port("localhost", None) == start.FIRST_PORT
    assert capsys.readouterr().out == ""


def test_the_next_free_port_is_taken_if_none_was_asked_for(taken, monkeypatch, capsys):
    monkeypatch.setattr(start, "FIRST_PORT", taken)
    assert taken < start.find_port("localhost", None) < taken + 100
    assert capsys.readouterr().out == f"Port {taken} is in use, so another one was taken.\n"


def test_a_number_that_is_no_port_is_one_sentence():
    with pytest.raises(OSError, match="99999"):
        start.find_port("localhost", 99_999)


def test_a_port_in_use_ends_the_command_with_one_line(taken):
    code, out, err = command("--port", str(taken))
    assert (code, out) == (1, "")
    assert err.startswith(f"Error: Port {taken} cannot be used") and err.count("\n") == 1


def test_a_workspace_that_cannot_be_written_ends_the_command_with_one_line(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("VITRINE_WORKSPACE", os.fspath(tmp_path / "file" / "workspace"))
    code, out, err = command("--port", str(free_port()))
    assert (code, out) == (1, "")
    assert err.startswith("Error: The workspace ") and err.count("\n") == 1


def test_help_ends_with_0():
    code, out, _ = command("--help")
    assert code == 0 and "--port" in out
