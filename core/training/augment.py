"""Random changes of whole batches of training images, on the device, drawn anew for each sample.

torchvision's transforms draw once per call, so a batch would be changed all alike; hence these.
"""

import contextlib
import dataclasses
import math
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.nn import functional as F

from core.config import AugmentConfig

if TYPE_CHECKING:
    import numpy as np

ASPECT = 4 / 3  # a crop is at most this much longer than wide, or the other way round
AT_ONCE = 2**19  # values that a CPU changes at a time, so that what lies between two steps stays in its cache


class Draw(NamedTuple):
    """Uniform random numbers in [0, 1), float32 (n,): what chance says to each sample of a batch."""

    flip: torch.Tensor
    flip_vertical: torch.Tensor
    down: torch.Tensor
    right: torch.Tensor
    area: torch.Tensor
    ratio: torch.Tensor
    angle: torch.Tensor
    brightness: torch.Tensor
    contrast: torch.Tensor
    saturation: torch.Tensor
    hole_y: torch.Tensor
    hole_x: torch.Tensor
    patch_y: torch.Tensor
    patch_x: torch.Tensor
    cut: torch.Tensor


class Augment:
    """Call it with a batch of images and targets to get them changed as the config says.

    top : the value of white, 255 for uint8 images
    n_classes : width of the soft targets that MixUp and CutMix make
    """

    def __init__(self, config: AugmentConfig, n_classes: int, top: float, generator: torch.Generator):
        self.config, self.n_classes, self.top, self.generator = config, n_classes, top, generator
        self.warps = config.rotate > 0 or config.crop < 1
        self.moves = config.flip or config.flip_vertical or config.shift > 0
        self.changes = self.warps or self.moves or config.color > 0 or config.cutout > 0
        self.mixes = config.mixup > 0 or config.cutmix > 0

    def __call__(self, x, y):
        """Images (n, c, h, w) and targets int64 (n,) -> images, uint8 or float32 with the same range, and targets.

        Targets become float32 (n, n_classes), each row summing to 1, where images are mixed. No step of this waits
        for the device.
        """
        with _one_thread(x.device):
            draw = Draw(*self._random(torch.rand, len(Draw._fields), len(x)).to(x.device))
            if self.changes:
                x = self._change(x, draw)
            return self._mix(x, y, draw) if self.mixes else (x, y)

    def _random(self, kind, *shape):
        return kind(*shape, generator=self.generator, device=self.generator.device)

    def _change(self, x, draw: Draw):
        """The images moved, coloured and covered, in new memory."""
        config = self.config
        floats = self.warps or config.color > 0
        changed = torch.empty(x.shape, dtype=torch.float32 if floats else x.dtype, device=x.device)
        move, places = self._move(x, draw)
        for part in _parts(x):
            out = changed[part]
            move(x[part], *(place[part] for place in places), out)
            if config.color > 0:
                self._color(out, draw.brightness[part], draw.contrast[part], draw.saturation[part])
            if config.cutout > 0:
                self._cover(out, draw.hole_y[part], draw.hole_x[part])
        return changed

    def _move(self, x, draw: Draw):
        """The function that moves the pixels of images, and what it must know of each image beside them."""
        config, (height, width) = self.config, x.shape[2:]
        if config.rotate > 0:
            return _turn, (*self._box(draw), _within(draw.angle, math.radians(config.rotate)))
        if self.warps:
            down, high, right, wide = self._box(draw)
            return _enlarge, (*_between(down, high, height), *_between(right, wide, width))
        if self.moves:
            rows = self._shifted(height, draw.down, draw.flip_vertical if config.flip_vertical else None)
            columns = self._shifted(width, draw.right, draw.flip if config.flip else None)
            return _pick, (rows, columns)
        return (lambda x, out: out.copy_(x)), ()

    def _shifted(self, side: int, by, coin):
        """The pixel (n, side) that comes to each place along an axis; what comes in repeats the edge."""
        most = round(self.config.shift * side)
        by = _within(by, most + 0.5).round().clamp(-most, most).long()
        place = (torch.arange(side, device=by.device) + by[:, None]).clamp(0, side - 1)
        return place if coin is None else torch.where(coin[:, None] < 0.5, place, side - 1 - place)

    def _box(self, draw: Draw):
        """The part of each image that is shown: middle and half its length down, and across, all (n,).

        Images reach from -1 to 1 along either axis; a negative length is a flip.
        """
        config = self.config
        share = 1 - draw.area * (1 - config.crop)
        ratio = torch.exp(_within(draw.ratio, math.log(ASPECT) / 2 if config.crop < 1 else 0.0))
        high, wide = ((share.sqrt() / ratio).clamp(max=1), (share.sqrt() * ratio).clamp(max=1))
        down = _within(draw.down, 1 - high + 2 * config.shift)
        right = _within(draw.right, 1 - wide + 2 * config.shift)
        if config.flip_vertical:
            high = torch.where(draw.flip_vertical < 0.5, high, -high)
        if config.flip:
            wide = torch.where(draw.flip < 0.5, wide, -wide)
        return down, high, right, wide

    def _color(self, x, *uniform):
        """Brightness, contrast and, for three channels, saturation, each by its own factor, in place."""
        bright, contrast, saturation = ((1 + _within(u, self.config.color)).view(-1, 1, 1, 1) for u in uniform)
        grey = x.mean(dim=1, keepdim=True)
        scale, rest = bright * contrast, bright * (1 - contrast) * grey.mean(dim=(2, 3), keepdim=True)
        if x.shape[1] == 3:
            scale, rest = scale * saturation, torch.addcmul(rest, grey, scale * (1 - saturation))
        x.mul_(scale).add_(rest).clamp_(0, self.top)

    def _cover(self, x, middle_y, middle_x):
        """Grey over a square of each image (DeVries and Taylor 2017, arXiv:1708.04552), in place."""
        grey = self.top / 2 if x.is_floating_point() else int(self.top / 2)
        x.masked_fill_(_inside(x, torch.full_like(middle_y, self.config.cutout), middle_y, middle_x), grey)

    def _mix(self, x, y, draw: Draw):
        """MixUp (Zhang et al. 2018, arXiv:1710.09412) or CutMix (Yun et al. 2019, arXiv:1905.04899), by a coin each."""
        config, n = self.config, len(x)
        other = self._random(torch.randperm, n).to(x.device)
        if config.mixup > 0:  # how much of the image itself is kept, in each of its pixels
            kept = self._beta(n, config.mixup).to(x.device).view(-1, 1, 1, 1)
        if config.cutmix > 0:
            side = (1 - self._beta(n, config.cutmix).to(x.device)).sqrt()
            outside = (~_inside(x, side, draw.patch_y, draw.patch_x)).float()
            kept = torch.where(draw.cut.view(-1, 1, 1, 1) < 0.5, outside, kept) if config.mixup > 0 else outside
        soft = F.one_hot(y, self.n_classes).float()
        mixed = torch.empty(x.shape, device=x.device)
        for part in _parts(x):
            torch.lerp(x.index_select(0, other[part]).float(), x[part].float(), kept[part], out=mixed[part])
        return mixed, soft[other].lerp(soft, kept.mean(dim=(1, 2, 3)).view(-1, 1))

    def _beta(self, n, alpha):
        """Draws (n,) from Beta(alpha, alpha), by Johnk's way where alpha <= 1 and by a close normal form above."""
        if alpha > 1:  # as the mean of alpha uniform draws would lie: mean 1/2, variance 1 / (4 (2 alpha + 1))
            return (0.5 + self._random(torch.randn, n) / (2 * math.sqrt(2 * alpha + 1))).clamp(0, 1)
        u, v = self._random(torch.rand, 2, 32, n) ** (1 / alpha)
        first = ((u + v <= 1) & (u + v > 0)).float().argmax(dim=0, keepdim=True)
        u, v = u.gather(0, first)[0], v.gather(0, first)[0]
        return u / (u + v).clamp_min(1e-12)


