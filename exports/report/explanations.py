"""What the report shows of explanations: those that were added to it, each with its sentence, picture and verdict."""

import base64
import json
from typing import Any

import numpy as np

from core import explain, runs, trust
from core.explain import _paint
from core.whatif.counterfactuals import plain
from exports.charts import effects as effect_charts
from exports.charts import tables as table_charts

VERDICTS = {"yes": "Can be trusted", "care": "With care", "no": "Not to be trusted"}
MOST_CLASSES = 12  # with a picture each


OF_SAMPLES = (
    "prototypes",
    "embedding",
    "shapley_summary",
    "partial_dependence",
)  # of the whole model, but with single samples in them


def sections(run: str, samples: bool = True) -> list[dict]:
    """For each explanation in the report {"title", "sentence", "pictures", "figure", "trust", "changes", "note"}.

    samples : whether single samples may travel; else what is about some is left out, see `held_back`
    pictures : [(text, data URI)];  figure : Plotly's JSON as a dict, or None;  trust : {"verdict", "word", "sentence",
    "checks"} or None;  changes : rows {"changes", "said"} of counterfactuals
    """
    return [_section(run, kept) for kept in explain.pinned(run) if samples or not _is_of_samples(kept)]


def held_back(run: str) -> int:
    """How many explanations are left out of a report in which no single sample may travel."""
    return sum(_is_of_samples(kept) for kept in explain.pinned(run))


def _is_of_samples(kept: explain.Explanation) -> bool:
    return bool(kept.record.get("sample")) or kept.record.get("method") in OF_SAMPLES


def _section(run: str, kept: explain.Explanation) -> dict:
    record = kept.record
    made: dict[str, Any] = {
        "title": "",
        "sentence": "",
        "pictures": [],
        "figure": None,
        "trust": None,
        "changes": [],
        "note": "",
    }
    if "method" not in record:
        return made | _counterfactuals(run, record)
    module = explain.module(record["method"])
    made |= {"title": module.TITLE, "sentence": explain.describe(kept), "note": f"{module.ANSWERS} {module.SILENT}"}
    if module.SCOPE == "model":
        return made | _whole(run, kept)
    made["title"] = f"{module.TITLE}: {record['sample']}"
    asked = (record["sample"], record["method"], record["target"], record["against"], record["options"])
    made["trust"] = _trust(trust.kept(run, *asked))
    if columns := runs.schema(run).columns:
        pairs = zip(columns, kept.arrays["x"])
        names = [f"{column.name} = {_text(plain(column, value))}" for column, value in pairs]
        ends, error = (record["base"], record["score"]), kept.arrays.get("error")
        figure = table_charts.waterfall(names, kept.arrays["attribution"], *ends, record["unit"], error)
        made["figure"] = _json(figure)
    else:
        overlay = _paint.overlay(kept.arrays["x"], kept.arrays["attribution"])
        shown = {"The picture": _paint.levels(kept.arrays["x"]), f"What speaks for {record['target']}": overlay}
        made["pictures"] = [(text, _uri(picture)) for text, picture in shown.items()]
    return made


def _trust(found: dict | None) -> dict | None:
    if found is None:
        return None
    return {**{key: found[key] for key in ("verdict", "sentence", "checks")}, "word": VERDICTS[found["verdict"]]}


def _whole(run: str, kept: explain.Explanation) -> dict:
    """Figure or pictures of the whole model, where there are some."""
    arrays, record, schema = kept.arrays, kept.record, runs.schema(run)
    names, classes = [column.name for column in schema.columns], schema.classes
    if record["method"] == "permutation_importance":
        title, (mean, low, high) = "Accuracy lost when shuffled", (arrays[k] for k in ("mean", "low", "high"))
        return {"figure": _json(table_charts.mean_bars(names, mean, low, high, title))}
    if record["method"] == "shapley_summary":
        return {"figure": _json(table_charts.beeswarm(arrays["values"], arrays["x"], schema.columns))}
    if record["method"] == "partial_dependence":
        column, target = schema.columns[names.index(record["column"])], classes.index(record["target"])
        return {"figure": _json(effect_charts.partial_dependence(arrays, column, target))}
    if record["method"] == "mean_maps":
        there = np.flatnonzero(arrays["count"])[:MOST_CLASSES]
        overlays = [_paint.overlay(arrays["image"][k], arrays["map"][k][None]) for k in there]
        return {"pictures": [(classes[k], _uri(picture)) for k, picture in zip(there, overlays)]}
    return {}


def _counterfactuals(run: str, record: dict) -> dict:
    """The ways to another decision, a row each."""
    rows = []
    for changes, said in zip(record["changes"], record["said"]):
        parts = [f"{name}: {_text(old)} to {_text(new)}" for name, old, new in changes]
        rows.append({"changes": "; ".join(parts), "said": runs.schema(run).classes[said]})
    title = f"What would change the decision: {record['sample']}"
    return {"title": title, "sentence": record["sentence"], "changes": rows}


def _text(value) -> str:
    return "missing" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _json(figure) -> dict:
    return json.loads(figure.to_json())


def _uri(picture: np.ndarray) -> str:
    return "data:image/png;base64," + base64.b64encode(_paint.png(picture)).decode()
