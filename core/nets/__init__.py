"""Nets: one file each, with KIND, TITLE, an Options dataclass and `build(schema, options)`. Read without torch."""

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


def options(name: str, values: dict):
    """The net's Options with `values` in place of defaults; ValueError if one is unknown or out of range."""
    return from_dict(module(name).Options, values)
