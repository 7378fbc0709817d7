"""The examples run as they stand."""

import subprocess
import sys

import pytest

from core import jobs


@pytest.mark.slow
def test_a_csv_dataset_of_ones_own_is_trained_on_by_name_and_as_it_is():
    done = subprocess.run(
        [sys.executable, "examples/csv_dataset.py"], cwd=jobs.ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert [line.split(" of ")[1][:12] for line in done.stdout.splitlines()] == ["38 test rows"] * 2
