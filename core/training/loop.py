"""The training loop, to be read from top to bottom. No step waits for the device."""

import contextlib
import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from core import words
from core.config import AugmentConfig, TrainingConfig
from core.data import sampling
from core.training import devices, distributed, feed, figures, precision, schedules
from core.training.augment import Augment
from core.training.average import Average
from core.training.distributed import ALONE, World
from core.training.kept import NOTHING_KEPT, Kept
from core.training.losses import loss_of
from core.training.optimizers import make_optimizer, set_rate
from core.training.trunk import Trunk

COUNT_EVERY = 32  # steps after which losses, and what was right, are noted
NORM_EVERY = 16  # steps between two looks at the length of the gradient
AGREE_EVERY = 16  # steps after which several processes agree on how much time has passed
FIT_SAMPLES = 20_000  # images from which mean and deviation of the channels are taken, at most
EVALUATED_AT_ONCE = 2**23  # values of samples
KEPT_VALUES = 2**18  # logits of validation samples that are kept of each epoch, at most
MAX_NAMED = 20  # classes never predicted that a row of history names


def batch_bounds(n: int, batch_size: int) -> list[int]:
    """Where batches of n samples begin, and n; one sample left over joins the batch before it, for batch norm."""
    bounds = [*range(0, n, batch_size), n]
    if batch_size > 1 and len(bounds) > 2 and bounds[-1] - bounds[-2] == 1:
        del bounds[-2]
    return bounds


