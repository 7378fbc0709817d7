"""What a check found, with its evidence and what would help, ready for JSON."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

SEVERITIES = ("problem", "warning", "note")
KINDS = ("drop_samples", "leave_out_columns", "drop_classes", "resample")
MOST_SHOWN = 50  # ids, pairs or names in the evidence


@dataclass(frozen=True)
class Fix:
    """What would help.

    label : for a button
    kind, arguments : "drop_samples" {"ids": [...]}, "leave_out_columns" {"names": [...], "reason": text},
        "drop_classes" {"names": [...]} or "resample" {"strength": in [0, 1]}, a setting of the training
    """

    label: str
    kind: str
    arguments: dict

    def to_dict(self) -> dict:
        """Plain values, as `from_dict` takes them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> "Fix":
        """The fix of `to_dict`."""
        return cls(values["label"], values["kind"], values["arguments"])


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or worth knowing.

    check : short name;  severity : of SEVERITIES;  sentence : what was found, with counts
    evidence : {"n": all there are, ...} and the first 50 of what it concerns, under some of the names "ids",
        "pairs" [[id, id], ...], "columns", "classes", "files" and "texts" (one for each file)
    """

    check: str
    severity: str
    sentence: str
    evidence: dict = field(default_factory=dict)
    fix: Fix | None = None

    def to_dict(self) -> dict:
        """Plain values, as `from_dict` takes them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> "Finding":
        """The finding of `to_dict`."""
        fix = Fix.from_dict(values["fix"]) if values["fix"] else None
        return cls(values["check"], values["severity"], values["sentence"], values["evidence"], fix)


def evidence(n: int, **concerned) -> dict:
    """Evidence of plain values: the number of all, and the first 50 of each list that is given."""
    shown = {name: _plain(list(values[:MOST_SHOWN])) for name, values in concerned.items()}
    return {"n": int(n), **shown}


def listed(names: Sequence, most: int = 5) -> str:
    """("a", "b", "c") -> "a, b, c"; of many the first five, and how many more; a long name is cut."""
    shown = [name if len(name) <= 60 else f"{name[:59]}…" for name in map(str, names[:most])]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")


def _plain(values: list) -> list:
    return [[str(value) for value in pair] if isinstance(pair, (list, tuple)) else str(pair) for pair in values]
