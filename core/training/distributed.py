"""Several processes that train one net together, under `torchrun`: who this one is, and what all agree on."""

import contextlib
import os
from dataclasses import dataclass

import torch
from torch import distributed as dist


@dataclass(frozen=True)
class World:
    """All processes of a training: `size` of them, of which this is number `rank`, from 0; number 0 writes."""

    rank: int = 0
    size: int = 1

    @property
    def writes(self) -> bool:
        return self.rank == 0

    def total(self, values: torch.Tensor) -> torch.Tensor:
        """The sum over all processes, in place."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def first(self, value):
        """What process 0 says; a plain value."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box)
        return box[0]

    def all(self, value) -> list:
        """What every process says, by rank; plain values."""
        if self.size == 1:
            return [value]
        box = [None] * self.size
        dist.all_gather_object(box, value)
        return box


ALONE = World()


def asked_for() -> bool:
    """Whether this process was started by `torchrun` as one of several."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


@contextlib.contextmanager
def world(device: str = "cpu"):
    """Join the other processes, if there are some, and leave them at the end. device : "cpu", "cuda" or "auto"."""
    if not asked_for():
        yield ALONE
        return
    cuda = device != "cpu" and torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("nccl" if cuda else "gloo")
    try:
        yield World(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def wrap(trunk: torch.nn.Module, world: World, device: torch.device) -> torch.nn.Module:
    """The trunk with gradients averaged over all processes; statistics of batch norms too, where there is a GPU."""
    if world.size == 1:
        return trunk
    if device.type == "cuda":
        trunk = torch.nn.SyncBatchNorm.convert_sync_batchnorm(trunk)
    return torch.nn.parallel.DistributedDataParallel(trunk)
