"""The fenced blocks of a Markdown file, in their order."""

import pathlib
import re
from dataclasses import dataclass

from core import jobs

FENCE = re.compile(r'^```([\w-]*)(?: title="([^"]+)")?\n(.*?)^```$', re.M | re.S)


@dataclass(frozen=True)
class Block:
    """What stands between two fences.

    language, title : what the fence names, "" if nothing;  line : of the fence, from 1
    """

    language: str
    title: str
    text: str
    line: int


def blocks(text: str) -> list[Block]:
    """The fenced blocks of `text`."""
    return [
        Block(found[1], found[2] or "", found[3], text.count("\n", 0, found.start()) + 1)
        for found in FENCE.finditer(text)
    ]


def files() -> list[pathlib.Path]:
    """Every Markdown file that a person reads."""
    root = jobs.ROOT
    return [root / "README.md", root / "CONTRIBUTING.md", root / "CHANGELOG.md", *sorted((root / "docs").rglob("*.md"))]


def title(path: pathlib.Path) -> str:
    """The file's path in the project."""
    return path.relative_to(jobs.ROOT).as_posix()
