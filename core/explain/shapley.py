"""Shapley values: each column's share in a probability, averaged over all orders in which columns become known.

Source: Lundberg and Lee 2017, "A Unified Approach to Interpreting Model Predictions", arXiv:1705.07874, with columns
that are not known taken from training rows (interventional, as in Janzing et al. 2020, arXiv:1910.13413).
"""

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core import progress
from core.explain._base import Attribution, Target
from core.options import option

if TYPE_CHECKING:
    import torch
    from torch import nn

KINDS = ("table",)
SCOPE = "sample"
TITLE = "Shapley values"
ANSWERS = "How the probability comes about, column by column, from the base rate: the shares add up to it exactly."
SILENT = "What would happen in the world if a value changed; and of columns that say the same, which one matters."
SOURCE = 'Lundberg and Lee 2017, "A Unified Approach to Interpreting Model Predictions", arXiv:1705.07874.'
UNIT = "probability"
NEEDS_BACKGROUND = True
RANK = 0

EXACT = 12  # columns up to which every coalition is asked
AT_ONCE = 4096  # coalitions asked at once


@dataclass(frozen=True)
class Options:
    samples: int = option(
        256, f"coalitions asked for each training row, of a table with more than {EXACT} columns", 64, 65536
    )
    seed: int = option(0, "of the sampling", 0, 2**31 - 1, rare=True)


def explain(
    model: "nn.Module",
    x: "torch.Tensor",
    target: int | Target,
    options: Options = Options(),
    background: "np.ndarray | torch.Tensor | None" = None,
) -> Attribution:
    """Shapley values, float32 (n, n_columns), of the probability of a class, or of the difference of two, for rows x.

    background : rows, float32 (m, n_columns), from which a column that is not known takes its value, one by one

    Each pair of a row and a background row is a game of its own, whose players are the columns in which the two differ;
    a row's values are the mean over its games. A game with few players is solved exactly: all of them, of tables with
    up to EXACT columns. In larger ones coalitions are sampled, and `error` holds the standard error.
    Raises ValueError if there is no background row.
    """
    import torch

    if background is None or not len(background):
        raise ValueError("Shapley values need training rows that stand for what is not known; there are none.")
    target, known = Target.of(target), torch.as_tensor(background, device=x.device)
    with torch.inference_mode():
        games = _fast(model, x, known, target) or _general(model, x, known, target)
        score, base = games.plain(x), games.plain(known).mean()
        values = torch.zeros(x.shape, dtype=torch.float64, device=x.device)
        variance = torch.zeros_like(values)
        most = EXACT if x.shape[1] <= EXACT else int(math.log2(2 * options.samples))
        sampled, done, batches = False, 0, _batches(x, known, most, options.samples)
        total = sum(n for *_, n in batches)
        for n_players, row, other, n in batches:
            if len(x) == 1:  # whoever asks for many, batch by batch, knows how many there are
                progress.report(done, total)
            done += n
            players = _players(x[row], known[other], n_players)
            if n_players <= most:
                members, weights = (torch.from_numpy(part).to(x.device) for part in _all(n_players))
                shares = games(members, row, other, players) @ weights
            else:
                sampled = True
                players = players.gather(1, _shuffled(n_players, len(known), options.seed).to(x.device)[other])
                design = _design(n_players, options.samples, options.seed)
                shares, noise = design.solve(games(design.members.to(x.device), row, other, players))
                variance.view(-1).index_add_(0, (row[:, None] * x.shape[1] + players).flatten(), noise.flatten())
            values.view(-1).index_add_(0, (row[:, None] * x.shape[1] + players).flatten(), shares.flatten())
    m = len(known)
    error = (variance.sqrt() / m).float() if sampled else None
    return Attribution((values / m).float(), score.float(), base.float().expand(len(x)), error)


# ---------------------------------------------------------------------------------------------------- games


