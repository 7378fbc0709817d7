"""Nets that were trained on ImageNet, from torchvision, with a new head for the classes at hand."""

import difflib
import importlib.metadata
import json
import pathlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.data.dataset import Schema
from core.files import replacing, write_json
from core.options import option
from core.workspace import workspace

if TYPE_CHECKING:
    from torch import nn

KIND = "image"
TITLE = "Pretrained net: trained on ImageNet, with a new head"
BACKBONE = True
STARTS_TRAINED = True
SIDE = 224  # pixels at which most of them were trained


@dataclass(frozen=True)
class Options:
    arch: str = option("mobilenet_v2", "architecture, as torchvision names it")
    hidden: int = option(
        0, "units of a hidden layer in the head, 500 is the classic; 0 makes a linear head", 0, 4096, zero="none"
    )
    dropout: float = option(0.2, "chance that what the head's last layer takes is zeroed in training", 0, 0.95)


def build(schema: Schema, options: Options = Options()) -> "nn.Module":
    """Return the net with fresh weights: float32 (n, 3 or 1, h, w) -> logits (n, n_classes).

    Its children are `backbone`, images -> pooled features (n, n_features), and `head`, whose last layer is `linear`.
    Raises LookupError if there is no such architecture, ValueError if it does not take images of this kind or size.
    """
    from collections import OrderedDict

    from torch import nn

    from core.nets._backbone import Backbone

    _sets(options.arch)
    backbone = Backbone(options.arch, schema.shape)
    layers, width = OrderedDict(), backbone.n_features
    if options.hidden:
        layers |= {"hidden": nn.Linear(width, options.hidden), "relu": nn.ReLU()}
        width = options.hidden
    layers |= {"dropout": nn.Dropout(options.dropout), "linear": nn.Linear(width, len(schema.classes))}
    return nn.Sequential(OrderedDict(backbone=backbone, head=nn.Sequential(layers)))


def image_size(options: Options) -> int:
    """The side in pixels at which the architecture was trained; 224 until a catalogue has been made."""
    found = next((entry for entry in known() or [] if entry["arch"] == options.arch), None)
    return found["image_size"] if found else SIDE


def preprocessing(options: Options, weights: str) -> dict:
    """How `weights` want images. Of a file it is not known how much was cut off around the centre: nothing is."""
    if weights == "random":
        return {}
    found = _weights_set(options.arch, weights)
    preset = (found or _sets(options.arch).DEFAULT).transforms()
    return {
        "mean": list(preset.mean),
        "std": list(preset.std),
        "zoom": preset.resize_size[0] / preset.crop_size[0] if found else 1.0,
        "cubic": preset.interpolation.value == "bicubic" and found is not None,
    }


def catalogue() -> list[dict]:
    """Every architecture for classification that torchvision has: its family, sizes, and accuracy on ImageNet.

    Each has arch, family, weights (names, the default first), and of that default n_parameters, gflops (of one image),
    accuracy (in [0, 1]), image_size (pixels) and n_bytes (of the file). It is kept for `known`.
    """
    if (entries := known()) is None:
        from torchvision import models

        entries = [_entry(arch) for arch in models.list_models(module=models)]
        path = _catalogue_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"nets": entries})
    return entries


def known() -> list[dict] | None:
    """What `catalogue` found in this workspace with this version of torchvision, or None; read without torch."""
    try:
        return json.loads(_catalogue_path().read_text(encoding="utf-8"))["nets"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def fetch(
    options: Options, weights: str, say: Callable[[str, float], None] = lambda _text, _fraction: None
) -> pathlib.Path:
    """The file of a set of weights ("" for the default), downloaded if it is not there yet.

    Raises LookupError if torchvision has no weights of that name, ValueError if they cannot be downloaded.
    """
    import torch

    found = _weights_set(options.arch, weights)
    if found is None:
        names = [entry.name for entry in _sets(options.arch)]
        raise LookupError(
            f"There are no weights {weights!r} for {options.arch}; there are {', '.join(names)}. "
            "A file is named by its path, and a run as run:NAME."
        )
    target = pathlib.Path(torch.hub.get_dir()) / "checkpoints" / found.url.rpartition("/")[2]
    return target if target.exists() else download(found.url, target, say)


def download(
    url: str, target: pathlib.Path, say: Callable[[str, float], None] = lambda _text, _fraction: None
) -> pathlib.Path:
    """Fetch `url` to `target`, whole or not at all. The file's name holds the start of its SHA-256, which is checked.

    Raises ValueError with a sentence if it cannot be had, or is not what it should be.
    """
    import hashlib
    import urllib.request

    name, digest, done = target.name, hashlib.sha256(), 0
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with replacing(target) as beside:
            with urllib.request.urlopen(url, timeout=30) as source, open(beside, "wb") as file:
                n_bytes = int(source.headers.get("Content-Length") or 0)
                while chunk := source.read(2**18):
                    file.write(chunk)
                    digest.update(chunk)
                    done += len(chunk)
                    say(f"Downloading {name}, {done / 1e6:.1f} MB so far", done / n_bytes if n_bytes else 0.0)
            wanted = re.search(r"-([0-9a-f]{8,})\.", name)
            if (n_bytes and done != n_bytes) or (wanted and not digest.hexdigest().startswith(wanted[1])):
                raise OSError("what came is not what it should be")
    except InterruptedError:  # asked to stop
        raise
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise ValueError(
            f"The weights {name} could not be downloaded from {url} ({reason}); try again, give the path of a file "
            "with them as weights, or choose weights=random to start from scratch."
        ) from error
    return target


def _sets(arch: str):
    """torchvision's weights for an architecture; LookupError if it has no such one."""
    from torchvision import models

    names = models.list_models(module=models)
    if arch not in names:
        near = difflib.get_close_matches(arch, names, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise LookupError(
            f"torchvision has no architecture {arch!r} for classification; it has {', '.join(names)}.{hint}"
        )
    return models.get_model_weights(arch)


def _weights_set(arch: str, weights: str):
    """The set that a name, "" for the default, or the path of a file as torchvision names it, stands for; or None."""
    sets = _sets(arch)
    if not weights:
        return sets.DEFAULT
    name = pathlib.PurePath(weights).name
    return next((entry for entry in sets if weights == entry.name or name == entry.url.rpartition("/")[2]), None)


def _entry(arch: str) -> dict:
    import inspect

    from torchvision import models

    sets = _sets(arch)
    default = sets.DEFAULT
    return {
        "arch": arch,
        "family": inspect.signature(models.get_model_builder(arch)).return_annotation.__name__,
        "weights": [default.name, *(entry.name for entry in sets if entry is not default)],
        "n_parameters": default.meta["num_params"],
        "gflops": default.meta["_ops"],
        "accuracy": default.meta["_metrics"]["ImageNet-1K"]["acc@1"] / 100,
        "image_size": default.transforms().crop_size[0],
        "n_bytes": round(default.meta["_file_size"] * 2**20),
    }


def _catalogue_path() -> pathlib.Path:
    return workspace() / "cache" / f"torchvision-{importlib.metadata.version('torchvision')}.json"
