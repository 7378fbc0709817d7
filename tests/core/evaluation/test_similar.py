"""The training samples most similar to a sample, by the net's own embedding."""

import sys

import numpy as np
import pytest
import torch
from torch import nn

from core import runs
from core.data import split
from core.evaluation import similar
from tests.core import toys


def test_the_embedding_is_what_the_last_linear_layer_takes():
    model = toys.mlp(layers=1, hidden=5)
    x = np.random.default_rng(0).normal(size=(7, 2)).astype(np.float32)
    with torch.no_grad():
        expected = model.net.body[:-1](model.net.embed(model.preprocess(torch.from_numpy(x))))
    np.testing.assert_allclose(similar.embed(model, x), expected.numpy(), rtol=1e-6)
    assert not any(layer._forward_pre_hooks for layer in model.modules())


def test_a_net_without_a_linear_layer_is_refused():
    model = toys.cnn(1, 4, 4)
    model.net = nn.Sequential(nn.Conv2d(1, 2, 4), nn.Flatten())
    with pytest.raises(ValueError, match="The net has no linear layer"):
        similar.embed(model, np.zeros((3, 1, 4, 4), np.uint8))


def test_neighbours_are_training_samples_the_nearest_first(finished):
    run = finished["digits"]
    dataset = runs.dataset(run)
    where = split.load(runs.path(run, "split.parquet"), dataset.ids)
    ids, targets, _ = runs.predictions(run, "test")
    found = similar.nearest(run, ids[:50])
    assert list(found) == ids[:50].tolist()
    train = set(dataset.ids[where["train"]].tolist())
    target = dict(zip(dataset.ids.tolist(), dataset.targets.tolist()))
    for neighbours in found.values():
        assert len(neighbours) == 8
        assert {sample for sample, _ in neighbours} <= train
        distances = [distance for _, distance in neighbours]
        assert distances == sorted(distances)
        assert 0 <= distances[0] <= distances[-1] <= 2
    same = [target[neighbours[0][0]] == y for neighbours, y in zip(found.values(), targets[:50])]
    assert np.mean(same) > 0.8


def test_a_training_sample_is_not_its_own_neighbour(finished):
    run = finished["breast_cancer"]
    dataset = runs.dataset(run)
    where = split.load(runs.path(run, "split.parquet"), dataset.ids)
    sample = str(dataset.ids[where["train"][0]])
    assert sample not in [neighbour for neighbour, _ in similar.nearest(run, [sample], k=5)[sample]]


def test_what_is_kept_is_used_without_the_net_and_made_again_if_damaged(finished, monkeypatch):
    run = finished["breast_cancer"]
    ids = runs.predictions(run, "test")[0][:3]
    first = similar.nearest(run, ids)
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "core.model", None)  # an import of it fails
        assert similar.nearest(run, ids) == first
    kept = runs.path(run, "predictions", "embedding.npz")
    kept.write_bytes(kept.read_bytes()[:100])
    assert similar.nearest(run, ids) == first


def test_of_many_training_samples_some_are_compared_and_any_sample_may_be_asked_for(finished, monkeypatch):
    run = finished["breast_cancer"]
    monkeypatch.setattr(similar, "MOST", 20)
    dataset = runs.dataset(run)
    found = similar.nearest(run, dataset.ids, k=30)
    assert len(found) == len(dataset)
    assert len({sample for neighbours in found.values() for sample, _ in neighbours}) == 20
    assert {len(neighbours) for neighbours in found.values()} == {19, 20}  # a neighbour leaves itself out


def test_an_unknown_sample_is_refused(finished):
    with pytest.raises(LookupError, match=r"There is no sample 'nobody' in the data of run .*; ids look like"):
        similar.nearest(finished["breast_cancer"], ["nobody"])
