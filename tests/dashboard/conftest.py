"""The dashboard's pages, opened as a browser would, on runs in every state."""

import contextlib
import os
import shutil
import signal

import pytest
from streamlit.testing.v1 import AppTest

from core import data, explain, jobs, runs, trust
from core.evaluation import similar
from dashboard import drawing, engine, explain_sample, frame
from exports.charts import as_table
from tests.dashboard import pages
from tests.exports import made
from tests.workspaces import once, together, workspace_of


@pytest.fixture(scope="session", autouse=True)
def no_engine_left():
    """The engine ends with the tests."""
    yield
    end_engine()


@pytest.fixture
def own_engine():
    """An engine of the test's own: it lives in the test's workspace."""
    end_engine()
    yield
    end_engine()


def end_engine():
    pool = engine._holder().pop("pool", None)
    if pool is not None:
        for process in list((pool._processes or {}).values()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        pool.shutdown(wait=True, cancel_futures=True)


@pytest.fixture(autouse=True)
def nothing_to_paint(monkeypatch):
    """There is no browser, which would need a moment to paint."""
    monkeypatch.setattr(frame, "PAINT_SECONDS", 0)


@pytest.fixture(autouse=True)
def numbers_of_every_figure(monkeypatch):
    """What can be asked of every figure that a page draws is asked: its numbers."""
    offer = drawing._numbers

    def asked(figure, key):
        offer(figure, key)
        assert not as_table.has_numbers(figure) or drawing._csv(figure).count("\n") > 1

    monkeypatch.setattr(drawing, "_numbers", asked)


@pytest.fixture(autouse=True)
def no_fault_hidden(caplog):
    """A page shows a sentence in place of a traceback; no test may pass because of that."""
    yield
    records = [*caplog.get_records("setup"), *caplog.get_records("call")]
    hidden = [record for record in records if record.name == frame.FAULTS]
    assert not hidden, hidden[0].exc_text


@pytest.fixture
def show():
    """Open a page as a link to it would (show("evaluate", run=..., threshold="0.3")) and return it once it has run."""

    def page(name: str, **query) -> AppTest:
        app = AppTest.from_file(str(jobs.ROOT / "dashboard" / "app.py"), default_timeout=60)
        app.query_params.update(query)
        return (app if name == "runs" else app.switch_page(f"views/{name}.py")).run()

    return page


@pytest.fixture(scope="session")
def explained_workspace(finished_workspace, tmp_path_factory):
    """The finished runs with the explanations that the page shows first, verdicts on them, and embeddings."""
    folder, names = finished_workspace
    mine = together(tmp_path_factory) / "explained"

    def build() -> None:
        shutil.copytree(folder, mine, dirs_exist_ok=True)
        with workspace_of(mine):
            for name, run in names.items():
                sample = pages.first_sample(run)
                for method in explain_sample.FIRST[data.get(name).kind]:
                    explain.explain(run, sample, method)
                    trust.judge(run, sample, method)
                similar.nearest(run, [sample])

    once(mine, build)
    return mine


@pytest.fixture
def explained(explained_workspace, finished):
    """Names of finished runs with explanations, in a workspace of the test's own."""
    for run in finished.values():
        for folder in ("explanations", "predictions"):
            shutil.copytree(explained_workspace / "runs" / run / folder, runs.path(run, folder), dirs_exist_ok=True)
    return finished


@pytest.fixture
def exported(finished_workspace, explained):
    """Names of finished runs with model.onnx and parity.json, in a workspace of the test's own."""
    for run in explained.values():
        made.put(run, made.export(finished_workspace[0], run))
    return explained


@pytest.fixture
def no_run_left(workspace):  # noqa: ARG001 (it must be there when this ends)
    """Runs that the test started are stopped at its end."""
    yield
    for run in runs.names():
        with contextlib.suppress(runs.DamagedRun):
            jobs.stop(run)
