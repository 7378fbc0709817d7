"""TensorBoard files, read again with TensorBoard's own reader."""

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary.writer import event_file_writer

from core import runs
from core.training.board import Board

ROW = {"train_loss": 0.5, "val_loss": 0.4, "lr": 0.1, "never_predicted": [1], "grad_norm": None}


def read(run: str) -> EventAccumulator:
    return EventAccumulator(str(runs.path(run, "tensorboard")), purge_orphaned_data=True).Reload()


@pytest.fixture
def run(finished):
    """A finished run of digits whose TensorBoard files are yet to be written."""
    run = finished["digits"]
    for file in runs.path(run, "tensorboard").iterdir():
        file.unlink()
    return run


def test_a_finished_run_has_scalars_curves_images_the_graph_and_hyperparameters(run):
    board = Board(run, runs.config(run))
    board.add({"epoch": 1, **ROW})
    board.samples(np.zeros((3, 1, 8, 8), np.uint8), ["0", "1", "2"])
    assert board.graph(torch.nn.Linear(3, 2), torch.zeros(1, 3))
    board.finish(runs.evaluation(run))
    board.close()
    found = read(run)
    tags = found.Tags()
    assert set(tags["scalars"]) >= {"train/loss", "val/loss", "lr", "final/test_accuracy", "final/val_auroc"}
    assert "grad_norm" not in tags["scalars"] and "never_predicted" not in tags["scalars"]
    assert found.Scalars("val/loss")[0].value == pytest.approx(0.4)
    assert tags["images"] == ["samples/00 0", "samples/01 1", "samples/02 2"]
    assert tags["graph"]
    assert {f"val/{digit}" for digit in range(10)} <= set(tags["tensors"])
    assert found.PluginTagToContent("hparams").keys() >= {"_hparams_/session_start_info", "_hparams_/session_end_info"}


def test_all_is_in_one_folder(run):
    board = Board(run, runs.config(run))
    board.finish(runs.evaluation(run))
    board.close()
    assert all(path.is_file() for path in runs.path(run, "tensorboard").iterdir())


def test_epochs_that_are_trained_again_replace_what_was_said_of_them(run, monkeypatch):
    # files of one second and one process are read by their number, as text; two runs' processes never share a second
    monkeypatch.setattr(event_file_writer, "_global_uid", event_file_writer.AtomicCounter(0))
    board = Board(run, runs.config(run))
    for epoch in (1, 2, 3):
        board.add({"epoch": epoch, **ROW})
    board.close()
    board = Board(run, runs.config(run), resumed_at=1)
    board.add({"epoch": 2, **ROW, "val_loss": 0.2})
    board.close()
    assert [(event.step, event.value) for event in read(run).Scalars("val/loss")] == [
        (1, pytest.approx(0.4)),
        (2, pytest.approx(0.2)),
    ]


def test_a_net_that_cannot_be_traced_is_no_failure_and_stays_as_it_was(run, capsys):
    class Odd(torch.nn.Module):
        def forward(self, _x):
            raise RuntimeError("not today")

    board, net = Board(run, runs.config(run)), Odd()
    assert not board.graph(net, torch.zeros(1, 3))
    board.close()
    assert net.training
    assert capsys.readouterr().out == "TensorBoard shows no graph: the net cannot be traced (RuntimeError).\n"


def test_the_graph_draws_no_random_numbers(run):
    board, net = Board(run, runs.config(run)), torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Dropout())
    before = torch.get_rng_state()
    board.graph(net, torch.zeros(1, 3))
    board.close()
    assert torch.equal(torch.get_rng_state(), before)