class Training:
    """Training of `model` on samples x at parts["train"], watched on those at parts["val"].

    x : uint8 images (n, c, H, W), possibly memory-mapped, or float32 rows (n, n_columns);  y : int64 (n,)
    train_feed : where training batches come from, if not from x, for example a feed.Redrawn
    kept : what earlier runs of the same data and net found out, see `core.training.kept`
    world : the processes that train together
    busy : called with a text and a fraction while something long is computed before training; it may raise to stop
    After each epoch `val_logits`, float16 (n_kept, n_classes), is what the net says to the validation samples
    parts["val"][val_kept], evenly taken from all.
    Raises ValueError if the device or the precision that is asked for is not there.
    """

    def __init__(
        self,
        model,
        x: np.ndarray,
        y: np.ndarray,
        parts: dict[str, np.ndarray],
        settings: TrainingConfig,
        augment: AugmentConfig | None = None,
        train_feed=None,
        kept: Kept = NOTHING_KEPT,
        world: World = ALONE,
        busy: Callable[[str, float], None] = lambda _text, _fraction: None,
    ):
        if settings.batch_size % world.size:
            raise ValueError(f"batch_size is {settings.batch_size}; it must be a multiple of {world.size} processes.")
        self.began = time.monotonic()
        torch.manual_seed(settings.seed + world.rank)
        self.model, self.settings, self.kept, self.world, self.busy = model, settings, kept, world, busy
        self.device = devices.best_device(settings.device)
        self.model.to(self.device)
        self.trunk = Trunk(model)
        self._open_feeds(x, y, parts, train_feed)
        self._weigh_classes(np.asarray(y)[parts["train"]])
        self.augment = None
        if augment not in (None, AugmentConfig()):
            generator = torch.Generator(self.device).manual_seed(settings.seed + world.rank)
            self.augment = Augment(augment, self.n_classes, model.preprocess.top, generator)
        self.bounds = batch_bounds(len(self.train) // world.size, settings.batch_size // world.size)
        self.n_batches = len(self.bounds) - 1
        self.n_steps = self.n_batches * settings.epochs
        self.order = torch.Generator().manual_seed(settings.seed)
        self.optimizer = make_optimizer(model.net, settings)
        self.average = Average(self.trunk, settings.ema) if settings.ema else None
        self.pieces = settings.accumulate
        self.precision, self.scaler = precision.Precision(), None
        self.frozen = None  # not known before the first epoch
        self.precisions = {}  # "frozen" and "whole" -> record of what was chosen, once it is
        self.epoch, self.val_losses, self.time_share, self.ended_early = 0, [], 0.0, ""
        self._begin_epoch()

    # ------------------------------------------------------------------------------------------------ the course

    def epochs(self, after_step: Callable[[int, int], None]) -> Iterator[dict]:
        """Train; yield a row of history per epoch with the step losses under "steps".

        after_step : called with epoch (from 1) and step (from 1); it may raise to end the training
        Raises figures.Diverged if the training or validation loss is not a number.
        """
        while not self.is_over():
            started = time.perf_counter()
            self.thaw_or_freeze()
            n_before, began = self.bounds[self.step], time.perf_counter()
            waited = self._train_one_epoch(after_step)
            seconds = time.perf_counter() - began
            n_seen = self.bounds[self.step]
            losses, norms, n_right = self._read_figures()
            val_loss, val_accuracy, never_predicted = self._evaluate()
            row = {
                "epoch": self.epoch + 1,
                "train_loss": float(np.average(losses, weights=np.diff(self.bounds[: self.step + 1]))),
                "train_accuracy": n_right / (n_seen * self.world.size),
                "val_loss": val_loss,
                "val_accuracy": val_accuracy,
                "lr": float(self.rates[-1]),
                "grad_norm": float(np.nanmean(norms)),
                "samples_per_second": (n_seen - n_before) * self.world.size / seconds,
                "waiting": waited / seconds,
                "memory_bytes": devices.memory_taken(self.device),
                "never_predicted": never_predicted,
                "seconds": time.perf_counter() - started,
            }
            figures.check(row, self.settings.lr)
            steps = figures.step_rows(losses, norms, self.rates, self.epoch, self.n_batches)
            self.epoch += 1
            self.val_losses.append(val_loss)
            self._begin_epoch()
            yield {**row, "steps": steps}

    def is_over(self) -> bool:
        """Whether the training has come to its end; `ended_early` says why if that is before the last epoch."""
        settings = self.settings
        if self.epoch >= settings.epochs:
            return True
        if self.epoch and self.time_share >= 1:
            self.ended_early = f"the time of {settings.minutes:g} min was used"
        elif settings.patience and self.epoch - 1 - np.argmin(self.val_losses or [0]) >= settings.patience:
            self.ended_early = f"no better validation loss for {words.count(settings.patience, 'epoch')}"
        return bool(self.ended_early)

    def progress(self) -> float:
        """How far the training is, from 0 to 1: by steps, or by time where that runs out before."""
        return min(1.0, max((self.epoch * self.n_batches + self.step) / self.n_steps, self.time_share))

    def _train_one_epoch(self, after_step) -> float:
        """The rest of an epoch of training samples; returns the seconds waited for them."""
        self.trunk.train()
        self.order.set_state(self.order_state)
        order = feed.epoch_order(len(self.train), self.sample_weights, self.order, self.world.rank, self.world.size)
        source, waited = self.source, 0.0
        asked = time.perf_counter()
        for x, targets in source.batches(order, self.bounds[self.step :]):
            waited += time.perf_counter() - asked
            self._set_rate()
            if self.augment:
                x, targets = self.augment(x, targets)
            loss, logits = self._learn(x, targets)
            self.answers.append((loss, logits, targets))
            self.step += 1
            if len(self.answers) == COUNT_EVERY:
                self.look_at_answers()
            if self.average:
                self.average.update(self.trunk)
            after_step(self.epoch + 1, self.step)
            if self.time_share >= 1:
                break
            asked = time.perf_counter()
        return waited

    def _learn(self, x, targets):
        """One step of the optimiser; returns its loss and logits. Short of memory, the batch is taken in pieces."""
        while True:
            try:
                loss, logits = self._add_gradients(x, targets)
                break
            except (RuntimeError, MemoryError) as error:
                if not precision.is_out_of_memory(error) or self.pieces >= len(x):
                    raise
            self.optimizer.zero_grad(set_to_none=True)
            torch.cuda.empty_cache()
            self.pieces *= 2
        if self.scaler:
            self.scaler.unscale_(self.optimizer)
        if self.settings.clip_norm:
            self.norms[self.step] = nn.utils.clip_grad_norm_(self.model.net.parameters(), self.settings.clip_norm)
        elif self.step % NORM_EVERY == 0:
            self.norms[self.step] = nn.utils.get_total_norm(
                [p.grad for p in self.model.net.parameters() if p.grad is not None]
            )
        if self.scaler:
            self.scaler.step(self.optimizer)
            self.scaler.update()
        else:
            self.optimizer.step()
        return loss, logits

    def _add_gradients(self, x, targets):
        """The gradients of a batch, its pieces one after another; returns its loss and logits (n, n_classes)."""
        self.optimizer.zero_grad(set_to_none=True)
        if self.pieces == 1:
            loss, logits = self._loss(x, targets)
            (self.scaler.scale(loss) if self.scaler else loss).backward()
            return loss.detach(), logits.detach()
        total, answers = 0.0, []
        for some, wanted in zip(x.chunk(self.pieces), targets.chunk(self.pieces)):
            last = sum(map(len, answers)) + len(some) == len(x)
            apart = self.world.size > 1 and not last  # processes exchange gradients once per step
            with self.forward.no_sync() if apart else contextlib.nullcontext():
                loss, logits = self._loss(some, wanted)
                loss = loss * (len(some) / len(x))
                (self.scaler.scale(loss) if self.scaler else loss).backward()
            total += loss.detach()
            answers.append(logits.detach())
        return total, torch.cat(answers)

    def _loss(self, x, targets):
        """The loss of samples, a scalar, and their logits."""
        settings = self.settings
        with self.autocast:
            logits = self.forward(x)
        logits = logits.float()
        return loss_of(logits, targets, self.class_weights, settings.label_smoothing, settings.focal), logits

    def look_at_answers(self) -> None:
        """Note losses of the last steps, and how many samples were right: many steps at a time, which costs less."""
        if self.answers:
            losses, logits, targets = zip(*self.answers)
            self.losses[self.step - len(losses) : self.step] = torch.stack(losses)
            logits, targets = torch.cat(logits), torch.cat(targets)
            hard = targets if targets.dim() == 1 else targets.argmax(dim=1)
            self.n_right += (logits.argmax(dim=1) == hard).sum()
            self.answers.clear()

    def _set_rate(self) -> None:
        """The learning rate of the step to come."""
        if self.settings.minutes and (self.world.size == 1 or self.step % AGREE_EVERY == 0):
            share = (time.monotonic() - self.began) / (60 * self.settings.minutes)
            self.time_share = self.world.first(share)
        done = self.epoch * self.n_batches + self.step
        progress = min(1.0, max(done / max(1, self.n_steps - 1), self.time_share))  # 1 in the last step
        rate = 1.0
        if self.n_steps >= schedules.FEW_STEPS:
            rate = schedules.rate(self.settings, progress, self.val_losses)
        set_rate(self.optimizer, rate, schedules.momentum(self.settings, progress))
        self.rates.append(rate * self.settings.lr)

    @torch.inference_mode()
    def _evaluate(self):
        """Mean cross-entropy and accuracy on the validation samples, and the classes that were never predicted."""
        trunk = self.average.trunk if self.average else self.trunk
        trunk.eval()
        shift = self.model.prior_shift
        dtype = torch.float32 if self.device.type == "mps" else torch.float64  # which MPS has not
        sums = torch.zeros(2 + self.n_classes, dtype=dtype, device=self.device)
        n, answers = len(self.val_source), []
        at_once = max(16, min(1024, EVALUATED_AT_ONCE // self.sample_size))
        mine = torch.arange(n)[self.world.rank :: self.world.size]
        for x, targets in self.val_source.batches(mine, [*range(0, len(mine), at_once), len(mine)]):
            with self.autocast:
                logits = trunk(x)
            logits = logits.float() + shift
            predicted = logits.argmax(dim=1)
            sums[0] += F.cross_entropy(logits, targets, reduction="sum")
            sums[1] += (predicted == targets).sum()
            sums[2:].index_add_(0, predicted, torch.ones_like(predicted, dtype=dtype))
            answers.append(logits)
        self._keep(torch.cat(answers), mine)
        loss, n_right, *counts = self.world.total(sums).tolist()
        never = [j for j in self.val_classes if not counts[j]]
        return loss / n, n_right / n, never[:MAX_NAMED]

    def _keep(self, logits: torch.Tensor, mine: torch.Tensor) -> None:
        """Keep what the net says to some validation samples, those at `val_kept`, as float16 in `val_logits`."""
        if self.world.size > 1:
            of_all = torch.zeros(len(self.val_source), self.n_classes, device=self.device)
            logits = self.world.total(of_all.index_copy(0, mine.to(self.device), logits))
        some = logits[torch.from_numpy(self.val_kept).to(self.device)]
        self.val_logits = some.clamp(-6e4, 6e4).to(torch.float16).cpu().numpy()

    # ------------------------------------------------------------------------------------------------- beginnings

    def _open_feeds(self, x, y, parts, train_feed) -> None:
        """Fit the preprocessing to the training samples, and say where samples come from."""
        model, preprocess = self.model, self.model.preprocess
        if model.schema.kind == "image":
            same = x.shape[1:] == model.schema.shape and preprocess.zoom == 1
            change = None if same else feed.shrink_to(model)
            stored = feed.open_feed(x, y, parts["train"], self.device, change)
            preprocess.fit(stored.some(FIT_SAMPLES))
        else:  # preprocessed once
            preprocess.fit(torch.from_numpy(np.asarray(x)[parts["train"]]))
            change = preprocess
            stored = feed.open_feed(x, y, parts["train"], self.device, change)
        if train_feed is not None:
            train_feed.change = change
        self.train = stored if train_feed is None else train_feed
        self.val = feed.open_feed(x, y, parts["val"], self.device, change)
        self.redrawn = train_feed is not None
        self.sample_size = math.prod(model.schema.shape)
        self.n_classes = len(model.schema.classes)
        self.val_classes = np.unique(np.asarray(y)[parts["val"]]).tolist()
        n_kept = min(len(parts["val"]), max(1, KEPT_VALUES // self.n_classes))
        self.val_kept = np.linspace(0, len(parts["val"]) - 1, n_kept).round().astype(int)

    def _weigh_classes(self, targets: np.ndarray) -> None:
        """How often the classes of the training samples are drawn, how much they count, and what takes it out again."""
        settings = self.settings
        self.sample_weights = self.class_weights = None
        if settings.resample:
            self.sample_weights = sampling.weights(targets, self.n_classes, settings.resample)
        if settings.class_weights:
            weights = sampling.class_weights(targets, self.n_classes, settings.class_weights)
            self.class_weights = torch.tensor(weights, dtype=torch.float32, device=self.device)
        if settings.correct_prior:
            shift = sampling.log_prior_shift(targets, self.n_classes, settings.resample + settings.class_weights)
            self.model.prior_shift.copy_(torch.from_numpy(shift))

    def _begin_epoch(self) -> None:
        """Set what is counted within an epoch to its beginning."""
        self.step, self.rates, self.answers = 0, [], []
        self.order_state = self.order.get_state()
        self.losses = torch.empty(self.n_batches, device=self.device)
        self.norms = torch.full((self.n_batches,), torch.nan, device=self.device)
        self.n_right = torch.zeros((), dtype=torch.int64, device=self.device)

    def thaw_or_freeze(self) -> None:
        """Make ready for the next epoch: with the backbone frozen or not, in the precision chosen for that."""
        freeze = self.settings.freeze
        frozen = freeze == -1 or self.epoch < freeze
        if frozen == self.frozen:
            return
        self.frozen = frozen
        gets_features = frozen and not self.augment and not self.redrawn
        self.source, self.val_source = self.train, self.val
        if gets_features:
            self.source, self.val_source = self._features("train", self.train), self._features("val", self.val)
        for trunk in [self.trunk, *([self.average.trunk] if self.average else [])]:
            trunk.freeze(frozen)
            trunk.gets_features = gets_features
        phase = "frozen" if frozen else "whole"
        if phase not in self.precisions:
            also = dataclasses.asdict(self.settings) | {"seed": 0, "lr": 0, "processes": self.world.size}
            record = None
            if self.world.writes:
                record = self.kept.record(f"precision-{phase}", also, self._choose_precision)
            self.precisions[phase] = self.world.first(record)
        self.precision = precision.read(self.precisions[phase]["chosen"])
        self.precision.prepare(self.trunk)
        self.autocast = self.precision.autocast(self.device)
        self.scaler = self.precision.scaler()
        self.forward: Any = distributed.wrap(self.trunk, self.world, self.device)
        if self.precision.compiled:
            self.forward = torch.compile(self.forward)

    def _features(self, part: str, source) -> feed.Resident:
        """What a frozen backbone makes of every sample, computed once."""

        def compute():
            text = f"Computing the features of {len(source):,} {'training' if part == 'train' else 'validation'} images"
            return self.trunk.features(source, lambda n: self.busy(text, n / len(source)))

        features = self.kept.tensor(f"features-{part}", self.trunk.digest(), compute).to(self.device)
        return feed.Resident.of(features, torch.as_tensor(source.y, device=self.device))

    def _choose_precision(self) -> dict:
        """The record of the precision chosen, for the first batch of an epoch."""
        n = self.bounds[1]
        x, y = next(iter(self.source.batches(torch.arange(n), [0, n])))
        return precision.choose(self.trunk, x, y, self.settings, self.n_steps)

    # ---------------------------------------------------------------------------------------------------- figures

    def _read_figures(self):
        """Losses and lengths of the gradient, arrays (n_steps,), and the number right: the only wait for the device."""
        self.look_at_answers()
        losses = self.world.total(self.losses[: self.step]) / self.world.size
        return (
            losses.cpu().numpy(),
            self.norms[: self.step].cpu().numpy(),
            int(self.world.total(self.n_right)),
        )

    # ------------------------------------------------------------------------------------------------------ state

    def weights(self) -> dict:
        """The weights to keep: averaged ones where there is an average."""
        weights = self.model.state_dict()
        if self.average:
            averaged = self.average.trunk.net.state_dict()
            weights |= {f"net.{name}": value for name, value in averaged.items()}
        return weights
