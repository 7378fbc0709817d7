"""The moving average of weights over the steps of a training, which often generalises better than the last ones."""

import copy
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from core.training.trunk import Trunk


class Average:
    """A copy of a module whose weights follow those of the module slowly; statistics of batch norms too.

    decay : share that is kept in each step. It is less in the first steps, min(decay, (1 + n) / (10 + n)), so that the
        start is soon forgotten.
    """

    def __init__(self, trunk: "Trunk", decay: float):
        self.trunk = copy.deepcopy(trunk).eval()
        self.decay, self.n = decay, 0

    @torch.no_grad()
    def update(self, trunk: "Trunk") -> None:
        """Follow the module by one step."""
        decay = min(self.decay, (1 + self.n) / (10 + self.n))
        self.n += 1
        pairs = list(zip(self._values(self.trunk), self._values(trunk)))
        floats = [pair for pair in pairs if pair[0].is_floating_point()]
        torch._foreach_lerp_([mine for mine, _ in floats], [theirs for _, theirs in floats], 1 - decay)
        for mine, theirs in pairs:
            if not mine.is_floating_point():
                mine.copy_(theirs)

    def state_dict(self) -> dict:
        """What the average is, and after how many steps."""
        return {"n": self.n, "net": self.trunk.net.state_dict()}

    def load_state_dict(self, state: dict) -> None:
        """Go on from what `state_dict` gave."""
        self.n = state["n"]
        self.trunk.net.load_state_dict(state["net"])

    @staticmethod
    def _values(trunk) -> list[torch.Tensor]:
        return [*trunk.net.parameters(), *trunk.net.buffers()]
