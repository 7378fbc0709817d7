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
def script(run: Run = "latest") -> None:
    """Print a run as a plain PyTorch script that trains the same way where Vitrine is not installed."""
    from exports import script as scripts

    print(scripts.script(runs.resolve(run)), end="")


def main() -> None:
    guarded(app)
