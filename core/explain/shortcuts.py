"""Shortcuts, which a model should not need and may use: a fixed place, the border, a size or colour, one column."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.options import option

if TYPE_CHECKING:
    from core.explain._base import Parts
    from core.model import Model

KINDS = ("image", "table")
SCOPE = "model"
RANK = 2
TITLE = "Shortcuts"
ANSWERS = "Whether the model may answer by something that it should not need, such as a mark in a corner or one column."
SILENT = "It finds fixed places, borders, overall looks and single columns; a shortcut that moves about escapes it."
SOURCE = (
    "Geirhos et al. 2020, Nature Machine Intelligence 2, arXiv:2004.07780; Lapuschkin et al. 2019, arXiv:1902.10178."
)
CELLS = 6  # a picture is looked at in so many rows and columns of cells
CANDIDATES = 3  # places of each class that are tried out
BORDER = 0.1  # width of the border, as a share of the side
ENOUGH = 0.9  # share of what the net adds to guessing, at which one thing alone is called enough
MOST_ROWS = 20_000


@dataclass(frozen=True)
class Options:
    per_class: int = option(24, "validation images of each class, at most", 4, 500)
    turned: float = option(0.5, "share of other images that a pasted place must turn, to be a shortcut", 0.05, 1)


def explain(model: "Model", parts: "Parts", options: Options = Options()) -> tuple[dict, dict]:
    """The record has "findings" and "checked", lists of {"kind", "place", "class", "value", "usual", "text"}.

    kind : "place" (pasted into other pictures it turns them into the class), "border", "property" (brightness, size and
        the like alone predict as well as the net) or "column" (alone it does)
    Of each finding of a place, arrays "patch_0", ... hold the mean of the class there, float32 (c, h, w), and
    "where_0", ... its bool mask (h, w). "checked" says what was looked at without a finding.
    """
    from core import progress

    findings, checked, arrays = [], [], {}
    if parts.schema.kind == "image":
        with progress.within(0, 2):
            _places(model, parts, options, findings, checked, arrays)
        with progress.within(1, 2):
            _alone(model, parts, _looks(parts), "property", findings, checked)
    else:
        _alone(model, parts, _columns(parts), "column", findings, checked)
    if findings:
        sentence = findings[0]["text"] + (f" And {len(findings) - 1} more." if len(findings) > 1 else "")
    else:
        sentence = f"No shortcut was found among the {len(checked)} that were looked for."
    return arrays, {"findings": findings, "checked": checked, "sentence": sentence}


# ---------------------------------------------------------------------------------------------------- places


def _places(model, parts, options, findings, checked, arrays) -> None:
    """Look for a place whose look alone turns a picture into a class, and for maps that crowd at the border."""
    from core import progress
    from core.explain import mean_maps
    from core.model import predict

    with progress.within(0, 2):
        try:
            maps, x, y_true = mean_maps.maps_of(model, parts, "gradcam", options.per_class)
        except ValueError:  # no map before the head
            maps, x, y_true = mean_maps.maps_of(model, parts, "integrated_gradients", options.per_class)
    height, width = x.shape[2:]
    if min(height, width) < 2 * CELLS // 3 or len(x) < 8:
        checked.append(_row("place", "The pictures are too small or too few to tell places apart."))
        return
    classes, masks = parts.schema.classes, _cells(height, width)
    y_pred = predict(model, x).argmax(axis=1)
    warm = np.maximum(maps, 0)
    warm = warm / np.maximum(warm.sum(axis=(1, 2), keepdims=True), 1e-12)  # each adds up to 1
    share = np.stack([warm[:, mask].sum(axis=1) for mask in masks.values()], axis=1)  # (n, n_cells)
    names = list(masks)
    best = _row("place", "", value=0.0)
    for k in np.unique(y_true):
        own, others = y_true == k, np.flatnonzero((y_true != k) & (y_pred != k))
        if own.sum() < 3 or len(others) < 3:
            continue
        # where the class's own maps are warmer than those of other classes, or where its pictures are all alike there
        warmth = share[own].mean(axis=0) - share[~own].mean(axis=0)
        alike = _alikeness(x, own, masks)
        chosen = [*np.argsort(-warmth)[:CANDIDATES], *np.argsort(-alike)[:CANDIDATES]]
        found = None
        for c in dict.fromkeys(int(c) for c in chosen):
            progress.report(len(classes) + k, 2 * len(classes))
            mask = masks[names[c]]
            patch = _typical(x[own], mask)
            turned = float((predict(model, _pasted(x[others], patch, mask)).argmax(axis=1) == k).mean())
            if found is None or turned > found[0]:
                found = (turned, names[c], mask, patch)
        assert found is not None, "there is at least one place"
        turned, place, mask, patch = found
        text = (
            f"The {place} of a picture of {classes[k]}, pasted into {len(others)} other pictures, "
            f"turns {turned:.0%} of them into {classes[k]}; it is {mask.mean():.0%} of the picture."
        )
        row = _row("place", text, place=place, of_class=classes[k], value=turned)
        if turned >= options.turned:
            arrays[f"patch_{len(findings)}"] = np.where(mask, patch, np.nan).astype(np.float32)
            arrays[f"where_{len(findings)}"] = mask
            findings.append(row)
        elif turned >= best["value"]:
            best = row
    if not findings and best["text"]:
        checked.append({**best, "text": f"No small place decides by itself: at best it turns {best['value']:.0%}."})
    edge = _border(height, width)
    crowded = float((warm[:, edge].sum(axis=1) > 2 * min(0.5, edge.mean())).mean())
    text = f"{crowded:.0%} of the maps lie mostly on the border, which is {edge.mean():.0%} of the picture."
    row = _row("border", text, place="border", value=crowded, usual=float(edge.mean()))
    (findings if crowded > 0.5 else checked).append(row)


def _cells(height: int, width: int) -> dict[str, np.ndarray]:
    """Named bool masks (h, w) of cells, some of them overlapping: a grid, so that a mark lies whole in one of them."""
    rows = _spans(height, ("upper", "middle", "lower"))
    columns = _spans(width, ("left", "centre", "right"))
    masks = {}
    for top, bottom, vertical in rows:
        for left, right, horizontal in columns:
            mask = np.zeros((height, width), bool)
            mask[top:bottom, left:right] = True
            corner = " corner" if {top == 0, bottom == height} == {left == 0, right == width} == {True, False} else ""
            name = f"{vertical} {horizontal}{corner}"
            masks[f"{name} (rows {top + 1} to {bottom}, columns {left + 1} to {right})"] = mask
    return masks


def _spans(length: int, names: tuple[str, str, str]) -> list[tuple[int, int, str]]:
    """Overlapping spans (start, end, name) over a side, each twice as long as the step to the next."""
    step = length / CELLS
    spans = []
    for i in range(CELLS - 1):
        start, end = round(i * step), min(length, round((i + 2) * step))
        centre = (start + end) / 2 / length
        spans.append((start, end, names[min(2, int(3 * centre))]))
    return spans


def _alikeness(x: np.ndarray, own: np.ndarray, masks: dict) -> np.ndarray:
    """How much the pictures of a class agree in each cell, and differ there from the rest, (n_cells,)."""
    own_mean, rest_mean = x[own].mean(axis=(0, 1)), x[~own].mean(axis=(0, 1))
    spread = x[own].astype(np.float32).std(axis=0).mean(axis=0) + 1.0
    distance = np.abs(own_mean - rest_mean) / spread  # (h, w)
    return np.array([np.sort(distance[mask])[-max(1, int(mask.sum()) // 4) :].mean() for mask in masks.values()])


def _typical(x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The picture of a class whose part at `mask` is nearest to the median there, float32 (c, h, w)."""
    inside = x[:, :, mask].astype(np.float32).reshape(len(x), -1)
    nearest = np.abs(inside - np.median(inside, axis=0)).mean(axis=1).argmin()
    return x[nearest].astype(np.float32)


