"""Whether what an explanation points at matters to the net: it is taken away, or shown alone, bit by bit.

Source: Petsiuk, Das and Saenko 2018, arXiv:1806.07421, section 3.1. The random orders of a picture are the map itself,
moved and mirrored: they are as smooth as the map, and differ in the place alone.
"""

import itertools
import math

import numpy as np

from core.trust._case import Case

TITLE = "Does what it points at matter to the net?"
LEVEL = 0.05  # share of random orders that do as well, up to which the order is better than random
LEVELS, LEVELS_LARGE = 12, 6  # steps along a curve
RANDOM, RANDOM_LARGE = 59, 29
TINY = 1e-6  # probability that counts as none
ROWS = 16  # training rows whose values stand in for a column that is taken away


def check(case: Case, seed: int = 0) -> dict:
    """The check as a record; value is the share of random orders that do as well (a p-value), with the curves."""
    rng = np.random.default_rng(seed)
    if case.is_image:
        orders, named = _image_orders(case, rng)
    else:
        orders, named = _column_orders(case, rng)
    if orders is None:
        return _record(None, None, "It does not apply: there are too few parts to put into another order.", None)
    n_random = len(orders) - named
    shares, deletion, insertion = _curves(case, orders)
    gain = _gain(shares, deletion, insertion)  # of the map, perhaps of edges, then of random ones
    as_good = int((gain[named:] >= gain[0] - 1e-9).sum())
    value = (1 + as_good) / (1 + n_random)
    passed = value <= max(LEVEL, 2 / (1 + n_random))
    curves = {
        "share": shares.tolist(),
        "deletion": deletion[0].tolist(),
        "insertion": insertion[0].tolist(),
        "random_deletion": deletion[named:].mean(axis=0).tolist(),
        "random_insertion": insertion[named:].mean(axis=0).tolist(),
        "gain": float(gain[0]),
        "random_gain": float(gain[named:].mean()),
    }
    what = "the map moved elsewhere" if case.is_image else "the columns in random order"
    text = f"{what} does as well in {as_good} of {n_random} trials."
    start = (
        "Yes: the probability follows the map, and "
        if case.is_image
        else "Yes: the probability follows the shares, and "
    )
    if not passed:
        start = "No better than random: "
    if named > 1:
        curves |= {"edges_deletion": deletion[1].tolist(), "edges_insertion": insertion[1].tolist()}
        curves["edges_gain"] = float(gain[1])
        text = text[:-1] + (
            "; it does better than a plain edge detector."
            if gain[0] > gain[1]
            else "; a plain edge detector does better."
        )
    return _record(passed, value, start + text, curves)


def _record(passed, value, text, curves) -> dict:
    found = {"name": "deletion", "title": TITLE, "passed": passed, "value": value, "text": text[0].upper() + text[1:]}
    return found | ({"curves": curves} if curves else {})


