"""The dashboard never imports torch: its process stays small and its pages open at once."""

import subprocess
import sys

import pytest

from core import jobs

EVERY_PAGE = """
import os, signal, sys
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("dashboard/app.py", default_timeout=60).run()
assert not app.exception
for run in sys.argv[1:]:
    app.query_params["run"] = run
    for page in ("runs", "data", "live", "search", "evaluate", "explain", "compare", "export", "share", "train"):
        app.switch_page(f"views/{page}.py").run()
        assert not app.exception and not app.error, (page, app.exception, app.error)
        assert "torch" not in sys.modules, page
from dashboard import engine
for process in engine._holder()["pool"]._processes.values():
    os.kill(process.pid, signal.SIGKILL)
"""
EVERY_MODULE = """
import importlib, pathlib, sys
names = "report report.sections pipeline cli script live whatif edits page page.samples page.web plain serve kit card"
for name in names.split():
    importlib.import_module(f"exports.{name}")
names = "watching folds search.worker training.worker training.dry_run training.lr_finder training.together"
for name in names.split():
    importlib.import_module(f"core.{name}")
for folder in ("evaluation", "explain", "whatif"):
    for path in pathlib.Path(f"core/{folder}").glob("*.py"):
        importlib.import_module(f"core.{folder}.{path.stem}")
import core.trust
for path in pathlib.Path("exports/charts").glob("*.py"):
    importlib.import_module(f"exports.charts.{path.stem}")
for path in pathlib.Path("dashboard").glob("*.py"):
    importlib.import_module(f"dashboard.{path.stem}")
assert "torch" not in sys.modules
"""


def run(code: str, *words) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=jobs.ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
def test_no_page_imports_torch(exported):
    run(EVERY_PAGE, *exported.values())


def test_no_module_that_pages_use_imports_torch():  # nor a run's process before its turn: many may wait
    run(EVERY_MODULE)
