"""Random changes of whole batches of training images, on the device, drawn anew for each sample.

torchvision's transforms draw once per call, so a batch would be changed all alike; hence these.
"""

import math

import torch
from torch.nn import functional as F

from core.config import AugmentConfig

ASPECT = 4 / 3  # a crop is at most this much longer than wide, or the other way round


class Augment:
    """Call it with a batch of images and targets to get them changed as the config says.

    top : the value of white, 255 for uint8 images
    n_classes : width of the soft targets that MixUp and CutMix make
    """

    def __init__(self, config: AugmentConfig, n_classes: int, top: float, generator: torch.Generator):
        self.config, self.n_classes, self.top, self.generator = config, n_classes, top, generator
        self.warps = config.rotate > 0 or config.crop < 1
        self.mixes = config.mixup > 0 or config.cutmix > 0

    def __call__(self, x, y):
        """Images (n, c, h, w) and targets int64 (n,) -> images, uint8 or float32 with the same range, and targets.

        Targets become float32 (n, n_classes), each row summing to 1, where images are mixed.
        """
        config, n = self.config, len(x)
        if self.warps:
            x = self._warp(x)
        else:
            if config.flip:
                x = torch.where(self._coin(n), x.flip(3), x)
            if config.flip_vertical:
                x = torch.where(self._coin(n), x.flip(2), x)
            if config.shift:
                x = self._shift(x)
        if config.color:
            x = self._color(x)
        if config.cutout:
            x = self._cutout(x)
        return self._mix(x, y) if self.mixes else (x, y)

    def _uniform(self, n, low=0.0, high=1.0):
        return low + (high - low) * torch.rand(n, generator=self.generator, device=self.generator.device)

    def _coin(self, n):
        """True for about half of the samples, (n, 1, 1, 1)."""
        return (self._uniform(n) < 0.5).view(-1, 1, 1, 1)

    def _shift(self, x):
        """Move each image by whole pixels; what comes in repeats the edge."""
        n, channels, height, width = x.shape
        for axis, side in ((2, height), (3, width)):
            most = round(self.config.shift * side)
            by = (self._uniform(n, -most - 0.5, most + 0.5)).round().long().clamp(-most, most)
            place = (torch.arange(side, device=x.device) + by[:, None]).clamp(0, side - 1)
            shape = (n, 1, side, 1) if axis == 2 else (n, 1, 1, side)
            x = x.gather(axis, place.view(shape).expand(n, channels, height, width))
        return x

    def _warp(self, x):
        """Flip, shift, crop and rotation as one affine map per sample, bilinear; what comes in repeats the edge."""
        config, n = self.config, len(x)
        height, width = x.shape[2:]
        area = self._uniform(n, config.crop, 1.0)
        ratio = torch.exp(self._uniform(n, -1, 1) * (math.log(ASPECT) / 2 if config.crop < 1 else 0.0))
        wide, high = (area.sqrt() * ratio).clamp(max=1), (area.sqrt() / ratio).clamp(max=1)
        right = self._uniform(n, -1, 1) * (1 - wide + 2 * config.shift)
        down = self._uniform(n, -1, 1) * (1 - high + 2 * config.shift)
        angle = self._uniform(n, -1, 1) * math.radians(config.rotate)
        if config.flip:
            wide = torch.where(self._uniform(n) < 0.5, wide, -wide)
        if config.flip_vertical:
            high = torch.where(self._uniform(n) < 0.5, high, -high)
        cos, sin, shape = torch.cos(angle), torch.sin(angle), height / width
        theta = torch.stack(
            [
                torch.stack([cos * wide, -sin * high * shape, right], dim=1),
                torch.stack([sin * wide / shape, cos * high, down], dim=1),
            ],
            dim=1,
        )  # (n, 2, 3)
        grid = F.affine_grid(theta.to(x.device), list(x.shape), align_corners=False)
        return F.grid_sample(x.float(), grid, padding_mode="border", align_corners=False)

    def _color(self, x):
        """Brightness, contrast and, for three channels, saturation, each by its own factor."""
        n, x = len(x), x.float()
        strength = self.config.color
        factor = [self._uniform(n, 1 - strength, 1 + strength).view(-1, 1, 1, 1) for _ in range(3)]
        x = x * factor[0]
        x = x.mean(dim=(1, 2, 3), keepdim=True).lerp(x, factor[1])
        if x.shape[1] == 3:
            x = x.mean(dim=1, keepdim=True).lerp(x, factor[2])
        return x.clamp(0, self.top)

    def _cutout(self, x):
        """Grey over a square (DeVries and Taylor 2017, arXiv:1708.04552), its centre anywhere in the image."""
        inside = self._box(x, torch.full((len(x),), self.config.cutout, device=x.device))
        return torch.where(inside, torch.as_tensor(self.top / 2, device=x.device).to(x.dtype), x)

    def _mix(self, x, y):
        """MixUp (Zhang et al. 2018, arXiv:1710.09412) or CutMix (Yun et al. 2019, arXiv:1905.04899), by a coin."""
        config, n = self.config, len(x)
        other = torch.randperm(n, generator=self.generator, device=self.generator.device).to(x.device)
        x, soft = x.float(), F.one_hot(y, self.n_classes).float()
        cut = config.cutmix > 0 and (config.mixup == 0 or bool(torch.rand((), generator=self.generator) < 0.5))
        share = self._beta(n, config.cutmix if cut else config.mixup).to(x.device)
        if cut:
            inside = self._box(x, (1 - share).sqrt())
            x = torch.where(inside, x[other], x)
            share = 1 - inside.float().mean(dim=(1, 2, 3))
        else:
            x = x[other].lerp(x, share.view(-1, 1, 1, 1))
        return x, soft[other].lerp(soft, share[:, None])

    def _box(self, x, side):
        """Whether a pixel lies in a box, (n, 1, h, w); its sides are the share `side` (n,) of the image's."""
        n, inside = len(x), None
        for length, shape in ((x.shape[2], (n, 1, -1, 1)), (x.shape[3], (n, 1, 1, -1))):
            middle = self._uniform(n, 0, length).to(x.device)[:, None]
            place = torch.arange(length, device=x.device) + 0.5
            near = ((place - middle).abs() <= side[:, None] * length / 2).view(shape)
            inside = near if inside is None else inside & near
        return inside

    def _beta(self, n, alpha):
        """Draws (n,) from Beta(alpha, alpha), by Johnk's way where alpha <= 1 and by a close normal form above."""
        if alpha > 1:  # as the mean of alpha uniform draws would lie: mean 1/2, variance 1 / (4 (2 alpha + 1))
            draws = torch.randn(n, generator=self.generator, device=self.generator.device)
            return (0.5 + draws / (2 * math.sqrt(2 * alpha + 1))).clamp(0, 1)
        u, v = (self._uniform((32, n)) ** (1 / alpha) for _ in range(2))
        fits = (u + v <= 1) & (u + v > 0)
        first = fits.float().argmax(dim=0)
        u, v = u[first, torch.arange(n)], v[first, torch.arange(n)]
        return u / (u + v).clamp_min(1e-12)


def preview(images, config: AugmentConfig, n: int = 8, seed: int = 0):
    """Each of the images, uint8 array (m, c, h, w), changed in n ways: uint8 array (m, n, c, h, w)."""
    import dataclasses

    plain = dataclasses.replace(config, mixup=0.0, cutmix=0.0)
    augment = Augment(plain, 2, 255.0, torch.Generator().manual_seed(seed))
    x = torch.from_numpy(images).repeat_interleave(n, dim=0)
    changed, _ = augment(x, torch.zeros(len(x), dtype=torch.int64))
    return changed.round().clamp(0, 255).to(torch.uint8).view(len(images), n, *images.shape[1:]).numpy()
