"""Pairs of images that are nearly the same: another brightness, one pixel aside, saved as JPEG once more.

A perceptual hash of 64 bits finds candidates without comparing all with all, and the correlation of small grey copies
confirms them. What is close enough depends on the set: pictures of trousers on black are all alike, photos are not.
Source of the hash: Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash Functions", the one based on
the cosine transform; here with 64 low frequencies in the order of a zigzag.
"""

import numpy as np

from core import progress
from core.data.dataset import Dataset

SMALLEST_SIDE = 16  # pixels; of smaller images nothing is said
SMALL = 32  # pixels, side of the grey copy
SHIFTS_MATTER = 256  # pixels, shorter side under which one pixel aside changes the hash, so shifts are tried as well
BANDS, NEIGHBOURS = 4, 8  # of 16 bits each; compared with each image in each band
MOST_BITS = 10  # of 64 that differ in a candidate
FLAT = 3.0  # grey levels of 255, standard deviation under which there is nothing to compare
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # of ITU-R BT.601: the grey that JPEG keeps best
TINT = 16  # grey levels by which the colour of a pair may differ
LEAST, MOST = 0.97, 0.995  # correlation that a pair needs
CLOSER = 3  # times as close as those which are alike by chance, in 1 - correlation
CHANCE_IMAGES, FEW_IMAGES = 4000, 1000  # looked at for that; so few that chance makes no pairs
BY_CHANCE = 10  # place among the closest, as the closest few may be pairs that are meant to be found
CHUNK_BYTES = 16 * 1024 * 1024

