"""Finished runs that are exported and proved."""

import pytest

from tests.exports import made


@pytest.fixture
def exported(finished_workspace, finished):
    """Names of finished runs with model.onnx and parity.json, in a workspace of the test's own."""
    for run in finished.values():
        made.put(run, made.export(finished_workspace[0], run))
    return finished
