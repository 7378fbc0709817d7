"""Settings that describe themselves: a default, a sentence, a unit and a range, readable without torch."""

import dataclasses
import json
import math
from typing import TYPE_CHECKING, Any, TypeVar

from core.words import cut, quoted

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = TypeVar("Record", bound="DataclassInstance")


def option(
    default: Any,
    text: str,
    low: float | None = None,
    high: float | None = None,
    unit: str = "",
    choices: tuple | None = None,
    rare: bool = False,
    zero: str = "",
) -> Any:
    """A dataclass field that knows what it means.

    low, high : inclusive bounds of a number; choices : the allowed values; rare : folded away on the page;
    zero : what 0 says, in a word or two, where it is no amount.
    """
    facts = {"help": text, "low": low, "high": high, "unit": unit, "choices": choices, "rare": rare, "zero": zero}
    return dataclasses.field(default=default, metadata=facts)


def check(record: Any) -> None:
    """Raise ValueError with one sentence if a field of the dataclass `record` has the wrong type or is out of range."""
    for field in dataclasses.fields(record):
        facts, value = field.metadata, getattr(record, field.name)
        if "help" not in facts:
            continue
        if facts["choices"] and value not in facts["choices"]:
            choices = ", ".join(map(str, facts["choices"]))
            raise ValueError(f"{field.name} is {cut(repr(value), 60)}; it must be one of {choices}.")
        if isinstance(field.default, (bool, str)):
            expected = type(field.default)
        else:
            expected = int if isinstance(field.default, int) else (int, float)
        if not isinstance(value, expected) or (isinstance(value, bool) and not isinstance(field.default, bool)):
            kind = {bool: "true or false", str: "text", int: "a whole number"}.get(expected, "a number")
            raise ValueError(f"{field.name} is {cut(repr(value), 60)}; it must be {kind}.")
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            low, high = facts["low"], facts["high"]
            if not math.isfinite(value) or (low is not None and value < low) or (high is not None and value > high):
                raise ValueError(f"{field.name} is {value}; it must be {_range(low, high)}.")


def from_dict(record_type: type[Record], values: dict) -> Record:
    """Build and check a `record_type` from plain values; an unknown name is a ValueError that lists the known ones.

    A text option that holds JSON may be given as what it says: {"width": 64} for '{"width": 64}'.
    """
    known = {field.name: field.default for field in dataclasses.fields(record_type)}
    for name in values:
        if name not in known:
            raise ValueError(f"There is no setting {cut(repr(name), 60)} here; the settings are {', '.join(known)}.")
    said = {
        name: json.dumps(value) if isinstance(known[name], str) and isinstance(value, (dict, list)) else value
        for name, value in values.items()
    }
    record = record_type(**said)
    check(record)
    return record


def parse(texts: list[str], option: str = "--net-option") -> dict:
    """["hidden=64", "batch_norm=false"] -> {"hidden": 64, "batch_norm": False}; what is no JSON value is text."""
    options = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise ValueError(f"{option} is {quoted(text)}; it must be NAME=VALUE, for example hidden=64.")
        try:
            options[name.strip()] = json.loads(value, parse_constant=_no_json)
        except (ValueError, RecursionError):
            options[name.strip()] = value
    return options


def _no_json(text: str):
    raise ValueError(f"{text} is no JSON")  # NaN and Infinity, which Python would take


def _range(low, high):
    if low is None and high is None:
        return "a finite number"
    if low is not None and high is not None:
        return f"from {low:g} to {high:g}"
    return f"at least {low:g}" if low is not None else f"at most {high:g}"
