"""Writes docs/licences.md: the licence of every package that Vitrine needs, as the package itself states it."""

import importlib.metadata
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
KINDS = (  # of a licence that a package gives as a text or a classifier; the first that is found
    ("Apache-2.0", r"Apache"),
    ("MPL-2.0", r"MPL|Mozilla"),
    ("BSD-3-Clause", r"BSD.?3|3.Clause"),
    ("BSD", r"BSD"),
    ("MIT", r"\bMIT\b"),
    ("ISC", r"\bISC\b"),
    ("PSF-2.0", r"Python Software Foundation|\bPSF"),
    ("HPND", r"HPND|MIT-CMU"),
    ("NVIDIA, proprietary", r"NVIDIA"),
)
HEAD = """# Licences

Vitrine itself is under the MIT licence. These are the packages that it needs, directly or by way of another one, with
the licence that each states of itself. `python docs/licences.py` writes this list anew from what is installed; the
packages that only tests, the linter and these pages need are not in it, as nothing of them is part of what runs.
A test makes sure that none of them is under the GPL or AGPL.

| Package | Licence | Needed by |
|---|---|---|
"""


def needed(requirements: pathlib.Path = ROOT / "requirements.txt") -> dict[str, set[str]]:
    """Every package that the requirements bring on this system, and which packages need it; "" is Vitrine itself."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    lines = [line.partition("#")[0].strip() for line in requirements.read_text(encoding="utf-8").splitlines()]
    waiting = [(Requirement(line), "") for line in lines if line]
    found: dict[str, set[str]] = {}
    while waiting:
        need, by = waiting.pop()
        if need.marker is not None and not need.marker.evaluate({"extra": ""}):
            continue
        name, seen = canonicalize_name(need.name), canonicalize_name(need.name) in found
        try:
            known = importlib.metadata.requires(name) or ()
        except importlib.metadata.PackageNotFoundError:  # not for this system
            continue
        found.setdefault(name, set()).add(by)
        waiting += [] if seen else [(Requirement(text), name) for text in known]
    return dict(sorted(found.items()))


def licence(name: str) -> str:
    """What a package says of its licence, in a word or two; "not stated" if it says nothing."""
    about = importlib.metadata.metadata(name)
    if stated := about.get("License-Expression"):
        return stated
    classifiers = [
        one.rpartition("::")[2].strip() for one in about.get_all("Classifier", []) if one.startswith("License")
    ]
    texts = [*classifiers, (about.get("License") or "").partition("\n")[0]]
    for kind, pattern in KINDS:
        if any(re.search(pattern, text, re.IGNORECASE) for text in texts):
            return kind
    return next((text for text in texts if text and text != "OSI Approved"), "not stated")


def text() -> str:
    """The page."""
    rows = [
        f"| {name} | {licence(name).replace('|', '/')} | {', '.join(sorted(by - {''})) or 'Vitrine'} |"
        for name, by in needed().items()
    ]
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    (ROOT / "docs" / "licences.md").write_text(text(), encoding="utf-8")
