"""The training loop, to be read from top to bottom. No step waits for the device."""

import time
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from core import preprocessing
from core.config import AugmentConfig, TrainingConfig
from core.data import sampling
from core.training import feed
from core.training.augment import Augment

STEP_ROWS = 50  # rows of steps.jsonl per epoch, at most
FIT_SAMPLES = 20_000  # images from which mean and deviation of the channels are taken, at most
SMALL_STEP = 2e8  # floating-point operations of a forward pass over a batch, below which one thread is as fast as two


class Diverged(ValueError):
    """The loss is no longer a number; the message says what to try."""


def best_device(setting: str) -> torch.device:
    """The processor for a device setting; "auto" takes a GPU where there is one. ValueError if it is not there."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if setting == "auto":
        return torch.device(next(name for name in ("cuda", "mps", "cpu") if there[name]))
    if not there[setting]:
        raise ValueError(f"There is no {setting} device on this machine; choose auto, or cpu.")
    return torch.device(setting)


def make_optimizer(parameters, settings: TrainingConfig) -> torch.optim.Optimizer:
    """Adam (Kingma and Ba 2015, arXiv:1412.6980), AdamW or SGD with Nesterov momentum 0.9."""
    if settings.optimizer == "sgd":
        return torch.optim.SGD(
            parameters, lr=settings.lr, momentum=0.9, nesterov=True, weight_decay=settings.weight_decay
        )
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[settings.optimizer]
    return kind(parameters, lr=settings.lr, weight_decay=settings.weight_decay)


def make_schedule(optimizer, settings: TrainingConfig, n_steps: int) -> torch.optim.lr_scheduler.LRScheduler:
    """One cycle (Smith and Topin 2017, arXiv:1708.07120) over all `n_steps`, or a constant learning rate."""
    if settings.schedule == "constant" or n_steps < 8:  # too few to rise and fall
        return torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=settings.lr, total_steps=n_steps, pct_start=0.25)


def use_threads_that_pay(model: nn.Module, x: np.ndarray) -> int:
    """Let PyTorch use one CPU thread if a step on a batch like `x` is small, else all; returns how many.

    Threads that share little work wait for one another more than they gain, and much more so beside another process.
    Counted in operations rather than timed, so that a run repeated takes the same number and gives the same weights.
    """
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.from_numpy(np.array(x)))
    if counter.get_total_flops() < SMALL_STEP:
        torch.set_num_threads(1)
    return torch.get_num_threads()


def loss_of(logits, targets, weights=None) -> torch.Tensor:
    """Mean cross-entropy of targets int64 (n,), or float32 (n, n_classes) if mixed; weights (n_classes,) scale samples.

    The mean is over samples, not over weights, so that a weight means the same in every batch.
    """
    if weights is None:
        return F.cross_entropy(logits, targets)
    return F.cross_entropy(logits, targets, weight=weights, reduction="none").mean()


def shrink_to(model):
    """A function from stored images (n, c, H, W) to uint8 or float32 ones of the size that the net sees."""
    preprocess = model.preprocess

    def shrink(x):
        small = preprocessing.resize(x.float(), preprocess.height, preprocess.width)
        return small.round().clamp(0, 255).to(torch.uint8) if x.dtype == torch.uint8 else small

    return shrink


def batch_bounds(n: int, batch_size: int) -> list[int]:
    """Where batches of n samples begin, and n; one sample left over joins the batch before it, for batch norm."""
    bounds = [*range(0, n, batch_size), n]
    if batch_size > 1 and len(bounds) > 2 and bounds[-1] - bounds[-2] == 1:
        del bounds[-2]
    return bounds


class Training:
    """A model in training: `epochs()` yields one row of figures per epoch, `state()` is what a checkpoint holds.

    x, y : raw samples and targets of the whole data set; parts : positions of "train" and "val" in them
    train_feed : where training batches come from instead (a person's own Dataset)
    """

    def __init__(
        self,
        model: nn.Module,
        x: np.ndarray,
        y: np.ndarray,
        parts: dict[str, np.ndarray],
        settings: TrainingConfig,
        augment: AugmentConfig | None = None,
        train_feed=None,
    ):
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.device = best_device(settings.device)
        self.model = model
        resized = model.schema.kind == "image" and x.shape[1:] != model.schema.shape
        shrink = shrink_to(model) if resized else None
        stored = feed.open_feed(x, y, parts["train"], self.device, shrink)
        model.preprocess.fit(stored.some(FIT_SAMPLES if model.schema.kind == "image" else len(stored)))
        self.train = stored if train_feed is None else train_feed
        self.val = feed.open_feed(x, y, parts["val"], self.device, shrink)
        n_classes = len(model.schema.classes)
        targets = np.asarray(y)[parts["train"]]
        self.sample_weights = self.class_weights = None
        if settings.resample:
            self.sample_weights = sampling.weights(targets, n_classes, settings.resample)
        if settings.class_weights:
            weights = sampling.class_weights(targets, n_classes, settings.class_weights)
            self.class_weights = torch.tensor(weights, dtype=torch.float32, device=self.device)
        if settings.correct_prior:
            shift = sampling.log_prior_shift(targets, n_classes, settings.resample + settings.class_weights)
            model.prior_shift.copy_(torch.from_numpy(shift))
        self.model.to(self.device)
        self.augment = None
        if augment not in (None, AugmentConfig()):
            generator = torch.Generator(self.device).manual_seed(settings.seed)
            self.augment = Augment(augment, n_classes, model.preprocess.top, generator)
        self.bounds = batch_bounds(len(self.train), settings.batch_size)
        self.n_batches = len(self.bounds) - 1
        self.optimizer = make_optimizer(self.model.net.parameters(), settings)
        self.schedule = make_schedule(self.optimizer, settings, settings.epochs * self.n_batches)
        self.order = torch.Generator().manual_seed(settings.seed)

    def epochs(self, after_step: Callable[[int, int], None]) -> Iterator[dict]:
        """Train; yield a row of history per epoch with the step losses under "steps".

        after_step : called with epoch (from 1) and step (from 1); it may raise to end the training
        Raises Diverged if the training or validation loss is not a number.
        """
        for epoch in range(1, self.settings.epochs + 1):
            started = time.perf_counter()
            lr = self.optimizer.param_groups[0]["lr"]
            losses, n_right = self._train_one_epoch(epoch, after_step)
            seconds = time.perf_counter() - started
            val_loss, val_accuracy = self._evaluate()
            n_train = len(self.train)
            row = {
                "epoch": epoch,
                "train_loss": float(np.average(losses, weights=np.diff(self.bounds))),
                "train_accuracy": n_right / n_train,
                "val_loss": val_loss,
                "val_accuracy": val_accuracy,
                "lr": lr,
                "samples_per_second": n_train / seconds,
                "seconds": time.perf_counter() - started,
            }
            if not np.isfinite([row["train_loss"], val_loss]).all():
                where = " on validation samples" if np.isfinite(row["train_loss"]) else ""
                raise Diverged(
                    f"The loss became {val_loss if where else row['train_loss']} in epoch {epoch}{where}: the learning "
                    f"rate {self.settings.lr:g} is probably too high. Train again with a lower one, for example "
                    f"{self.settings.lr / 10:g}."
                )
            yield {**row, "steps": self._step_rows(epoch, losses)}

    def state(self) -> dict:
        """Weights, optimiser, schedule and random generators, as plain values and tensors."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "order": self.order.get_state(),
            "augment": None if self.augment is None else self.augment.generator.get_state(),
            "torch": torch.get_rng_state(),
        }

    def _train_one_epoch(self, epoch, after_step):
        """One epoch of training samples. Returns the loss of each step, and how many were right."""
        self.model.train()
        order = feed.epoch_order(len(self.train), self.sample_weights, self.order)
        losses = torch.empty(self.n_batches, device=self.device)
        n_right = torch.zeros((), dtype=torch.int64, device=self.device)
        for i, (x, targets) in enumerate(self.train.batches(order, self.bounds)):
            if self.augment:
                x, targets = self.augment(x, targets)
            logits = self.model(x)
            loss = loss_of(logits, targets, self.class_weights)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            self.schedule.step()
            losses[i] = loss.detach()
            hard = targets if targets.dim() == 1 else targets.argmax(dim=1)
            n_right += (logits.detach().argmax(dim=1) == hard).sum()
            after_step(epoch, i + 1)
        return losses.cpu().numpy(), int(n_right)  # the only wait for the device

    @torch.inference_mode()
    def _evaluate(self):
        """Mean cross-entropy and accuracy on the validation samples."""
        self.model.eval()
        loss = torch.zeros((), device=self.device)
        n_right = torch.zeros((), dtype=torch.int64, device=self.device)
        n = len(self.val)
        for x, targets in self.val.batches(torch.arange(n), [*range(0, n, 1024), n]):
            logits = self.model(x)
            loss += F.cross_entropy(logits, targets, reduction="sum")
            n_right += (logits.argmax(dim=1) == targets).sum()
        return float(loss) / n, int(n_right) / n

    def _step_rows(self, epoch, losses):
        """The step losses of an epoch, averaged over neighbours down to at most STEP_ROWS rows."""
        groups = np.array_split(np.arange(len(losses)), min(STEP_ROWS, len(losses)))
        first = (epoch - 1) * self.n_batches
        return [
            {
                "step": int(first + group[-1] + 1),
                "epoch": (epoch - 1) + float(group[-1] + 1) / self.n_batches,
                "loss": float(losses[group].mean()),
            }
            for group in groups
        ]
