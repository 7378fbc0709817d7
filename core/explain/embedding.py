"""A map of samples in two dimensions, by what the net's last linear layer takes: near ones look alike to the net."""

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.options import option

if TYPE_CHECKING:
    from core.explain._base import Parts
    from core.model import Model

KINDS = ("image", "table")
SCOPE = "model"
RANK = 8
TITLE = "Embedding in two dimensions"
ANSWERS = "Which samples look alike to the net, and whether classes lie apart, in one picture."
SILENT = "With t-SNE, distances between groups and their sizes mean nothing; with PCA, what lies behind is hidden."
SOURCE = "van der Maaten and Hinton 2008, Journal of Machine Learning Research 9 (t-SNE), as scikit-learn has it."
MOST = 10_000
FEATURES = 50  # principal components that t-SNE starts from
ITERATIONS = 750


@dataclass(frozen=True)
class Options:
    way: str = option("pca", "how features become two", choices=("pca", "tsne"))
    part: str = option("test", "samples shown", choices=("train", "val", "test"))
    perplexity: float = option(30.0, "about how many neighbours count, of t-SNE", 2, 200, rare=True)
    seed: int = option(0, "seed of t-SNE", 0, 2**31 - 1, rare=True)


def explain(model: "Model", parts: "Parts", options: Options = Options()) -> tuple[dict, dict]:
    """Arrays "xy" float32 (n, 2), "id" (n,), "target" and "predicted" int (n,), "probability" float32 (n,) of it.

    Raises ValueError if the net has no linear layer or there are fewer than three samples.
    """
    from core.evaluation import similar
    from core.evaluation.metrics import softmax

    where = parts.where(options.part, MOST)
    if len(where) < 3:
        raise ValueError(
            f"There are {len(where)} samples in {options.part}, and a map needs three; choose another part."
        )
    embedding, logits = similar.embed_with_logits(model, parts.dataset, where)
    y_prob = softmax(logits)
    xy, shown = place(embedding, options)
    record: dict = {"n": len(where), "way": options.way, "part": options.part}
    if options.way == "pca":
        record |= {"explained": shown, "sentence": f"The two directions hold {sum(shown):.0%} of how samples differ."}
    else:
        record |= {"explained": [], "sentence": f"{len(where):,} samples, near ones alike to the net."}
    arrays = {
        "xy": xy.astype(np.float32),
        "id": parts.dataset.ids[where],
        "target": parts.dataset.targets[where],
        "predicted": y_prob.argmax(axis=1),
        "probability": y_prob.max(axis=1).astype(np.float32),
    }
    return arrays, record


def place(embedding: np.ndarray, options: Options = Options()) -> tuple[np.ndarray, list[float]]:
    """Positions (n, 2) of embeddings (n, n_features), and the shares of variance that PCA's two axes hold."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    most = min(*embedding.shape, 2 if options.way == "pca" else FEATURES)
    pca = PCA(most, random_state=options.seed)
    reduced = pca.fit_transform(embedding.astype(np.float32))
    reduced = np.nan_to_num(reduced)
    if reduced.shape[1] < 2:
        reduced = np.pad(reduced, ((0, 0), (0, 2 - reduced.shape[1])))
    if options.way == "pca":
        return reduced[:, :2], np.nan_to_num(pca.explained_variance_ratio_[:2]).tolist()
    perplexity = min(options.perplexity, max(1.0, (len(reduced) - 1) / 3))
    spread = reduced[:, :2].std()
    made = TSNE(
        perplexity=perplexity,
        init=reduced[:, :2] / (spread or 1.0) * 1e-4,
        max_iter=ITERATIONS,
        random_state=options.seed,
        n_jobs=2,
    )
    with _reporting():
        return made.fit_transform(reduced), []


@contextlib.contextmanager
def _reporting():
    """Report each of t-SNE's iterations, which also lets it be stopped: scikit-learn has no callback for it."""
    from sklearn.manifold import _t_sne

    from core import progress

    inner, done = getattr(_t_sne, "_kl_divergence_bh", None), 0

    if inner is None:
        yield
        return

    def counted(*args, **kwargs):
        nonlocal done
        done += 1
        progress.report(min(done, ITERATIONS), ITERATIONS)
        return inner(*args, **kwargs)

    _t_sne._kl_divergence_bh = counted  # ty: ignore[invalid-assignment]
    try:
        yield
    finally:
        _t_sne._kl_divergence_bh = inner
