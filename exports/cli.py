"""Command line: write the ONNX file of a run, prove it, write the report, write the run as a script."""

from typing import Annotated

import typer
from rich import box
from rich.table import Table

from core import runs, words
from core.cli import console, guarded
from exports import selftest

app = typer.Typer(
    help="Export a run as one ONNX file, prove that it decides as the trained net, serve it, and share it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Run = Annotated[str, typer.Argument(help="A run: its name, its last words (quiet-maple), or latest.")]


@app.command()
def onnx(
    run: Run = "latest",
    explanation: Annotated[bool, typer.Option(help="With an explanation inside: the file gets slower.")] = False,
    embedding: Annotated[bool, typer.Option(help="With what the last layer takes, for search by likeness.")] = False,
) -> None:
    """Write exports/model.onnx of a run and prove it at once; exit code 1 if the proof fails."""
    from exports import pipeline

    run = runs.resolve(run)
    _show(run, pipeline.export_and_prove(run, explanation, embedding))


@app.command()
def verify(
    what: Annotated[str, typer.Argument(help="A run, or an ONNX file, whose self-test is run.")] = "latest",
    run: Annotated[str | None, typer.Option(help="The run of which the file is: all is compared again.")] = None,
) -> None:
    """Compare the exported file with PyTorch on the whole test split; exit code 1 if they differ.

    Of an ONNX file by itself the self-test inside is run, for which NumPy and onnxruntime are enough.
    """
    from exports import parity

    if not what.lower().endswith(".onnx"):
        run = runs.resolve(what)
        _show(run, parity.verify(run))
        return
    found = selftest.check(what, although_marked=run is not None)
    console.print(found["sentence"], markup=False)
    if run is None:
        raise typer.Exit(0 if found["passed"] else 1)
    run = runs.resolve(run)
    _show(run, parity.of_file(what, run), what)


def _show(run: str, record: dict, path=None) -> None:
    """The certificate, in the shell; exit code 1 if it failed."""
    table = Table("input", "batch", "graph", "threads", "samples", "largest difference", "differ", box=box.SIMPLE)
    for check in record["checks"]:
        largest = check["largest_difference"]
        table.add_row(
            check["input"],
            f"{check['batch_size']:,}",
            "optimised" if check["optimised"] else "as written",
            "any" if check["threads"] is None else str(check["threads"]),
            f"{check['n']:,}",
            "not a number" if largest is None else f"{largest:.1e}",
            f"{check['decisions_that_differ']:,}",
        )
    console.print(table)
    for row in record["decisions"][:20]:
        console.print(f"sample {row['id']}: PyTorch says {row['pytorch']}, the file says {row['onnx']}", markup=False)
    for row in record["extreme"]:
        if not row["passed"]:
            console.print(f"extreme input, {row['name']}: {row['text']}", markup=False)
    if searched := record["searched"]:
        console.print(
            f"searched: {searched['tried']:,} inputs, {searched['decisions_that_differ']} differ", markup=False
        )
    if record["fault"]:
        console.print(record["fault"]["text"], markup=False)
    console.print(record["verdict"], markup=False)
    path = path or runs.path(run, "exports", "model.onnx")
    console.print(f"{path} ({words.size(record['model_bytes'])})", markup=False)
    raise typer.Exit(0 if record["passed"] else 1)


@app.command()
def report(
    run: Run = "latest",
    section: Annotated[list[str] | None, typer.Option(help="What is in it; may be repeated. Default: all.")] = None,
    samples: Annotated[bool, typer.Option("--samples", help="Let single samples travel, with their ids.")] = False,
) -> None:
    """Write exports/report.html of a run: one file that opens without a network."""
    from exports import report as reports

    print(reports.write(runs.resolve(run), tuple(section or reports.SECTIONS), samples))


@app.command()
def page(
    run: Run = "latest",
    sample: Annotated[list[str] | None, typer.Option(help="Id of a sample that travels; may be repeated.")] = None,
) -> None:
    """Write exports/page.html of a run: one file that runs the exported model in a browser, without a network."""
    from exports import page as pages

    made = pages.write(runs.resolve(run), tuple(sample or ()))
    print(f"{made.path} ({words.size(made.n_bytes)})")


@app.command()
def serve(
    model: Annotated[
        str, typer.Argument(help="An ONNX file, or a run: its name, its last words, or latest.")
    ] = "latest",
    host: Annotated[
        str, typer.Option(help="Address to listen on; any but this machine's needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8600,
    token: Annotated[
        str | None, typer.Option(envvar="VITRINE_TOKEN", help="What requests must carry, 16 letters or more.")
    ] = None,
    provider: Annotated[str | None, typer.Option(help="Of onnxruntime, such as CUDAExecutionProvider.")] = None,
    max_pixels: Annotated[int, typer.Option(help="Of one image.")] = 8_000_000,
    max_rows: Annotated[int, typer.Option(help="Of one request.")] = 10_000,
    max_bytes: Annotated[int, typer.Option(help="Of one request.")] = 16_000_000,
) -> None:
    """Serve an exported file over HTTP, without torch, until Ctrl-C."""
    from exports import serve as serving
    from exports.serving.limits import Limits

    limits = Limits(body_bytes=max_bytes, rows=max_rows, pixels=max_pixels)
    serving.serve(model, host, port, token or None, limits, provider)


@app.command()
def variants(
    run: Run = "latest",
    margin: Annotated[float, typer.Option(help="Difference of accuracy that does not matter, in [0, 1].")] = 0.01,
) -> None:
    """Make the exported file smaller (fp16, int8) and measure each file: size, time, accuracy, verdict."""
    from exports import variants as making
    from exports.variants import verdicts

    record = making.make(runs.resolve(run), margin=margin)
    table = Table("file", "size", "ms", "accuracy", "changed", "verdict", box=box.SIMPLE)
    for row in record["variants"]:
        if "error" in row:
            table.add_row(row["name"], "", "", "", "", row["error"])
            continue
        verdict = (row.get("equivalence") or {}).get("answer", "")
        ms, accuracy = f"{1000 * row['latency'][0]['median']:.2f}", words.interval(row["accuracy"])
        table.add_row(row["name"], words.size(row["bytes"]), ms, accuracy, str(row["changed"]), verdict)
    console.print(table)
    console.print(verdicts.sentence(record), markup=False)


@app.command()
def kit(
    run: Run = "latest",
    real_samples: Annotated[bool, typer.Option("--real-samples", help="A few test samples go along.")] = False,
    although_failed: Annotated[bool, typer.Option("--although-failed", help="Also if the certificate failed.")] = False,
) -> None:
    """Write exports/kit.zip: the model, clients, samples with expected outputs, a server, Triton's layout."""
    from exports import kit as kits

    print(kits.write(runs.resolve(run), real_samples, although_failed))


@app.command()
def mlflow(
    run: Run = "latest",
    uri: Annotated[str | None, typer.Option(help="Tracking server. Default: MLFLOW_TRACKING_URI.")] = None,
) -> None:
    """Hand a run, its figures and its ONNX file to an MLflow tracking server."""
    from exports import tracking

    print(tracking.log(runs.resolve(run), uri))


@app.command()
def card(run: Run = "latest") -> None:
    """Write exports/README.md: the model card of a run."""
    from exports import card as cards

    print(cards.write(runs.resolve(run)))


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
    kept, rising, falling = (
        tuple(name.strip() for name in text.split(",") if name.strip()) for text in (fixed, up, down)
    )
    found = asking.counterfactuals(run, sample, Wish(kept, rising, falling, to))
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
    """Run the command that is asked for; an error is one sentence."""
    guarded(app)
