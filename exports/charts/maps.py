"""Figures of what speaks for a class in a picture, and of what happens when it is taken away. In the form of `charts`.

Pictures and maps are put in as files of pixels, not as numbers, so that a figure stays small and shows at once.
"""

import base64
import io

import numpy as np
import plotly.graph_objects as go
from PIL import Image
from PIL.Image import Resampling

from core.explain._paint import colours, levels
from exports.charts import GREY, PALETTE, base

SHARP = 96  # pixels of the longer side up to which each pixel is shown as a square
ENLARGED = 320  # pixels to which such a picture is enlarged
LARGE = 320  # pixels of the longer side that are kept of a larger one
HOVER = 64 * 64  # pixels up to which a figure says the value under the pointer
FULL = 0.995  # share of the values, by size, that lie within the colours


def overlay(image: np.ndarray, attribution: np.ndarray, opacity: float = 0.6) -> go.Figure:
    """A smooth map over the picture: orange for the class, blue against it; without negative values as heat.

    image : uint8, or float32 in any levels, (c, h, w);  attribution : float (k, h, w), whose channels are added
    opacity : of the strongest places, in [0, 1]; where nothing speaks, the picture shows
    Raises ValueError if the two differ in height or width.
    """
    values = _one_layer(attribution)
    if values.shape != image.shape[1:]:
        sizes = (f"{height}x{width}" for height, width in (values.shape, image.shape[1:]))
        raise ValueError("The map has {} pixels and the picture {}; give the map of this picture.".format(*sizes))
    below = _sized(Image.fromarray(levels(image)), LARGE).convert("RGBA")
    above = _seen_through(_smooth(values), bool((values < 0).any()), opacity).resize(below.size, Resampling.BILINEAR)
    made = Image.alpha_composite(below, above).convert("RGB")
    return _hover(_figure(made, values.shape), values)


def picture(image: np.ndarray) -> go.Figure:
    """The picture alone, uint8 or float32 (c, h, w), in the same frame."""
    return _figure(_sized(Image.fromarray(levels(image)), LARGE), image.shape[1:])


def raw_map(attribution: np.ndarray) -> go.Figure:
    """The map alone, float (k, h, w), pixel by pixel: orange for the class, blue against it; or heat."""
    values = _one_layer(attribution)
    made = _indexed(values, bool((values < 0).any()))
    made.putpalette(colours(_steps(bool((values < 0).any()))[None])[0].tobytes())
    return _hover(_figure(_sized(made, LARGE), values.shape, "PNG"), values)


def curves(found: dict) -> go.Figure:
    """How the probability changes when the most important parts are taken away first, or shown first.

    found : "curves" of the check "deletion", see `core.trust.judge`
    """
    fig = base("Share of the picture or of the columns, the most important first", "Probability")
    share = found["share"]
    looks = {
        "deletion": ("Taken away", PALETTE[3], "solid", 3),
        "insertion": ("Shown alone", PALETTE[2], "solid", 3),
        "random_deletion": ("Taken away, random order", PALETTE[3], "dot", 1.5),
        "random_insertion": ("Shown alone, random order", PALETTE[2], "dot", 1.5),
        "edges_deletion": ("Taken away, edges first", GREY, "dash", 1.5),
        "edges_insertion": ("Shown alone, edges first", GREY, "dashdot", 1.5),
    }
    for key, (name, color, dash, width) in looks.items():
        if key in found:
            fig.add_scatter(
                x=share,
                y=found[key],
                name=name,
                mode="lines",
                line={"color": color, "dash": dash, "width": width},
                hovertemplate=f"{name}: %{{y:.1%}}<extra></extra>",
            )
    fig.update_xaxes(tickformat=".0%", range=[0, 1])
    fig.update_yaxes(tickformat=".0%", range=[-0.02, 1.02])
    return fig.update_layout(hovermode="x unified")


# ---------------------------------------------------------------------------------------------------- pixels


def _one_layer(attribution: np.ndarray) -> np.ndarray:
    values = np.nan_to_num(np.asarray(attribution, np.float64), posinf=0.0, neginf=0.0)
    return values.sum(axis=0) if values.ndim == 3 else values


def _smooth(values: np.ndarray) -> np.ndarray:
    """A map of single pixels made smooth, so that a picture can be seen under it; a small one stays."""
    from scipy import ndimage

    side = min(values.shape)
    return ndimage.gaussian_filter(values, side / 60, mode="nearest") if side > SHARP else values


def _steps(signed: bool) -> np.ndarray:
    """What the 256 indices of a map stand for: from -1, or 0, to 1."""
    return np.linspace(-1 if signed else 0, 1, 256)


def _indexed(values: np.ndarray, signed: bool) -> Image.Image:
    """A map as a picture of 256 colours yet to be given."""
    size = np.abs(values)
    strength = values / (np.quantile(size, FULL) or size.max() or 1.0)
    scaled = np.clip((strength + 1) / 2 if signed else strength, 0, 1)  # nothing is 1/2, or 0
    return Image.fromarray(np.round(255 * scaled).astype(np.uint8))


def _seen_through(values: np.ndarray, signed: bool, opacity: float) -> Image.Image:
    """A map as RGBA: `opacity` where it is strongest, falling to 0 where nothing speaks."""
    steps = _steps(signed)
    # what is seen through need not be paled as well: a signed map has the two full colours
    colors = colours(np.where(steps < 0, -1.0, 1.0)[None] if signed else steps[None])[0]
    alpha = 255 * np.clip(opacity, 0, 1) * np.abs(steps) ** (1 if signed else 0.7)
    table = np.column_stack([colors, np.round(alpha).astype(np.uint8)])
    return Image.fromarray(table[np.asarray(_indexed(values, signed))])


def _sized(made: Image.Image, most: int) -> Image.Image:
    """A small picture enlarged, each pixel a square; a large one made smaller."""
    longer = max(made.size)
    scale = -(-ENLARGED // longer) if longer <= SHARP else min(1.0, most / longer)
    if scale == 1:
        return made
    how = Resampling.NEAREST if scale > 1 or made.mode == "P" else Resampling.BOX
    width, height = (max(1, round(scale * side)) for side in made.size)
    return made.resize((width, height), how)


def _figure(made: Image.Image, size, form: str = "") -> go.Figure:
    """A picture in a frame whose axes count the original pixels, (height, width); as PNG, or JPEG where it is large."""
    height, width = size
    form = form or ("PNG" if max(size) <= SHARP // 2 else "JPEG")
    file = io.BytesIO()
    made.save(file, form, **({"quality": 88} if form == "JPEG" else {}))
    address = f"data:image/{form.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"
    fig = base("", "").update_layout(height=320)
    fig.update_xaxes(visible=False, range=[-0.5, width - 0.5], constrain="domain")
    fig.update_yaxes(visible=False, range=[height - 0.5, -0.5], scaleanchor="x", constrain="domain")
    place = {"x": -0.5, "y": -0.5, "sizex": width, "sizey": height, "sizing": "stretch", "layer": "below"}
    return fig.add_layout_image(source=address, xref="x", yref="y", **place)


def _hover(fig: go.Figure, values: np.ndarray) -> go.Figure:
    """The value under the pointer, of a small map."""
    if values.size <= HOVER:
        fig.add_heatmap(
            z=values.astype(np.float32),
            opacity=0,
            showscale=False,
            hovertemplate="row %{y}, column %{x}: %{z:.3g}<extra></extra>",
        )
    return fig
