"""Nets: one file each, with KIND, TITLE, an Options dataclass and `build(schema, options)`. Read without torch.

A net whose last part can be trained alone has the children `backbone` and `head`, and says BACKBONE = True in its
file. What a file may also have: KINDS, several kinds of data, in place of KIND; STARTS_TRAINED = True if it starts from
trained weights unless told otherwise; `image_size(options)`, the side it is best at; `preprocessing(options, weights)`,
see `core.preprocessing.build`; `fetch(options, weights, say)`, the file of weights that it knows by name. A net for
tables may have a method `fit(rows)`, called with the preprocessed training rows before training.
"""

import sys
from types import ModuleType
from typing import Any

from core import registry
from core.options import from_dict

NO_NETS = ("weights",)  # files here that are not one


def available() -> list[str]:
    """Names of the nets."""
    return [name for name in registry.members(sys.modules[__name__]) if name not in NO_NETS]


def module(name: str) -> ModuleType:
    """The file of one net; LookupError if there is none of that name."""
    return registry.member(sys.modules[__name__], name, "net", available())


def kinds(name: str) -> tuple[str, ...]:
    """The kinds of data that the net takes, of "image" and "table"."""
    found = module(name)
    return getattr(found, "KINDS", None) or (found.KIND,)


def kind(name: str) -> str:
    """The first kind of data that the net takes: "image" or "table"."""
    return kinds(name)[0]


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
    """How the net's weights want images: arguments of `core.preprocessing.build`, none if the data decides.

    Weights of an earlier run are the business of `core.model`.
    """
    wanted = getattr(module(name), "preprocessing", None)
    return wanted(options(name, values), weights) if wanted else {}


def options(name: str, values: dict) -> Any:
    """The net's Options with `values` in place of defaults; ValueError if one is unknown or out of range."""
    return from_dict(module(name).Options, values)