@contextlib.contextmanager
def _one_thread(device: torch.device):
    """Let PyTorch use one thread of a CPU meanwhile.

    Its threads meet after every operation, which takes longer than an operation as small as these.
    """
    n_threads = torch.get_num_threads()
    try:
        if device.type == "cpu":
            torch.set_num_threads(1)
        yield
    finally:
        torch.set_num_threads(n_threads)


def _parts(x) -> list[slice]:
    """The parts of a batch that are changed one after another: on a CPU a few images, elsewhere all."""
    step = max(1, AT_ONCE // x[0].numel()) if x.device.type == "cpu" else len(x)
    return [slice(start, start + step) for start in range(0, len(x), step)]


def _within(u, most):
    """Numbers u in [0, 1) spread over -most to most."""
    return (2 * u - 1) * most


def _centres(side: int, device):
    """Where the pixels of an axis lie between -1 and 1, (side,)."""
    return (2 * torch.arange(side, device=device) + 1) / side - 1


def _pick(x, rows, columns, out):
    """Fill `out` with the pixels of each image that lie in these rows and columns, int64 (n, side)."""
    torch.gather(_rows_of(x, rows), 3, columns[:, None, None].expand(x.shape), out=out)


def _enlarge(x, above, below, down, left, right, across, out):
    """Fill `out` with pixels between those of each image, bilinear; see `_between` for the places.

    First along one axis, then along the other: on a CPU that is twice as fast as `grid_sample`.
    """
    x = _rows_of(x, above).float().lerp_(_rows_of(x, below).float(), down[:, None, :, None])
    left, right = (x.gather(3, place[:, None, None].expand(x.shape)) for place in (left, right))
    torch.lerp(left, right, across[:, None, None], out=out)


def _between(middle, reach, side: int):
    """The pixels before and after each of `side` points, int64 (n, side), and the way from the first, in [0, 1).

    The points lie evenly from middle - reach to middle + reach, each (n,); one outside of the image lies on its edge.
    """
    points = middle[:, None] + reach[:, None] * _centres(side, middle.device)
    place = ((points + 1) * (side / 2) - 0.5).clamp(0, side - 1)
    before = place.long()
    return before, (before + 1).clamp(max=side - 1), place - before


def _rows_of(x, place):
    """Images whose row i is row place[:, i] of the images x."""
    n, channels, height, width = x.shape
    first = height * torch.arange(n * channels, device=x.device).view(n, channels, 1)
    return x.reshape(-1, width).index_select(0, (first + place[:, None]).flatten()).view(x.shape)


def _turn(x, down, high, right, wide, angle, out):
    """Fill `out` with a box of each image, see `Augment._box`, turned by an angle in radians, bilinear."""
    height, width = x.shape[2:]
    cos, sin, down, right = (value.view(-1, 1, 1) for value in (torch.cos(angle), torch.sin(angle), down, right))
    y_place = (high[:, None] * _centres(height, x.device))[:, :, None] * (height / width)
    x_place = (wide[:, None] * _centres(width, x.device))[:, None, :]
    grid = torch.empty(len(x), height, width, 2, device=x.device)
    torch.add(right + cos * x_place, -sin * y_place, out=grid[..., 0])
    torch.add(down + sin * x_place * (width / height), cos * y_place * (width / height), out=grid[..., 1])
    out.copy_(F.grid_sample(x.float(), grid, padding_mode="border", align_corners=False))


def _inside(x, side, middle_y, middle_x):
    """Whether a pixel lies in a box, (n, 1, h, w); its sides are the share `side` (n,) of the image's.

    middle_y, middle_x : the middle of the box, (n,) in [0, 1)
    """
    near = []
    for middle, length in ((middle_y, x.shape[2]), (middle_x, x.shape[3])):
        place = (torch.arange(length, device=x.device) + 0.5) / length
        near.append((place - middle[:, None]).abs() <= side[:, None] / 2)
    return (near[0][:, :, None] & near[1][:, None, :])[:, None]


def preview(images: "np.ndarray", config: AugmentConfig, n: int = 8, seed: int = 0) -> "np.ndarray":
    """Each of the images, uint8 array (m, c, h, w), changed in n ways: uint8 array (m, n, c, h, w)."""
    plain = dataclasses.replace(config, mixup=0.0, cutmix=0.0)
    augment = Augment(plain, 2, 255.0, torch.Generator().manual_seed(seed))
    x = torch.from_numpy(images).repeat_interleave(n, dim=0)
    changed, _ = augment(x, torch.zeros(len(x), dtype=torch.int64))
    return changed.round().clamp(0, 255).to(torch.uint8).view(len(images), n, *images.shape[1:]).numpy()
