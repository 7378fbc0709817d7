"""The training samples that a net finds most similar to a sample: nearest by what its last linear layer takes."""

import zipfile
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from core import runs
from core.data import split
from core.data.dataset import Dataset
from core.files import replacing

if TYPE_CHECKING:
    from core.model import Model

MOST = 20_000  # training samples that are compared, and held-out ones that are kept ready
PARTS = ("train", "val", "test")
CHUNK = 256  # samples compared with all at once
NEAR = 10  # neighbours whose mean distance says how far a sample is from all
USUAL = 1000  # validation samples that say which distances are usual


def nearest(run: str, ids: Iterable, k: int = 8) -> dict[str, list[tuple[str, float]]]:
    """For each sample id the k training samples most similar to it, [(id, distance), ...], the nearest first.

    The distance is 1 less the cosine of the angle between embeddings, in [0, 2]. A sample is never its own neighbour.
    Of more than MOST training samples, MOST evenly spread ones are compared. Embeddings are kept in the run's folder,
    so that torch is loaded the first time only. Raises LookupError if a sample is not in the run's data or the run has
    no weights yet, ValueError if the net has no linear layer or the data is gone.
    """
    ids = list(dict.fromkeys(map(str, ids)))
    kept_ids, kept, n_train = _kept(run) or _made(run)
    place = pd.Index(kept_ids).get_indexer(ids)
    wanted, new = kept[place].astype(np.float32), place < 0
    if new.any():
        wanted[new] = _embedded_now(run, [ids[i] for i in np.flatnonzero(new)])
    place[place >= n_train] = -1  # held out
    train_ids, train = kept_ids[:n_train], _unit(kept[:n_train])
    few = min(k, n_train)
    found = {}
    for start in range(0, len(ids), CHUNK):
        here, own = slice(start, start + CHUNK), place[start : start + CHUNK]
        distance = (1 - _unit(wanted[here]) @ train.T).clip(0, 2)  # (n, n_train)
        distance[own >= 0, own[own >= 0]] = np.inf
        best = np.sort(np.argpartition(distance, few - 1, axis=1)[:, :few], axis=1)
        near = np.take_along_axis(distance, best, axis=1)
        order = np.argsort(near, axis=1, kind="stable")
        best, near = (np.take_along_axis(values, order, axis=1) for values in (best, near))
        for sample, neighbours, distances in zip(ids[here], train_ids[best].tolist(), near.tolist()):
            found[sample] = [pair for pair in zip(neighbours, distances) if pair[1] < np.inf]
    return found


def ready(run: str, sample: str, most: int) -> bool:
    """Whether embeddings of the sample and of at most so many training samples are kept: then no torch is needed."""
    kept = _kept(run)
    return kept is not None and kept[2] <= most and sample in kept[0]


def outlying(run: str, ids: Iterable) -> dict[str, dict]:
    """For each sample id how far it is from all training data: {"distance", "percentile"}.

    distance : mean distance to the NEAR nearest training samples, see `nearest`
    percentile : share of validation samples that are nearer than that, in [0, 1]; None without validation samples
    Raises what `nearest` raises. Source: Sun et al. 2022, "Out-of-Distribution Detection with Deep Nearest Neighbors",
    arXiv:2204.06507, with the mean over the neighbours instead of the last of them.
    """
    kept_ids, _, n_train = _kept(run) or _made(run)
    _, targets, _ = runs.predictions(run, "val")
    usual = kept_ids[n_train : n_train + min(len(targets), MOST)][:USUAL].tolist()
    ids = list(dict.fromkeys(map(str, ids)))
    near = nearest(run, [*ids, *usual], NEAR)
    far = {sample: float(np.mean([distance for _, distance in found])) for sample, found in near.items()}
    known = np.sort([far[sample] for sample in usual])
    share = {sample: float(np.searchsorted(known, far[sample], side="left") / len(known)) for sample in ids if usual}
    return {sample: {"distance": far[sample], "percentile": share.get(sample)} for sample in ids}


