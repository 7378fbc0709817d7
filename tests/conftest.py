"""What many tests share: an empty workspace each, and one workspace with finished runs for all that only read."""

import shutil

import pytest

from core import config, data, jobs
from tests.workspaces import workspace_of


def pytest_collection_modifyitems(items):
    """The files with slow tests go first, or one worker does the last of them while the other has nothing to do."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    """An empty workspace of the test's own."""
    monkeypatch.setenv("VITRINE_WORKSPACE", str(tmp_path / "workspace"))
    return tmp_path / "workspace"


@pytest.fixture(scope="session")
def finished_workspace(tmp_path_factory):
    """A workspace with one finished run of digits and one of breast cancer, never to be changed."""
    folder = tmp_path_factory.mktemp("finished") / "workspace"
    with workspace_of(folder):
        names = {}
        for name, epochs in (("digits", 3), ("breast_cancer", 5)):
            run = jobs.start(config.suggest(data.get(name), epochs=epochs))
            assert jobs.wait(run) == "done"
            names[name] = run
    return folder, names


@pytest.fixture
def finished(finished_workspace, workspace):
    """Names of finished runs, {"digits": ..., "breast_cancer": ...}, in a workspace of the test's own."""
    folder, names = finished_workspace
    shutil.copytree(folder, workspace)
    return names
