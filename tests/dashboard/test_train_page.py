"""The Train page: a good choice already made, and a run that is what was chosen."""

import dataclasses

import numpy as np
import pytest

from core import config, data, folds, jobs, nets, runs
from core.training import dry_run
from dashboard import engine
from tests.core import toys
from tests.dashboard import pages
from tests.dashboard.pages import box, button

pytestmark = pytest.mark.slow  # each estimates the time in the engine


def nets_on_offer(page) -> set[str]:
    return set(box(page, "Net").options)


@pytest.mark.parametrize("name", ["digits", "iris"])
def test_the_nets_on_offer_fit_the_data(show, name):
    page = show("train", data=name)
    pages.check(page)
    kind = data.get(name).kind
    assert nets_on_offer(page) == {nets.module(net).TITLE for net in nets.available() if kind in nets.kinds(net)}


def test_another_data_set_brings_its_own_nets_and_settings(show):
    page = show("train")
    box(page, "Data set").set_value("iris").run()
    pages.check(page)
    assert nets_on_offer(page) == {nets.module(net).TITLE for net in nets.available() if "table" in nets.kinds(net)}
    assert page.number_input(key="iris-training-epochs").value == config.suggest(data.get("iris")).training.epochs


def test_a_data_set_that_is_not_there_is_the_example(show):
    page = show("train", data="nope")
    pages.check(page)
    assert box(page, "Data set").value == "digits"


@pytest.mark.usefixtures("no_run_left")
def test_the_button_starts_one_run_with_the_chosen_settings(show):
    page = show("train", data="iris")
    page.number_input(key="iris-training-epochs").set_value(5000)
    page.number_input(key="iris-training-lr").set_value(0.001)
    page.number_input(key="iris-training-seed").set_value(7)
    page.number_input(key="iris-mlp-hidden").set_value(16)
    page.run()
    button(page, "Train").click().run()
    pages.check(page)
    (run,) = runs.names()
    chosen, suggested = runs.config(run), config.suggest(data.get("iris"))
    assert chosen.training.epochs == 5000
    assert (chosen.training.lr, chosen.training.seed) == (0.001, 7)
    assert chosen.training.batch_size == suggested.training.batch_size
    assert (chosen.data, chosen.net.name, chosen.net.options["hidden"]) == (suggested.data, "mlp", 16)
    assert [title.value for title in page.title] == ["Live"]


def test_the_size_and_the_time_are_said_before_the_button(show):
    page = show("train", data="iris")
    (caption,) = [caption.value for caption in page.caption if "parameters; about" in caption.value]
    assert caption.split()[0].replace(",", "").isdigit()


@pytest.fixture
def tried(monkeypatch):
    """The settings that were tried; a trial says that an epoch takes 10 seconds, and a step 194.3 MB."""
    asked = []

    def attempt(_text, function, *args, timeout=None):  # noqa: ARG001
        assert function is dry_run.dry_run
        asked.append(args[0])
        return {"n_parameters": 1234, "epoch_seconds": {0: 10.0}, "once_seconds": 0.0, "step_bytes": 194.3e6}

    monkeypatch.setattr("dashboard.engine.attempt", attempt)
    return asked


def estimate(page):
    (caption,) = [caption for caption in page.caption if "parameters; about" in caption.value]
    return caption


def test_other_epochs_are_multiplied_and_not_tried_anew(show, tried):
    page = show("train", data="iris")
    for epochs, expected in ((6, "1 min 4 s"), (12, "2 min 4 s")):
        page.number_input(key="iris-training-epochs").set_value(epochs).run()
        assert f"about {expected} in all" in estimate(page).value
    assert len(tried) == 1
    page.number_input(key="iris-training-batch_size").set_value(7).run()
    assert len(tried) == 2 and tried[1].training.batch_size == 7


def test_the_memory_is_said_beside_the_time_and_how_both_were_got(show, tried):
    caption = estimate(show("train", data="iris"))
    assert len(tried) == 1 and caption.value.endswith("in all; about 190 MB of memory for a step.")
    assert "made-up samples" in caption.help and "PyTorch itself and the data come on top" in caption.help


