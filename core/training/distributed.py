"""Several processes that train one net together, under `torchrun`: who this one is, and what all agree on."""

import contextlib
import datetime
import gc
import os
from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import distributed as dist

PATIENCE = datetime.timedelta(hours=6)  # the others wait while the first reads data, or computes features

Plain = TypeVar("Plain")


@dataclass(frozen=True)
class World:
    """All processes of a training: `size` of them, of which this is number `rank`, from 0; number 0 writes."""

    rank: int = 0
    size: int = 1

    @property
    def writes(self) -> bool:
        """Whether this process writes the run folder."""
        return self.rank == 0

    def total(self, values: torch.Tensor) -> torch.Tensor:
        """The sum over all processes, in place."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def first(self, value: Plain) -> Plain:
        """What process 0 says; a plain value."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box)
        return box[0]

    def all(self, value: Plain) -> list:
        """What every process says, by rank; plain values."""
        if self.size == 1:
            return [value]
        box = [None] * self.size
        dist.all_gather_object(box, value)
        return box


ALONE = World()


@contextlib.contextmanager
def world() -> Generator[World]:
    """Join the other processes that torchrun started, and leave them at the end."""
    env = os.environ
    rank, size = int(env["RANK"]), int(env["WORLD_SIZE"])
    hosted = env.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    store = dist.TCPStore(env["MASTER_ADDR"], int(env["MASTER_PORT"]), size, is_master=rank == 0 and not hosted)
    # Names of its own after each restart: otherwise gloo may find the addresses of processes that are dead.
    store = dist.PrefixStore(f"start-{env.get('TORCHELASTIC_RESTART_COUNT', 0)}", store)
    backend = "gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(int(env.get("LOCAL_RANK", "0")))
        backend = "cpu:gloo,cuda:nccl"
    dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=PATIENCE)
    try:
        yield World(rank, size)
    finally:
        gc.collect()  # what holds on to the group, in cycles, would end the process with a fault at its exit
        dist.destroy_process_group()


def wrap(trunk: torch.nn.Module, world: World, device: torch.device) -> torch.nn.Module:
    """The trunk with gradients averaged over all processes; statistics of batch norms too, where there is a GPU."""
    if world.size == 1:
        return trunk
    if device.type == "cuda":
        trunk = torch.nn.SyncBatchNorm.convert_sync_batchnorm(trunk)
    return torch.nn.parallel.DistributedDataParallel(trunk)
