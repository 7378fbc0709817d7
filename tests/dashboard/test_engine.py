"""The engine: a process that may die, while the dashboard may not."""

import concurrent.futures
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time

import psutil
import pytest

from core import jobs
from dashboard import engine
from tests.dashboard import workers

pytestmark = pytest.mark.usefixtures("own_engine")
DIED = (
    "The process that was computing this ended before it was done. A new one has been started; "
    "nothing that was stored is lost. Try again."
)


def test_a_call_returns_the_result():
    assert engine.call("Doubling", workers.double, 21) == 42


def test_the_work_is_done_in_one_other_process():
    first, second = (engine.call("Asking", workers.process_id) for _ in range(2))
    assert first == second != os.getpid()


def test_what_the_function_raises_comes_back():
    with pytest.raises(LookupError, match="There is no such thing"):
        engine.call("Trying", workers.refuse, "There is no such thing.")


def test_a_timeout_of_the_functions_own_comes_back_too():
    with pytest.raises(TimeoutError, match="The function's own"):
        engine.call("Trying", workers.run_out_of_time)


def test_an_error_of_a_library_becomes_one_sentence_on_the_page(monkeypatch):
    shown = []
    monkeypatch.setattr(engine.st, "error", lambda text, **_: shown.append(text))
    assert engine.attempt("Trying", workers.run_out_of_time) is None
    assert shown == ["Trying failed (TimeoutError: The function's own.). The dashboard's output says where."]


def test_a_process_that_dies_is_said_so_and_the_next_call_works():
    with pytest.raises(engine.EngineDied) as died:
        engine.call("Dying", workers.die)
    assert died.value.args == (DIED,)
    assert engine.call("Doubling", workers.double, 4) == 8


def test_a_function_that_takes_too_long_is_ended_and_the_next_call_works(tmp_path):
    with pytest.raises(engine.EngineDied, match="Sleeping took more than 1 s, so it was ended; you can go on"):
        engine.call("Doubling first", workers.double, 1)  # so that the second covers no start of a process
        engine.call("Sleeping", workers.tell_and_sleep, tmp_path / "pid", timeout=1)
    assert engine.call("Doubling", workers.double, 4) == 8
    assert not psutil.pid_exists(int((tmp_path / "pid").read_text()))


def test_a_process_killed_from_outside_is_said_so(tmp_path):
    def kill():
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            time.sleep(0.01)
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    with pytest.raises(engine.EngineDied):
        engine.call("Sleeping", workers.tell_and_sleep, tmp_path / "pid")
    thread.join(10)


def test_a_process_that_died_between_two_calls_is_replaced():
    os.kill(engine.call("Asking", workers.process_id), signal.SIGKILL)
    time.sleep(0.5)  # until the pool has noticed
    assert engine.call("Doubling", workers.double, 4) == 8


def test_an_answer_that_comes_just_after_a_look_is_not_lost(monkeypatch):
    class Late(concurrent.futures.Future):
        """Done between the moment when a look gives up and the question whether it is done."""

        def result(self, timeout=None):
            if not self.done():
                self.set_result(42)
                raise TimeoutError
            return super().result(timeout)

    monkeypatch.setattr(engine, "submit", lambda *_: Late())
    assert engine.call("Doubling", workers.double, 21) == 42


@pytest.mark.slow
def test_warming_up_loads_torch_there():
    engine.warm()
    assert engine.call("Asking", workers.has_torch)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no SIGKILL here")
def test_a_killed_dashboard_leaves_no_engine_behind():
    script = (
        "import os, time\nfrom dashboard import engine\n"
        "if __name__ == '__main__':\n    print(engine.submit(os.getpid).result(), flush=True)\n    time.sleep(60)\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "script.py")
        path.write_text(script)
        environment = {**os.environ, "PYTHONPATH": str(jobs.ROOT)}
        parent = subprocess.Popen([sys.executable, str(path)], stdout=subprocess.PIPE, env=environment)
        child = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        child.wait(timeout=10)  # raises if it is still there
