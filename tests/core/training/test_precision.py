"""Which way of computing is chosen, and that a trial leaves no trace."""

import torch

from core.config import TrainingConfig
from core.training import batch_size, precision
from core.training.precision import Precision
from core.training.trunk import Trunk
from tests.core import toys

CPU = torch.device("cpu")


def trunk():
    return Trunk(toys.cnn(1, 8, 8, hidden=8, width=4))


def batch(n=8):
    return torch.zeros((n, 1, 8, 8), dtype=torch.uint8), torch.arange(n) % 2


def test_the_words_of_a_precision_can_be_read_again():
    for way in (Precision(), Precision("bf16", channels_last=True), Precision("tf32", compiled=True)):
        assert precision.read(str(way)) == way


def test_a_table_has_one_order_of_values():
    assert not any(way.channels_last for way in precision.candidates(TrainingConfig(), CPU, is_image=False))


def test_what_a_device_cannot_do_is_refused():
    asked = TrainingConfig(precision="fp16")
    try:
        precision.candidates(asked, CPU, is_image=True)
    except ValueError as error:
        assert str(error).startswith("precision is fp16, which this device (cpu) cannot do")
    else:
        raise AssertionError


def test_a_short_training_is_not_worth_a_trial():
    record = precision.choose(trunk(), *batch(), TrainingConfig(), n_steps=10)
    assert (record["chosen"], record["tried"]) == ("fp32", [])


def test_what_is_asked_for_is_taken():
    record = precision.choose(trunk(), *batch(), TrainingConfig(precision="fp32", memory_format="channels_last"), 10)
    assert (record["chosen"], record["why"]) == ("fp32, channels_last", "It was asked for.")


def test_the_fastest_that_keeps_the_loss_is_chosen(monkeypatch):
    seconds = {"fp32": 4.0, "bf16": 1.0, "fp32, channels_last": 3.0, "bf16, channels_last": 2.0}
    losses = {"bf16": 9.0}  # the fastest, but it computes nonsense

    def trial(_trunk, _x, _y, _settings, way):
        return {"way": way, "seconds_per_step": seconds[str(way)], "loss": losses.get(str(way), 0.5)}

    monkeypatch.setattr(precision, "trial", trial)
    monkeypatch.setattr(precision, "candidates", lambda *_: [precision.read(name) for name in seconds])
    record = precision.choose(trunk(), *batch(), TrainingConfig(compile="off"), n_steps=10**9)
    assert record["chosen"] == "bf16, channels_last"
    assert [row["name"] for row in record["tried"] if row["kept"]] == ["bf16, channels_last"]


def test_a_trial_leaves_weights_and_random_numbers_as_they_were():
    made = trunk()
    before = {name: value.clone() for name, value in made.state_dict().items()}
    torch.manual_seed(0)
    wanted = torch.rand(3)
    torch.manual_seed(0)
    result = precision.trial(made, *batch(), TrainingConfig(), Precision())
    assert torch.equal(torch.rand(3), wanted)
    assert all(torch.equal(before[name], value) for name, value in made.state_dict().items())
    assert result["seconds_per_step"] > 0 and result["loss"] > 0


def test_a_compiler_that_fails_is_not_taken(monkeypatch):
    def fails(*_):
        raise RuntimeError("no compiler\nlong story")

    monkeypatch.setattr(precision, "trial", fails)
    monkeypatch.setattr(precision.shutil, "which", lambda _: "/usr/bin/g++")
    result = precision._compiled_trial(trunk(), *batch(), TrainingConfig(), Precision())
    assert result["way"].compiled and not precision._same(result["loss"], 0.5)


def sized(monkeypatch, seconds, n=4000):
    """The batch size found where a step of that many samples takes `seconds(n)`."""
    import numpy as np

    def trial(_trunk, x, *_):
        return {"seconds_per_step": seconds(len(x))}

    monkeypatch.setattr(precision, "trial", trial)
    model = toys.mlp()
    x, y = np.zeros((n, 2), np.float32), np.zeros(n, np.int64)
    return batch_size.find(model, x, y, np.arange(n), TrainingConfig(), CPU)


def test_the_batch_grows_while_that_pays(monkeypatch):
    size, why = sized(monkeypatch, lambda n: max(n, 64))
    assert (size, why) == (64, "The batch size is 64: larger ones are not faster.")


def test_the_batch_grows_until_the_memory_is_full(monkeypatch):
    def seconds(n):
        if n > 256:
            raise torch.OutOfMemoryError
        return 1.0

    assert sized(monkeypatch, seconds) == (256, "The batch size is 256: larger ones do not fit into the memory.")


def test_an_epoch_keeps_some_batches(monkeypatch):
    assert sized(monkeypatch, lambda _: 1.0)[0] == 512  # of 4,000 samples
