"""Where the batches of an epoch come from: memory, a file read ahead, or a person's own Dataset."""

import contextlib
import itertools
import queue
import random
import threading
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import psutil
import torch
from torch.utils.data import DataLoader

if TYPE_CHECKING:
    from core.model import Model

SHARE_OF_MEMORY = 0.4  # of what is free, that the samples may take
READ_AHEAD = 4  # batches
PIECE = 512  # samples that are read at a time, where many are
AT_ONCE = 2**21  # values that are changed at a time, so that they stay in a processor's cache

Change = Callable[[torch.Tensor], torch.Tensor] | None  # what is made of a batch on the device


def epoch_order(
    n: int, weights: np.ndarray | torch.Tensor | None, generator: torch.Generator, rank: int = 0, world_size: int = 1
) -> torch.Tensor:
    """Positions of the samples of one epoch, int64: each once in a new order, or drawn by `weights` (n,) if given.

    Every one of `world_size` processes draws the same order from an equal generator and takes every world_size-th,
    as many as the others; so together they see what one process would. By weights it is drawn as PyTorch's
    WeightedRandomSampler does with replacement, but never leaves its tensor.
    """
    if weights is None:
        order = torch.randperm(n, generator=generator)
    else:
        weights = torch.as_tensor(weights, dtype=torch.float64)
        order = torch.multinomial(weights, n, replacement=True, generator=generator)
    if world_size == 1:
        return order
    return order[rank : len(order) - len(order) % world_size : world_size]


def shrink_to(model: "Model") -> Callable[[torch.Tensor], torch.Tensor]:
    """A function from stored images (n, c, H, W) to uint8 or float32 ones of the size that the net sees."""

    def shrink(x):
        small = model.preprocess.sized(x)
        return small.round().clamp(0, 255).to(torch.uint8) if x.dtype == torch.uint8 else small

    return shrink


def open_feed(
    x: np.ndarray, y: np.ndarray, where: np.ndarray, device: torch.device, change: Change = None
) -> "Resident | ReadAhead":
    """The feed for the samples at `where`: resident if they fit into the memory of `device`, else read ahead.

    change : function of a batch on the device that gives what is wanted of it, or None. Either feed gives the same.
    """
    sample = changed(torch.from_numpy(np.array(x[:1])).to(device), change)
    fits = sample.nbytes * len(where) <= SHARE_OF_MEMORY * free_memory(device)
    return (Resident if fits else ReadAhead)(x, y, where, device, change)


