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
from streamlit.testing.v1 import AppTest

from core import jobs, progress
from dashboard import engine, works
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


# ------------------------------------------------------------------------------- how far it is, and stopping it


def test_how_far_the_work_is_reaches_the_page_with_the_time_left(tmp_path):
    key, work = works.joined("Counting", workers.in_pieces, (tmp_path / "began", 1000, 0.005))
    states = []
    until_done(lambda: states.append(works.state(work)) or (states[-1].left is not None), 15)
    assert 0 < states[-1].done < 1
    assert states[-1].left == pytest.approx(states[-1].seconds * (1 / states[-1].done - 1))
    engine.stop(key, work)
    until_done(work.future.done)


def test_work_that_does_not_report_shows_its_seconds_alone(tmp_path):
    _, work = works.joined("Sleeping", workers.tell_and_sleep, (tmp_path / "pid",))
    until_done(lambda: works.state(work).seconds is not None)
    assert works.state(work).done is None and works.state(work).left is None


def test_work_behind_other_work_says_so(tmp_path):
    _, first = works.joined("Counting", workers.in_pieces, (tmp_path / "one", 1000, 0.005))
    _, second = works.joined("Doubling", workers.double, (4,))
    until_done(lambda: works.state(first).seconds is not None)
    assert works.state(second) == works.State(None, behind="Counting")
    works.stop(first)
    until_done(second.future.done)
    assert second.future.result() == 8


def test_the_same_work_is_joined_and_not_begun_again(tmp_path):
    asked = (tmp_path / "began", 100, 0.005)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(engine.call, "Counting", workers.in_pieces, *asked) for _ in range(3)]
        assert [future.result() for future in waiting] == [100] * 3
    assert len((tmp_path / "began").read_text().splitlines()) == 1


def test_the_same_question_later_is_asked_again(tmp_path):
    for _ in range(2):
        assert engine.call("Counting", workers.in_pieces, tmp_path / "began", 2, 0) == 2
    assert len((tmp_path / "began").read_text().splitlines()) == 2


def test_stop_ends_the_work_at_its_next_report(tmp_path):
    key, work = works.joined("Counting", workers.in_pieces, (tmp_path / "began", 10_000, 0.005))
    until_done(lambda: works.state(work).done is not None)
    engine.stop(key, work)
    until_done(work.future.done)
    with pytest.raises(progress.Stopped):
        works.result(key, work)
    assert engine.call("Doubling", workers.double, 4) == 8


def test_work_that_nobody_waits_for_gives_way_and_what_is_waited_for_does_not(tmp_path, monkeypatch):
    monkeypatch.setattr(works, "FORGOTTEN", 0.3)
    _, left = works.joined("Counting", workers.in_pieces, (tmp_path / "one", 10_000, 0.005))
    time.sleep(0.4)
    assert engine.call("Doubling", workers.double, 4) == 8
    assert isinstance(left.future.exception(), progress.Stopped)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        wanted = pool.submit(engine.call, "Counting", workers.in_pieces, tmp_path / "two", 150, 0.005)
        until_done((tmp_path / "two").exists)
        assert engine.call("Doubling", workers.double, 4) == 8
        assert wanted.result() == 150


def test_what_a_session_leaves_gives_way_at_once(tmp_path):
    _, left = works.joined("Counting", workers.in_pieces, (tmp_path / "one", 10_000, 0.005))
    engine.leave()
    assert engine.call("Doubling", workers.double, 4) == 8
    assert left.stopped


def test_what_gave_way_is_begun_again_when_somebody_asks_for_it(tmp_path):
    asked = (tmp_path / "began", 20, 0.005)
    _, work = works.joined("Counting", workers.in_pieces, asked)
    works.stop(work)
    assert engine.call("Counting", workers.in_pieces, *asked) == 20


PAGE = """
import streamlit as st
from dashboard import engine, works
from tests.dashboard import workers
if __name__ == "__main__":
    st.write(f"Found {engine.ask('Counting', workers.in_pieces, PATH, N, 0.005, patience=0.05)}.")
"""


def asking(path, n: int) -> AppTest:
    """A page that asks for work in so many pieces."""
    script = path.with_name("page.py")
    script.write_text(PAGE.replace("PATH", repr(str(path))).replace("N,", f"{n},"))
    return AppTest.from_file(str(script), default_timeout=30)


def test_a_page_does_not_wait_for_what_it_asks_and_has_the_answer_later(tmp_path):
    page = asking(tmp_path / "began", 200).run()
    assert page.markdown[0].value == "Found None." and "Counting" in page.caption[0].value
    until_done(lambda: page.run().markdown[0].value == "Found 200.")
    assert not page.caption and len((tmp_path / "began").read_text().splitlines()) == 1


def test_stop_on_the_page_is_said_and_go_on_begins_again(tmp_path):
    page = asking(tmp_path / "began", 10_000).run()
    until_done(lambda: "Stop" in [button.label for button in page.run().button])
    page.button[0].click().run()
    until_done(lambda: [button.label for button in page.run().button] == ["Go on"])
    assert page.caption[0].value == ":material/stop_circle: Counting: stopped."
    (tmp_path / "began").unlink()
    page.run()
    assert not (tmp_path / "began").exists()
    page.button[0].click().run()
    until_done((tmp_path / "began").exists)


def test_a_process_killed_while_a_page_asks_is_said_with_a_way_on(tmp_path):
    page = asking(tmp_path / "began", 300).run()
    until_done(lambda: (tmp_path / "began").exists() and (tmp_path / "began").read_text())
    os.kill(int((tmp_path / "began").read_text()), signal.SIGKILL)
    until_done(lambda: bool(page.run().error))
    assert page.error[0].value == DIED
    page.button[0].click().run()
    until_done(lambda: page.run().markdown[0].value == "Found 300.")
    assert not page.error


def until_done(found, seconds: float = 20) -> None:
    """Wait until `found()` holds."""
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end
        time.sleep(0.02)


# ------------------------------------------------------------------------------- the process


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
