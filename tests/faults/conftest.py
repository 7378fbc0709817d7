"""A workspace with a little of everything, made without training."""

import numpy as np
import pytest

from core import data, notes, runs, search, trash
from core.data import ingest
from core.evaluation import points
from core.evaluation.operating import OperatingPoint
from tests.exports import made
from tests.faults import whole


@pytest.fixture
def little(workspace) -> dict[str, str]:
    """Two runs on paper, one of them with notes, predictions and an operating point; a data set, a list, a search."""
    table = ingest.add(str(whole.csv(workspace.parent / "given" / "visits.csv")), "visits", {"target": "ill"})
    data.lists.save("visits", "doubtful", table.ids[:3])
    y_true, y_prob = np.array([0, 1, 0, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.3, 0.7]])
    run, other = (made.finished_run(("no", "yes"), y_true, y_prob) for _ in range(2))
    notes.write(run, title="First try", tags=("baseline",), note="Of last year.")
    points.save(run, OperatingPoint(thresholds=(0.3,), name="careful"))
    row = {"step": 1, "epoch": 1.0, "loss": 0.5, "lr": 0.1}
    runs.append_rows(runs.path(run, "steps.jsonl"), [row])
    runs.path(run, "log.txt").write_text("epoch 1\n")
    gone = made.finished_run(("no", "yes"), y_true, y_prob)
    trash.delete(gone)
    asked = search.Search("small", "visits", table.fingerprint[:12], "mlp", {}, trials=2)
    search._make_folder(asked)
    return {"run": run, "other": other, "search": "small", "gone": gone}