def _pasted(x: np.ndarray, patch: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.where(mask, patch.astype(x.dtype), x)


def _border(height: int, width: int) -> np.ndarray:
    rows, columns = max(1, round(BORDER * height)), max(1, round(BORDER * width))
    mask = np.ones((height, width), bool)
    mask[rows : height - rows, columns : width - columns] = False
    return mask


# ------------------------------------------------------------------------------------- what alone is enough


def _looks(parts) -> dict[str, tuple[np.ndarray, ...]]:
    """Overall looks of training and validation pictures, by name: float arrays (n, m)."""
    from core.evaluation import properties

    tables = [properties.of(parts.dataset, parts.where(part, MOST_ROWS)) for part in ("train", "val")]
    groups = {"brightness and contrast": ["brightness", "contrast"], "sharpness": ["sharpness"]}
    groups |= {"colourfulness": ["colourfulness"], "size of the file's picture": ["width", "height", "aspect_ratio"]}
    found = {}
    for title, names in groups.items():
        names = [name for name in names if name in tables[0]]
        if names:
            found[title] = tuple(np.nan_to_num(table[names].to_numpy(float), nan=-1.0) for table in tables)
    if parts.schema.shape[0] == 3:
        found["mean colour"] = tuple(_mean_colour(parts, part) for part in ("train", "val"))
    return found


def _mean_colour(parts, part: str) -> np.ndarray:
    where = parts.where(part, MOST_ROWS)
    return np.concatenate(
        [parts.dataset.x[piece].mean(axis=(2, 3)) for piece in np.array_split(where, 32) if len(piece)]
    )


def _columns(parts) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Each column by itself: missing numbers far out, categories as indicators of the frequent ones."""
    train, val = parts.x("train", MOST_ROWS), parts.x("val", MOST_ROWS)
    found = {}
    for j, column in enumerate(parts.schema.columns):
        pair = (train[:, j], val[:, j])
        if column.type == "category":
            codes, counts = np.unique(pair[0], return_counts=True)
            frequent = codes[np.argsort(-counts, kind="stable")][:200]
            found[column.name] = tuple((values[:, None] == frequent).astype(float) for values in pair)
        else:
            low = np.nanmin(pair[0]) - 1 if not np.isnan(pair[0]).all() else 0.0
            found[column.name] = tuple(np.nan_to_num(values, nan=low)[:, None] for values in pair)
    return found


def _alone(model, parts, features, kind: str, findings, checked) -> None:
    """Whether a small tree on one thing alone reaches, on validation, nearly all that the net adds to guessing."""
    from sklearn.tree import DecisionTreeClassifier

    from core import progress
    from core.model import predict

    if not features:
        return
    y_train, y_val = parts.y_true("train", MOST_ROWS), parts.y_true("val", MOST_ROWS)
    net = float((predict(model, parts.x("val", MOST_ROWS)).argmax(axis=1) == y_val).mean())
    usual = float((y_val == np.bincount(y_train).argmax()).mean())
    rows = []
    for i, (title, (train, val)) in enumerate(features.items()):
        progress.report(i, len(features))
        leaf = max(5, len(train) // 200)
        tree = DecisionTreeClassifier(max_leaf_nodes=max(8, 2 * len(parts.schema.classes)), min_samples_leaf=leaf)
        alone = float((tree.fit(train, y_train).predict(val) == y_val).mean())
        what = f"The column {title}" if kind == "column" else f"The {title}"
        text = f"{what} alone is right on {alone:.0%} of validation, the net on {net:.0%}, guessing on {usual:.0%}."
        rows.append(_row(kind, text, place=title, value=alone, usual=usual))
    rows.sort(key=lambda row: -row["value"])
    enough = usual + ENOUGH * (net - usual)
    as_good = [row for row in rows if net > usual and row["value"] >= enough]
    findings.extend(as_good)
    checked.extend(row for row in rows[:3] if row not in as_good)


def _row(kind: str, text: str, place: str = "", of_class: str | None = None, value=None, usual=None) -> dict:
    return {"kind": kind, "place": place, "class": of_class, "value": value, "usual": usual, "text": text}
