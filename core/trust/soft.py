"""Checks that speak for caution, not against the map as a whole: completeness, stability, agreement."""

import numpy as np

from core import progress
from core.trust._case import Case, coarse, rank_correlation

GAP = 0.05  # of the difference of the scores that shares may lack, or have too much
STABLE = 0.5  # rank correlation with the maps of noisy copies
AGREES = 0.1  # rank correlation with the maps of other methods
NOISE = 0.02  # deviation of the noise, of the range of the values
COPIES, COPIES_LARGE = 8, 4
OTHERS = ("gradcam", "integrated_gradients", "occlusion", "shapley")  # that differ from one another in kind


def completeness(case: Case) -> dict:
    """Whether the shares add up to the difference of the scores; value is what is amiss, as a fraction of it."""
    found = {"name": "completeness", "title": "Do the shares add up?", "passed": None, "value": None}
    if case.found.base is None:
        return found | {"text": "It does not apply: this method does not give shares of a score."}
    way = float(case.found.score[0]) - float(case.found.base[0])
    total = float(case.found.values.double().sum())
    floor = 0.01 * max(abs(float(case.found.score[0])), abs(float(case.found.base[0])), 1e-6)
    value = abs(total - way) / max(abs(way), floor)
    passed = value <= GAP
    text = (
        f"{'Yes' if passed else 'No'}: they add up to {total:.3f}, and the score differs by {way:.3f} from that of the "
    )
    text += f"neutral input; {value:.1%} is amiss."
    return found | {"passed": passed, "value": value, "text": text}


def stability(case: Case, seed: int = 0) -> dict:
    """Whether small noise, that leaves the decision as it is, leaves the map as it is; value is a rank correlation."""
    import torch

    found = {"name": "stability", "title": "Does it withstand small noise?", "passed": None, "value": None}
    x = case.x.float()
    generator = torch.Generator().manual_seed(seed)
    n = COPIES_LARGE if case.is_large else COPIES
    draws = torch.randn(n, *x.shape[1:], generator=generator)
    if case.is_image:
        span = float(x.max() - x.min())
        noisy = x + NOISE * (span or 1.0) * draws
        noisy = noisy.clamp(0, 255) if case.x.dtype == torch.uint8 else noisy
    else:
        number = torch.tensor([column.type != "category" for column in case.model.schema.columns])
        rows = case.background.double().numpy()
        spans = torch.from_numpy(
            np.nan_to_num(np.nanstd(rows, axis=0) if len(rows) else np.zeros(rows.shape[1]))
        ).float()
        noisy = torch.where(number, x + 2 * NOISE * spans * draws, x)  # a missing value stays missing
    with torch.inference_mode():
        decision, others = (case.model(some).argmax(dim=1) for some in (x, noisy))
    same = others == decision
    if not same.any():
        text = "No: noise too small to see changes the decision itself."
        return found | {"passed": False, "value": 0.0, "text": text}
    maps = case.attribute(x=noisy[same])
    value = float(np.mean([rank_correlation(case.map, other) for other in maps]))
    passed = value >= STABLE
    start = (
        "Yes: noise that leaves the decision leaves this"
        if passed
        else "No: noise that leaves the decision changes this"
    )
    text = f"{start} (mean rank correlation {value:.2f} over {int(same.sum())} noisy copies; 1 is the same)."
    return found | {"passed": passed, "value": value, "text": text}


def agreement(case: Case) -> dict:
    """Whether other methods say the same; value is the mean rank correlation with them, on a coarse grid."""
    from core import explain

    found = {"name": "agreement", "title": "Do other methods say the same?", "passed": None, "value": None}
    kind = "image" if case.is_image else "table"
    names = [
        name
        for name in explain.available(kind, "sample")
        if name in OTHERS and case.method.TITLE != explain.module(name).TITLE
    ]
    own, by_name = coarse(case.map), {}
    for i, name in enumerate(names):
        try:
            with progress.within(i, len(names)):
                other = case.attribute(method=explain.module(name))[0]
        except (ValueError, LookupError):  # a method that does not fit the net
            continue
        by_name[explain.module(name).TITLE] = rank_correlation(own, coarse(other))
    if not by_name or case.map.size < 3:
        return found | {"text": "It does not apply: there is no other method to compare with."}
    value = float(np.mean(list(by_name.values())))
    passed = value >= AGREES
    listed = ", ".join(f"{name} {number:.2f}" for name, number in by_name.items())
    text = f"{'Yes' if passed else 'No'}: the rank correlation is {listed} (1 is the same, 0 is unrelated)."
    return found | {"passed": passed, "value": value, "text": text}
