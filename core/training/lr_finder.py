"""A learning rate found by trying: it rises from step to step, and where the loss falls fastest is a good one.

Source: Smith 2017, "Cyclical Learning Rates for Training Neural Networks", section 3.3, arXiv:1506.01186.
"""

import math
import time

import numpy as np

from core import config as configs
from core import data, nets
from core.config import TrainConfig

LOWEST, HIGHEST = 1e-6, 10.0
STEPS, FEWEST = 100, 25
KEPT = 0.85  # share of the smoothed loss that stays from one step to the next
DIVERGED = 3.0  # times the lowest smoothed loss, at which the search ends
BELOW_LOWEST = 3.0  # the suggestion is at least this many times below the rate with the lowest loss


def find(config: TrainConfig, max_seconds: float = 60.0) -> dict:
    """{"lr", "loss" (smoothed), "suggested" (None if the loss never fell), "sentence"} for a fresh model on real data.

    Raises ValueError or LookupError with a sentence if the config cannot work.
    """
    began = time.monotonic()
    steps = _steps(config)
    next(steps)  # the model is there
    lr, losses = [], []
    n_steps, smooth, weight = STEPS, 0.0, 0.0
    while len(lr) < n_steps:
        rate = LOWEST * (HIGHEST / LOWEST) ** (len(lr) / (n_steps - 1))
        loss = steps.send(rate)
        smooth, weight = KEPT * smooth + (1 - KEPT) * loss, KEPT * weight + 1 - KEPT
        if not math.isfinite(loss) or (losses and smooth / weight > DIVERGED * min(losses) + 0.1):
            break
        lr.append(rate)
        losses.append(smooth / weight)
        passed = time.monotonic() - began
        if passed > max_seconds and len(lr) >= FEWEST:
            break
        if n_steps == STEPS and len(lr) == 3 and passed / 3 * STEPS > max_seconds:  # fewer steps, over the same range
            n_steps = min(STEPS - 1, max(FEWEST, int(max_seconds / (passed / 3))))
            lr, losses, smooth, weight = [], [], 0.0, 0.0
    steps.close()
    return {"lr": lr, "loss": losses, **suggest(lr, losses)}


def suggest(lr: list[float], losses: list[float]) -> dict:
    """{"suggested", "sentence"}: the rate at which a smoothed loss falls fastest, well below that of its minimum."""
    if len(losses) < 5 or min(losses) > 0.97 * losses[0]:
        return {
            "suggested": None,
            "sentence": "The loss fell at no learning rate, so none can be suggested; look at labels and settings.",
        }
    lowest = int(np.argmin(losses))
    slopes = np.gradient(np.array(losses), np.log(lr))
    steepest = int(slopes[: lowest + 1].argmin())
    rate = float(f"{min(lr[steepest], lr[lowest] / BELOW_LOWEST):.2g}")
    return {
        "suggested": rate,
        "sentence": f"The loss falls fastest near {lr[steepest]:.2g} and is lowest at {lr[lowest]:.2g}: take {rate:g}.",
    }


def _steps(config: TrainConfig):
    """A generator that is sent a learning rate, takes one step with it, and gives the loss before that step."""
    import torch

    from core.model import Model
    from core.training import devices, feed, loop
    from core.training.augment import Augment
    from core.training.feed import read
    from core.training.losses import loss_of
    from core.training.optimizers import make_optimizer
    from core.training.trunk import Trunk

    settings = config.training
    dataset = data.get(config.data.name, config.data.version)
    configs.check_together(config, dataset.schema)
    schema, device = configs.seen_by_net(config, dataset.schema), devices.best_device(settings.device)
    generator = torch.Generator().manual_seed(settings.seed)
    where = np.flatnonzero(data.parts(dataset, config.data) == "train")
    where = where[torch.randperm(len(where), generator=generator).numpy()[: STEPS * settings.batch_size]]
    y = torch.as_tensor(dataset.targets[where], device=device)

    torch.manual_seed(settings.seed)
    model = Model(schema, config.net).to(device)
    if nets.starts_trained(config.net.name, config.net.weights):
        from core.nets import weights

        weights.start(model, config.net)
    if schema.kind == "image":
        x = read(dataset.x, where, device, feed.shrink_to(model))
        model.preprocess.fit(x)
    else:
        rows = torch.from_numpy(np.array(dataset.x[where]))
        model.preprocess.cpu().fit(rows)
        x = model.preprocess(rows).to(device)
        model.to(device)
    augment = None
    if config.augment != configs.AugmentConfig():
        chance = torch.Generator(device).manual_seed(settings.seed)
        augment = Augment(config.augment, len(schema.classes), model.preprocess.top, chance)
    trunk = Trunk(model)
    trunk.freeze(settings.freeze != 0)
    trunk.train()
    optimizer = make_optimizer(model.net, settings)
    bounds = loop.batch_bounds(len(where), settings.batch_size)
    rate, i = (yield), 0
    while True:
        start, end = bounds[i], bounds[i + 1]
        i = (i + 1) % (len(bounds) - 1)
        some, wanted = (x[start:end], y[start:end])
        if augment:
            some, wanted = augment(some, wanted)
        loss = loss_of(trunk(some).float(), wanted, None, settings.label_smoothing, settings.focal)
        for group in optimizer.param_groups:
            group["lr"] = rate * group["max_lr"] / settings.lr
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        rate = yield loss.item()
