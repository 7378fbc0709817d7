"""A run as a script: it trains where Vitrine is not, about as well."""

import dataclasses
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from core import config, data, jobs, runs
from core.data.dataset import Column, Dataset
from core.data.split import save as save_split
from core.files import write_json
from core.training import worker
from exports import script

HUE = 60  # levels by which the colour of a class stands out


def change(run: str, augment=None, **settings) -> None:
    """Change what config.json says of the training."""
    asked = runs.config(run)
    asked = dataclasses.replace(asked, training=dataclasses.replace(asked.training, **settings))
    asked = dataclasses.replace(asked, augment=config.AugmentConfig(**augment or {}))
    write_json(runs.path(run, "config.json"), asked.to_dict())


def imports(text: str) -> set[str]:
    return set(re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE))


def accuracy_of_script(run: str, folder) -> float:
    """The test accuracy that the script of `run` prints, in a process that knows nothing of this project."""
    text = script.script(run)
    assert not imports(text) & {"core", "exports", "dashboard"}
    (folder / "train.py").write_text(text, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-I", "train.py"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return float(re.search(r"^test accuracy ([\d.]+)$", done.stdout, re.MULTILINE)[1])


def trained(dataset: Dataset, net: str | None = None, options: dict | None = None, **settings) -> str:
    run = jobs.create(config.suggest(dataset, net, options, **settings))
    assert worker.main(str(runs.path(run))) == 0, runs.status(run)["message"]
    return run


def untrained(dataset: Dataset, net: str | None = None, options: dict | None = None, **settings) -> str:
    """A run that waits for its process, with its split."""
    run = jobs.create(config.suggest(dataset, net, options, **settings))
    save_split(runs.path(run, "split.parquet"), dataset.ids, data.parts(dataset, runs.config(run).data))
    return run


def compare(run: str, folder, within: float = 0.08) -> None:
    assert accuracy_of_script(run, folder) == pytest.approx(
        runs.evaluation(run)["test"]["metrics"]["accuracy"]["value"], abs=within
    )


def stored(**values) -> Dataset:
    n = len(values["targets"])
    ids = np.array([f"{i}" for i in range(n)])
    return data.store.put(Dataset(name="toy", ids=ids, origin="made by hand", licence="none", **values), {})


def mixed_table(n: int = 400) -> Dataset:
    """Rows whose class needs the number, the category and the season, each of which is missing here and there."""
    random = np.random.default_rng(0)
    size, kind, day = random.normal(size=n), random.choice(["a", "b"], n), random.integers(0, 1000, n)
    season = np.sin(2 * np.pi * day / 365.2425)
    table = pd.DataFrame({"size": size, "kind": pd.Series(kind, dtype=object)})
    table["day"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(day, unit="D")
    for i, name in enumerate(table):
        table.loc[i :: 20 + i, name] = None
    columns = (
        Column("size", "number", missing=True),
        Column("kind", "category", ("a", "b"), missing=True),
        Column("day", "date", missing=True),
    )
    targets = (size + season + (kind == "a") > 0.5).astype(np.int64)
    return stored(kind="table", table=table, columns=columns, targets=targets, classes=("no", "yes"))


def coloured(n: int = 90) -> Dataset:
    """Images that get brighter to the right, by chance more or less, in which the channel of the class stands out."""
    contrast = np.random.default_rng(0).uniform(0, 150, (n, 3, 1, 1))
    images = (contrast * np.linspace(0, 1, 48) * np.ones((40, 1))).round().astype(np.uint8)  # (n, 3, 40, 48)
    targets = np.arange(n) % 3
    images[np.arange(n), targets] += HUE
    return stored(kind="image", images=images, targets=targets, classes=("red", "green", "blue"))


# ------------------------------------------------------------------------------------------------- as well as the run


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["digits", "breast_cancer"])
def test_the_script_reaches_the_accuracy_of_the_run_without_vitrine(finished, kind, tmp_path):
    compare(finished[kind], tmp_path, within=0.06)


@pytest.mark.slow
def test_a_residual_cnn_sees_photographs_at_the_size_of_the_run_and_changed_as_there(tmp_path):
    run = trained(coloured(), "residual_cnn", {"width": 8}, epochs=6, image_size=32, color=0.1)
    compare(run, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("net", "numbers"), [("residual_mlp", "piecewise"), ("mlp", "periodic")])
def test_a_table_with_gaps_categories_and_dates_is_prepared_as_in_the_run(net, numbers, tmp_path):
    compare(trained(mixed_table(), net, {"numbers": numbers}, epochs=15), tmp_path)


@pytest.mark.slow
def test_a_pretrained_net_starts_from_the_same_file_with_its_backbone_frozen(tmp_path):
    from torchvision import models

    torch.manual_seed(0)
    weights = tmp_path / "weights.pth"
    torch.save(models.get_model("squeezenet1_1", weights=None).state_dict(), weights)
    options = {"arch": "squeezenet1_1", "dropout": 0.0}
    run = trained(coloured(), "pretrained", options, weights=str(weights), epochs=40, lr=0.05, image_size=64)
    assert "its features are computed once" in script.script(run)
    compare(run, tmp_path)


@pytest.mark.slow
def test_what_training_can_do_besides_is_written_out(tmp_path):
    changes = {"flip": True, "crop": 0.7, "rotate": 5, "cutout": 0.2, "mixup": 0.2, "cutmix": 0.2}
    settings = {"focal": 1.0, "label_smoothing": 0.1, "class_weights": 0.5, "resample": 0.3, "ema": 0.5}
    settings |= {"accumulate": 2, "clip_norm": 5.0, "patience": 8, "minutes": 5.0, "schedule": "plateau"}
    compare(trained(coloured(), "cnn", {"width": 8}, epochs=10, image_size=32, **changes, **settings), tmp_path)


@pytest.mark.slow
def test_a_net_of_ones_own_is_imported_by_name(tmp_path, monkeypatch):
    (tmp_path / "my_nets.py").write_text(
        "from torch import nn\n\n\n"
        "def rows(input_shape, num_classes, width):\n"
        "    return nn.Sequential(nn.Linear(*input_shape, width), nn.ReLU(), nn.Linear(width, num_classes))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    options = {"where": "my_nets:rows", "arguments": '{"width": 32}'}
    compare(trained(mixed_table(), "own", options, epochs=15), tmp_path)


# -------------------------------------------------------------------------------------------------------- the same sums


def defined(text: str, until: str = "# ---") -> dict:
    """What the data part of a script leaves behind, run here."""
    found = {}
    head = text.split(until)
    exec(compile(until.join(head[:2]), "train.py", "exec"), found)
    return found


def test_rows_are_what_the_preprocessing_of_the_run_makes(monkeypatch):
    from core.model import Model

    dataset = mixed_table()
    run = untrained(dataset, "residual_mlp")
    schema, where = runs.schema(run), data.split.load(runs.path(run, "split.parquet"), dataset.ids)
    model = Model(schema, runs.config(run).net)
    raw = torch.from_numpy(dataset.x)
    model.preprocess.fit(raw[where["train"]])
    monkeypatch.setattr(sys, "argv", ["train.py"])
    found = defined(script.script(run))
    order = [0, 1, *range(3, 11), 2]  # here: number, flag, category, date; there: numbers, flags and dates, categories
    torch.testing.assert_close(found["x"].cpu(), model.preprocess(raw)[:, order], atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("zoomed", [False, True])
def test_images_are_what_the_preprocessing_of_the_run_makes(zoomed, monkeypatch):
    from core.model import Model

    dataset = coloured(n=30)
    options = {"arch": "mobilenet_v2"} if zoomed else None
    run = untrained(dataset, "pretrained" if zoomed else "cnn", options, image_size=32)
    model = Model(runs.schema(run), runs.config(run).net)
    where = data.split.load(runs.path(run, "split.parquet"), dataset.ids)
    raw = torch.from_numpy(np.array(dataset.x))
    model.preprocess.fit(model.preprocess.sized(raw[where["train"]]))
    monkeypatch.setattr(sys, "argv", ["train.py"])
    found = defined(script.script(run))
    seen = found["normalised"](found["x"]).cpu()
    assert seen.shape == (30, 3, 32, 32) and (seen - model.preprocess(raw)).abs().max() < 0.1


def test_the_focal_loss_is_that_of_the_run(finished):
    from core.training.losses import loss_of

    change(finished["digits"], focal=2.0, label_smoothing=0.1)
    text = script.script(finished["digits"])
    found = {"torch": torch, "F": torch.nn.functional, "N_CLASSES": 10}
    exec(re.search(r"def loss_of.*?\n\n\n", text, re.DOTALL)[0], found)
    logits, targets = torch.randn(6, 10), torch.arange(6)
    torch.testing.assert_close(found["loss_of"](logits, targets), loss_of(logits, targets, smoothing=0.1, focal=2.0))


# ------------------------------------------------------------------------------------------------------------ the text


@pytest.mark.parametrize("schedule", config.SCHEDULES)
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_course_of_the_rate_is_that_of_the_run(finished, schedule, optimizer):
    from core.training import schedules

    change(finished["digits"], schedule=schedule, optimizer=optimizer)
    text = script.script(finished["digits"])
    compile(text, "train.py", "exec")
    found = {"math": __import__("math"), "n_steps": 100, "val_losses": [1.0, 2.0, 2.0, 2.0]}
    for name in ("wave", "n_plateaus", "rate"):
        code = re.search(rf"^def {name}\(.*?\n\n\n", text, re.DOTALL | re.MULTILINE)
        exec(code[0] if code else "", found)
    settings = runs.config(finished["digits"]).training
    for t in (0.0, 0.1, 0.4, 0.6, 0.9, 1.0):
        assert found["rate"](t) == pytest.approx(schedules.rate(settings, t, found["val_losses"]))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"ema": 0.9}, "average.load_state_dict(best)"),
        ({"clip_norm": 2.0}, "clip_grad_norm_(net.parameters(), 2.0)"),
        ({"patience": 4}, ">= 4:"),
        ({"resample": 0.5}, "torch.multinomial(weights"),
        ({"class_weights": 0.5}, "WEIGHTS = evened(0.5)"),
        ({"accumulate": 3}, "images.chunk(3)"),
        ({"freeze": 2, "backbone_lr": 0.1}, "net.freeze(epoch <= 2)"),
        ({"freeze": -1}, "net = net.head"),
        ({"augment": {"flip": True, "mixup": 0.2}}, "mixed(changed(x[some]), y[some])"),
        ({"augment": {"shift": 0.1}}, "F.affine_grid"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_what_is_asked_for_is_in_the_script_and_nothing_else(finished, settings, words):
    plain = script.script(finished["digits"])
    change(finished["digits"], **settings)
    text = script.script(finished["digits"])
    compile(text, "train.py", "exec")
    assert words in text and words not in plain
    assert max(map(len, text.splitlines())) <= 120 or str(runs.workspace()) in text


def test_a_column_with_many_categories_is_broken_into_lines():
    names = tuple(f'kind "{i}"' for i in range(40))
    table = pd.DataFrame({"kind": [names[i % 40] for i in range(80)]})
    columns = (Column("kind", "category", names),)
    dataset = stored(kind="table", table=table, columns=columns, targets=np.arange(80) % 2, classes=("no", "yes"))
    text = script.script(untrained(dataset))
    lines = re.search(r"^COLUMNS = (\[.*?^\])", text, re.DOTALL | re.MULTILINE)[1]
    assert eval(lines) == [("kind", list(names), False)] and max(map(len, lines.splitlines())) <= 120


def test_weights_by_name_are_fetched_by_torchvision():
    text = script.script(untrained(coloured(n=30), "pretrained", {"arch": "resnet18"}, image_size=64))
    assert 'get_model_weights("resnet18")["IMAGENET1K_V1"].get_state_dict()' in text
    assert "self.backbone.fc = nn.Identity()" in text and "[0.485, 0.456, 0.406]" in text


def test_weights_of_an_earlier_run_come_with_what_it_did_to_its_images(finished):
    dataset = data.get("digits")
    first = finished["digits"]
    text = script.script(untrained(dataset, weights=f"run:{first}", freeze=-1))
    best = torch.load(runs.path(first, "checkpoints", "best.pt"), weights_only=True)["model"]
    assert f"MEAN = torch.tensor([{best['preprocess.mean'].item():.6g}" in text and "best.pt" in text


def test_a_table_net_that_starts_trained_is_refused(finished):
    dataset = data.get("breast_cancer")
    run = jobs.create(config.suggest(dataset, weights=f"run:{finished['breast_cancer']}"))
    with pytest.raises(ValueError, match="that start at random"):
        script.script(run)


def test_a_run_that_has_not_found_its_batch_size_says_so():
    run = jobs.create(config.suggest(data.get("digits"), batch_size=0))
    with pytest.raises(ValueError, match="has not found its batch size yet"):
        script.script(run)
    runs.write_status(run, batch_size=48)
    assert "BATCH, LR, N_CLASSES = 20, 48," in script.script(run)
