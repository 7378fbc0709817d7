"""The command that explains; `core/cli.py` registers it."""

import json
import pathlib
from typing import Annotated

import numpy as np
import typer

from core import explain as explainers
from core import progress, runs
from core.data.cli import plain
from core.data.tables.columns import neutral
from core.options import parse
from core.terminal import console

ALONE = (".png", ".csv", ".npz", ".json")
TOGETHER = (".csv", ".parquet", ".npz")


def explain(
    run: Annotated[str, typer.Argument(help="A run: its name, its last words (quiet-maple), or latest.")] = "latest",
    method: Annotated[str | None, typer.Option(help="Method; default: the first one that fits the data.")] = None,
    sample: Annotated[str | None, typer.Option(help="Sample id; default: the first of test.")] = None,
    target: Annotated[str | None, typer.Option(help="Class to explain; default: the predicted one.")] = None,
    against: Annotated[str | None, typer.Option(help="Explain why not this class: the difference of the two.")] = None,
    option: Annotated[list[str] | None, typer.Option(help="An option of the method, NAME=VALUE.")] = None,
    out: Annotated[
        pathlib.Path | None, typer.Option(help=f"Write it: {', '.join(ALONE)}; with --all {', '.join(TOGETHER)}.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Explain every decision of a part; needs --out.")] = False,
    part: Annotated[str, typer.Option(help="With --all: train, val or test.")] = "test",
    trust: Annotated[bool, typer.Option(help="Also check how far the explanation can be trusted.")] = False,
    methods: Annotated[bool, typer.Option("--methods", help="List the methods that fit the run.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Explain a decision, each decision of a part, or the whole model; the result is kept in the run."""
    run = runs.resolve(run)
    kind = runs.schema(run).kind
    if methods:
        _list(kind)
        return
    method = method or explainers.available(kind, "sample")[0]
    options = parse(option or [], "--option")
    if everything:
        _all(run, method, part, options, out)
        return
    if out is not None and out.suffix.lower() not in ALONE:
        raise ValueError(f"{out} cannot be written; the name of the file must end in {', '.join(ALONE)}.")
    whole = explainers.module(method).SCOPE == "model"
    with _bar(f"{method} of {run}"):
        if whole:
            found, verdict = explainers.explain_model(run, method, options), None
        else:
            found = explainers.explain(run, sample, method, target, against, options)
            verdict = _judged(found, options) if trust else None
    if out is not None:
        _write(found, out)
    if as_json:
        print(json.dumps({**found.record, "trust": verdict, "path": str(found.path)}, indent=1))
        return
    console.print(plain(explainers.describe(found)))
    if verdict:
        console.print(plain(verdict["sentence"]))
        for check in verdict["checks"]:
            console.print(plain(f"  {check['title']}: {check['text']}"))
    console.print(plain(f"Kept in {found.path}" + (f" and written to {out}" if out else "")), soft_wrap=True)


def _list(kind: str) -> None:
    for name in explainers.available(kind):
        module = explainers.module(name)
        console.print(
            plain(f"{name} ({'one sample' if module.SCOPE == 'sample' else 'whole model'}): {module.ANSWERS}")
        )


def _judged(found, options: dict) -> dict:
    from core import trust

    record = found.record
    arguments = (record["run"], record["sample"], record["method"], record["target"], record["against"], options)
    return trust.judge(*arguments)


def _all(run: str, method: str, part: str, options: dict, out: pathlib.Path | None) -> None:
    """Explain a whole part and write one file."""
    if out is None or out.suffix.lower() not in TOGETHER:
        raise ValueError(f"--all needs --out with a file that ends in {', '.join(TOGETHER)}.")
    columns = runs.schema(run).columns
    if not columns and out.suffix.lower() != ".npz":
        raise ValueError(f"Maps of images cannot be a {out.suffix}; let the name of --out end in .npz.")
    with _bar(f"{method} of {part}"):
        found = explainers.explain_all(run, method, part, options)
    if out.suffix.lower() == ".npz":
        np.savez_compressed(out, **found)
    else:
        import pandas as pd

        table = pd.DataFrame({name: values for name, values in found.items() if values.ndim == 1})
        shares = pd.DataFrame(found["attribution"], columns=[f"share of {column.name}" for column in columns])
        table = pd.concat([table, shares], axis=1)
        is_csv = out.suffix.lower() == ".csv"
        neutral(table).to_csv(out, index=False) if is_csv else table.to_parquet(out, index=False)
    console.print(plain(f"{len(found['id']):,} explanations by {explainers.module(method).TITLE} are in {out}"))


def _write(found, out: pathlib.Path) -> None:
    """One explanation as the file's name asks: a picture, a table, arrays or the record."""
    from core.explain import _paint

    columns = runs.schema(found.record["run"]).columns
    attribution, kind = found.arrays.get("attribution"), out.suffix.lower()
    if kind == ".json":
        out.write_text(json.dumps(found.record, indent=1), encoding="utf-8")
    elif kind == ".npz":
        np.savez_compressed(out, **found.arrays)
    elif kind == ".png" and attribution is not None and not columns:
        out.write_bytes(_paint.png(_paint.overlay(found.arrays["x"], attribution)))
    elif kind == ".csv" and attribution is not None and columns:
        import pandas as pd

        table = pd.DataFrame({"column": [column.name for column in columns], "share": attribution})
        neutral(table).to_csv(out, index=False)
    else:
        raise ValueError(
            f"This explanation cannot be written as {kind}; choose .npz or .json, .png for a map of an image."
        )


def _bar(text: str):
    """A bar on the terminal while the work reports how far it is."""
    import contextlib

    from rich.progress import Progress

    @contextlib.contextmanager
    def shown():
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
            bar = bars.add_task(text, total=None)
            with progress.listen(lambda done, total: bars.update(bar, completed=done, total=total)):
                yield

    return shown()