def embed(model: "Model", x: "np.ndarray | _Rows") -> np.ndarray:
    """What the last linear layer of a model takes, float32 (n, n_features), for raw samples x; ValueError if none."""
    return _embed(model, x)[0]


def embed_with_logits(model: "Model", dataset: Dataset, where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """As `embed` for the samples at `where` of a data set, and their logits, float32 (n, n_classes)."""
    return _embed(model, _Rows(dataset, where))


def _embed(model, x) -> tuple[np.ndarray, np.ndarray]:
    from torch import nn

    from core import model as models
    from core import progress

    taken, pieces, logits = [], [], []
    hooks = [
        layer.register_forward_pre_hook(lambda _, inputs: taken.append(inputs[0]))
        for layer in model.net.modules()
        if isinstance(layer, nn.Linear)
    ]
    step = min(1024, max(16, models.AT_ONCE // max(1, x[0].size)))  # one pass of the net each
    try:
        for start in range(0, len(x), step):
            progress.report(start, len(x))
            taken.clear()
            logits.append(models.predict(model, x[start : start + step], step))
            if not taken:
                raise ValueError("The net has no linear layer, so there is nothing by which samples could be similar.")
            pieces.append(taken[-1].flatten(1).float().cpu().numpy())
    finally:
        for hook in hooks:
            hook.remove()
    return np.concatenate(pieces), np.concatenate(logits)


# ------------------------------------------------------------------------------------------------------- kept


def _kept(run: str) -> tuple[np.ndarray, np.ndarray, int] | None:
    """Ids (n,), embeddings float16 (n, n_features) of length 1, and how many are of training samples; None if none."""
    try:
        with np.load(_path(run), allow_pickle=False) as stored:
            ids, embedding, n_train = stored["ids"], stored["embedding"], int(stored["n_train"])
            stamp = stored["stamp"].tolist()
        if stamp == runs.weights_stamp(run) and len(ids) == len(embedding) >= n_train > 0:
            return ids, embedding, n_train
    except (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
        pass
    return None


def _made(run: str) -> tuple[np.ndarray, np.ndarray, int]:
    """As `_kept`, computed with the net and kept."""
    from core import model as models

    dataset, model, stamp = runs.dataset(run), models.load(run), runs.weights_stamp(run)
    positions = split.load(runs.path(run, "split.parquet"), dataset.ids)
    parts = [split.thinned(positions[part], MOST) for part in PARTS]
    where = np.concatenate(parts)
    embedding = _unit(embed(model, _Rows(dataset, where))).astype(np.float16)
    ids, n_train = dataset.ids[where], len(parts[0])
    with replacing(_path(run)) as beside, open(beside, "wb") as file:
        np.savez(file, ids=ids, embedding=embedding, n_train=n_train, stamp=np.array(stamp, float))
    return ids, embedding, n_train


class _Rows:
    """Rows `where` of a data set's samples, read only as they are asked for: images stay in their file."""

    def __init__(self, dataset: Dataset, where: np.ndarray):
        self.x, self.where = dataset.x, where

    def __len__(self) -> int:
        return len(self.where)

    def __getitem__(self, place):
        return self.x[self.where[place]]


def _embedded_now(run: str, ids: list[str]) -> np.ndarray:
    """Embeddings of samples that are not kept; LookupError if the data does not have them."""
    from core import model as models

    dataset = runs.dataset(run)
    place = pd.Index(dataset.ids).get_indexer(ids)
    if (place < 0).any():
        unknown = ids[int(np.argmin(place))]
        raise LookupError(
            f"There is no sample {unknown!r} in the data of run {run}; ids look like {str(dataset.ids[0])!r}."
        )
    return embed(models.load(run), _Rows(dataset, place))


def _path(run: str):
    return runs.path(run, "predictions", "embedding.npz")


def _unit(embedding: np.ndarray) -> np.ndarray:
    """Each row with length 1; one of zeros stays."""
    embedding = embedding.astype(np.float32)
    return embedding / np.maximum(np.linalg.norm(embedding, axis=1, keepdims=True), 1e-12)
