"""Command line of searches: `python -m core sweep`."""

import json
import time
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from core import runs, search, words
from core.data.cli import added
from core.terminal import console

STOP_SECONDS = 20.0  # that a search may take to stop its run


def sweep(
    settings: Annotated[
        list[str] | None,
        typer.Argument(help="What to search: NAME=LOW..HIGH (:log), NAME=A,B,C; net.NAME for options of the net."),
    ] = None,
    data_name: Annotated[str, typer.Option("--data", help="As for train.")] = "digits",
    net: Annotated[str | None, typer.Option(help="As for train.")] = None,
    trials: Annotated[int | None, typer.Option(help="Runs to make, at most. Default: 30.")] = None,
    minutes: Annotated[float, typer.Option(help="Time after which no more runs are started; 0 is no limit.")] = 0.0,
    objective: Annotated[
        str, typer.Option(help="val_accuracy, val_loss, or a metric, for example auroc_macro, on validation.")
    ] = "val_accuracy",
    pruning: Annotated[bool, typer.Option(help="End runs early that are worse than half of the others.")] = True,
    seed: Annotated[int, typer.Option(help="Of the sampler.")] = 0,
    name: Annotated[str, typer.Option(help="Of the search. Default: date and data.")] = "",
    storage: Annotated[str, typer.Option(help="URL of an Optuna storage that several machines share.")] = "",
    resume: Annotated[str, typer.Option(help="Let this search go on instead.")] = "",
    wait: Annotated[bool, typer.Option(help="Watch it to its end; Ctrl-C stops it.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Search settings: many runs, judged on validation. `--resume NAME` lets a search go on."""
    if resume:
        if settings:
            raise ValueError(f"A search goes on with its own settings; leave out {' '.join(settings)}, or --resume.")
        name = resume
        search.resume(name, trials)
    else:
        name = search.start(
            added(data_name, "", None, None, None, None),
            net,
            settings or [],
            name,
            objective=objective,
            trials=30 if trials is None else trials,
            minutes=minutes,
            pruning=pruning,
            seed=seed,
            storage=storage,
        )
    if not wait:
        print(json.dumps({"search": name}) if as_json else name)
        return
    watch(name, quiet=as_json)
    show(name, as_json)


def watch(name: str, quiet: bool) -> None:
    """Wait for the search, saying each trial that is over; Ctrl-C stops it."""
    told, study = set(), search.study(name)
    try:
        while True:
            over = search.status(name)["state"] not in runs.WORKING
            for row in search.trials(name, study):
                if row["state"] == "running" or row["number"] in told:
                    continue
                told.add(row["number"])
                if not quiet:
                    value = row["message"] if row["value"] is None else f"{row['value']:.4f}"
                    console.print(f"trial {row['number']}: {value}  {search.settings_text(row)}", markup=False)
            if over:
                return
            time.sleep(0.5)
    except KeyboardInterrupt:
        console.print("Stopping.")
        search.stop(name)
        until = time.monotonic() + STOP_SECONDS
        while search.status(name)["state"] in runs.WORKING and time.monotonic() < until:
            time.sleep(0.1)


def show(name: str, as_json: bool = False) -> None:
    """Print the trials, the best first, and the sentence on the best."""
    asked, status = search.load(name), search.status(name)
    rows = search.trials(name)
    sign = -1 if asked.maximise else 1
    rows.sort(key=lambda row: (row["value"] is None, sign * (row["value"] or 0)))
    if as_json:
        facts = {"search": name, "objective": asked.objective, "trials": rows, "importance": search.importances(name)}
        print(json.dumps({**facts, **status}, indent=1))
        return
    table = Table("trial", "state", asked.objective, "settings", "run", "took", box=box.SIMPLE)
    for row in rows[:20]:
        value = "" if row["value"] is None else f"{row['value']:.4f}"
        table.add_row(
            str(row["number"]),
            row["state"],
            value,
            search.settings_text(row),
            row["run"] or "",
            words.duration(row["seconds"]),
        )
    console.print(table)
    console.print(search.sentence(asked, status, rows), markup=False)
