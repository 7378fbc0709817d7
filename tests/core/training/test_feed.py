"""Where batches come from: memory, a file read ahead, a person's own Dataset. All must give the same."""

import threading

import numpy as np
import pytest
import torch
from torch.utils.data import WeightedRandomSampler

from core.data import sampling
from core.data.readers import own
from core.training import feed
from tests.core import toys
from tests.core.data.readers import datasets

CPU = torch.device("cpu")


@pytest.fixture
def images(tmp_path):
    """Twenty pictures of one value each, memory-mapped, and their targets; value = position."""
    np.save(tmp_path / "images.npy", np.arange(20, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 3), np.uint8))
    return np.load(tmp_path / "images.npy", mmap_mode="r"), np.arange(20) % 3


def all_of(made, order, bounds):
    batches = list(made.batches(torch.tensor(order), bounds))
    return [x.flatten(1)[:, 0].tolist() for x, _ in batches], [y.tolist() for _, y in batches]


@pytest.mark.parametrize("kind", [feed.Resident, feed.ReadAhead])
def test_batches_hold_the_samples_in_the_order_asked_for(images, kind):
    x, y = images
    made = kind(x, y, np.array([2, 4, 6, 8, 10]), CPU)
    assert len(made) == 5
    assert all_of(made, [4, 0, 3, 1, 2], [0, 2, 5]) == ([[10, 2], [8, 4, 6]], [[1, 2], [2, 1, 0]])


@pytest.mark.parametrize("kind", [feed.Resident, feed.ReadAhead])
def test_a_sample_may_be_drawn_twice(images, kind):
    made = kind(*images, np.arange(5, 10), CPU)
    assert all_of(made, [1, 1, 0], [0, 3])[0] == [[6, 6, 5]]


def test_rows_are_put_in_order_too():
    x = np.arange(10, dtype=np.float32).reshape(5, 2)
    made = feed.Resident(x, np.arange(5), np.array([0, 2, 4]), CPU)
    assert all_of(made, [2, 0, 1], [0, 1, 3]) == ([[8], [0, 4]], [[4], [0, 2]])


def test_what_fits_is_resident_and_what_does_not_is_read_ahead(images, monkeypatch):
    assert isinstance(feed.open_feed(*images, np.arange(20), CPU), feed.Resident)
    monkeypatch.setattr(feed, "free_memory", lambda _: 100)  # 20 pictures of 6 bytes, and at most 40 of them
    assert isinstance(feed.open_feed(*images, np.arange(20), CPU), feed.ReadAhead)
    assert isinstance(feed.open_feed(*images, np.arange(6), CPU), feed.Resident)


def test_resident_pictures_are_kept_at_the_size_that_the_net_sees(images):
    model = toys.cnn(1, 1, 1)
    made = feed.Resident(*images, np.arange(20), CPU, feed.shrink_to(model))
    assert (made.x.shape, made.x.dtype, made.x.flatten().tolist()) == ((20, 1, 1, 1), torch.uint8, list(range(20)))


@pytest.mark.parametrize("free", [1000, 50])  # bytes; 19 pictures of 2 bytes, and at most 40% of them
def test_in_memory_or_not_the_net_sees_the_same(free, images, monkeypatch):
    monkeypatch.setattr(feed, "free_memory", lambda _: free)
    monkeypatch.setattr(feed, "PIECE", 7)
    made = feed.open_feed(*images, np.arange(1, 20), CPU, lambda x: x[:, :, :1, :2] + 100)
    assert isinstance(made, feed.Resident if free == 1000 else feed.ReadAhead)
    (x, y), *_ = made.batches(torch.tensor([3, 0, 18]), [0, 3])
    assert (x.flatten(1).tolist(), y.tolist()) == ([[104, 104], [101, 101], [119, 119]], [1, 1, 1])
    assert made.some(19).flatten(1).tolist() == [[value, value] for value in range(101, 120)]


def test_a_reader_that_is_left_early_leaves_no_thread(images):
    before = threading.active_count()
    for _ in feed.ReadAhead(*images, np.arange(20), CPU).batches(torch.arange(20), list(range(21))):
        break
    assert threading.active_count() == before


def test_an_error_while_reading_ahead_is_told(images):
    made = feed.ReadAhead(images[0], images[1], np.arange(20), CPU)
    made.where = np.array([99])
    with pytest.raises(IndexError):
        list(made.batches(torch.zeros(1, dtype=torch.int64), [0, 1]))


@pytest.mark.parametrize("kind", [feed.Resident, feed.ReadAhead])
def test_samples_for_fitting_are_spread_over_all(images, kind):
    made = kind(*images, np.arange(10, 20), CPU)
    assert made.some(5).flatten(1)[:, 0].tolist() == [10, 12, 14, 16, 18]
    assert len(made.some(1000)) == 10


@pytest.mark.parametrize("workers", [0, 2])
def test_a_dataset_of_ones_own_is_read_anew_and_draws_anew(workers):
    dataset = datasets.Noisy(6)
    made = feed.Redrawn(dataset, np.arange(6), np.array([5, 3, 1]), CPU, own.collate_tensor, workers)
    orders = torch.tensor([2, 0, 1]), torch.tensor([2, 0, 1]), torch.tensor([2, 0])
    (first, y), (again, _), (second, _) = (next(iter(made.batches(order, [0, 2]))) for order in orders)
    assert torch.equal(first, again)  # so that a run that was killed goes on with what it would have seen
    assert (first.shape, y.tolist()) == ((2, 1, 4, 4), [1, 5])
    assert first.mean(dim=(1, 2, 3)).round().tolist() == [1, 5]  # the picture of sample i has mean i, and noise
    assert not torch.equal(first, second)


# ---------------------------------------------------------------------------------------------------- orders


def order(n=12, weights=None, seed=0, **where):
    return feed.epoch_order(n, weights, torch.Generator().manual_seed(seed), **where).tolist()


def test_without_weights_every_sample_comes_once():
    assert sorted(order()) == list(range(12))


def test_with_weights_a_rare_class_comes_as_often_as_the_others():
    targets = np.repeat([0, 1], [900, 100])
    drawn = targets[order(1000, sampling.weights(targets, 2, 1.0))]
    assert 440 < drawn.sum() < 560  # 500 are expected, with a deviation of 16


def test_weights_draw_what_the_sampler_of_pytorch_draws():
    weights = np.array([5.0] * 6 + [1.0] * 6)
    sampler = WeightedRandomSampler(weights.tolist(), 12, generator=torch.Generator().manual_seed(0))
    assert order(weights=weights) == list(sampler)


@pytest.mark.parametrize("weights", [None, np.array([5.0] * 6 + [1.0] * 6)])
@pytest.mark.parametrize("world_size", [2, 3, 5])
def test_processes_together_draw_what_one_would(weights, world_size):
    ranks = [order(weights=weights, rank=rank, world_size=world_size) for rank in range(world_size)]
    alone, together = order(weights=weights), [index for step in zip(*ranks) for index in step]
    assert len({len(rank) for rank in ranks}) == 1
    assert together == alone[: len(together)] and len(alone) - len(together) < world_size


def test_what_is_drawn_by_weights_is_what_pytorchs_sampler_draws():
    weights = np.array([5.0] * 6 + [1.0] * 6)
    sampler = torch.utils.data.WeightedRandomSampler(weights, 12, generator=torch.Generator().manual_seed(0))
    assert order(weights=weights) == list(sampler)
