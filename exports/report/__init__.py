"""The report of a run: one HTML file with interactive figures that opens anywhere, without a network."""

import hashlib
import html
import json
import os
import pathlib
import re
from collections.abc import Collection

from core import evaluation, jobs, nets, notes, progress, runs, words
from core.evaluation import points
from exports import charts, parity, plain, policy
from exports.charts import confusion as confusion_charts
from exports.charts import curves as curve_charts
from exports.charts import evaluation as evaluation_charts
from exports.report import explanations as report_explanations
from exports.report import sections as report_sections
from exports.report.sections import SECTIONS

TEMPLATES = pathlib.Path(__file__).parent / "templates"
TOLD = ("evaluation.json", points.FILE, "exports/parity.json")  # what the report is made of, and may change after it


def write(run: str, sections: Collection[str] = tuple(SECTIONS), samples: bool = False) -> pathlib.Path:
    """Write exports/report.html of `run` and return its path.

    sections : names in SECTIONS;  samples : whether single samples may travel, their pictures, rows and ids
    Raises LookupError if the run has not been evaluated, ValueError for a section that there is not.
    """
    if unknown := [name for name in sections if name not in SECTIONS]:
        raise ValueError(f"A report has no section {unknown[0]!r}; choose of {', '.join(SECTIONS)}.")
    record = runs.evaluation(run)
    if record is None:
        raise LookupError(f"Run {run} has no figures yet; wait until it is done, or evaluate it first.")
    target = runs.path(run, "exports", "report.html")
    text = render(run, record, sections, samples)
    with runs.replacing(target) as beside:
        beside.write_text(text, encoding="utf-8")
    return target


def render(run: str, record: dict, sections: Collection[str] = tuple(SECTIONS), samples: bool = False) -> str:
    """The HTML text. All that comes from data or settings is escaped."""
    import jinja2
    from plotly.offline import get_plotlyjs

    made_of = _made_of(run)  # first: what changes from now on is not in it
    test, schema, config, status = record["test"], runs.schema(run), runs.config(run), runs.status(run)
    makers = {
        "words": lambda: plain.lines(run, points.used(run), "picture" if schema.kind == "image" else "row"),
        "data": lambda: report_sections.of_data(run),
        "training": lambda: nets.module(config.net.name).TITLE,
        "evaluation": lambda: report_sections.of_metrics(test),
        "operating": lambda: report_sections.of_operating(run),
        "slices": lambda: report_sections.of_slices(run),
        "explanations": lambda: report_explanations.sections(run, samples),
        "certificate": lambda: report_sections.of_certificate(_proof(run), samples),
    }
    asked, made = [name for name in SECTIONS if name in sections], {}
    for i, name in enumerate(asked):
        progress.report(i, len(asked))
        made[name] = makers[name]()
    held_back = 0 if samples else report_explanations.held_back(run)
    if not (made.get("explanations") or held_back):
        made.pop("explanations", None)
    figures = _figures(run, record, made)
    explanations = made.get("explanations", [])
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    plotly, script = get_plotlyjs(), (TEMPLATES / "report.js").read_text(encoding="utf-8")
    environment.filters |= {"percent": words.percent, "interval": words.interval}
    text = environment.get_template("report.html").render(
        run=run,
        title=notes.name(run),
        sentence=evaluation.sentence(test, schema.sample_word),
        shown=list(made),
        titles={name: title for name, (title, _) in SECTIONS.items()},
        made=made,
        data=config.data.name,
        n_parameters=status.get("n_parameters", 0),
        epoch=record["epoch"],
        settings=config.to_dict()["training"],
        n_val=record["val"]["n"],
        test=test,
        thing=schema.sample_word,
        when=plain.day(status.get("created")),
        took=words.duration(jobs.summary(run)["seconds"]),
        held_back=held_back,
        holds=json.dumps({"sections": asked, "samples": samples, "made_of": made_of}),
        drawn={
            "figures": {
                name: [[title, json.loads(one.to_json())] for title, one in some.items()]
                for name, some in figures.items()
            },
            "whys": [one["figure"] for one in explanations],
        },
        plotly=plotly,
        script=script,
        scripts=[policy.digest(plotly), policy.digest(script)],
    )
    progress.report(1, 1)
    return text


def _proof(run: str) -> dict | None:
    """The certificate, None where there is none that can be read."""
    try:
        return parity.stored(run)
    except runs.DamagedRun:
        return None


def holds(run: str) -> dict | None:
    """What the report that is there holds ("sections", "samples"); None without one, or if it is of an older kind."""
    found = held(runs.path(run, "exports", "report.html"), {"sections", "samples"})
    return found if found and set(found["sections"]) <= set(SECTIONS) else None


def is_current(run: str) -> bool:
    """Whether there is a report, and nothing that it tells of was changed since: figures, operating point, proof.

    One of an earlier version does not know, and counts as current.
    """
    found, now = holds(run), _made_of(run)
    return found is not None and found.get("made_of", now) == now


def _made_of(run: str) -> str:
    """A digest of the files that the report tells of, as they are now."""
    digest = hashlib.sha256()
    for name in TOLD:
        path = runs.path(run, name)
        digest.update(path.read_bytes() if path.exists() else name.encode())
    return digest.hexdigest()


def held(path: pathlib.Path, names: Collection[str]) -> dict | None:
    """What a file that this package wrote for others says that it holds, by `names`; None for one that was cut."""
    try:
        with open(path, encoding="utf-8") as file:
            found = re.search(r'<meta name="vitrine.holds" content="([^"]*)">', file.read(4000))
        with open(path, "rb") as file:
            file.seek(-min(20, path.stat().st_size), os.SEEK_END)
            whole = file.read().rstrip().endswith(b"</html>")
        said = json.loads(html.unescape(found[1])) if found and whole else None
        return said if isinstance(said, dict) and set(names) <= said.keys() else None
    except (OSError, ValueError):
        return None


def _figures(run: str, record: dict, made: dict) -> dict[str, dict]:
    """The Plotly figures of each section that is shown, by their titles."""
    test, found = record["test"], {}
    if "training" in made:
        rows = runs.history(run)
        found["training"] = {
            title: charts.learning_curve(rows, name, record["epoch"])
            for title, name in (("Loss by epoch", "loss"), ("Accuracy by epoch", "accuracy"))
        }
    if "evaluation" in made:
        classes = test["classes"]
        found["evaluation"] = {
            "Confusion matrix": confusion_charts.confusion_matrix(test["confusion"], classes),
            "ROC": curve_charts.roc(test["roc"], curve_charts.areas(test, "auroc"), classes),
            "Precision and recall": curve_charts.precision_recall(
                test["precision_recall"], curve_charts.areas(test, "average_precision"), classes
            ),
            "Calibration": evaluation_charts.reliability(test["calibration"]),
        }
    if "slices" in made and made["slices"]["names"]:
        bars = evaluation_charts.shares(made["slices"]["names"], made["slices"]["figures"])
        found["slices"] = {"Share wrong in each slice": bars}
    return found
