"""A run as a script: it trains where Vitrine is not, about as well."""

import dataclasses
import os
import re
import subprocess
import sys

import pytest

from core import config, data, runs
from core.files import write_json
from exports import script


def change(run: str, **settings) -> None:
    """Change what config.json says of the training."""
    asked = runs.config(run)
    asked = dataclasses.replace(asked, training=dataclasses.replace(asked.training, **settings))
    write_json(runs.path(run, "config.json"), asked.to_dict())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["digits", "breast_cancer"])
def test_the_script_reaches_the_accuracy_of_the_run_without_vitrine(finished, kind, tmp_path):
    run = finished[kind]
    (tmp_path / "train.py").write_text(script.script(run))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-I", "train.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = float(re.search(r"^test accuracy ([\d.]+)$", done.stdout, re.MULTILINE)[1])
    assert found == pytest.approx(runs.evaluation(run)["test"]["accuracy"]["value"], abs=0.06)


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "step", "constant"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_script_is_python_for_every_schedule_and_optimiser(finished, schedule, optimizer):
    change(finished["digits"], schedule=schedule, optimizer=optimizer)
    text = script.script(finished["digits"])
    compile(text, "train.py", "exec")
    assert not re.findall(r"<[A-Z_]+>", text) and "core" not in re.findall(
        r"^(?:from|import) (\w+)", text, re.MULTILINE
    )


def test_what_the_script_leaves_out_is_said_at_its_top(finished):
    change(finished["digits"], ema=0.9)
    assert "Left out: averaged weights." in script.script(finished["digits"])


def test_a_schedule_that_depends_on_the_losses_is_refused(finished):
    change(finished["digits"], schedule="plateau")
    with pytest.raises(ValueError, match="schedules that are known before"):
        script.script(finished["digits"])


def test_a_net_that_starts_trained_is_refused():
    digits = data.get("digits")
    asked = config.suggest(digits, weights="run:x")
    run = runs.create(asked, digits.schema, digits.fingerprint)
    with pytest.raises(ValueError, match="that start at random"):
        script.script(run)
