"""What many tests share: an empty workspace each, and one workspace with finished runs for all that only read."""

import functools
import gc
import shutil
import sys

import pytest

from core import config, data, jobs
from tests.workspaces import once, together, workspace_of

gc.disable()  # until all is imported: nothing of it is garbage


def pytest_collection_modifyitems(items):
    """The files with slow tests go first, or one worker does the last of them while the other has nothing to do."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish():
    """What libraries look for anew each time, and find the same, is looked for once.

    AppTest looks through all installed packages for components at each page, PyTorch for operators at each export,
    scikit-learn reads its data sets from CSV, and Python looks through all there is for garbage.
    """
    gc.freeze()
    gc.enable()
    from sklearn import datasets

    for name in ("load_breast_cancer", "load_digits", "load_iris", "load_wine"):
        setattr(datasets, name, functools.cache(getattr(datasets, name)))
    if "streamlit.testing.v1" in sys.modules:
        from streamlit.components.v2 import manifest_scanner as scanner

        scanner.scan_component_manifests = functools.cache(scanner.scan_component_manifests)
    if "exports.onnx" in sys.modules:
        from torch.onnx._internal.exporter._registration import ONNXRegistry

        ONNXRegistry.from_torchlib = staticmethod(functools.cache(ONNXRegistry.from_torchlib))


@pytest.fixture(autouse=True)
def workspace(tmp_path, monkeypatch):
    """An empty workspace of the test's own."""
    monkeypatch.setenv("VITRINE_WORKSPACE", str(tmp_path / "workspace"))
    return tmp_path / "workspace"


@pytest.fixture(scope="session")
def finished_workspace(tmp_path_factory):
    """A workspace with one finished run of digits and one of breast cancer, never to be changed."""
    folder = together(tmp_path_factory) / "finished"

    def build() -> dict[str, str]:
        names = {}
        with workspace_of(folder):
            for name, epochs in (("digits", 3), ("breast_cancer", 5)):
                run = names[name] = jobs.start(config.suggest(data.get(name), epochs=epochs))
                assert jobs.wait(run) == "done"
        return names

    return folder, once(folder, build)


@pytest.fixture
def finished(finished_workspace, workspace):
    """Names of finished runs, {"digits": ..., "breast_cancer": ...}, in a workspace of the test's own."""
    folder, names = finished_workspace
    shutil.copytree(folder, workspace)
    return names
