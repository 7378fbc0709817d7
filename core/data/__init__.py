"""Data sets: `available()` lists the sources, `get(name)` gives one of them from the workspace's store."""

from core import registry, workspace
from core.data import dataset, sources, split
from core.data.dataset import Column, Dataset, Schema

__all__ = ["Column", "Dataset", "Schema", "available", "get", "split", "title"]


def available() -> list[str]:
    """Names of the data sources."""
    return registry.members(sources)


def title(name: str) -> str:
    """One line on a source, for a list to choose from."""
    return registry.member(sources, name, "data set").TITLE


def get(name: str) -> Dataset:
    """The named data set, made once and kept in the workspace; LookupError if there is no such source."""
    source = registry.member(sources, name, "data set")
    folder = workspace.workspace() / "data" / name
    if not (folder / "dataset.json").exists():
        workspace.check_workspace()
        dataset.save(source.load(), folder)
    return dataset.load(folder)
