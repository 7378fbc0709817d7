"""How a training runs its course: frozen backbones, averages, early ends, and too little memory."""

import numpy as np
import pytest
import torch

from core import files, runs
from core.config import AugmentConfig, TrainingConfig
from core.training import checkpoint, loop
from core.training.average import Average
from core.training.kept import Kept
from tests.core import toys
from tests.core.training.test_loop import done, training, weights


def on_images(augment=None, kept=None, **settings):
    """Training on 18 noisy images of two classes, four to a batch."""
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 255, (24, 1, 8, 8), dtype=np.uint8), np.arange(24) % 2
    parts = {"train": np.arange(18), "val": np.arange(18, 24)}
    values = {"epochs": 2, "batch_size": 4, "device": "cpu", "lr": 0.02, **settings}
    model = toys.cnn(1, 8, 8, hidden=8, width=4)
    more = {} if kept is None else {"kept": kept}
    return loop.Training(model, x, y, parts, TrainingConfig(**values), augment, **more)


def changed(before, after):
    """The names of weights and statistics that are other than before."""
    return {name.split(".")[1] for name in before if not torch.equal(before[name], after[name])} - {"mean", "std"}


@pytest.mark.parametrize("augment", [None, AugmentConfig(flip=True)])
def test_a_frozen_backbone_stays_as_it_is_with_its_batch_norms(augment):
    job = on_images(augment, freeze=-1)
    before = weights(job)
    done(job)
    assert changed(before, weights(job)) == {"head"}


def test_the_backbone_learns_after_the_epochs_that_it_was_frozen_for():
    job = on_images(freeze=1)
    before = weights(job)
    rows = job.epochs(lambda *_: None)
    next(rows)
    assert changed(before, weights(job)) == {"head"}
    next(rows)
    assert changed(before, weights(job)) == {"backbone", "head"}


def test_features_computed_once_give_what_the_whole_net_gives():
    """With the changes of images switched on but without effect, every batch goes through the backbone."""
    first = done(once := on_images(freeze=-1))
    second = done(each := on_images(AugmentConfig(cutout=1e-9), freeze=-1))
    assert once.trunk.gets_features and not each.trunk.gets_features
    for name in ("train_loss", "val_loss"):
        assert [row[name] for row in first] == pytest.approx([row[name] for row in second], rel=1e-4)


def test_features_of_an_earlier_run_are_taken_and_those_of_other_weights_are_not(tmp_path):
    done(on_images(freeze=-1, kept=Kept(tmp_path, "data")))
    found = sorted(path.name for path in tmp_path.glob("features*"))
    assert len(found) == 2  # of training and validation samples
    done(on_images(freeze=-1, kept=Kept(tmp_path, "data"), lr=0.1))
    assert sorted(path.name for path in tmp_path.glob("features*")) == found
    other = on_images(freeze=-1, kept=Kept(tmp_path, "data"))
    other.model.net.backbone[0].weight.data += 1
    done(other)
    assert len(list(tmp_path.glob("features*"))) == 4


def test_a_damaged_file_of_features_is_computed_again(tmp_path):
    wanted = done(on_images(freeze=-1, kept=Kept(tmp_path, "data")))[-1]["train_loss"]
    for path in tmp_path.glob("features*"):
        path.write_bytes(path.read_bytes()[:100])
    assert done(on_images(freeze=-1, kept=Kept(tmp_path, "data")))[-1]["train_loss"] == wanted


def test_pieces_of_a_batch_give_the_step_of_the_whole_batch():
    whole, pieces = (training(epochs=1, accumulate=n, model=toys.mlp(dropout=0)) for n in (1, 2))
    first, second = done(whole)[0], done(pieces)[0]
    assert first["train_loss"] == pytest.approx(second["train_loss"], rel=1e-5)
    assert first["train_accuracy"] == second["train_accuracy"]
    torch.testing.assert_close(whole.model.net.body[0].weight, pieces.model.net.body[0].weight, rtol=1e-4, atol=1e-6)


def test_a_batch_that_does_not_fit_is_taken_in_pieces():
    job = training(epochs=1, model=toys.mlp(dropout=0))

    def too_large(trunk, args):
        if trunk.training and len(args[0]) > 1:
            raise torch.OutOfMemoryError

    job.trunk.register_forward_pre_hook(too_large)
    row = done(job)[0]
    assert job.pieces == 4  # a batch has four samples
    assert row["train_loss"] == pytest.approx(done(training(epochs=1, model=toys.mlp(dropout=0)))[0]["train_loss"])


