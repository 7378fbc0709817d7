"""Commands that judge runs, compare them and note what people say of them; `core/cli.py` registers them."""

import json
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from core import evaluation, folds, jobs, notes, runs, words
from core.data.cli import added, plain
from core.evaluation import metrics, other_data, pooled
from core.terminal import console
from core.workspace import command

Run = Annotated[str, typer.Argument(help="A run: its name, its last words (quiet-maple), or latest.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Runs = Annotated[
    list[str], typer.Argument(help="Two runs or more, the first against each other: name, last words, or latest.")
]


def evaluate(
    run: Run = "latest",
    data_name: Annotated[
        str | None, typer.Option("--data", help="Other data, that the run never saw, named as for train.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="Column to predict, if other data is a new table.")] = None,
    as_json: Json = False,
) -> None:
    """Evaluate a run's best epoch again, for instance one that was stopped, or on other data."""
    run = runs.resolve(run)
    if jobs.state(run) in runs.WORKING:
        raise ValueError(f"Run {run} is still at work; it is evaluated at its end.")
    also = {}
    if data_name is None:
        record = pooled.evaluate(run) if folds.members(run) else evaluation.evaluate(run)
        runs.write_status(run, **evaluation.headline(record))
        data_name, figures = runs.config(run).data.name, record["test"]
    else:
        record = other_data.evaluate(run, added(data_name, "", target, None, None, None))
        figures, also = record["figures"], {"twins": record["twins"], "unseen": record["unseen"]}
    if as_json:
        facts = {"run": run, "n": figures["n"], "metrics": figures["metrics"]}
        print(json.dumps(facts | also, indent=1))
        return
    table = Table(run, box=box.SIMPLE)
    table.add_column(plain(f"{data_name}, {words.count(figures['n'], 'sample')} (95% interval)"))
    for name, about in metrics.METRICS.items():
        if (figures["metrics"].get(name) or {}).get("value") is not None:
            table.add_row(about.title, words.figure(figures["metrics"][name], about.form))
    console.print(table)
    console.print(plain(evaluation.sentence(figures, runs.schema(run).sample_word, in_test=not also)))
    if also:
        for sentence in filter(None, (record["twins"]["sentence"], other_data.unseen_sentence(record))):
            console.print(plain(sentence))


def slices(
    run: Run = "latest",
    part: Annotated[str, typer.Option(help="test or val.")] = "test",
    of_class: Annotated[
        str | None, typer.Option("--class", help="Only samples of this class: where it is missed.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Find slices of the data on which a run fails more than elsewhere, at its operating point in use."""
    from core.evaluation import operating, points
    from core.evaluation import slices as finding

    run = runs.resolve(run)
    if part not in ("test", "val"):
        raise ValueError(f"The part is {part!r}; it must be test or val.")
    _, _, logits = runs.predictions(run, part)
    point = points.used(run) or operating.OperatingPoint()
    found = finding.of_run(run, part, of_class, operating.decide(metrics.softmax(logits), point))
    if as_json:
        print(json.dumps({"run": run, "slices": found["slices"], "sentence": found["sentence"]}, indent=1))
        return
    table = Table("slice", "samples", "wrong there", "elsewhere", "p", box=box.SIMPLE)
    for row in found["slices"]:
        wrong = (words.interval(row["error"]), words.interval(row["rest"]))
        table.add_row(plain(row["text"]), f"{row['n']:,}", *wrong, f"{row['p']:.1g}")
    if found["slices"]:
        console.print(table)
    console.print(plain(found["sentence"]))


def compare(
    names: Runs,
    metric: Annotated[str, typer.Option(help="What decides: accuracy, f1_macro, auroc_macro, log_loss, ...")] = (
        "accuracy"
    ),
    margin: Annotated[float, typer.Option(help="A difference of this size does not matter, 0.01 is one point.")] = 0.01,
    seeds: Annotated[bool, typer.Option(help="Take along all runs that differ from one only by seed.")] = False,
    part: Annotated[str, typer.Option(help="test or val.")] = "test",
    as_json: Json = False,
) -> None:
    """Compare runs on the same test samples: what differs, all metrics with intervals, and whether one is better."""
    from core.evaluation import compare as comparing
    from core.evaluation import groups

    if part not in ("test", "val"):
        raise ValueError(f"The part is {part!r}; it must be test or val.")
    sides = _sides(names, seeds)
    firsts = [side[0] for side in sides]
    found = [comparing.verdict(sides[0], side, metric, margin, part) for side in sides[1:]]
    differing = groups.differing(firsts)
    figures = {run: comparing.figures(run, part) for run in firsts}
    if as_json:
        print(json.dumps({"runs": sides, "verdicts": found, "differing": differing, "metrics": figures}, indent=1))
        return
    table = Table("", box=box.SIMPLE)
    for side in sides:
        table.add_column(plain(_title(side)))
    for row in differing:
        table.add_row(row["setting"], *(plain("" if value is None else str(value)) for value in row["values"]))
    if differing:
        table.add_section()
    for name, known in metrics.METRICS.items():
        if any(name in values for values in figures.values()):
            shown = (comparing.shown(figures[run].get(name), name) for run in firsts)
            table.add_row(known.title, *shown)
    console.print(table)
    for one in found:
        console.print(plain(one["sentence"]))


def note(
    run: Annotated[str, typer.Argument(help="A run: its name, its last words (quiet-maple), or latest.")] = "latest",
    title: Annotated[str | None, typer.Option(help="Shown in place of the run's name; empty takes it away.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Add a tag; may be given more than once.")] = None,
    untag: Annotated[list[str] | None, typer.Option(help="Take a tag away; may be given more than once.")] = None,
    text: Annotated[str | None, typer.Option("--note", help="What there is to say of it.")] = None,
    star: Annotated[bool | None, typer.Option(help="Mark it with a star.")] = None,
    archive: Annotated[bool | None, typer.Option(help="Leave it out of lists.")] = None,
) -> None:
    """Give a run a title, tags, a note or a star, or archive it; without options its notes are shown."""
    run = runs.resolve(run)
    gone = tuple(word for asked in untag or [] for word in notes.split_tags(asked))
    changes = {"title": title, "note": text, "star": star, "archived": archive}
    changes = {name: value for name, value in changes.items() if value is not None}
    said = notes.write(run, **changes) if changes else notes.read(run)
    if tag or untag:
        said = notes.tag(run, notes.split_tags(",".join(tag or [])), gone)
    table = Table("", run, box=box.SIMPLE)
    table.add_row("title", plain(said.title))
    table.add_row("tags", plain(", ".join(said.tags)))
    table.add_row("note", plain(said.note))
    table.add_row("star", "yes" if said.star else "no")
    table.add_row("archived", "yes" if said.archived else "no")
    console.print(table)


def _sides(names: list[str], seeds: bool) -> list[list[str]]:
    """The runs of each side; ValueError if there are not two."""
    from core.evaluation import groups

    found = list(dict.fromkeys(runs.resolve(name) for name in names))
    if len(found) < 2:
        raise ValueError(f"A comparison needs two runs; `{command('core')} runs` lists those there are.")
    if not seeds:
        return [[run] for run in found]
    rows = jobs.summaries()
    sides = [groups.siblings(run, rows) for run in found]
    if len({tuple(sorted(side)) for side in sides}) < len(sides):
        raise ValueError("Two of these runs differ only by seed; with --seeds name one run of each kind.")
    return sides


def _title(side: list[str]) -> str:
    return notes.name(side[0]) + (f" (first of {words.count(len(side), 'run')})" if len(side) > 1 else "")
