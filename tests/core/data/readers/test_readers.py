"""Every reader keeps the same promises; a new file in core/data/readers is tested from its first day."""

import dataclasses
import inspect
import subprocess
import sys

import pytest

from core import jobs, registry
from core.data import ingest, readers
from core.options import check

each_reader = pytest.mark.parametrize("name", registry.members(readers))


def test_there_is_a_reader_for_each_way_to_bring_data():
    assert registry.members(readers) == ["folder", "own", "table", "torchvision"]


@each_reader
def test_a_reader_says_in_a_line_what_it_reads_and_is_named_in_the_readme(name):
    assert ingest.reader(name).TITLE.strip()
    assert f"- `{name}`: " in (jobs.ROOT / "README.md").read_text()


@each_reader
def test_the_default_options_of_a_reader_are_within_their_ranges(name):
    options = ingest.options_of(name, {})
    check(options)
    assert dataclasses.is_dataclass(options)
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.anything = 1


@each_reader
def test_a_reader_takes_where_options_and_progress(name):
    assert list(inspect.signature(ingest.reader(name).load).parameters) == ["where", "options", "progress"]


@each_reader
def test_an_option_a_reader_does_not_have_is_refused(name):
    with pytest.raises(ValueError, match="colour"):
        ingest.options_of(name, {"colour": "red"})


def test_readers_are_listed_and_their_options_read_without_torch():
    code = (
        "import sys; from core import registry; from core.data import ingest, readers\n"
        "for name in registry.members(readers): ingest.options_of(name, {})\n"
        "assert 'torch' not in sys.modules and 'torchvision' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=jobs.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
