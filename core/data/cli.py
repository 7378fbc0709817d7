"""Command line for data: add, check, list, rename and delete data sets."""

import json
from typing import Annotated

import numpy as np
import typer
from rich import box
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from core import data, words
from core.data import ingest, store
from core.data.dataset import PARTS, Dataset
from core.options import parse
from core.terminal import console

app = typer.Typer(help="Add, check and list data sets.", no_args_is_help=True)
Source = Annotated[
    str,
    typer.Argument(help="A table, a folder or .zip of class folders, a torchvision set, or module:Dataset."),
]
Target = Annotated[str | None, typer.Option(help="Column to predict, for a table. Default: a guess.")]
Test = Annotated[str | None, typer.Option(help="Separate test table, or test Dataset.")]
Root = Annotated[str | None, typer.Option(help="Folder of a torchvision set's files.")]
Read = Annotated[list[str] | None, typer.Option(help="How to read it, NAME=VALUE, for example header=no or size=96.")]


def added(
    source: str,
    name: str = "",
    target: str | None = None,
    test: str | None = None,
    root: str | None = None,
    read: list[str] | None = None,
) -> Dataset:
    """The data set that `source` names, read with a bar if it is not stored yet."""
    given = {"target": target, "test": test, "root": root}
    values = {key: value for key, value in given.items() if value is not None} | parse(read or [], "--read")
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(compact=True))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("Reading", total=None)

        def tell(phase: str, done: int, total: int) -> None:
            progress.update(bar, description=phase, completed=done, total=total or None)

        return ingest.add(source, name, values, tell)


@app.command()
def add(
    source: Source,
    name: Annotated[str, typer.Option(help="Name for it. Default: from the file or folder.")] = "",
    target: Target = None,
    test: Test = None,
    root: Root = None,
    read: Read = None,
) -> None:
    """Read data and keep it in the workspace under a name."""
    describe(added(source, name, target, test, root, read))


@app.command()
def check(source: Source, target: Target = None, test: Test = None, root: Root = None, read: Read = None) -> None:
    """Look for what spoils training: duplicates, leaks, rare classes, broken files; exit code 1 for a problem."""
    from core.data import checks

    dataset = added(source, "", target, test, root, read)
    describe(dataset)
    findings = checks.run(dataset, _split(dataset)[0])
    table = Table("", "what was found", "what would help", box=box.SIMPLE)
    for finding in findings:
        table.add_row(finding.severity, plain(finding.sentence), plain(finding.fix.label if finding.fix else ""))
    console.print(table if findings else "Nothing was found that needs attention.")
    raise typer.Exit(int(any(finding.severity == "problem" for finding in findings)))


@app.command("list")
def list_sets(as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False) -> None:
    """List all data sets: yours, and those that come with Vitrine."""
    rows: list[dict] = []
    for name in data.available():
        try:
            rows.append(store.facts(name) if name in store.names() else {"name": name})
        except (ValueError, LookupError) as error:
            rows.append({"name": name, "problem": str(error)})
    if as_json:
        kept = ("name", "version", "n", "counts", "origin", "licence", "created", "problem")
        print(json.dumps([{key: row[key] for key in kept if key in row} for row in rows], indent=1))
        return
    table = Table("name", "what it is", "version", "added", "origin", box=box.SIMPLE)
    for row in rows:
        what = row.get("problem") or data.title(row["name"]).removeprefix(f"{row['name']}: ")
        facts = (row.get("version", "comes with Vitrine"), words.when(row.get("created")), row.get("origin", ""))
        table.add_row(*(plain(str(cell)) for cell in (row["name"], what, *facts)))
    console.print(table)


@app.command()
def rename(old: str, new: str) -> None:
    """Give a data set another name; its runs find it all the same."""
    store.rename(old, new)
    print(f"{old} is now {new}")


@app.command()
def delete(name: str) -> None:
    """Delete a data set with all its versions. Runs keep their figures."""
    store.delete(name)
    print(f"{name} is deleted")


def describe(dataset: Dataset) -> None:
    """Print what a data set is, in one table."""
    table = Table("", dataset.name, box=box.SIMPLE)
    shape = words.count(len(dataset.columns), "column")
    if dataset.kind == "image":
        channels, height, width = dataset.schema.shape
        shape = f"{width}x{height} pixels, {words.count(channels, 'channel')}"
    table.add_row("samples", f"{words.count(len(dataset), dataset.schema.sample_word)} of {shape}")
    counts = np.bincount(dataset.targets, minlength=len(dataset.classes))
    order = np.argsort(-counts, kind="stable")
    named = [f"{dataset.classes[i]} {counts[i]:,}" for i in order[:12]]
    rest = f", and {len(order) - 12} more" if len(order) > 12 else ""
    table.add_row("classes", plain(", ".join(named) + rest))
    parts, problem = _split(dataset)
    sizes = "" if parts is None else ", ".join(f"{part} {int((parts == part).sum()):,}" for part in PARTS)
    table.add_row("split", plain(problem or sizes))
    for column in dataset.left_out:
        table.add_row(plain(f"left out: {column.name}"), plain(column.reason))
    for note in dataset.notes[:10]:
        table.add_row("note", plain(f"{note.subject}: {note.text}" if note.kind == "file" else note.text))
    if len(dataset.notes) > 10:
        table.add_row("note", f"and {len(dataset.notes) - 10} more")
    table.add_row("version", dataset.fingerprint[:12])
    console.print(table)


def plain(text: str) -> Text:
    """Text that comes from data, so that a terminal shows it as it is: no markup, no control characters."""
    return Text("".join(sign if sign.isprintable() or sign == "\n" else "\ufffd" for sign in text))


def _split(dataset: Dataset) -> tuple[np.ndarray | None, str]:
    """The part of each sample, or None and why it cannot be split: it can be looked at all the same."""
    from core.config import DataConfig

    try:
        return data.parts(dataset, DataConfig(name=dataset.name)), ""
    except ValueError as error:
        return None, str(error)
