"""Maps as pictures: colours for what speaks for a class and against it, over the image or alone."""

import io

import numpy as np

FOR, AGAINST, NEUTRAL = (238, 119, 51), (0, 119, 187), (244, 244, 244)
HEAT = ((0, 0, 4), (87, 16, 110), (188, 55, 84), (249, 142, 9), (252, 255, 164))  # of maps without a negative value
LEAST_SIDE = 256  # of a picture that is written, in pixels


def colours(values: np.ndarray) -> np.ndarray:
    """A map (h, w) as uint8 (h, w, 3): orange for, blue against, near white for 0; a map without negatives as heat."""
    limit = float(np.abs(values).max()) or 1.0
    scaled = np.nan_to_num(values / limit)
    stops = np.array((AGAINST, NEUTRAL, FOR) if (values < 0).any() else HEAT, float)
    place = (scaled + 1) / 2 if (values < 0).any() else scaled
    ends = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(place, ends, stops[:, c]) for c in range(3)], axis=2).round().astype(np.uint8)


def levels(image: np.ndarray) -> np.ndarray:
    """An image (c, h, w) as uint8 (h, w, 3); one of float32 is stretched from its lowest to its highest value."""
    if image.dtype != np.uint8:
        low, high = float(image.min()), float(image.max())
        image = ((image - low) * (255 / ((high - low) or 1.0))).round().astype(np.uint8)
    image = image[:3] if image.shape[0] >= 3 else image[:1].repeat(3, axis=0)
    return np.ascontiguousarray(np.moveaxis(image, 0, -1))


def overlay(image: np.ndarray, attribution: np.ndarray, opacity: float = 0.6) -> np.ndarray:
    """A map (c, h, w), its channels added, laid over its image (c, h, w): uint8 (h, w, 3)."""
    below, above = levels(image).astype(float), colours(attribution.sum(axis=0)).astype(float)
    return (below + opacity * (above - below)).round().astype(np.uint8)


def png(picture: np.ndarray) -> bytes:
    """A picture, uint8 (h, w, 3), as a PNG file; small ones are enlarged, each pixel sharp."""
    from PIL import Image

    made = Image.fromarray(picture)
    scale = max(1, -(-LEAST_SIDE // max(made.size)))
    file = io.BytesIO()
    made.resize((made.width * scale, made.height * scale), Image.Resampling.NEAREST).save(file, "PNG")
    return file.getvalue()
