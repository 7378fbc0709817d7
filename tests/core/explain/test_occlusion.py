"""Occlusion of nets made by hand."""

import pytest
import torch

from core.explain import occlusion
from core.explain._base import Target
from core.explain.occlusion import Options
from tests.core import toys
from tests.core.explain.pictures import NoGradients, Picture, linear


def test_windows_move_by_half_their_side_and_end_at_the_edge():
    assert occlusion.windows(1, 5, 0.4)[:, 0].int().tolist() == [
        [1, 1, 0, 0, 0],
        [0, 1, 1, 0, 0],
        [0, 0, 1, 1, 0],
        [0, 0, 0, 1, 1],
    ]
    assert occlusion.windows(8, 8, 0.5).shape == (9, 8, 8)
    assert occlusion.windows(7, 5, 0.3).any(dim=0).all()  # each pixel is covered


def test_each_pixel_has_the_mean_fall_of_the_score_over_its_windows():
    weight = torch.tensor([[1.0, 2.0, 4.0, 0.0]])
    x = torch.full((1, 1, 1, 4), 3, dtype=torch.uint8)
    found = occlusion.explain(linear(weight), x, 1, Options(window=0.5, cover="black"))
    # windows on 0-1, 1-2 and 2-3 lower the score by 9, 18 and 12
    torch.testing.assert_close(found.values, torch.tensor([[[[9.0, 13.5, 15.0, 12.0]]]]))
    torch.testing.assert_close(found.score, torch.tensor([21.0]))


def test_the_cover_may_be_the_mean_colour_of_the_training_images():
    model = linear(torch.ones(1, 2))
    model.preprocess.mean.fill_(1 / 255)
    x = torch.full((1, 1, 1, 2), 3, dtype=torch.uint8)
    found = occlusion.explain(model, x, 1, Options(window=1.0, cover="mean"))
    torch.testing.assert_close(found.values, torch.full((1, 1, 1, 2), 4.0))  # each of two pixels falls from 3 to 1


def test_a_picture_without_detail_is_the_same_blurred_and_has_no_shares():
    x = torch.full((2, 3, 16, 16), 90, dtype=torch.uint8)
    found = occlusion.explain(toys.cnn(3, 16, 16), x, 1)
    torch.testing.assert_close(found.values, torch.zeros(2, 1, 16, 16), atol=1e-5, rtol=0)


def test_it_needs_no_gradients_and_pictures_together_are_explained_as_each_alone(monkeypatch):
    monkeypatch.setattr("core.explain._maps.AT_ONCE", 7 * 36)
    model = Picture(NoGradients(), 1, 6, 6)
    x = torch.randint(0, 256, (3, 1, 6, 6), dtype=torch.uint8)
    together = occlusion.explain(model, x, Target(1, against=0), Options(cover="black"))
    assert together.values.any()
    for i in range(3):
        alone = occlusion.explain(model, x[i : i + 1], Target(1, against=0), Options(cover="black"))
        assert torch.equal(alone.values[0], together.values[i])


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 1, 5), (1, 40, 30)])
def test_pictures_of_any_size_are_explained(shape):
    x = torch.randint(0, 256, (1, *shape), dtype=torch.uint8)
    model = toys.cnn(shape[0], 1, 1) if shape[2] == 1 else toys.cnn(shape[0], 8, 8)
    assert occlusion.explain(model, x, 1).values.shape == (1, 1, *shape[1:])
