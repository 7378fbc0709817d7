"""What the tests of reading share: a table, and what is read of it."""

import pytest

from core.data.readers import table
from tests.core.data.given import people, write


@pytest.fixture
def csv(tmp_path):
    return write(tmp_path / "people.csv", people())


@pytest.fixture
def reads(monkeypatch):
    """The files that the reader of tables has read."""
    read, seen = table.load, []

    def load(where, *rest):
        seen.append(where)
        return read(where, *rest)

    monkeypatch.setattr(table, "load", load)
    return seen
