"""Number format, order of pixels, compilation: tried for a few steps; the fastest that keeps the loss is taken."""

import contextlib
import copy
import inspect
import math
import shutil
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from core.config import TrainingConfig
from core.training.losses import loss_of
from core.training.optimizers import make_optimizer, set_rate

if TYPE_CHECKING:
    from torch import nn

    from core.training.trunk import Trunk

WARM, TIMED = 2, 5  # steps of a trial
PAYS = 0.95  # a way is taken if its step takes at most this share of the best one's so far
SAME_LOSS = 0.05, 0.02  # how far the loss after a trial may be from that of fp32: relative and absolute
OPERATIONS = {"cpu": 5e10, "cuda": 2e13, "mps": 2e12}  # per second, from which the length of a training is guessed
LONG = 20.0  # seconds of training, guessed, from which trials pay
COMPILE_LONG = 900.0  # seconds from which a minute for the compiler pays


@dataclass(frozen=True)
class Precision:
    """Number format, memory layout and compilation of a training."""

    dtype: str = "fp32"
    channels_last: bool = False
    compiled: bool = False

    def __str__(self) -> str:
        words = [self.dtype, "channels_last" if self.channels_last else "", "compiled" if self.compiled else ""]
        return ", ".join(filter(None, words))

    @property
    def memory_format(self) -> torch.memory_format:
        """How images lie in memory."""
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def autocast(self, device: torch.device) -> contextlib.AbstractContextManager:
        """The context in which this precision's forward pass runs."""
        if self.dtype in ("fp32", "tf32"):
            return contextlib.nullcontext()
        return torch.autocast(device.type, {"bf16": torch.bfloat16, "fp16": torch.float16}[self.dtype])

    def scaler(self) -> torch.amp.GradScaler | None:
        """What keeps the gradients of fp16 from vanishing, or None."""
        return torch.amp.GradScaler("cuda") if self.dtype == "fp16" else None

    def prepare(self, trunk: "Trunk") -> None:
        """Put the weights of `trunk`, and the device, into this precision's form."""
        trunk.memory_format = self.memory_format
        if trunk.is_image:
            trunk.net.to(memory_format=self.memory_format)
        torch.set_float32_matmul_precision("high" if self.dtype == "tf32" else "highest")
        torch.backends.cudnn.allow_tf32 = self.dtype == "tf32"


def read(text: str) -> Precision:
    """The precision that `str` gave this text."""
    words = text.split(", ")
    return Precision(words[0], "channels_last" in words, "compiled" in words)


def candidates(settings: TrainingConfig, device: torch.device, is_image: bool) -> list[Precision]:
    """What may be tried, the plainest first, without compilation; ValueError if the device cannot do what is asked."""
    able = {"cpu": ["fp32"], "mps": ["fp32"], "cuda": ["fp32", "tf32", "fp16"]}[device.type]
    if device.type == "cuda" and torch.cuda.is_bf16_supported():
        able.insert(2, "bf16")
    if device.type == "cpu" and torch.ops.mkldnn._is_mkldnn_bf16_supported():
        able.append("bf16")
    if settings.precision not in ("auto", *able):
        raise ValueError(
            f"precision is {settings.precision}, which this device ({device.type}) cannot do or gains nothing from; "
            f"choose auto or one of {', '.join(able)}."
        )
    dtypes = able if settings.precision == "auto" else [settings.precision]
    formats = {"auto": [False, True], "contiguous": [False], "channels_last": [True]}[settings.memory_format]
    if not is_image:
        formats = [False]
    return [Precision(dtype, last) for last in formats for dtype in dtypes]


