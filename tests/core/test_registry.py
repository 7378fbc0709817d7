"""A folder is its own registry."""

import importlib
import sys

import pytest

from core import registry


@pytest.fixture
def fruit(tmp_path, monkeypatch):
    """A package with the members apple and pear, and a helper."""
    folder = tmp_path / "fruit_for_registry"
    folder.mkdir()
    for name in ("__init__", "pear", "apple", "_peel"):
        (folder / f"{name}.py").write_text(f'NAME = "{name}"\n')
    (folder / "notes.txt").write_text("not a member")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("fruit_for_registry")
    for name in [name for name in sys.modules if name.startswith("fruit_for_registry")]:
        del sys.modules[name]


def test_members_are_the_files_without_a_leading_underscore(fruit):
    assert registry.members(fruit) == ["apple", "pear"]


def test_a_member_is_the_module_of_its_name(fruit):
    assert registry.member(fruit, "pear", "fruit").NAME == "pear"


def test_an_unknown_member_is_refused_with_the_near_one(fruit):
    with pytest.raises(LookupError) as error:
        registry.member(fruit, "aple", "fruit")
    assert error.value.args[0] == "There is no fruit 'aple'; there are apple, pear. Did you mean apple?"


def test_a_helper_is_no_member(fruit):
    with pytest.raises(LookupError, match="There is no fruit '_peel'"):
        registry.member(fruit, "_peel", "fruit")
