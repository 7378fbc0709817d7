"""Command line: train, list, watch, stop, evaluate and explain runs. Each command ends with one table."""

import json
import time
from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from core import config, data, files, folds, jobs, nets, processes, runs, trash, words
from core.data.cli import added
from core.data.cli import app as data_app
from core.evaluation.cli import compare, evaluate, note, slices
from core.explain._cli import explain
from core.options import parse
from core.search.cli import sweep
from core.terminal import console
from core.training import together
from core.workspace import command

app = typer.Typer(
    help="Train PyTorch classifiers and look at the results. Runs are kept in ./workspace or VITRINE_WORKSPACE.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(data_app, name="data")
app.command()(sweep)
app.command()(evaluate)
app.command()(slices)
app.command()(compare)
app.command()(note)
app.command()(explain)
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
    minutes: Annotated[float | None, typer.Option(help="Time after which training ends. Default: no limit.")] = None,
    patience: Annotated[
        int | None, typer.Option(help="Epochs without a better validation loss before the end. Default: no end.")
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            help="Weights to start from: a .pth or .safetensors file, run:NAME, a name the net knows, random."
        ),
    ] = None,
    freeze: Annotated[
        int | None, typer.Option(help="Epochs for which the backbone keeps its weights; -1 is all.")
    ] = None,
    schedule: Annotated[str | None, typer.Option(help=f"{', '.join(config.SCHEDULES)}. Default: one_cycle.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="adam (default), adamw or sgd.")] = None,
    weight_decay: Annotated[float | None, typer.Option(help="Pull of the weights towards zero. Default: 0.")] = None,
    resample: Annotated[
        float | None, typer.Option(help="How far rare classes are drawn more often, 0 to 1. Default: 0.")
    ] = None,
    split: Annotated[str | None, typer.Option(help=f"{', '.join(data.split.WAYS)}. Default: auto.")] = None,
    split_by: Annotated[str | None, typer.Option(help="Column for the splits group, time and column.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of weights, order and dropout. Default: 0.")] = None,
    precision: Annotated[str | None, typer.Option(help=f"{', '.join(config.PRECISIONS)}. Default: auto.")] = None,
    device: Annotated[str | None, typer.Option(help="auto (default), cpu, cuda or mps.")] = None,
    more: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any other setting, NAME=VALUE, for example flip=true or class_weights=0.5."),
    ] = None,
    k_folds: Annotated[
        int | None,
        typer.Option("--folds", help="Cross-validate: a run for each fold, and one that pools what they say."),
    ] = None,
    wait: Annotated[bool, typer.Option(help="Watch the run until it is over; Ctrl-C stops it.")] = True,
) -> None:
    """Train a net on a data set. Under torchrun, several processes train it together."""
    given = {
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "minutes": minutes,
        "patience": patience,
        "weights": weights,
        "freeze": freeze,
        "schedule": schedule,
        "optimizer": optimizer,
        "weight_decay": weight_decay,
        "resample": resample,
        "split": split,
        "split_by": split_by,
        "seed": seed,
        "precision": precision,
        "device": device,
    }
    settings: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    settings |= _more_settings(more)

    def asked_for() -> config.TrainConfig:
        dataset = added(data_name, "", target, test, root, read)
        return config.suggest(dataset, net, parse(net_option or []), **settings)

    if together.asked_for():
        run, code = together.train(asked_for)
        show(run)
        raise typer.Exit(code)
    run = jobs.start(asked_for()) if k_folds is None else folds.start(asked_for(), k_folds)
    _see_to_its_end(run, wait)


@app.command()
def resume(
    run: Run = "latest", wait: Annotated[bool, typer.Option(help="Watch the run until it is over.")] = True
) -> None:
    """Let a run that was stopped, failed or lost go on from its last checkpoint."""
    run = runs.resolve(run)
    jobs.resume(run)
    _see_to_its_end(run, wait)


@app.command()
def again(
    run: Run = "latest", wait: Annotated[bool, typer.Option(help="Watch the run until it is over.")] = True
) -> None:
    """Start a new run with the settings, and on the very data, of another."""
    run = runs.resolve(run)
    _see_to_its_end(folds.again(run) if folds.members(run) else jobs.again(run), wait)


@app.command()
def lr(
    data_name: Annotated[str, typer.Option("--data", help="As for train.")] = "digits",
    net: Annotated[str | None, typer.Option(help="As for train.")] = None,
    net_option: Annotated[list[str] | None, typer.Option(help="As for train.")] = None,
    weights: Annotated[str, typer.Option(help="As for train.")] = "",
    more: Annotated[list[str] | None, typer.Option("--set", help="Any setting, NAME=VALUE, as for train.")] = None,
    seconds: Annotated[float, typer.Option(help="Time that the search may take.")] = 60.0,
    as_json: Json = False,
) -> None:
    """Find a learning rate: it rises from step to step, and where the loss falls fastest is a good one."""
    from core.training import lr_finder

    settings: dict[str, Any] = {"weights": weights, **_more_settings(more)}
    asked = config.suggest(added(data_name), net, parse(net_option or []), **settings)
    found = lr_finder.find(asked, seconds)
    print(json.dumps(found) if as_json else found["sentence"])