def free_memory(device: torch.device) -> int:
    """Bytes that are free where samples would live."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available


@torch.no_grad()
def changed(x: torch.Tensor, change: Change) -> torch.Tensor:
    """What `change` makes of the samples x, a few at a time, or x itself if there is nothing to do."""
    if change is None:
        return x
    return torch.cat([change(part) for part in x.split(max(1, AT_ONCE // max(1, x[0].numel())))])


def read(x: np.ndarray, where: np.ndarray, device: torch.device, change: Change) -> torch.Tensor:
    """The samples at `where`, changed, on `device`; what they were before is never in memory as a whole."""
    sample = changed(torch.from_numpy(np.array(x[:1])).to(device), change)
    samples = torch.empty((len(where), *sample.shape[1:]), dtype=sample.dtype, device=device)
    for part, place in zip(samples.split(PIECE), np.split(where, range(PIECE, len(where), PIECE))):
        part.copy_(changed(torch.from_numpy(np.take(x, place, axis=0)).to(device), change))
    return samples


class Resident:
    """Samples that live on the device."""

    def __init__(self, x, y, where, device, change=None):
        self.device = device
        self.x = read(x, np.asarray(where), device, change)
        self.y = torch.from_numpy(np.asarray(y)[where]).to(device)

    @classmethod
    def of(cls, x: torch.Tensor, y: torch.Tensor) -> "Resident":
        """Samples that are on their device already."""
        made = cls.__new__(cls)
        made.device, made.x, made.y = x.device, x, y
        return made

    def __len__(self) -> int:
        return len(self.y)

    def batches(self, order: torch.Tensor, bounds: list[int]) -> Iterator:
        """Samples and targets of each batch; the positions of batch i are order[bounds[i]:bounds[i + 1]]."""
        order = order.to(self.device)
        if self.x.dim() == 2:  # rows are small: put in order once, then each batch is a view
            x, y = self.x[order], self.y[order]
            for start, end in itertools.pairwise(bounds):
                yield x[start:end], y[start:end]
        else:
            for start, end in itertools.pairwise(bounds):
                batch = order[start:end]
                yield self._at(batch), self.y.index_select(0, batch)

    def _at(self, batch: torch.Tensor) -> torch.Tensor:
        if self.device.type == "cpu":  # there PyTorch's threads would wait for one another after each large sample
            return torch.from_numpy(np.take(self.x.numpy(), batch.numpy(), axis=0))
        return self.x.index_select(0, batch)

    def some(self, n: int) -> torch.Tensor:
        """At most n samples, evenly over all of them, for fitting."""
        return self.x[:: max(1, -(-len(self.x) // n))]


class ReadAhead:
    """Samples in a memory-mapped file, read by a thread while the device is at work on earlier ones."""

    def __init__(self, x, y, where, device, change=None):
        self.x, self.where, self.device, self.change = x, np.asarray(where), device, change
        self.y = torch.from_numpy(np.asarray(y)[where])

    def __len__(self) -> int:
        return len(self.y)

    def batches(self, order: torch.Tensor, bounds: list[int]) -> Iterator:
        """As `Resident.batches`."""
        ready, over = queue.Queue(READ_AHEAD), threading.Event()

        def put(item) -> bool:
            while not over.is_set():
                try:
                    ready.put(item, timeout=0.1)
                    return True
                except queue.Full:
                    continue
            return False

        def work():
            try:
                for start, end in itertools.pairwise(bounds):
                    batch = order[start:end]
                    if not put((self._read(self.where[batch.numpy()]), self.y[batch])):
                        return
                put(None)
            except Exception as error:  # told to the one who waits
                put(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            while (item := ready.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                x, y = (values.to(self.device, non_blocking=True) for values in item)
                yield changed(x, self.change), y
        finally:
            over.set()
            thread.join()

    def _read(self, where: np.ndarray) -> torch.Tensor:
        """The samples at `where`, read in the order of the file and put back in the order asked for."""
        by_place = np.argsort(where)
        samples = np.take(self.x, where[by_place], axis=0)
        wanted = torch.empty_like(torch.from_numpy(samples), pin_memory=self.device.type == "cuda")
        np.take(samples, np.argsort(by_place), axis=0, out=wanted.numpy(), mode="clip")  # "raise" would copy once more
        return wanted

    def some(self, n: int) -> torch.Tensor:
        """As `Resident.some`, but in the memory of the processor."""
        return read(self.x, self.where[:: max(1, -(-len(self.where) // n))], torch.device("cpu"), self.change)


class Redrawn:
    """A person's own Dataset, read through a DataLoader in each epoch, so that its random transform draws anew."""

    def __init__(self, dataset, y, where, device, collate, workers: int):
        self.dataset, self.where, self.device = dataset, np.asarray(where), device
        self.y = torch.from_numpy(np.asarray(y)[where])
        self.collate, self.workers, self.change = collate, workers, None

    def __len__(self) -> int:
        return len(self.y)

    def batches(self, order: torch.Tensor, bounds: list[int]) -> Iterator:
        """As `Resident.batches`."""
        groups = [order[start:end] for start, end in itertools.pairwise(bounds)]
        loader = DataLoader(
            _Seeded(self.dataset, zlib.crc32(order.numpy().tobytes())),  # ty: ignore[invalid-argument-type]
            batch_sampler=[self.where[group.numpy()].tolist() for group in groups],
            num_workers=self.workers,
            collate_fn=self.collate,
            pin_memory=self.device.type == "cuda",
            generator=torch.Generator(),
        )
        for x, group in zip(loader, groups):
            x = x.to(self.device, non_blocking=True)
            yield changed(x, self.change), self.y[group].to(self.device, non_blocking=True)


class _Seeded:
    """A Dataset whose samples draw from random generators that were seeded by the epoch and the sample.

    So a transform draws the same whichever process reads the sample, and after how many others.
    """

    def __init__(self, dataset, seed: int):
        self.dataset, self.seed = dataset, seed

    def __getitem__(self, i):
        seed = (self.seed * 1_000_003 + i) % 2**32
        with _random_numbers_kept():
            torch.manual_seed(seed)
            np.random.seed(seed)
            random.seed(seed)
            return self.dataset[i]


@contextlib.contextmanager
def _random_numbers_kept():
    """Leave the random generators, for whoever draws from them in this process, as they were."""
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        np.random.set_state(states[1])
        random.setstate(states[2])
