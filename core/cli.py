"""Command line: train, list, watch, stop, evaluate and explain runs. Each command ends with one table."""

import json
import time
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from core import config, data, jobs, nets, runs, words
from core.data.cli import added
from core.data.cli import app as data_app
from core.options import parse
from core.terminal import console

app = typer.Typer(
    help="Train PyTorch classifiers and look at the results. Runs are kept in ./workspace or VITRINE_WORKSPACE.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(data_app, name="data")
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Run = Annotated[str, typer.Argument(help="A run: its name, its last words (quiet-maple), or latest.")]


@app.command()
def train(
    data_name: Annotated[
        str,
        typer.Option(
            "--data",
            help=f"A data set ({', '.join(data.built_in())}, or one of yours), a table, a folder or .zip of class "
            "folders, a torchvision set, or package.module:Dataset.",
        ),
    ] = "digits",
    target: Annotated[str | None, typer.Option(help="Column to predict, for a table. Default: a guess.")] = None,
    test: Annotated[str | None, typer.Option(help="Separate test table, or test Dataset.")] = None,
    root: Annotated[str | None, typer.Option(help="Folder of a torchvision set's files.")] = None,
    read: Annotated[
        list[str] | None, typer.Option(help="How to read the data, NAME=VALUE, for example header=no or size=96.")
    ] = None,
    net: Annotated[str | None, typer.Option(help=f"Net: {', '.join(nets.available())}. Default: by data.")] = None,
    net_option: Annotated[
        list[str] | None, typer.Option(help="Setting of the net, NAME=VALUE; may be given more than once.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training data. Default: by data size.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Samples per step. Default: by data size.")] = None,
    lr: Annotated[float | None, typer.Option(help="Highest learning rate. Default: 0.003.")] = None,
    schedule: Annotated[str | None, typer.Option(help="one_cycle (default) or constant.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="adam (default), adamw or sgd.")] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Pull of the weights towards zero. Default: 0.")] = None,
    resample: Annotated[
        float | None, typer.Option(help="How far rare classes are drawn more often, 0 to 1. Default: 0.")
    ] = None,
    split: Annotated[str | None, typer.Option(help=f"{', '.join(data.split.WAYS)}. Default: auto.")] = None,
    split_by: Annotated[str | None, typer.Option(help="Column for the splits group, time and column.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of weights, order and dropout. Default: 0.")] = None,
    device: Annotated[str | None, typer.Option(help="auto (default), cpu, cuda or mps.")] = None,
    more: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any other setting, NAME=VALUE, for example flip=true or class_weights=0.5."),
    ] = None,
    wait: Annotated[bool, typer.Option(help="Watch the run until it is over; Ctrl-C stops it.")] = True,
) -> None:
    """Train a net on a data set."""
    given = {
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "schedule": schedule,
        "optimizer": optimizer,
        "weight_decay": weight_decay,
        "resample": resample,
        "split": split,
        "split_by": split_by,
        "seed": seed,
        "device": device,
    }
    settings = {name: value for name, value in given.items() if value is not None} | parse(more or [], "--set")
    unknown = set(settings) - config.setting_names()
    if unknown:
        known = ", ".join(sorted(config.setting_names()))
        raise ValueError(f"There is no setting {', '.join(sorted(unknown))}; the settings are {known}.")
    dataset = added(data_name, "", target, test, root, read)
    run = jobs.start(config.suggest(dataset, net, parse(net_option or []), **settings))
    if not wait:
        print(run)
        return
    watch(run)
    raise typer.Exit(0 if show(run) == "done" else 1)


@app.command("runs")
def list_runs(as_json: Json = False) -> None:
    """List all runs, newest first."""
    rows = jobs.summaries()
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    if not rows:
        console.print(f"No runs in {runs.workspace()} yet. Start one: python -m core train --data digits")
        return
    table = Table("run", "state", "data", "net", "validation", "test (95% interval)", "took", "when", box=box.SIMPLE)
    for row in rows:
        test = row.get("test_accuracy")
        table.add_row(
            row["run"],
            row["state"],
            row.get("data", ""),
            row.get("net", ""),
            words.percent(row["val_accuracy"]) if "val_accuracy" in row else "",
            words.interval(test) if test else "",
            words.duration(row.get("seconds")),
            words.when(row.get("created")),
        )
    console.print(table)


