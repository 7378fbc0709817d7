"""A training as code: what the commands say starts the very same training."""

import dataclasses
import shlex

import pytest

import core
from core import cli, config, data, folds, jobs, nets
from dashboard import as_code
from tests.dashboard.test_train_page import ENDS, at_end


def started(monkeypatch, call) -> config.TrainConfig:
    """The config of the run that `call()` starts."""
    asked = []
    monkeypatch.setattr(jobs, "start", lambda chosen: asked.append(chosen) or "run")
    monkeypatch.setattr(jobs, "wait", lambda _: "done")
    monkeypatch.setattr(cli, "_see_to_its_end", lambda *_: None)
    call()
    (chosen,) = asked
    return chosen


def both(monkeypatch, chosen: config.TrainConfig) -> tuple[config.TrainConfig, config.TrainConfig]:
    """What the Python code and what the command start."""
    python, shell = as_code.commands(chosen, data.get(chosen.data.name))
    words = shlex.split(shell)
    assert words[:3] == ["python", "-m", "core"]
    return (
        started(monkeypatch, lambda: exec(python, {"core": core})),
        started(monkeypatch, lambda: cli.app(words[3:], standalone_mode=False)),
    )


@pytest.mark.parametrize("end", list(ENDS))
@pytest.mark.parametrize("name", ["digits", "iris"])
def test_code_and_command_start_the_training_to_the_last_digit(monkeypatch, name, end):
    suggested = config.suggest(data.get(name))
    chosen = dataclasses.replace(suggested, data=at_end(suggested.data, end), training=at_end(suggested.training, end))
    if name == "digits":
        chosen = dataclasses.replace(chosen, augment=at_end(suggested.augment, end))
    assert both(monkeypatch, chosen) == (chosen, chosen)


@pytest.mark.parametrize(
    "changed", [{"schedule": "cosine"}, {"optimizer": "sgd"}, {"batch_size": 8}, {"val_fraction": 0.6, "epochs": 20}]
)
def test_what_is_suggested_for_one_setting_given_another_is_said_where_it_was_not_taken(monkeypatch, changed):
    suggested = config.suggest(data.get("iris"))
    of_data = {name: value for name, value in changed.items() if name == "val_fraction"}
    of_training = {name: value for name, value in changed.items() if name not in of_data}
    chosen = dataclasses.replace(
        suggested,
        data=dataclasses.replace(suggested.data, **of_data),
        training=dataclasses.replace(suggested.training, **of_training),
    )
    assert both(monkeypatch, chosen) == (chosen, chosen)


def test_a_cross_validation_is_one_in_code_too(monkeypatch):
    asked = []
    monkeypatch.setattr(folds, "start", lambda chosen, k: asked.append((chosen, k)) or "run")
    monkeypatch.setattr(cli, "_see_to_its_end", lambda *_: None)
    chosen = config.suggest(data.get("iris"), epochs=7)
    of_a_fold = dataclasses.replace(chosen, data=dataclasses.replace(chosen.data, folds=3, fold=0))
    python, shell = as_code.commands(of_a_fold, data.get("iris"), 3)
    exec(python, {})
    cli.app(shlex.split(shell)[3:], standalone_mode=False)
    assert asked == [(chosen, 3), (chosen, 3)]


def test_what_is_suggested_is_not_repeated():
    python, shell = as_code.commands(config.suggest(data.get("iris")), data.get("iris"))
    assert python == 'import core\n\nrun = core.train("iris", "mlp")'
    assert shell == "python -m core train --data iris --net mlp"


def test_settings_of_the_net_and_its_weights_are_said(monkeypatch):
    digits = data.get("digits")
    chosen = config.suggest(digits, "pretrained", {"arch": "resnet50", "dropout": 0.125}, weights="/it's mine/w.pth")
    assert both(monkeypatch, chosen) == (chosen, chosen)
    own = config.suggest(digits, "own", {"where": "nets:Net", "arguments": '{"a b": "$HOME"}'})
    for made in both(monkeypatch, own):
        assert nets.options("own", made.net.options) == nets.options("own", own.net.options)
