"""What is trained of a model: the way from what the feed holds to logits."""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from core.model import Model
    from core.training.feed import ReadAhead, Resident

CHUNK = 128  # samples whose features are computed at a time


class Trunk(nn.Module):
    """Images of the net's size, or preprocessed rows, or features of a frozen backbone -> logits (n, n_classes).

    Images (n, c, h, w) are normalised here, in the memory format asked for. A frozen backbone is in evaluation mode,
    its batch norms included, and gets no gradients.
    """

    net: Any  # nn.Module, with `backbone` and `head` where it has a backbone
    preprocess: Any  # ImagePreprocess or TablePreprocess

    def __init__(self, model: "Model"):
        super().__init__()
        self.net, self.preprocess = model.net, model.preprocess
        self.is_image = model.schema.kind == "image"
        self.memory_format = torch.contiguous_format
        self.frozen = False
        self.gets_features = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.gets_features:
            return self.net.head(x)
        if self.is_image:
            x = self.images(x)
        if self.frozen:
            with torch.no_grad():
                features = self.net.backbone(x)
            return self.net.head(features)
        return self.net(x)

    def images(self, x: torch.Tensor) -> torch.Tensor:
        """Images uint8 or float (n, c, h, w) -> float32, normalised."""
        return self.preprocess.normalise(x.to(torch.float32, memory_format=self.memory_format))

    def freeze(self, frozen: bool) -> None:
        """Keep the backbone as it is, or let it learn."""
        self.frozen = frozen
        if hasattr(self.net, "backbone"):
            self.net.backbone.requires_grad_(not frozen)

    def train(self, mode: bool = True) -> "Trunk":
        super().train(mode)
        if self.frozen:
            self.net.backbone.eval()
        return self

    def digest(self) -> str:
        """SHA-256 of all that features follow from: the weights of the backbone, and of the preprocessing."""
        digest = hashlib.sha256()
        for values in (self.net.backbone.state_dict(), self.preprocess.state_dict()):
            for value in values.values():
                digest.update(value.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    @torch.no_grad()
    def features(
        self, feed: "Resident | ReadAhead", after_chunk: Callable[[int], None] = lambda _done: None
    ) -> torch.Tensor:
        """The backbone's answer to every sample of `feed`, in order, float32 (n, n_features) on the feed's device.

        after_chunk : called with the number of samples done; it may raise to stop
        """
        self.eval()
        n, done, parts = len(feed), 0, []
        for x, _ in feed.batches(torch.arange(n), [*range(0, n, CHUNK), n]):
            parts.append(self.net.backbone(self.images(x)))
            done += len(x)
            after_chunk(done)
        return torch.cat(parts)