def test_one_sample_that_does_not_fit_is_an_error():
    job = training(epochs=1)
    job.trunk.register_forward_pre_hook(lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError()))
    with pytest.raises(torch.OutOfMemoryError):
        done(job)


def test_a_gradient_is_shortened_to_what_is_allowed():
    job, lengths = training(epochs=1, clip_norm=1e-3, optimizer="sgd"), []

    def look(optimizer, *_):
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"]]
        lengths.append(torch.nn.utils.get_total_norm(gradients).item())

    job.optimizer.register_step_pre_hook(look)
    row = done(job)[0]
    assert max(lengths) <= 1.001e-3 < row["grad_norm"]


def test_it_ends_when_the_validation_loss_gets_no_better():
    job = training(epochs=50, patience=2, lr=1e-8, schedule="constant", model=toys.mlp(layers=0))
    losses = iter([3.0, 2.0, 2.5, 2.1, 1.0])
    job._evaluate = lambda: (next(losses), 0.5, [])
    assert len(done(job)) == 4
    assert job.ended_early == "no better validation loss for 2 epochs"


def test_it_ends_when_the_time_is_used_and_the_rate_has_come_down():
    job = training(epochs=10_000, minutes=0.01)  # 0.6 seconds
    rows = done(job)
    assert 1 <= len(rows) < 10_000
    assert job.ended_early == "the time of 0.01 min was used"
    assert rows[-1]["lr"] < 0.05 * max(step["lr"] for row in rows for step in row["steps"])


def test_an_average_follows_slowly_and_its_weights_are_kept():
    job = training(epochs=3, ema=0.9, lr=0.1)
    done(job)
    own, kept = job.model.state_dict(), job.weights()
    assert set(own) == set(kept)
    assert not torch.equal(own["net.body.0.weight"], kept["net.body.0.weight"])
    assert torch.equal(own["preprocess.mean"], kept["preprocess.mean"])


def test_an_average_is_the_mean_by_its_decay():
    model = toys.mlp(layers=0)
    trunk = torch.nn.Sequential()
    trunk.net = model.net
    average = Average(trunk, 0.75)
    start = model.net.body[0].weight.detach().clone()
    with torch.no_grad():
        model.net.body[0].weight.zero_()
    average.update(trunk)  # in the first step a tenth is kept
    torch.testing.assert_close(average.trunk.net.body[0].weight, 0.1 * start)
    average.n = 1000
    average.update(trunk)
    torch.testing.assert_close(average.trunk.net.body[0].weight, 0.075 * start)


def test_classes_that_are_never_predicted_are_named():
    model = toys.mlp(layers=0)
    with torch.no_grad():
        model.net.body[0].weight.zero_()
        model.net.body[0].bias.copy_(torch.tensor([0.0, 9.0]))
    assert done(training(model=model, lr=1e-8, epochs=1))[0]["never_predicted"] == [0]


@pytest.fixture
def folder(workspace):  # noqa: ARG001 (it is put there)
    path = runs.path("2026-01-01-calm-fox", "checkpoints")
    path.mkdir(parents=True)
    return path


def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before(folder):
    for epoch in (1, 2):
        checkpoint.save(folder / "last.pt", {"epoch": epoch}, before=folder / "previous.pt")
    assert checkpoint.newest("2026-01-01-calm-fox") == {"epoch": 2}
    (folder / "last.pt").write_bytes((folder / "last.pt").read_bytes()[:50])
    assert checkpoint.newest("2026-01-01-calm-fox") == {"epoch": 1}
    (folder / "previous.pt").write_bytes(b"")
    with pytest.raises(ValueError, match="cannot be read"):
        checkpoint.newest("2026-01-01-calm-fox")


def test_a_run_without_a_checkpoint_begins_at_the_beginning(folder):
    assert checkpoint.newest(folder.parent.name) is None


def test_a_full_disk_is_said_and_the_last_good_checkpoint_stays(folder, monkeypatch):
    checkpoint.save(folder / "last.pt", {"epoch": 1}, before=folder / "previous.pt")

    def full(_values, path):
        with open(path, "wb") as file:
            file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(files.NotWritten, match=r"could not be written \(No space left on device\); the last good"):
        checkpoint.save(folder / "last.pt", {"epoch": 2}, before=folder / "previous.pt")
    assert checkpoint.newest(folder.parent.name) == {"epoch": 1}
    assert [path.name for path in folder.iterdir()] == ["last.pt"]
