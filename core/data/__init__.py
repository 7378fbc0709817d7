"""Data sets: `available()` lists the sources, `get(name)` gives one of them from the workspace's store."""

from core import registry
from core.data import dataset, sources, split
from core.data.dataset import Column, Dataset, Schema

__all__ = ["Column", "Dataset", "Schema", "available", "get", "of_run", "split", "title"]


def available() -> list[str]:
    """Names of the data sources."""
    return registry.members(sources)


def title(name: str) -> str:
    """One line on a source, for a list to choose from."""
    return registry.member(sources, name, "data set").TITLE


def get(name: str) -> Dataset:
    """The named data set, made once and kept in the workspace; LookupError if there is no such source."""
    from core import runs

    source = registry.member(sources, name, "data set")
    folder = runs.workspace() / "data" / name
    if not (folder / "dataset.json").exists():
        runs.check_workspace()
        dataset.save(source.load(), folder)
    return dataset.load(folder)


def of_run(run: str) -> Dataset:
    """The data of a run; ValueError if it is no longer what the run was made with."""
    from core import runs

    name = runs.config(run).data.name
    found = get(name)
    if found.fingerprint != runs.read_json(run, "schema.json")["fingerprint"]:
        raise ValueError(f"The data set {name} has changed since run {run} was made; start a new run.")
    return found
