"""The report of a run: one HTML file with interactive figures that opens anywhere, without a network."""

import json
import pathlib

from core import evaluation, nets, runs, words
from exports import charts, evaluation_charts, parity, report_explanations

TEMPLATES = pathlib.Path(__file__).parent / "templates"


def write(run: str) -> pathlib.Path:
    """Write exports/report.html of `run` and return its path; LookupError if the run has not been evaluated."""
    record = runs.evaluation(run)
    if record is None:
        raise LookupError(f"Run {run} has no figures yet; wait until it is done, or evaluate it first.")
    target = runs.path(run, "exports", "report.html")
    text = render(run, record)
    with runs.replacing(target) as beside:
        beside.write_text(text, encoding="utf-8")
    return target


def render(run: str, record: dict) -> str:
    """The HTML text. All that comes from data or settings is escaped."""
    import jinja2
    from plotly.offline import get_plotlyjs

    test, schema, config, status = record["test"], runs.schema(run), runs.config(run), runs.status(run)
    classes = test["classes"]
    curves = {
        "Confusion matrix": evaluation_charts.confusion_matrix(test["confusion"], classes),
        "ROC": evaluation_charts.roc(test["roc"], evaluation_charts.areas(test, "auroc"), classes),
        "Precision and recall": evaluation_charts.precision_recall(
            test["precision_recall"], evaluation_charts.areas(test, "average_precision"), classes
        ),
    }
    rows = runs.history(run)
    for figure in ("loss", "accuracy"):
        curves[f"Training: {figure}"] = charts.learning_curve(rows, figure, record["epoch"])
    explanations = report_explanations.sections(run)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {"percent": words.percent, "interval": words.interval}
    return environment.get_template("report.html").render(
        run=run,
        title=run[11:],
        sentence=evaluation.sentence(test, schema.sample_word),
        data=config.data.name,
        fingerprint=runs.read_json(run, "schema.json")["fingerprint"],
        net=nets.module(config.net.name).TITLE,
        n_parameters=status.get("n_parameters", 0),
        epoch=record["epoch"],
        settings=config.to_dict()["training"],
        n_val=record["val"]["n"],
        test=test,
        thing=schema.sample_word,
        made=words.when(status.get("created")),
        took=words.duration(status.get("ended", 0) - status.get("started", 0)),
        parity=parity.stored(run),
        figures=[[name, json.loads(figure.to_json())] for name, figure in curves.items()],
        explanations=explanations,
        why_figures=[one["figure"] for one in explanations],
        plotly=get_plotlyjs(),
    )
