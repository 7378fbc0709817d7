"""The loss of a batch: cross-entropy, with label smoothing, class weights or focus on hard samples."""

import torch
from torch.nn import functional as F


def loss_of(
    logits: torch.Tensor,
    targets: torch.Tensor,
    weights: torch.Tensor | None = None,
    smoothing: float = 0.0,
    focal: float = 0.0,
) -> torch.Tensor:
    """Mean cross-entropy over the samples of a batch, a scalar.

    logits : float32 (n, n_classes)
    targets : int64 (n,), or float32 (n, n_classes) with rows that sum to 1
    weights : float32 (n_classes,), how much a sample of each class counts. The mean is over samples, not over weights,
        so that a weight means the same in every batch
    smoothing : share of each target that is spread over all classes (Szegedy et al. 2016, arXiv:1512.00567)
    focal : the gamma of the focal loss (Lin et al. 2017, arXiv:1708.02002): a class that is predicted with probability
        p counts (1 - p) ** gamma times
    """
    if not focal:
        if weights is None:
            return F.cross_entropy(logits, targets, label_smoothing=smoothing)
        return F.cross_entropy(logits, targets, weights, reduction="none", label_smoothing=smoothing).mean()
    n_classes = logits.shape[1]
    soft = targets if targets.dim() == 2 else F.one_hot(targets, n_classes).to(logits.dtype)
    soft = soft * (1 - smoothing) + smoothing / n_classes
    log_p = F.log_softmax(logits, dim=1)
    terms = -soft * (-torch.expm1(log_p)).clamp(min=0) ** focal * log_p
    return (terms if weights is None else terms * weights).sum(dim=1).mean()
