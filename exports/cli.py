"""Command line: write the ONNX file of a run, prove it, write the report, write the run as a script."""

from typing import Annotated

import typer
from rich import box
from rich.table import Table

from core import runs, words
from core.cli import console, guarded

app = typer.Typer(
    help="Export a run as one ONNX file, prove that it decides as the trained net, write the report or a script.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Run = Annotated[str, typer.Argument(help="A run: its name, its last words (quiet-maple), or latest.")]


@app.command()
def onnx(run: Run = "latest") -> None:
    """Write exports/model.onnx of a run and prove it at once; exit code 1 if the proof fails."""
    from exports import onnx as export

    run = runs.resolve(run)
    export.export(run)
    verify(run)


@app.command()
def verify(run: Run = "latest") -> None:
    """Compare the exported file with PyTorch on the whole test split; exit code 1 if they differ."""
    from exports import parity

    run = runs.resolve(run)
    record = parity.verify(run)
    table = Table(
        "input", "batch size", "samples", "largest difference", "decisions that differ", "accuracy", box=box.SIMPLE
    )
    for check in record["checks"]:
        largest = check["largest_difference"]
        table.add_row(
            check["input"],
            f"{check['batch_size']:,}",
            f"{check['n']:,}",
            "not a number" if largest is None else f"{largest:.1e}",
            f"{check['decisions_that_differ']:,}",
            words.percent(check["accuracy"]),
        )
    console.print(table)
    for row in record["decisions"][:20]:
        console.print(f"sample {row['id']}: PyTorch says {row['pytorch']}, the file says {row['onnx']}", markup=False)
    console.print(record["verdict"], markup=False)
    console.print(f"{runs.path(run, 'exports', 'model.onnx')} ({words.size(record['model_bytes'])})", markup=False)
    raise typer.Exit(0 if record["passed"] else 1)


@app.command()
def report(run: Run = "latest") -> None:
    """Write exports/report.html of a run: one file that opens without a network."""
    from exports import report as reports

    print(reports.write(runs.resolve(run)))


@app.command()
def whatif(
    run: Run = "latest",
    sample: Annotated[str | None, typer.Option(help="Sample id; default: the first of test.")] = None,
    change: Annotated[
        list[str] | None, typer.Option("--set", help="COLUMN=VALUE: what the file says then. May be repeated.")
    ] = None,
    fixed: Annotated[str, typer.Option(help="Columns that stay, with commas between them.")] = "",
    up: Annotated[str, typer.Option(help="Columns that may only rise.")] = "",
    down: Annotated[str, typer.Option(help="Columns that may only fall.")] = "",
    to: Annotated[str | None, typer.Option(help="The decision that is wished; default: any other.")] = None,
) -> None:
    """Ask the exported file what it would say of a changed row, or which fewest changes flip its decision."""
    from core.whatif.counterfactuals import Wish
    from exports import live
    from exports import whatif as asking

    run = runs.resolve(run)
    sample = sample or str(runs.predictions(run, "test")[0][0])
    if not live.ready(run):
        live.make(run)
    classes = [*runs.schema(run).classes, "nothing"]
    if change:
        values = dict(_pair(text) for text in change)
        y_prob, said = asking.changed(run, sample, values)
        for when, row, k in zip(("as it is", "changed"), y_prob, said):
            shares = ", ".join(f"{name} {share:.1%}" for name, share in zip(classes, row))
            console.print(f"{when}: says {classes[k]} ({shares})", markup=False)
        return
    names = (tuple(name.strip() for name in text.split(",") if name.strip()) for text in (fixed, up, down))
    found = asking.counterfactuals(run, sample, Wish(*names, to))
    console.print(found.record["sentence"], markup=False)
    for changes, k in zip(found.record["changes"], found.record["said"]):
        console.print(f"  says {classes[k]} if " + "; ".join(f"{n}: {a} to {b}" for n, a, b in changes), markup=False)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise ValueError(f"--set is {text!r}; it must be COLUMN=VALUE, for example age=40.")
    return name.strip(), value.strip()


@app.command()
def script(run: Run = "latest") -> None:
    """Print a run as a plain PyTorch script that trains the same way where Vitrine is not installed."""
    from exports import script as scripts

    print(scripts.script(runs.resolve(run)), end="")


def main() -> None:
    guarded(app)
