"""Model = preprocess (fitted on the training split) + net: raw input in, logits out. All else goes through it."""

import collections
import concurrent.futures
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from core import folds, nets, preprocessing, progress, runs
from core.config import NetConfig
from core.data.dataset import Dataset, Schema
from core.training import checkpoint

AT_ONCE = 2**23  # values of samples that are predicted together, at most


class Model(nn.Module):
    """Raw input, images (n, c, H, W) of any size or float32 rows (n, n_columns) -> logits (n, n_classes)."""

    net: Any  # nn.Module, of which more is known where it is known which net it is
    preprocess: Any  # ImagePreprocess or TablePreprocess
    prior_shift: torch.Tensor

    def __init__(self, schema: Schema, net: NetConfig):
        super().__init__()
        self.schema = schema
        self.preprocess = preprocessing.build(schema, **_preprocessing(net))
        self.net = nets.module(net.name).build(schema, nets.options(net.name, net.options))
        if isinstance(self.preprocess, preprocessing.TablePreprocess):
            self.preprocess.then = getattr(self.net, "fit", None)
        # what brings the net's answer from the class shares it was trained with to those of the data
        self.register_buffer("prior_shift", torch.zeros(len(schema.classes)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = self.net(self.preprocess(x))
        return logits if self.training else logits + self.prior_shift

    def n_parameters(self) -> int:
        """Weights of the net, those that are frozen too."""
        return sum(p.numel() for p in self.net.parameters())


def load(run: str) -> Model:
    """The model of `run` at its best epoch, in evaluation mode on the CPU; LookupError if it has no weights yet."""
    path = runs.path(run, "checkpoints", "best.pt")
    if not path.exists():
        if members := folds.members(run):
            raise LookupError(
                f"Run {run} pools {len(members)} folds and has no weights; choose one of them: {members[0]}."
            )
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
    batch_size = min(batch_size, max(16, AT_ONCE // max(1, x[0].size))) if len(x) else batch_size
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        batches = [
            model(torch.from_numpy(np.array(x[i : i + batch_size])).to(device)).float().cpu().numpy()
            for i in range(0, len(x), batch_size)
        ]
    model.train(was_training)
    return np.concatenate(batches)


def predict_originals(model: nn.Module, dataset: Dataset, where: np.ndarray) -> np.ndarray | None:
    """Logits, float32 (n, n_classes), of the original image files at `where`, at their own size, as a user has them.

    None if the data set has no such files, or one of them is not there any more: then only the stored images are left.
    """
    if dataset.kind != "image" or "file" not in dataset.about or not dataset.root:
        return None
    try:
        logits = []
        for i, image in enumerate(originals(dataset, where)):
            progress.report(i, len(where))
            logits.append(predict(model, image[None]))
    except (OSError, ValueError):
        return None
    return np.concatenate(logits) if logits else None


def originals(dataset: Dataset, where: np.ndarray) -> Iterator[np.ndarray]:
    """The original images at `where`, each uint8 (c, H, W), decoded ahead in two threads.

    Raises OSError or ValueError if one cannot be read.
    """
    from core.data.images import decode

    root, channels = pathlib.Path(dataset.root), dataset.schema.shape[0]
    paths = [root / name for name in dataset.about["file"].to_numpy(str)[where]]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        ahead = collections.deque()
        for path in paths:
            ahead.append(pool.submit(decode.original, path, channels))
            if len(ahead) > 4:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _preprocessing(net: NetConfig) -> dict:
    """How the net's weights want images; see `nets.preprocessing`.

    Those of an earlier run are what that run began with, nothing if it is not there any more; what it fitted itself is
    read with its weights.
    """
    if not net.weights.startswith("run:"):
        return nets.preprocessing(net.name, net.options, net.weights)
    try:
        return _preprocessing(runs.config(net.weights.removeprefix("run:")).net)
    except (OSError, ValueError, LookupError):
        return {}