# A view is an image with pixels cut off at the top, bottom, left and right. An image and the same one pixel further to
# the left are equal where the first is cut at the left and the other at the right.
FULL, LEFT, RIGHT, TOP, BOTTOM = (0, 0, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (1, 0, 0, 0), (0, 1, 0, 0)
MATCHES = ((FULL, FULL), (LEFT, RIGHT), (TOP, BOTTOM))


def pairs(dataset: Dataset, which: np.ndarray) -> np.ndarray:
    """Positions of the images in each pair, int (n_pairs, 2), the closest first; among the images `which`, int (n,)."""
    height, width = dataset.pictures.shape[2:]
    if min(height, width) < SMALLEST_SIDE or len(which) < 2:
        return np.empty((0, 2), np.int64)
    matches = MATCHES if min(height, width) < SHIFTS_MATTER else MATCHES[:1]
    views = {view for match in matches for view in match}
    low, tint = _frequencies(dataset.images, which, views)
    needed = _needed(low[FULL])
    found = []
    for one, other in matches:
        i, j = _candidates(low[one], low[other])
        close = np.einsum("ij,ij->i", low[one][i], low[other][j]) >= needed
        close &= np.abs(tint[i] - tint[j]).max(axis=1, initial=0) <= TINT
        i, j = i[close], j[close]
        alike = _correlation(dataset.images, which[i], which[j], one, other)
        found.append(np.column_stack([i, j, alike])[alike >= needed])
    found = np.concatenate(found)
    found = found[np.argsort(-found[:, 2], kind="stable")]
    ends = np.sort(found[:, :2].astype(np.int64), axis=1)
    _, first = np.unique(ends[:, 0] * len(which) + ends[:, 1], return_index=True)
    return which[ends[np.sort(first)]]


def _frequencies(images, which, views) -> tuple[dict, np.ndarray]:
    """Low frequencies of each view, float32 (n, 64) of length 1 (0 if flat), and the tint of each image (n, c)."""
    low = {view: np.zeros((len(which), 64), np.float32) for view in views}
    tint = np.empty((len(which), images.shape[1]), np.float32)
    waves, place = _waves(), _zigzag()
    for start, grey, colour in _grey(images, which):
        progress.report(start, len(which))
        here = slice(start, start + len(grey))
        tint[here] = colour
        for view in views:
            small = _shrunk(grey, view)
            found = (waves @ small @ waves.T)[:, place[:, 0], place[:, 1]]
            length = np.linalg.norm(found, axis=1, keepdims=True)
            flat = small.std(axis=(1, 2))[:, None] < FLAT
            low[view][here] = np.where(flat, 0, found / np.maximum(length, 1e-9))
    return low, tint


def _grey(images, which):
    """Start, grey levels float32 (n, h, w) and mean tint (n, c) of one piece of the images `which` after the other."""
    step = max(1, CHUNK_BYTES // max(1, images[:1].nbytes))
    low, top = (0.0, 255.0) if images.dtype == np.uint8 else (float(images.min()), float(images.max()))
    for start in range(0, len(which), step):
        x = np.asarray(images[which[start : start + step]])
        weights = LUMA if x.shape[1] == 3 else np.full(x.shape[1], 1 / x.shape[1], np.float32)
        scale = 255 / max(top - low, 1e-9)
        grey = (sum(weight * x[:, channel] for channel, weight in enumerate(weights)) - low) * scale
        colour = (x.mean(axis=(2, 3), dtype=np.float32) - low) * scale
        yield start, grey, colour - colour.mean(axis=1, keepdims=True)


def _shrunk(grey: np.ndarray, view: tuple) -> np.ndarray:
    """A view of grey images, each pixel the mean of an area, float32 (n, 32, 32)."""
    top, bottom, left, right = view
    height, width = grey.shape[1:]
    seen = grey[:, top : height - bottom, left : width - right]
    return _areas(seen.shape[1]) @ seen @ _areas(seen.shape[2]).T


def _areas(n: int) -> np.ndarray:
    """Share of each of n pixels in each of 32 equal lengths, float32 (32, n)."""
    edges = np.arange(SMALL + 1)[:, None] * n / SMALL
    start = np.arange(n)
    covered = np.minimum(edges[1:], start + 1) - np.maximum(edges[:-1], start)
    return (np.clip(covered, 0, None) * (SMALL / n)).astype(np.float32)


def _waves() -> np.ndarray:
    """The 11 lowest frequencies of the cosine transform, float32 (11, 32), each of length 1 but for the first."""
    waves = np.cos(np.pi * (np.arange(SMALL) + 0.5) * np.arange(11)[:, None] / SMALL)
    return (waves * np.sqrt(2 / SMALL)).astype(np.float32)


def _zigzag() -> np.ndarray:
    """The 64 lowest frequencies but the mean, the lowest first, int (64, 2)."""
    places = [(i, j) for i in range(11) for j in range(11) if i + j > 0]
    return np.array(sorted(places, key=lambda place: (sum(place), place))[:64])


def _needed(low: np.ndarray) -> float:
    """The correlation that makes a pair, from how alike images of this set are by chance.

    By chance: the tenth closest of 4,000 images at random, for all but the tenth part of the images.
    """
    if len(low) < FEW_IMAGES:
        return LEAST
    some = low[np.random.default_rng(0).permutation(len(low))[:CHANCE_IMAGES]]
    alike = some[: CHANCE_IMAGES // 4] @ some.T
    tenth = np.partition(alike, -BY_CHANCE - 1, axis=1)[:, -BY_CHANCE - 1]  # the first is the image itself
    return float(np.clip(1 - (1 - np.quantile(tenth, 0.9)) / CLOSER, LEAST, MOST))


def _candidates(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions i in one and j in other whose hashes differ in few bits: near one another when ordered by 16 of them.

    The bits are ordered by frequency, then begin anew with another 16, so that those of equal 16 are ordered too.
    """
    n = len(one)
    same = one is other
    hashes = _hash(one) if same else np.concatenate([_hash(one), _hash(other)])
    found = [np.empty(0, np.int64)]
    for band in range(BANDS):
        turn = 16 * band
        turned = hashes << np.uint64(turn) | (hashes >> np.uint64(64 - turn) if turn else np.uint64(0))
        order = np.argsort(turned, kind="stable")
        start = turned[order] >> np.uint64(48)
        for step in range(1, min(NEIGHBOURS, len(order) - 1) + 1):
            i, j = order[:-step], order[step:]
            close = start[:-step] == start[step:]
            i, j = i[close], j[close]
            i, j = np.minimum(i, j), np.maximum(i, j)
            close = np.bitwise_count(hashes[i] ^ hashes[j]) <= MOST_BITS
            if not same:
                close &= (i < n) & (j >= n) & (i != j - n)
            found.append(i[close] * n + j[close] % n)
    found = np.unique(np.concatenate(found))
    return found // n, found % n


def _hash(low: np.ndarray) -> np.ndarray:
    """A bit for each frequency: above the median or not, uint64 (n,)."""
    bits = low > np.median(low, axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(">u8").ravel().astype(np.uint64)


def _correlation(images, i, j, one: tuple, other: tuple) -> np.ndarray:
    """Correlation of the small copies of images i and j, each in its view, float (n,)."""
    return np.concatenate(
        [
            np.empty(0, np.float32),
            *(
                np.einsum("nij,nij->n", _normal(_shrunk(a, one)), _normal(_shrunk(b, other)))
                for (_, a, _), (_, b, _) in zip(_grey(images, i), _grey(images, j))
            ),
        ]
    )


def _normal(small: np.ndarray) -> np.ndarray:
    centred = small - small.mean(axis=(1, 2), keepdims=True)
    return centred / np.maximum(np.linalg.norm(centred, axis=(1, 2), keepdims=True), 1e-9)