def _batches(x, background, most: int, samples: int) -> list[tuple]:
    """Games with the same number of players, a few at a time: (players, rows, background rows, coalitions)."""
    differ = _differ(x[:, None], background[None]).sum(dim=2)  # (n, m)
    found = []
    for n_players in differ.unique().tolist():
        if n_players == 0:
            continue
        row, other = (differ == n_players).nonzero(as_tuple=True)
        size = 2**n_players if n_players <= most else 2 * len(_pairs(n_players, samples, 0)[0]) + 2
        step = max(1, AT_ONCE // size)
        for start in range(0, len(row), step):
            part = row[start : start + step]
            found.append((n_players, part, other[start : start + step], size * len(part)))
    return found


def _differ(x, other):
    return (x != other) & ~(x.isnan() & other.isnan())


def _players(x, other, n_players: int):
    """Indices of the columns in which each row differs from the other, int (n, n_players)."""
    return _differ(x, other).int().argsort(dim=1, descending=True, stable=True)[:, :n_players]


class _general:
    """What any model says where some columns of rows are taken from background rows."""

    def __init__(self, model, x, background, target: Target):
        self.model, self.x, self.background, self.target = model, x, background, target

    def plain(self, rows):
        """The explained score, float64 (n,), of rows as they are."""
        return self.target.score(self.model(rows).softmax(dim=1)).double()

    def __call__(self, members, row, other, players):
        """Scores, float64 (n_games, n_coalitions); a coalition is a row of `members`, float32 with 1 for who is in."""
        import torch

        known = torch.zeros(len(row), len(members), self.x.shape[1], dtype=torch.bool, device=self.x.device)
        known.scatter_(2, players[:, None].expand(-1, len(members), -1), members.bool()[None].expand(len(row), -1, -1))
        rows = torch.where(known, self.x[row][:, None], self.background[other][:, None])
        return self.plain(rows.flatten(0, 1)).view(len(row), len(members))


class _fast(_general):
    """The same for a net whose first layer after `embed` is linear: a coalition there is a sum over its columns."""

    def __new__(cls, model, *_):
        from torch import nn

        from core.nets._layers import TableNet

        net = getattr(model, "net", None)
        return super().__new__(cls) if isinstance(net, TableNet) and type(net.body[0]) is nn.Linear else None

    def __init__(self, model, x, background, target: Target):
        import torch

        super().__init__(model, x, background, target)
        embed, first = model.net.embed, model.net.body[0]
        self.rest = model.net.body[1:]
        owners = torch.tensor(embed.owners, device=x.device)

        def by_column(features):
            """What each column adds to the first layer, (n, n_columns, n_hidden)."""
            terms = features[:, :, None] * first.weight.T  # (n, n_features, n_hidden)
            return terms.new_zeros(len(features), x.shape[1], terms.shape[2]).index_add_(1, owners, terms)

        start = embed(model.preprocess(background))
        self.start = first(start)
        self.of_x, self.of_background = by_column(embed(model.preprocess(x))), by_column(start)

    def __call__(self, members, row, other, players):
        import torch

        changes = self.of_x[row[:, None], players] - self.of_background[other[:, None], players]
        terms = torch.cat([changes, self.start[other][:, None]], dim=1)  # (n_games, n_players + 1, n_hidden)
        with_start = torch.cat([members, members.new_ones(len(members), 1)], dim=1)
        hidden = with_start @ terms.transpose(0, 1).flatten(1)  # (n_coalitions, n_games * n_hidden)
        logits = self.rest(hidden.view(-1, terms.shape[2])) + self.model.prior_shift
        return self.target.score(logits.softmax(dim=1)).double().view(len(members), len(row)).T


# ---------------------------------------------------------------------------------------------------- coalitions


@functools.lru_cache(maxsize=32)
def _all(n_players: int) -> tuple[np.ndarray, np.ndarray]:
    """All coalitions, float32 (2^n, n), and what turns their scores into Shapley values, float64 (2^n, n)."""
    members = (np.arange(2**n_players)[:, None] >> np.arange(n_players)) & 1
    size = members.sum(axis=1)
    n = n_players
    gain = np.array([1 / (n * math.comb(n - 1, s - 1)) if s else 0 for s in range(n + 1)])
    loss = np.array([1 / (n * math.comb(n - 1, s)) if s < n else 0 for s in range(n + 1)])
    return members.astype(np.float32), np.where(members == 1, gain[size][:, None], -loss[size][:, None])


@functools.lru_cache(maxsize=32)
def _pairs(n: int, samples: int, seed: int):
    """Coalitions, each standing for itself and its complement: members bool (n_pairs, n), size (n_pairs,), drawn bool.

    Sizes of which there are fewer coalitions than their due are there in full; of the others as many are drawn as
    their leverage says, in two halves.
    """
    rng = np.random.default_rng([seed, n])
    left, sizes = max(samples, 8 * n) // 2, list(range(1, n // 2 + 1))
    full = []
    while sizes:  # from the outside, where there are few
        due = _due(n, sizes, left)
        if math.comb(n, sizes[0]) > max(due[0], 1):
            break
        full.append(sizes.pop(0))
        left -= math.comb(n, full[-1])
    members, drawn = [np.zeros((0, n), bool)], []
    import itertools

    for size in full:
        chosen = np.array(list(itertools.combinations(range(n), size)))
        if 2 * size == n:
            chosen = chosen[: len(chosen) // 2]  # the others are the complements
        block = np.zeros((len(chosen), n), bool)
        np.put_along_axis(block, chosen, True, axis=1)
        members.append(block)
        drawn += [False] * len(block)
    for size, due in zip(sizes, _due(n, sizes, left)):
        count = 2 * max(2, math.ceil(due / 2))
        rank = rng.random((count, n)).argsort(axis=1)
        members.append(rank < size)
        drawn += [True] * count
    members = np.concatenate(members)
    return members, members.sum(axis=1), np.array(drawn, bool)


def _due(n: int, sizes: list[int], left: int) -> np.ndarray:
    """How many of `left` pairs each size gets: in proportion to the root of its leverage, n / (s (n - s))."""
    share = np.array([math.sqrt(n / (s * (n - s))) / (2 if 2 * s == n else 1) for s in sizes])
    return left * share / share.sum() if sizes else share


@functools.lru_cache(maxsize=32)
def _shuffled(n: int, n_games: int, seed: int):
    """An order of n players for each background row, (n_games, n), so that games do not share what was drawn."""
    import torch

    rng = np.random.default_rng([seed, n, 1])
    return torch.from_numpy(rng.random((n_games, n)).argsort(axis=1))


@functools.lru_cache(maxsize=32)
def _design(n: int, samples: int, seed: int) -> "_Design":
    return _Design(n, samples, seed)


class _Design:
    """Sampled coalitions of n players, and what turns their scores into Shapley values and variances.

    A sum over players is fitted to one half of what was drawn, and what it leaves is averaged over the other half, so
    that the estimate is unbiased whatever was fitted and its variance can be read from what is left.
    Source: Covert and Lee 2021, arXiv:2012.01536, and Musco and Witter 2024, arXiv:2410.01917, on paired sampling and
    leverage; Witter et al. 2025, arXiv:2506.11849, on adjusting by regression.
    """

    def __init__(self, n: int, samples: int, seed: int):
        import torch

        chosen, size, drawn = _pairs(n, samples, seed)
        self.n = n
        self.members = torch.from_numpy(np.concatenate([chosen, ~chosen, np.ones((1, n)), np.zeros((1, n))])).float()
        sign = 2.0 * chosen - 1
        weight = np.where(chosen, 1 / size[:, None], -1 / (n - size)[:, None])  # of a coalition in the mean of its size
        half = np.arange(len(chosen)) % 2  # a size is drawn an even number of times
        self.sign, self.fit, self.rest = torch.from_numpy(sign.T), [], []
        for h in (0, 1):
            use, other = ~drawn | (half == h), ~drawn | (half != h)
            self.fit.append(torch.from_numpy(_least_squares(sign, size, n, use)))
            self.rest.append(torch.from_numpy(weight * _shares(size, n, other)[:, None]))
        self.noise = [rest.square() * torch.from_numpy(drawn)[:, None] for rest in self.rest]

    def solve(self, scores):
        """Shapley values and their variances, float64 (n_games, n) each, from scores of `members`."""
        scores = scores.cpu()
        n_pairs = self.sign.shape[1]
        gaps = scores[:, :n_pairs] - scores[:, n_pairs : 2 * n_pairs]
        total = scores[:, -2:-1] - scores[:, -1:]
        values = variance = 0
        for fit, rest, noise in zip(self.fit, self.rest, self.noise):
            slopes = gaps @ fit[:-1] + total * fit[-1]
            left = gaps - slopes @ self.sign
            values = values + slopes + (total - slopes.sum(dim=1, keepdim=True)) / self.n + left @ rest
            variance = variance + left.square() @ noise
        return values / 2, variance / 4


def _shares(size, n: int, use) -> np.ndarray:
    """The weight of each pair in the mean over the pairs of its size, summed over sizes; 0 where it is not used."""
    count = np.bincount(size[use], minlength=n + 1)[size]
    return np.where(use, np.where(2 * size == n, 0.5, 1.0) / np.maximum(count, 1), 0.0)


def _least_squares(sign, size, n: int, use) -> np.ndarray:
    """What turns gaps of pairs, and of all against none, into slopes: float64 (n_pairs + 1, n)."""
    weight = _shares(size, n, use) ** 2 * n / (size * (n - size))
    rows = np.concatenate([sign, np.ones((1, n))])
    weight = np.append(weight, 10 * weight.max())
    weighted = rows * weight[:, None]
    return np.linalg.solve(rows.T @ weighted + 1e-9 * weight.max() * np.eye(n), weighted.T).T
