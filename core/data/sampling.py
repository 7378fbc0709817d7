"""The arithmetic of imbalance: how often each class is drawn, what an epoch then holds, and how to take it back.

A `strength` in [0, 1] says how far the classes are evened out: each has a share of n ** (1 - strength), where n is its
number of samples. 0 leaves the data as they are, and with 1 all classes are drawn equally often.
"""

import numpy as np

from core import words


def weights(targets: np.ndarray, n_classes: int, strength: float) -> np.ndarray:
    """Weight of each sample when samples are drawn, float64 (n,), mean 1: n_of_its_class ** -strength, scaled."""
    per_class = class_weights(targets, n_classes, strength)
    return per_class[targets]


def class_weights(targets: np.ndarray, n_classes: int, strength: float) -> np.ndarray:
    """Weight of each class in a loss, float64 (n_classes,), mean 1 over the samples; 0 for a class without samples.

    Raises ValueError if there are no samples, or strength is not in [0, 1].
    """
    counts = _counts(targets, n_classes, strength)
    raw = np.zeros(n_classes)
    raw[counts > 0] = counts[counts > 0] ** -float(strength)
    return raw * (counts.sum() / (raw * counts).sum())


def expected(targets: np.ndarray, n_classes: int, strength: float, n_draws: int) -> dict:
    """What is to be expected of `n_draws` draws with replacement.

    {"draws": of each class, "rarest": the class with the fewest samples, "repeats": how often each sample of it is
    drawn, "never": share of the samples that are not drawn at all, in [0, 1]}, the numbers as means over many epochs.
    """
    counts = _counts(targets, n_classes, strength)
    chance = class_weights(targets, n_classes, strength) / counts.sum()  # of one sample, in one draw
    present = np.flatnonzero(counts)
    rarest = int(present[np.argmin(counts[present])])
    with np.errstate(divide="ignore"):  # one sample alone is always drawn
        never = np.exp(n_draws * np.log1p(-np.minimum(chance, 1)))
    return {
        "draws": (n_draws * chance * counts).tolist(),
        "rarest": rarest,
        "repeats": float(n_draws * chance[rarest]),
        "never": float((never * counts).sum() / counts.sum()),
    }


def statement(targets: np.ndarray, classes: tuple[str, ...], strength: float, n_draws: int) -> str:
    """What an epoch of `n_draws` draws holds, two plain sentences; with strength 0 nothing is drawn, and it says so."""
    if strength == 0:
        return f"An epoch holds each of the {words.count(len(targets), 'sample')} once."
    found = expected(targets, len(classes), strength, n_draws)
    draws = np.array(found["draws"])[np.bincount(targets, minlength=len(classes)) > 0]
    if len(classes) <= 4:
        each = [f"{round(n):,} of {name}" for n, name in zip(found["draws"], classes)]
        holds = f"{', '.join(each[:-1])} and {each[-1]}" if len(each) > 1 else each[0]
    elif round(draws.min()) == round(draws.max()):
        holds = f"{round(draws.min()):,} of each class"
    else:
        holds = f"{round(draws.min()):,} to {round(draws.max()):,} of each class"
    times = f"{found['repeats']:,.{0 if found['repeats'] >= 9.95 else 1}f}"
    return (
        f"An epoch of {words.count(n_draws, 'draw')} holds about {holds}. "
        f"Each sample of {classes[found['rarest']]}, the rarest class, is drawn about {times} times, and "
        f"{found['never']:.0%} of all samples not at all."
    )


def log_prior_shift(targets: np.ndarray, n_classes: int, strength: float) -> np.ndarray:
    """What to add to the logits of a net trained with this strength, float64 (n_classes,), mean 0, in nats.

    Its probabilities then follow the classes' shares in the data, and not those that it was trained with: the shift is
    log(share in the data) - log(share in training), up to a constant that softmax does not see. It holds for drawn
    samples and for a weighted loss alike; where both are used, `strength` is the sum of theirs, in [0, 2]. A class
    without samples gets 0, the mean shift.
    Source: Saerens, Latinne and Decaestecker 2002, "Adjusting the Outputs of a Classifier to New a Priori
    Probabilities: A Simple Procedure", Neural Computation 14(1), eq. 2.4, doi:10.1162/089976602753284446.
    """
    counts = _counts(targets, n_classes, strength, most=2)
    shift = np.zeros(n_classes)
    present = counts > 0
    shift[present] = strength * np.log(counts[present])  # n / n ** (1 - strength)
    shift[present] -= shift[present].mean()
    return shift


def _counts(targets: np.ndarray, n_classes: int, strength: float, most: int = 1) -> np.ndarray:
    if not 0 <= strength <= most:
        raise ValueError(f"The strength of the balance is {strength}; it must be from 0 to {most}.")
    if len(targets) == 0:
        raise ValueError("There are no samples to balance; give at least one.")
    return np.bincount(targets, minlength=n_classes)