@app.command("show")
def show_run(run: Run = "latest", as_json: Json = False) -> None:
    """Show one run: state, settings and figures."""
    run = runs.resolve(run)
    if as_json:
        print(json.dumps({**jobs.summary(run), "config": runs.config(run).to_dict()}, indent=1))
    else:
        show(run)


@app.command()
def stop(run: Run = "latest") -> None:
    """Stop a run that is queued or running."""
    run = runs.resolve(run)
    jobs.stop(run)
    print(f"{run}: {jobs.state(run)}")


@app.command()
def evaluate(run: Run = "latest") -> None:
    """Evaluate a run's best epoch again, for instance one that was stopped."""
    from core import evaluation

    run = runs.resolve(run)
    if jobs.state(run) in runs.WORKING:
        raise ValueError(f"Run {run} is still at work; it is evaluated at its end.")
    runs.write_status(run, **evaluation.headline(evaluation.evaluate(run)))
    show(run)


@app.command()
def explain(
    run: Run = "latest",
    method: Annotated[str | None, typer.Option(help="Method; default: the first one that fits the data.")] = None,
    sample: Annotated[str | None, typer.Option(help="Sample id of the test split; default: the first.")] = None,
    target: Annotated[str | None, typer.Option(help="Class to explain; default: the predicted one.")] = None,
) -> None:
    """Explain a decision (or, with permutation_importance, the whole model) and keep the result in the run."""
    from core import explain as explainers

    run = runs.resolve(run)
    method = method or explainers.available(runs.schema(run).kind)[0]
    record = explainers.explain(run, method, sample, target)
    print(explainers.describe(record))
    print(f"Kept in {record['path']}")


def watch(run: str) -> None:
    """Print a bar until the run is over; Ctrl-C stops the run."""
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"))
    try:
        with Progress(*columns, console=console, transient=True) as progress:
            bar = progress.add_task(run, total=1.0, note="")
            while (row := jobs.summary(run))["state"] in runs.WORKING:
                rows = runs.history(run)
                accuracy = f"validation {rows[-1]['val_accuracy']:.1%}" if rows else row.get("phase", row["state"])
                left = row.get("seconds_left")
                progress.update(
                    bar,
                    completed=row.get("step", 0) / row.get("n_steps", 1),
                    note=accuracy + (f", {words.duration(left)} left" if left else ""),
                )
                time.sleep(0.2)
    except KeyboardInterrupt:
        console.print("Stopping.")
        jobs.stop(run)


def show(run: str) -> str:
    """Print the table of one run; returns its state."""
    from core import evaluation

    row = jobs.summary(run)
    table = Table("", run, box=box.SIMPLE)
    table.add_row("state", f"{row['state']}. {row.get('message', '')}".rstrip(". ") + ".")
    if row["state"] != "damaged":
        table.add_row("data, net", f"{row['data']}, {row['net']}")
        table.add_row("took", words.duration(row["seconds"]))
    if "val_accuracy" in row:
        table.add_row("validation accuracy", f"{row['val_accuracy']:.1%} (best epoch {row['best_epoch']})")
    if figures := runs.evaluation(run):
        test = figures["test"]
        table.add_row("test accuracy", words.interval(test["accuracy"]))
        table.add_row("test AUROC (macro)", words.area(test["auroc"]["macro"]))
        table.add_row("in words", evaluation.sentence(test, runs.schema(run).sample_word))
    table.add_row("folder", str(runs.path(run)))
    console.print(table)
    return row["state"]


def guarded(run_app) -> None:
    """Run a command line; our own errors become one sentence on the error stream and exit code 1."""
    try:
        run_app()
    except (KeyError, IndexError):  # a fault, not a sentence of ours
        raise
    except (ValueError, LookupError, OSError, RuntimeError) as error:
        text = str(error.args[0] if len(error.args) == 1 else error)
        # what comes from data may hold codes that steer a terminal
        raise SystemExit("Error: " + "".join(sign if sign.isprintable() else "?" for sign in text)) from None


def main() -> None:
    guarded(app)