@pytest.mark.usefixtures("tried")
def test_a_field_whose_zero_is_no_amount_says_what_it_is_in_its_place(show):
    page = show("train", data="iris")
    for name, said in (("minutes", "no limit"), ("patience", "off"), ("resample", "off")):
        field = page.number_input(key=f"iris-training-{name}")
        assert (field.value, field.placeholder) == (None, said)
    assert page.code[0].value == 'import core\n\nrun = core.train("iris", "mlp")'
    page.number_input(key="iris-training-minutes").set_value(1.5).run()
    assert page.code[0].value == 'import core\n\nrun = core.train("iris", "mlp", minutes=1.5)'
    page.number_input(key="iris-training-minutes").set_value(None).run()
    pages.check(page)
    assert page.code[0].value == 'import core\n\nrun = core.train("iris", "mlp")'


def test_the_button_and_its_time_stay_in_sight_however_long_the_page_is(show):
    page = show("train", data="iris")
    assert "Train" in [widget.label for widget in page.button]
    assert not [widget for widget in page.main.button if widget.label == "Train"]  # it is in the bar at the bottom
    assert not [caption for caption in page.main.caption if "parameters; about" in caption.value]


def test_the_code_beside_the_button_is_what_was_chosen(show):
    page = show("train", data="iris")
    page.number_input(key="iris-training-epochs").set_value(7).run()
    python, shell = (block.value for block in page.code[:2])
    assert python == 'import core\n\nrun = core.train("iris", "mlp", epochs=7)'
    assert shell == "python -m core train --data iris --net mlp --epochs 7"


def test_the_code_beside_the_button_has_the_nets_settings_too(show):
    page = show("train", data="iris")
    page.number_input(key="iris-mlp-hidden").set_value(16).run()
    assert all("hidden" in block.value and "16" in block.value for block in page.code[:2])


def test_a_clone_is_filled_in_with_the_settings_of_its_run(show):
    iris = data.get("iris")
    run = runs.create(config.suggest(iris, "mlp", {"hidden": 16}, epochs=7, lr=0.02), iris.schema, iris.fingerprint)
    page = show("train", **{"from": run})
    pages.check(page)
    assert box(page, "Data set").value == "iris"
    key = f"iris-from-{run}"
    assert [page.number_input(key=f"{key}-{name}").value for name in ("training-epochs", "training-lr")] == [7, 0.02]
    assert page.number_input(key=f"{key}-mlp-hidden").value == 16
    assert (
        page.code[1].value == "python -m core train --data iris --net mlp --net-option hidden=16 --epochs 7 --lr 0.02"
    )


ENDS = {  # settings that fit together: as small, as large and as odd as they may be
    "low": {"val_fraction": 0.02, "test_fraction": 0.02, "freeze": 0},
    "high": {"val_fraction": 0.8, "test_fraction": 0.1, "folds": 0, "fold": 0, "freeze": 0, "image_size": 64},
    "odd": {"val_fraction": 0.123456789, "test_fraction": 0.2345, "folds": 0, "fold": 0, "freeze": 0, "image_size": 20},
}


def at_end(record, end: str):
    """A settings record whose numbers are all at one end of their range, or nowhere near a round one."""
    values = {}
    for field in dataclasses.fields(record):
        facts = field.metadata
        if field.name in ENDS[end]:
            values[field.name] = ENDS[end][field.name]
        elif facts.get("low") is not None:
            low, high = facts["low"], facts["high"]
            value = {"low": low, "high": high, "odd": low + (high - low) / 7.77}[end]
            values[field.name] = int(value) if isinstance(field.default, int) else value
    return dataclasses.replace(record, **values)


@pytest.mark.parametrize("end", list(ENDS))
@pytest.mark.parametrize("name", ["digits", "iris"])
def test_a_clone_of_a_run_asks_for_what_that_run_asked_for(show, monkeypatch, name, end):
    started = []
    monkeypatch.setattr(jobs, "start", lambda chosen: started.append(chosen) or run)
    monkeypatch.setattr(engine, "attempt", lambda *_, **__: None)
    dataset = data.get(name)
    asked = config.suggest(dataset)
    augment = at_end(asked.augment, end) if name == "digits" else asked.augment
    asked = dataclasses.replace(
        asked, data=at_end(asked.data, end), training=at_end(asked.training, end), augment=augment
    )
    if name == "iris":
        asked = dataclasses.replace(asked, data=dataclasses.replace(asked.data, image_size=0))
    run = runs.create(asked, dataset.schema, dataset.fingerprint)
    page = show("train", **{"from": run})
    pages.check(page)
    button(page, "Train").click().run()
    (chosen,) = started
    assert chosen.data == dataclasses.replace(asked.data, version=dataset.fingerprint[:12])
    assert (chosen.training, chosen.augment) == (asked.training, asked.augment)