def choose(trunk: "Trunk", x: torch.Tensor, y: torch.Tensor, settings: TrainingConfig, n_steps: int) -> dict:
    """The precision to train with, as the record for precision.json: chosen, why, tried.

    x, y : a batch as training will see it, on the device;  n_steps : steps of the whole training
    Neither the weights of `trunk` nor any random generator are other afterwards.
    """
    device = x.device
    ways = candidates(settings, device, trunk.is_image and not trunk.gets_features)
    seconds = guess_seconds(trunk, x, n_steps)
    if len(ways) == 1 and (settings.compile == "off" or (settings.compile == "auto" and seconds < COMPILE_LONG)):
        asked_for = settings.precision != "auto" or settings.memory_format != "auto"
        return _record(ways[0], "It was asked for." if asked_for else "There is no other way here.", [])
    if seconds < LONG and settings.compile != "on":
        return _record(ways[0], "The training is too short for trials to pay.", [])
    tried = [trial(trunk, x, y, settings, way) for way in ways]
    base = tried[0]
    best = base
    for way in tried:
        if _same(way["loss"], base["loss"]) and way["seconds_per_step"] < PAYS * best["seconds_per_step"]:
            best = way
    if settings.compile == "on" or (settings.compile == "auto" and n_steps * best["seconds_per_step"] > COMPILE_LONG):
        compiled = _compiled_trial(trunk, x, y, settings, best["way"])
        tried.append(compiled)
        if _same(compiled["loss"], base["loss"]) and compiled["seconds_per_step"] < PAYS * best["seconds_per_step"]:
            best = compiled
    plainest = f"{base['seconds_per_step'] * 1000:.3g} ms a step in {base['way']}"
    why = (
        f"The fastest of {len(tried)} that were tried, with the same loss: {best['seconds_per_step'] * 1000:.3g} ms a "
    )
    why += f"step, {plainest}." if best is not base else f"step; nothing was faster than {base['way']}."
    return _record(best["way"], why, tried)


def guess_seconds(trunk: "Trunk", x: torch.Tensor, n_steps: int) -> float:
    """How long the training takes, from its floating-point operations, so that the guess is the same each time."""
    return 3 * operations(trunk, x) * n_steps / OPERATIONS[x.device.type]


def is_out_of_memory(error: Exception) -> bool:
    """Whether the device, or the machine, had not enough memory."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "can't allocate memory" in str(error)


def operations(module: "nn.Module", x: torch.Tensor) -> float:
    """Floating-point operations of a forward pass over the batch x."""
    from torch.utils import flop_counter

    mode = flop_counter._FlopCounterMode  # wrapped it imports PyTorch's compiler, see `optimizers`
    mode.__torch_dispatch__ = inspect.unwrap(mode.__torch_dispatch__)
    was_training = module.training
    module.eval()
    with flop_counter.FlopCounterMode(display=False) as counter, torch.no_grad():
        module(x)
    module.train(was_training)
    return counter.get_total_flops()


def trial(trunk: "Trunk", x: torch.Tensor, y: torch.Tensor, settings: TrainingConfig, way: Precision) -> dict:
    """A few steps with a copy of the trunk: {"way", "seconds_per_step", "loss" after them}."""
    device = x.device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(settings.seed)
        copied = copy.deepcopy(trunk).train()
        way.prepare(copied)
        forward = torch.compile(copied) if way.compiled else copied
        optimizer = make_optimizer(copied.net, settings)
        set_rate(optimizer, 0.1, 0.9)
        scaler = way.scaler()
        marks = []
        for _ in range(WARM + TIMED):
            with way.autocast(device):
                logits = forward(x).float()
            loss = loss_of(logits, y, None, settings.label_smoothing, settings.focal)
            optimizer.zero_grad(set_to_none=True)
            (scaler.scale(loss) if scaler else loss).backward()
            scaler.step(optimizer) if scaler else optimizer.step()
            if scaler:
                scaler.update()
            if device.type == "cuda":
                torch.cuda.synchronize()
            marks.append(time.perf_counter())
    steps = sorted(after - before for before, after in zip(marks[WARM - 1 :], marks[WARM:]))
    return {"way": way, "seconds_per_step": steps[len(steps) // 2], "loss": loss.item()}


def _compiled_trial(trunk, x, y, settings, way: Precision) -> dict:
    """A trial with torch.compile; without a compiler, or if it fails, its loss is not a number."""
    way = replace(way, compiled=True)
    failed = {"way": way, "seconds_per_step": math.inf, "loss": math.nan}
    if x.device.type == "cpu" and not (shutil.which("g++") or shutil.which("clang++")):
        return failed
    try:
        return trial(trunk, x, y, settings, way)
    except Exception as error:  # a compiler has many ways to fail, and training goes on without it
        print(f"torch.compile does not work here: {str(error).splitlines()[0]}", flush=True)
        return failed


def _same(loss: float, wanted: float) -> bool:
    relative, absolute = SAME_LOSS
    return math.isfinite(loss) and abs(loss - wanted) <= relative * abs(wanted) + absolute


def _record(chosen: Precision, why: str, tried: list[dict]) -> dict:
    rows = [
        {
            "name": str(one["way"]),
            "seconds_per_step": one["seconds_per_step"] if math.isfinite(one["seconds_per_step"]) else None,
            "loss": one["loss"] if math.isfinite(one["loss"]) else None,
            "kept": one["way"] == chosen,
        }
        for one in tried
    ]
    return {"chosen": str(chosen), "why": why, "tried": rows}
