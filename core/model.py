"""Model = preprocess (fitted on the training split) + net: raw input in, logits out. All else goes through it."""

import numpy as np
import torch
from torch import nn

from core import nets, preprocessing, runs
from core.config import NetConfig
from core.data.dataset import Schema
from core.training import checkpoint


class Model(nn.Module):
    """Raw input, uint8 (n, c, h, w) or float32 (n, n_columns) -> logits (n, n_classes)."""

    def __init__(self, schema: Schema, net: NetConfig):
        super().__init__()
        self.schema = schema
        self.preprocess = preprocessing.build(schema)
        self.net = nets.module(net.name).build(schema, nets.options(net.name, net.options))

    def forward(self, x):
        return self.net(self.preprocess(x))

    def n_parameters(self) -> int:
        return sum(p.numel() for p in self.net.parameters())


def load(run: str) -> Model:
    """The model of `run` at its best epoch, in evaluation mode on the CPU; LookupError if it has no weights yet."""
    path = runs.path(run, "checkpoints", "best.pt")
    if not path.exists():
        raise LookupError(f"Run {run} has no trained weights yet; wait until its first epoch is done.")
    model = Model(runs.schema(run), runs.config(run).net)
    try:
        model.load_state_dict(checkpoint.load(path)["model"])
    except (RuntimeError, KeyError) as error:
        raise ValueError(
            f"The weights of run {run} do not fit its net; config.json was changed, or made by another version. "
            "Train again."
        ) from error
    return model.eval()


def predict(model: nn.Module, x: np.ndarray, batch_size: int = 1024) -> np.ndarray:
    """Logits, float32 (n, n_classes), of raw samples x, on the device where the model lives, in evaluation mode."""
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        batches = [
            model(torch.from_numpy(np.array(x[i : i + batch_size])).to(device)).float().cpu().numpy()
            for i in range(0, len(x), batch_size)
        ]
    model.train(was_training)
    return np.concatenate(batches)
