"""Folders of this machine, taken out of texts that others read."""

import re

ABSOLUTE = re.compile(r"(?<![\w/:.])(?:[A-Za-z]:\\|/)(?:[^\s/\\'\"`<>|:;,()]+[/\\])+([^\s/\\'\"`<>|:;,()]*)")


def without_folders(text: str) -> str:
    """A text in which "/home/anna/data/heart.csv" is "heart.csv"; addresses on the web stay as they are."""
    return ABSOLUTE.sub(r"\1", text)