@app.command("nets")
def list_nets(
    pretrained: Annotated[bool, typer.Option(help="The architectures of torchvision instead, with accuracy.")] = False,
    as_json: Json = False,
) -> None:
    """List the nets."""
    if pretrained:
        from core.nets import pretrained as zoo

        rows = zoo.known() or zoo.catalogue()
        table = Table("arch", "parameters", "GFLOPs", "ImageNet accuracy", "side", "file", box=box.SIMPLE)
        for row in rows:
            table.add_row(
                row["arch"],
                f"{row['n_parameters'] / 1e6:.1f} M",
                f"{row['gflops']:.2f}",
                words.percent(row["accuracy"]),
                str(row["image_size"]),
                words.size(row["n_bytes"]),
            )
    else:
        rows = [{"net": n, "for": list(nets.kinds(n)), "what": nets.module(n).TITLE} for n in nets.available()]
        table = Table("net", "for", "what", box=box.SIMPLE)
        for name in nets.available():
            table.add_row(name, " and ".join(f"{kind}s" for kind in nets.kinds(name)), nets.module(name).TITLE)
    if as_json:
        print(json.dumps(rows, indent=1))
    else:
        console.print(table)


@app.command("runs")
def list_runs(as_json: Json = False) -> None:
    """List all runs, newest first."""
    rows = jobs.summaries()
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    if not rows:
        console.print(f"No runs in {runs.workspace()} yet. Start one: {command('core')} train --data digits")
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
def delete(run: Run) -> None:
    """Move a run to the trash; one at work is stopped first."""
    run = runs.resolve(run)
    if jobs.summary(run)["state"] in runs.WORKING:
        jobs.stop(run)
    trash.delete(run)
    print(f"{run} is in the trash; `{command('core')} restore {run}` brings it back.")


@app.command()
def restore(run: Annotated[str, typer.Argument(help="A run in the trash: its name, or its last words.")]) -> None:
    """Bring a run back from the trash."""
    found = [name for name in trash.names() if name == run or name.endswith(f"-{run}")]
    trash.restore(found[0] if len(found) == 1 else run)
    print(f"{found[0]} is back.")


@app.command("trash")
def show_trash(empty: Annotated[bool, typer.Option("--empty", help="Delete what is in it for good.")] = False) -> None:
    """List the runs in the trash, or empty it."""
    if empty:
        print(f"{words.count(trash.empty(), 'run')} deleted for good.")
    else:
        print("\n".join(trash.names()) or "The trash is empty.")


def _more_settings(texts: list[str] | None) -> dict:
    """Settings given as NAME=VALUE; ValueError names those that there are if one is unknown."""
    settings = parse(texts or [], "--set")
    if unknown := set(settings) - config.setting_names():
        known = ", ".join(sorted(config.setting_names()))
        raise ValueError(f"There is no setting {', '.join(sorted(unknown))}; the settings are {known}.")
    return settings


def _see_to_its_end(run: str, wait: bool) -> None:
    """Watch a run and end with its table and exit code, or only print its name."""
    if not wait:
        print(run)
        return
    watch(run)
    raise typer.Exit(0 if show(run) == "done" else 1)


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
                    completed=row.get("step", 0) / (row.get("n_steps") or 1),
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
        table.add_row("test accuracy", words.interval(test["metrics"]["accuracy"]))
        table.add_row("test AUROC (macro)", words.area(test["metrics"]["auroc_macro"]["value"]))
        table.add_row("in words", evaluation.sentence(test, runs.schema(run).sample_word))
    table.add_row("folder", str(runs.path(run)))
    console.print(table)
    return row["state"]


def guarded(run_app: Callable[[], Any]) -> None:
    """Run a command line; our own errors become one sentence on the error stream and exit code 1."""
    processes.look_for_garbage_seldom()
    try:
        run_app()
    except (KeyError, IndexError):  # a fault, not a sentence of ours
        raise
    except (ValueError, LookupError, OSError, RuntimeError) as error:
        text = files.said(error)
        # what comes from data may hold codes that steer a terminal
        raise SystemExit("Error: " + "".join(sign if sign.isprintable() else "?" for sign in text)) from None


def main() -> None:
    """Run the command line `vitrine`."""
    guarded(app)
