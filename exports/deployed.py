"""The model as it leaves the house: a torch module from what the file takes to all the numbers that it gives."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from core import preprocessing
from core.data.dataset import Schema
from core.evaluation.operating import OperatingPoint
from core.explain import _maps
from core.explain._base import Target
from exports.answers import Answers

if TYPE_CHECKING:
    from core.model import Model

STEPS = 32  # of integrated gradients
TITLE = "An explanation inside the file"


class Deployed(nn.Module):
    """Images (n, c, H, W), or a tensor (n,) per column, codes for categories -> the outputs of `answers`, in order.

    Raises ValueError if an explanation is wanted that this net cannot give.
    """

    def __init__(self, model: "Model", answers: Answers):
        super().__init__()
        self.model, self.answers = model.eval(), answers
        self.is_image = model.schema.kind == "image"
        if self.is_image:
            model.preprocess.any_size = True
        for name in ("centres", "usual"):
            array = None if answers.outlier is None else getattr(answers.outlier, name)
            self.register_buffer(name, None if array is None else torch.from_numpy(array))
        self.last_linear = _last_linear(model) if answers.embedding or answers.outlier is not None else None
        if answers.embedding and self.last_linear is None:
            raise ValueError("The net has no linear layer, so there is no embedding to give.")
        self.why = None
        if answers.explanation:
            self.why = _GradCam(model) if self.is_image else _IntegratedGradients(model)

    def forward(self, *values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        x = values[0] if self.is_image else torch.stack([value.float() for value in values], dim=1)
        logits, embedding, explanation = self._answered(x)
        scores = torch.softmax(logits, dim=1)
        decision = decided(scores, self.answers.point)
        found = {
            "logits": logits,
            "probabilities": torch.softmax(logits / self.answers.temperature, dim=1),
            "decision": decision,
            "abstain": decision < 0,
            "explanation": explanation,
            "embedding": embedding,
        }
        if self.answers.quantiles is not None:
            found["set"] = 1 - scores <= torch.tensor(self.answers.quantiles, dtype=torch.float32)
        if self.centres is not None:
            length = embedding.norm(dim=1, keepdim=True)
            cosine = (embedding / torch.clamp(length, min=1e-12)) @ self.centres.T
            found["outlier"] = (self.usual < 1 - cosine.amax(dim=1, keepdim=True)).float().mean(dim=1)
        return tuple(found[name] for name in self.answers.outputs)

    def _answered(self, x):
        """Logits, embedding or None, explanation or None."""
        if isinstance(self.why, _GradCam):
            return self.why(x, self._run, self._target)
        logits, embedding = self._run(self.model.preprocess(x))
        explanation = None if self.why is None else self.why(x, self._target(logits))
        return logits, embedding, explanation

    def _run(self, z):
        """Logits of preprocessed samples, and what the last linear layer took of them, flat, or None."""
        if self.last_linear is None:
            return self.model.net(z) + self.model.prior_shift, None
        taken = []
        layer = self.model.net.get_submodule(self.last_linear)
        hook = layer.register_forward_pre_hook(lambda _, inputs: taken.append(inputs[0]))
        try:
            logits = self.model.net(z) + self.model.prior_shift
        finally:
            hook.remove()
        return logits, taken[-1].flatten(1)

    def _target(self, logits):
        """The class that is explained, (n,): the one decided, or the most probable where nothing is said."""
        decision = decided(torch.softmax(logits, dim=1), self.answers.point)
        return torch.where(decision < 0, logits.argmax(dim=1), decision)


def decided(scores: torch.Tensor, point: OperatingPoint | None) -> torch.Tensor:
    """`operating.decide` for a tensor of probabilities (n, n_classes): int64 (n,), -1 where nothing is said."""
    point, n_classes = point or OperatingPoint(), scores.shape[1]
    if len(point.thresholds) == 1:
        is_positive = torch.arange(n_classes) == point.positive
        rest = torch.where(is_positive, -1.0, scores).argmax(dim=1)
        y_pred = torch.where(scores[:, point.positive] >= point.thresholds[0], point.positive, rest)
    elif point.thresholds:
        y_pred = (scores / torch.tensor(point.thresholds).clamp(min=1e-12)).argmax(dim=1)
    elif point.costs:
        y_pred = (scores @ torch.tensor(point.costs)[:, :n_classes]).argmin(dim=1)
    else:
        y_pred = scores.argmax(dim=1)
    if point.abstain_below > 0:
        y_pred = torch.where(scores.amax(dim=1) < point.abstain_below, -1, y_pred)
    return y_pred


def _last_linear(model) -> str | None:
    """The name of the linear layer that a net goes through last, found by a pass."""
    gone_through = []
    names = {layer: name for name, layer in model.net.named_modules() if isinstance(layer, nn.Linear)}
    hooks = [layer.register_forward_hook(lambda layer, *_: gone_through.append(names[layer])) for layer in names]
    try:
        with torch.no_grad():
            model.net(model.preprocess(raw(model.schema)))
    finally:
        for hook in hooks:
            hook.remove()
    return gone_through[-1] if gone_through else None


def raw(schema: Schema, n: int = 2) -> torch.Tensor:
    """n samples as the model takes them, of noise."""
    generator = torch.Generator().manual_seed(0)
    if schema.kind == "table":
        return torch.zeros(n, len(schema.columns))
    levels = torch.rand((n, *schema.shape), generator=generator)
    return (levels * 255).to(torch.uint8) if schema.dtype == "uint8" else levels


class _GradCam:
    """`core.explain.gradcam` for a graph: the gradient by what is added to the maps, so no way down to the pixels."""

    def __init__(self, model):
        self.model = model
        x = raw(model.schema)
        z = _maps.seen(model, x)
        self.name, shape, self.grid, self.prefix, self.cut = _maps.layer_of(model, z, Target(0), TITLE)
        self.shape = shape[1:]

    def __call__(self, x, run, target_of):
        """Logits, embedding, and maps (n, H, W) over the pixels of images x."""
        preprocess = self.model.preprocess
        z, layer = preprocess(x), self.model.net.get_submodule(self.name)

        def score(more):
            kept = []

            def add(_module, _inputs, out):
                kept.append(out)
                return (out + more).contiguous()  # pools of other orders have gradients that cannot be written

            hook = layer.register_forward_hook(add)
            try:
                logits, embedding = run(z)
            finally:
                hook.remove()
            target = target_of(logits.detach())
            more_said = (logits, kept[-1]) + (() if embedding is None else (embedding,))
            return logits.gather(1, target[:, None]).sum(), more_said

        nothing = torch.zeros((x.shape[0], *self.shape))
        slopes, (logits, maps, *rest) = torch.func.grad(score, has_aux=True)(nothing)
        maps, slopes = (_maps.as_maps(values, self.grid, self.prefix) for values in (maps, slopes))
        maps = maps.relu() if self.cut else maps
        cam = (maps * slopes.mean(dim=(2, 3), keepdim=True)).sum(1).relu()
        size = (preprocess.height, preprocess.width)
        fine = functional.interpolate(cam[:, None], size=size, mode="bilinear", align_corners=False)
        weight = preprocessing.spread(torch.ones_like(fine[:1, :1]), x, preprocess.zoom)
        floor = 1e-3 * weight.max()
        spread = preprocessing.spread(fine, x, preprocess.zoom) / torch.maximum(weight, floor)
        return logits, rest[0] if rest else None, torch.where(weight > floor, spread, 0.0)[:, 0]


class _IntegratedGradients:
    """`core.explain.integrated_gradients` of rows for a graph, by STEPS points."""

    def __init__(self, model):
        net = model.net
        self.model = model
        self.embed, self.body = getattr(net, "embed", nn.Identity()), getattr(net, "body", net)
        nodes, weights = np.polynomial.legendre.leggauss(STEPS)
        self.along = torch.tensor((nodes + 1) / 2, dtype=torch.float32)
        self.weights = torch.tensor(weights / 2, dtype=torch.float32)
        owners = getattr(self.embed, "owners", None) or [part.column for part in model.schema.inputs]
        self.owners = functional.one_hot(torch.tensor(owners), len(model.schema.columns)).float()

    def __call__(self, x, target):
        """Shares (n, n_columns) of the columns of rows x in the logit of `target` (n,)."""
        preprocess = self.model.preprocess
        z, neutral = (self.embed(preprocess(rows)) for rows in (x, preprocess.mean.expand_as(x)))
        way = z - neutral
        points = neutral[:, None] + self.along[:, None] * way[:, None]  # (n, STEPS, n_features)
        which = target[:, None].expand(-1, STEPS).reshape(-1, 1)
        slopes = torch.func.grad(lambda rows: self.body(rows).gather(1, which).sum())(points.flatten(0, 1))
        return ((slopes.view(points.shape) * self.weights[:, None]).sum(dim=1) * way) @ self.owners
