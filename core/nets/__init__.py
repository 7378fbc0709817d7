"""Nets: one file each, with KIND, TITLE, an Options dataclass and `build(schema, options)`. Read without torch.

A net whose last part can be trained alone has the children `backbone` and `head`, and says BACKBONE = True in its
file. What a file may also have: STARTS_TRAINED = True if it starts from trained weights unless told otherwise;
`image_size(options)`, the side it is best at; `preprocessing(options, weights)`, see `core.preprocessing.build`.
"""

import sys

from core import registry
from core.options import from_dict


def available() -> list[str]:
    """Names of the nets."""
    return registry.members(sys.modules[__name__])


def module(name: str):
    """The file of one net; LookupError if there is none of that name."""
    return registry.member(sys.modules[__name__], name, "net")


def kind(name: str) -> str:
    """The kind of data that the net takes: "image" or "table"."""
    return module(name).KIND


def has_backbone(name: str) -> bool:
    """Whether the net is made of a backbone and a head, so that the one can be frozen."""
    return getattr(module(name), "BACKBONE", False)


def starts_trained(name: str, weights: str) -> bool:
    """Whether the net starts from trained weights, for this setting of NetConfig.weights."""
    return weights != "random" if weights else getattr(module(name), "STARTS_TRAINED", False)


def image_size(name: str, values: dict) -> int:
    """The side in pixels at which the net is best, 0 for any; `values` are its options."""
    chosen = getattr(module(name), "image_size", None)
    return chosen(options(name, values)) if chosen else 0


def preprocessing(name: str, values: dict, weights: str) -> dict:
    """How the net's weights want images: arguments of `core.preprocessing.build`, none if the data decides."""
    wanted = getattr(module(name), "preprocessing", None)
    return wanted(options(name, values), weights) if wanted else {}


def options(name: str, values: dict):
    """The net's Options with `values` in place of defaults; ValueError if one is unknown or out of range."""
    return from_dict(module(name).Options, values)