@pytest.mark.parametrize(
    ("net", "weights"),
    [
        ("cnn", ""),
        ("cnn", "/gone/weights.pth"),
        ("pretrained", ""),
        ("pretrained", "random"),
        ("pretrained", "IMAGENET1K_V2"),
        ("pretrained", "/gone/weights.pth"),
    ],
)
def test_a_clone_starts_from_the_weights_of_its_run(show, monkeypatch, net, weights):
    started = []
    monkeypatch.setattr(jobs, "start", lambda chosen: started.append(chosen) or run)
    monkeypatch.setattr(engine, "attempt", lambda *_, **__: None)
    digits = data.get("digits")
    options = {"arch": "resnet50"} if net == "pretrained" else {}
    asked = dataclasses.replace(config.suggest(digits), net=config.NetConfig(net, options, weights))
    run = runs.create(asked, digits.schema, digits.fingerprint)
    page = show("train", **{"from": run})
    assert bool(page.error) == weights.startswith("/gone")
    button(page, "Train").click().run()
    (chosen,) = started
    assert (chosen.net.name, chosen.net.weights) == (net, weights)


def test_pictures_of_any_size_can_be_trained_on(show, monkeypatch):
    monkeypatch.setattr(engine, "attempt", lambda *_, **__: None)
    levels = np.random.default_rng(0).integers(0, 256, (40, 1, 2, 3), np.uint8)
    data.store.put(dataclasses.replace(toys.images("tiny", 40), images=levels))
    page = show("train", data="tiny")
    pages.check(page)
    assert button(page, "Train").disabled is False


def test_a_clone_is_on_the_data_of_its_run_whatever_that_is_called_now(show, monkeypatch):
    monkeypatch.setattr(engine, "attempt", lambda *_, **__: None)
    people = data.store.put(toys.table("people", 60), {})
    run = runs.create(config.suggest(people, epochs=7), people.schema, people.fingerprint)
    data.store.rename("people", "folk")
    page = show("train", **{"from": run})
    pages.check(page)
    assert box(page, "Data set").value == "folk"
    assert page.number_input(key=f"folk-from-{run}-training-epochs").value == 7
    data.store.delete("folk")
    page = show("train", **{"from": run})
    assert not page.exception and "Its data set people is not in the workspace any more" in page.warning[0].value


def test_a_clone_of_a_cross_validation_offers_as_many_folds(show, monkeypatch):
    started = []
    monkeypatch.setattr(jobs, "start_process", lambda _run: None)
    monkeypatch.setattr(engine, "attempt", lambda *_, **__: None)
    pool = folds.start(config.suggest(data.get("iris")), 3)
    page = show("train", **{"from": pool})
    pages.check(page)
    assert any("trains its 3 folds again" in caption.value for caption in page.caption)
    monkeypatch.setattr(folds, "start", lambda chosen, k: started.append((chosen.data.folds, k)) or pool)
    button(page, "Train 3 runs").click().run()
    assert started == [(0, 3)]


def test_a_clone_of_a_run_that_is_gone_says_so(show):
    page = show("train", **{"from": "2020-01-01-gone-owl"})
    (warning,) = page.warning
    assert not page.exception and warning.value.startswith("The settings of 2020-01-01-gone-owl cannot be taken over: ")


def test_the_learning_rate_that_a_search_found_is_one_click_away(show):
    page = show("train", data="iris")
    button(page, "Find a learning rate").click().run()
    pages.check(page)
    (take,) = [found for found in page.button if found.label.startswith("Take ")]
    take.click().run()
    assert page.number_input(key="iris-training-lr").value == float(take.label.removeprefix("Take "))


def test_an_own_net_waits_for_its_name(show):
    page = show("train", data="iris")
    box(page, "Net").set_value("own").run()
    pages.check(page)
    assert [info.value for info in page.info] == ["Name your module, for example my_package.nets:MyNet."]


def test_pretrained_nets_are_offered_with_their_accuracy(show):
    page = show("train", data="digits")
    box(page, "Net").set_value("pretrained").run()
    pages.check(page)
    assert "mobilenet_v2: 3.5 M parameters, 0.3 GFLOPs, 72.2% on ImageNet" in box(page, "Architecture").options