def _curves(case: Case, orders: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares (k,) of the parts, and the probability when they are taken away, or alone are there, (n_orders, k)."""
    import torch

    from core import progress
    from core.explain import _maps

    n_parts = math.prod(orders.shape[1:])
    n_levels = min(LEVELS_LARGE if case.is_large else LEVELS, n_parts)
    counts = np.unique((np.linspace(0, 1, n_levels + 1) ** 1.5 * n_parts).round().astype(int))
    ranks = torch.from_numpy(orders)  # 0 goes first
    away, alone = _stand_ins(case)  # (b, ...) each
    x = case.x.float()
    pairs = list(itertools.product(range(len(orders)), range(1, len(counts) - 1), (0, 1)))
    step = max(1, _maps.at_once(x) // len(away))
    found = np.empty((len(orders), len(counts), 2))
    with torch.inference_mode():
        found[:, 0, 0] = found[:, -1, 1] = case.probability(x)[0]
        found[:, -1, 0] = case.probability(away).mean()
        found[:, 0, 1] = case.probability(alone).mean()
        for start in range(0, len(pairs), step):
            some = pairs[start : start + step]
            order, level, alone_only = (np.array(part) for part in zip(*some))
            first = ranks[order] < torch.from_numpy(counts[level]).view(-1, *[1] * (ranks.dim() - 1))
            show = first == torch.from_numpy(alone_only == 1).view(-1, *[1] * (ranks.dim() - 1))
            show = show[:, None, None] if case.is_image else show[:, None]  # (n, 1, [1,] parts)
            other = torch.where(torch.from_numpy(alone_only == 1).view(-1, *[1] * away.dim()), alone, away)
            mixed = torch.where(show, x[None], other).flatten(0, 1)
            found[order, level, alone_only] = case.probability(mixed).reshape(len(some), -1).mean(axis=1)
            progress.report(start + len(some), len(pairs))
    return counts / n_parts, found[..., 0], found[..., 1]


def _gain(shares, deletion, insertion) -> np.ndarray:
    """How far the insertion curves lie above the deletion curves, (n_orders,), in log odds: near 1 too they differ."""
    from scipy.special import logit

    above = logit(insertion.clip(TINY, 1 - TINY)) - logit(deletion.clip(TINY, 1 - TINY))
    return np.trapezoid(above, shares, axis=1)


def _stand_ins(case: Case):
    """What takes the place of parts: where they are taken away, and where they alone are there."""
    from core.explain import _maps

    if not case.is_image:
        rows = case.background[:: max(1, len(case.background) // ROWS)][:ROWS]
        return rows, rows
    x = case.x.float()
    plain = x.mean(dim=(2, 3), keepdim=True).expand_as(x)
    return plain, _maps.blurred(x, max(1.0, min(x.shape[2:]) / 6))


def _ranked(maps: np.ndarray, rng) -> np.ndarray:
    """Maps (m, ...) -> the place of each part in the order from the highest value on; equal values in random order."""
    flat = maps.reshape(len(maps), -1)
    keys = np.lexsort((rng.random(flat.shape), -flat), axis=1)
    ranks = np.empty_like(keys)
    np.put_along_axis(ranks, keys, np.arange(flat.shape[1])[None], axis=1)
    return ranks.reshape(maps.shape)


def _image_orders(case: Case, rng) -> tuple[np.ndarray | None, int]:
    """Orders (m, h, w) of the map, of edges and of random ones; and how many are not random."""
    values = case.map
    height, width = values.shape
    if height * width < 9:
        return None, 0
    maps = [values, edges(case.x[0].float().mean(dim=0).numpy())]
    for _ in range(RANDOM_LARGE if case.is_large else RANDOM):
        moved = np.roll(values, (rng.integers(height), rng.integers(width)), axis=(0, 1))
        moved = moved[:: rng.choice((-1, 1)), :: rng.choice((-1, 1))]
        maps.append(moved.T if height == width and rng.random() < 0.5 else moved)
    return _ranked(np.stack(maps), rng), 2


def edges(grey: np.ndarray) -> np.ndarray:
    """How strongly the brightness (h, w) changes at each pixel, by Sobel's filter."""
    from scipy import ndimage

    return np.hypot(ndimage.sobel(grey, axis=0, mode="nearest"), ndimage.sobel(grey, axis=1, mode="nearest"))


def _column_orders(case: Case, rng) -> tuple[np.ndarray | None, int]:
    """Orders (m, n_columns) of the shares and of random ones, all others where they are few."""
    n_columns = len(case.map)
    if n_columns < 3:
        return None, 0
    own = _ranked(case.map[None], rng)
    if n_columns <= 4:
        others = np.array(
            [order for order in itertools.permutations(range(n_columns)) if list(order) != own[0].tolist()]
        )
    else:
        others = np.argsort(rng.random((RANDOM, n_columns)), axis=1)
    return np.concatenate([own, others]), 1
