"""Changes to one image for a what-if: paint out, crop, rotate, brighten, blur. The size stays what it was."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

FILLS = {
    "mean": "mean colour of the image",
    "black": "black",
    "white": "white",
    "surroundings": "what is around it, blurred",
}
WHOLE = (0.0, 0.0, 1.0, 1.0)
SPREAD = 0.12  # of the blur that stands for surroundings, as a share of the longer side


@dataclass(frozen=True)
class Edits:
    """What is done to an image, in this order; the defaults change nothing.

    painted : rectangles (left, top, right, bottom), shares of width and height in [0, 1], that are painted out
    fill : with what, one of FILLS;  crop : the rectangle that is kept and enlarged to the whole size
    degrees : turned by so many, counter-clockwise, the corners filled with the mean colour
    brightness : factor of the levels, 1 for none
    blur : standard deviation of a Gaussian, as a share of the longer side
    """

    painted: tuple[tuple[float, float, float, float], ...] = ()
    fill: str = "mean"
    crop: tuple[float, float, float, float] = WHOLE
    degrees: float = 0.0
    brightness: float = 1.0
    blur: float = 0.0


def apply(image: np.ndarray, edits: Edits) -> np.ndarray:
    """The image, uint8 or float32 (c, h, w), with the edits done; the same type and shape.

    Levels of a float32 image are taken between its lowest and its highest, in 256 steps, unless nothing is done.
    Raises ValueError if a rectangle is empty or outside the image, a fill is unknown, or a number is out of range.
    """
    check(edits)
    if edits == Edits(fill=edits.fill):
        return image
    if image.dtype == np.uint8:
        return _edited(image, edits)
    low, high = float(image.min()), float(image.max())
    step = (high - low) / 255 or 1.0
    return (_edited(np.rint((image - low) / step).astype(np.uint8), edits) * step + low).astype(image.dtype)


def check(edits: Edits) -> None:
    """Raise ValueError with one sentence if the edits cannot be done."""
    for left, top, right, bottom in (*edits.painted, edits.crop):
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise ValueError(
                f"The rectangle is {(left, top, right, bottom)}; it must be left, top, right, bottom in [0, 1], with "
                "left < right and top < bottom."
            )
    if edits.fill not in FILLS:
        raise ValueError(f"The fill is {edits.fill!r}; it must be one of {', '.join(FILLS)}.")
    for name, value, low, high in (
        ("brightness", edits.brightness, 0, 10),
        ("blur", edits.blur, 0, 1),
        ("degrees", edits.degrees, -360, 360),
    ):
        if not low <= value <= high:
            raise ValueError(f"{name} is {value}; it must be from {low} to {high}.")


def describe(edits: Edits) -> str:
    """What is done, in words; "" if nothing is."""
    parts = []
    if edits.painted:
        n = len(edits.painted)
        parts.append("one part painted out" if n == 1 else f"{n} parts painted out")
    if edits.crop != WHOLE:
        left, top, right, bottom = edits.crop
        parts.append(f"cropped to {(right - left) * (bottom - top):.0%}")
    if edits.degrees:
        parts.append(f"turned by {edits.degrees:.0f} degrees")
    if edits.brightness != 1:
        parts.append(f"{'brighter' if edits.brightness > 1 else 'darker'} ({edits.brightness:.0%})")
    if edits.blur:
        parts.append(f"blurred ({edits.blur:.1%} of its side)")
    return ", ".join(parts)


def pixels(rectangle: tuple[float, float, float, float], height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns of a rectangle, at least one of each."""
    left, top, right, bottom = rectangle
    x, y = min(int(left * width), width - 1), min(int(top * height), height - 1)
    return slice(y, max(y + 1, round(bottom * height))), slice(x, max(x + 1, round(right * width)))


def _edited(image: np.ndarray, edits: Edits) -> np.ndarray:
    """As `apply`, of uint8."""
    height, width = image.shape[1:]
    side = max(height, width)
    mean = image.reshape(len(image), -1).mean(axis=1)  # (c,)
    planes = image.copy()
    if edits.painted:
        fill = _fill(image, edits.fill, mean, side)
        for rectangle in edits.painted:
            rows, columns = pixels(rectangle, height, width)
            planes[:, rows, columns] = fill[:, rows, columns]
    rows, columns = pixels(edits.crop, height, width)
    made = []
    for plane, level in zip(planes, mean):  # a channel each: Pillow has no form for every number of them
        picture = Image.fromarray(plane)
        if edits.crop != WHOLE:
            box = (columns.start, rows.start, columns.stop, rows.stop)
            picture = picture.crop(box).resize((width, height), Image.Resampling.BILINEAR)
        if edits.degrees:
            picture = picture.rotate(edits.degrees, Image.Resampling.BILINEAR, fillcolor=round(level))
        if edits.brightness != 1:
            levels = np.asarray(picture, np.float32) * edits.brightness
            picture = Image.fromarray(np.rint(levels).clip(0, 255).astype(np.uint8))
        if edits.blur:
            picture = picture.filter(ImageFilter.GaussianBlur(edits.blur * side))
        made.append(np.asarray(picture))
    return np.stack(made)


def _fill(image: np.ndarray, fill: str, mean: np.ndarray, side: int) -> np.ndarray:
    """What painted parts get, uint8 (c, h, w)."""
    if fill == "surroundings":
        blur = ImageFilter.GaussianBlur(max(1.0, SPREAD * side))
        return np.stack([np.asarray(Image.fromarray(plane).filter(blur)) for plane in image])
    level = {"black": np.zeros_like(mean), "white": np.full_like(mean, 255)}.get(fill, mean)
    return np.broadcast_to(np.rint(level).astype(np.uint8)[:, None, None], image.shape)
