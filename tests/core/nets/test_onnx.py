"""Every net leaves as a file that decides as it does."""

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn
from torchvision.models import efficientnet, shufflenetv2

from exports import feeding
from exports import onnx as export
from exports.answers import Answers
from exports.parity import sides
from tests.core import toys
from tests.core.nets.test_nets import VARIANTS, fitted, samples

TINY = [(name, options, schemas[-1]) for name, options, schemas in VARIANTS]
TINY.append(("pretrained", {"arch": "efficientnet_b0"}, toys.image_schema(3, 64, 64)))  # scales by a curve


@pytest.fixture(autouse=True)
def few_blocks(monkeypatch):
    """The deepest two nets have each of their kinds of block, but few of them: the time of an export goes with them."""
    conf, shuffled = efficientnet._efficientnet_conf, shufflenetv2._shufflenetv2
    monkeypatch.setattr(efficientnet, "_efficientnet_conf", lambda *a, **k: (conf(*a, **k)[0][:3], None))
    monkeypatch.setattr(shufflenetv2, "_shufflenetv2", lambda w, p, _, *a, **k: shuffled(w, p, [2, 2, 2], *a, **k))


def test_the_nets_with_few_blocks_have_every_kind_of_layer_of_the_whole_ones(monkeypatch):
    def kinds():
        made = [efficientnet.efficientnet_b0(), shufflenetv2.shufflenet_v2_x0_5()]
        return [{type(layer) for layer in net.modules()} for net in made], [len(list(net.modules())) for net in made]

    few, n_few = kinds()
    monkeypatch.undo()
    whole, n_whole = kinds()
    assert few == whole
    assert all(2 * n < m for n, m in zip(n_few, n_whole))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options", "schema"), TINY, ids=[f"{n} {o}" for n, o, _ in TINY])
def test_the_file_of_a_net_gives_what_the_net_gives(name, options, schema):
    model = fitted(name, schema, **options)
    _use_statistics_of(model, samples(schema, 8))
    file = onnxruntime.InferenceSession(export.convert(model).SerializeToString(), providers=["CPUExecutionProvider"])
    x = samples(schema, 5)
    with torch.no_grad():
        expected = torch.softmax(model(x), dim=1).numpy()
    assert expected.std(axis=0).max() > 1e-4  # else any file would do
    (got,) = file.run(["probabilities"], feeding.feeds(schema, x.numpy()))
    np.testing.assert_allclose(got, expected, atol=1e-5)


def _use_statistics_of(model, x) -> None:
    """Let batch norms know these samples, so that signals neither vanish nor explode."""
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        model.train()(x)
    model.eval()


EXPLAINED = [one for one in TINY if "squeezenet" not in str(one[1])]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options", "schema"), EXPLAINED, ids=[f"{n} {o}" for n, o, _ in EXPLAINED])
def test_the_explanation_in_the_file_is_the_one_of_core(name, options, schema):
    model = fitted(name, schema, **options)
    _use_statistics_of(model, samples(schema, 8))
    try:
        proto = export.convert(model, Answers(explanation=True, embedding=True))
    except ValueError as error:
        assert name == "own" and "none" in str(error)  # a net without maps, or without a linear layer
        return
    file = sides.File(proto.SerializeToString())
    x = samples(schema, 5).numpy()
    said = file.ask(feeding.feeds(schema, x))
    expected = sides.PyTorch(model, Answers(), None).explanations(x, said["decision"], said["logits"])
    assert np.abs(expected).max() > 0
    assert sides.apart(said["explanation"], expected).max() < 1e-4
