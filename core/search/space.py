"""What a search may choose: settings as lists or ranges, written as a person writes them."""

import dataclasses
import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

from core import config, nets, words
from core.data.dataset import Dataset

USUAL = {  # good ranges where the default alone does not tell one
    "lr": "0.0003..0.03:log",
    "weight_decay": "0.000001..0.01:log",
    "batch_size": "16,32,64,128",
    "epochs": "10..50",
    "backbone_lr": "0.01..1.0:log",
    "label_smoothing": "0.0..0.2",
    "focal": "0.0..2.0",
    "clip_norm": "0.0,1.0,5.0",
    "ema": "0.0,0.99,0.999",
    "net.dropout": "0.0..0.6",
    "net.hidden": "32..256:log",
    "net.layers": "1..4",
}
USUAL_OF = {"table": {"weight_decay": "0.001..1.0:log"}}  # by kind of data, where it is another
LOG_FROM = 100  # times the lower end, from which a range of a float is searched by its logarithm


@dataclass(frozen=True)
class Choice:
    """One of several values: numbers, texts, true or false."""

    values: tuple

    def __str__(self) -> str:
        return ",".join(map(_text, self.values))


@dataclass(frozen=True)
class Range:
    """A number from low to high, both included; whole if both ends are whole numbers."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self):
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"The range {self.low}..{self.high} is none; its first end must lie below its second.")
        if self.log and self.low <= 0:
            raise ValueError(f"The range {self.low}..{self.high} has no logarithm; it must begin above 0.")

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are tried."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def values(self) -> tuple:
        """Both ends."""
        return (self.low, self.high)

    def __str__(self) -> str:
        return f"{_text(self.low)}..{_text(self.high)}" + (":log" if self.log else "")


def parse(texts: list[str]) -> dict:
    """["lr=1e-4..1e-1", "optimizer=adam,sgd", "net.hidden=32..256:log", "epochs=5"] -> names and what they may be.

    A range of floats whose upper end is at least 100 times the lower is searched by its logarithm. A single value is
    fixed. Raises ValueError with a sentence if a text is not understood.
    """
    space = {}
    for text in texts:
        name, equals, given = (part.strip() for part in text.partition("="))
        if not equals or not name or not given:
            raise ValueError(
                f"{words.quoted(text)} is no setting to search; write NAME=LOW..HIGH, NAME=A,B,C or NAME=VALUE, for "
                "example lr=0.0001..0.1."
            )
        if name in space:
            raise ValueError(f"{words.cut(name, 60)} is named twice; write all its values in one list, or one range.")
        space[name] = _one(name, given)
    return space


def _one(name: str, given: str):
    log, shown = given.endswith(":log"), words.cut(f"{name}={given}", 80)
    body = given.removesuffix(":log")
    if ".." in body:
        low, high = (_number(end) for end in body.split("..", 1))
        if low is None or high is None:
            raise ValueError(f"{shown} is no range; both ends must be numbers, as in 0.001..0.1.")
        wide = not isinstance(low, int) and low > 0 and high / low >= LOG_FROM
        return Range(low, high, log or wide)
    if log:
        raise ValueError(f"{shown}: only a range, LOW..HIGH, can be searched by its logarithm.")
    values = tuple(_value(part.strip()) for part in body.split(","))
    if any(isinstance(value, (list, dict)) for value in values):
        raise ValueError(f"{shown} holds a list or an object; give plain values.")
    if len({(isinstance(value, bool), value) for value in values}) < len(values):  # 1 and 1.0 are the same
        raise ValueError(f"{shown} names a value twice; each may stand there once.")
    return values[0] if len(values) == 1 else Choice(values)


def check(space: dict, net: str | None) -> None:
    """Raise ValueError with a sentence if a name is no setting, or nothing is left to search."""
    known = config.setting_names() | {"net"}
    asked = space.get("net", net)
    for name in asked.values if isinstance(asked, Choice) else (asked,):
        if not isinstance(name, str):
            raise ValueError(f"net is {words.cut(str(name), 60)}; it must be the name of a net, or a list of names.")
        known |= {f"net.{option}" for option in asdict(nets.options(name, {}))}
    if unknown := sorted(set(space) - known):
        shown = " or ".join(words.cut(name, 60) for name in unknown[:2])
        raise ValueError(f"There is no setting {shown}; the settings are {', '.join(sorted(known))}.")
    if not searched(space):
        raise ValueError("Nothing is left to search; give at least one setting as a range or a list.")


def choosable(net: str) -> dict:
    """The settings worth searching for a net, as dataclass fields by name; how data is split is none of them."""
    records = {"": (config.TrainingConfig, config.AugmentConfig), "net.": (type(nets.options(net, {})),)}
    return {prefix + field.name: field for prefix, kinds in records.items() for kind in kinds for field in fields(kind)}


def usual(name: str, field: dataclasses.Field, kind: str) -> str:
    """What to search first for a setting, as `parse` takes it: its choices, or a range around its default.

    field : of `choosable`;  kind : of the data, "table" or "image"
    """
    if known := USUAL_OF.get(kind, {}).get(name) or USUAL.get(name):
        return known
    default: Any = field.default
    facts = field.metadata
    if isinstance(default, bool):
        return "true,false"
    if facts.get("choices"):
        return ",".join(map(str, facts["choices"]))
    if isinstance(default, str):
        return default
    low, high = (facts.get(end) for end in ("low", "high"))
    ends: list[Any] = [default / 2, default * 2] if default else [0, 1]
    ends = [max(ends[0], ends[0] if low is None else low), min(ends[1], ends[1] if high is None else high)]
    if ends[0] >= ends[1]:
        ends = [low, high]
    return "..".join(str(round(end) if isinstance(default, int) else float(end)) for end in ends)


def searched(space: dict) -> dict:
    """What is not fixed."""
    return {name: what for name, what in space.items() if isinstance(what, (Choice, Range))}


def corners(space: dict) -> Iterator[dict]:
    """Values of all settings, a dict each, in which every end of a range and every choice occurs at least once."""
    first = {name: what.values[0] if name in searched(space) else what for name, what in space.items()}
    others = ({**first, name: value} for name, what in searched(space).items() for value in what.values[1:])
    return itertools.chain([first], others)


def config_of(dataset: Dataset, net: str | None, values: dict) -> config.TrainConfig:
    """The config of a run with these values of settings; `net` is taken where they name none."""
    values = dict(values)
    net = values.pop("net", net)
    options = {name[4:]: values.pop(name) for name in list(values) if name.startswith("net.")}
    if net:
        known = asdict(nets.options(net, {}))
        options = {name: value for name, value in options.items() if name in known}  # another net may have them
    return config.suggest(dataset, net, options, **values)


def to_dict(space: dict) -> dict:
    """Plain values, for JSON."""
    kinds = {Choice: "choice", Range: "range"}
    return {
        name: {"kind": kinds[type(what)], **asdict(what)} if type(what) in kinds else {"kind": "fixed", "value": what}
        for name, what in space.items()
    }


def from_dict(values: dict) -> dict:
    """The way back from `to_dict`."""
    made = {}
    for name, facts in values.items():
        facts = dict(facts)
        kind = facts.pop("kind")
        if kind == "choice":
            made[name] = Choice(tuple(facts["values"]))
        else:
            made[name] = Range(**facts) if kind == "range" else facts["value"]
    return made


def distributions(space: dict) -> dict:
    """As Optuna's distributions, by name."""
    from optuna import distributions as kinds

    made = {}
    for name, what in searched(space).items():
        if isinstance(what, Choice):
            made[name] = kinds.CategoricalDistribution(what.values)
        elif what.whole:
            made[name] = kinds.IntDistribution(what.low, what.high, log=what.log)
        else:
            made[name] = kinds.FloatDistribution(what.low, what.high, log=what.log)
    return made


def _number(text: str):
    value = _value(text.strip())
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    return value if isinstance(value, float) or abs(value) < 10**100 else None  # beyond what a float can hold


def _value(text: str):
    try:
        return json.loads(text, parse_constant=str)  # NaN and Infinity are no numbers here
    except (ValueError, RecursionError):
        return text


def _text(value) -> str:
    return value if isinstance(value, str) else json.dumps(value)
