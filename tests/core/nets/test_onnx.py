"""Every net leaves as a file that decides as it does."""

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from exports import onnx as export
from tests.core import toys
from tests.core.nets.test_nets import VARIANTS, fitted, samples

TINY = [(name, options, schemas[-1]) for name, options, schemas in VARIANTS]
TINY.append(("pretrained", {"arch": "efficientnet_b0"}, toys.image_schema(3, 64, 64)))  # scales by a curve


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
    np.testing.assert_allclose(file.run(None, _feeds(schema, x.numpy()))[0], expected, atol=1e-5)


def _use_statistics_of(model, x) -> None:
    """Let batch norms know these samples, so that signals neither vanish nor explode."""
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        model.train()(x)
    model.eval()


def _feeds(schema, x) -> dict:
    if schema.kind == "image":
        return {"image": x}
    feeds = {}
    for name, column, values in zip(export.input_names(schema), schema.columns, x.T):
        if column.type == "category":
            values = np.array([column.categories[int(v)] if v >= 0 else "" for v in values], object)
        feeds[name] = values
    return feeds
