"""A workspace with one of everything: runs exported and explained, a pool of folds, a search, data of one's own."""

import pathlib
import zipfile

import numpy as np
from PIL import Image

from core import config, data, explain, folds, jobs, notes, processes, runs, search, trash, trust
from core.data import ingest, insight
from core.evaluation import breaking, leaks, other_data, points, similar
from core.evaluation.operating import OperatingPoint
from tests.workspaces import workspace_of

SECONDS = 300  # that a search or a run may take


def make(folder: pathlib.Path) -> dict[str, str]:
    """Fill the workspace `folder`; returns what is in it: {"table", "image", "pool", "failed", "search", ...: name}."""
    with workspace_of(folder):
        return _make(folder)


def csv(target: pathlib.Path, n: int = 120, seed: int = 0) -> pathlib.Path:
    """A table of n rows with a number, a category, a date, holes, and the column "ill" to predict."""
    rng = np.random.default_rng(seed)
    lines = ["age,town,seen,ill"]
    for i in range(n):
        age, town = int(rng.integers(20, 80)), ("Bern", "Genf", "Chur")[i % 3]
        number = "" if i % 17 == 3 else age
        lines.append(f"{number},{town},2024-0{1 + i % 9}-1{i % 9},{'yes' if age + 5 * (i % 3) > 52 else 'no'}")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(lines) + "\n")
    return target


def photographs(target: pathlib.Path, n: int = 24, side: int = 12) -> pathlib.Path:
    """A .zip of n small pictures in two folders, dark and light."""
    rng = np.random.default_rng(0)
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w") as archive:
        for i in range(n):
            light = i % 2
            level = rng.integers(140, 255) if light else rng.integers(0, 110)
            pixels = np.clip(rng.normal(level, 20, (side, side, 3)), 0, 255).astype(np.uint8)
            with archive.open(f"{('dark', 'light')[light]}/{i:03d}.png", "w") as file:
                Image.fromarray(pixels).save(file, "png")
    return target


def _make(folder: pathlib.Path) -> dict[str, str]:
    source = folder.parent / "given"
    table = ingest.add(str(csv(source / "visits.csv")), "visits", {"target": "ill"})
    ingest.add(str(csv(source / "later.csv", seed=1)), "later", {"target": "ill"})
    ingest.add(str(photographs(source / "shades.zip")), "shades")
    for name in ("visits", "shades"):
        insight.findings(name, data.store.version(name))
        insight.profile(name, data.store.version(name))
    data.lists.save("visits", "doubtful", table.ids[:3])
    found = {"table": _done(config.suggest(table, epochs=3, device="cpu"))}
    found["image"] = _done(config.suggest(data.get("digits"), epochs=1, device="cpu"))
    found["pool"] = folds.start(config.suggest(data.get("iris"), epochs=1, device="cpu"), 2)
    assert jobs.wait(found["pool"]) == "done"
    found["member"] = folds.members(found["pool"])[0]
    found["search"] = search.start(data.get("iris"), None, ["lr=0.001..0.01"], "small", trials=2, objective="val_loss")
    _finish_search(found["search"])
    found["other"] = _done(config.suggest(data.get("iris"), epochs=1, device="cpu"))
    found["binned"] = _done(config.suggest(data.get("iris"), epochs=1, device="cpu", seed=1))
    trash.delete(found["binned"])
    _look_into(found["table"], found["image"])
    return found


def _look_into(table: str, image: str) -> None:
    """Everything that can be computed of a run of a table, and the little that differs for one of images."""
    from exports import card, kit, live, page, pipeline, report, variants

    notes.write(table, title="First try", tags=("baseline",), note="Of last year.", star=True)
    points.save(table, OperatingPoint(thresholds=(0.3,), name="careful"))
    other_data.evaluate(table, data.get("later"))
    for run, method in ((table, "shapley"), (image, "gradcam")):
        found = explain.explain(run, None, method)
        trust.judge(run, None, method)
        explain._kept.pin(run, found)
        similar.nearest(run, [found.record["sample"]])
        leaks.of_run(run)
        breaking.curves(run)
        pipeline.export_and_prove(run)
    explain.explain_model(table, "permutation_importance")
    variants.make(table)
    live.predict(table, runs.dataset(table).x[:1])
    report.write(table)
    page.write(table)
    card.write(table)
    kit.write(table)


def _done(asked: config.TrainConfig) -> str:
    run = jobs.start(asked)
    assert jobs.wait(run) == "done", runs.log_tail(run)
    return run


def _finish_search(name: str) -> None:
    import time

    until = time.monotonic() + SECONDS
    while search.status(name)["state"] in runs.WORKING or processes.is_held(search.path(name, "lock")):
        assert time.monotonic() < until, "the search never ended"
        time.sleep(0.1)
    assert search.status(name)["state"] == "done", search.status(name)
