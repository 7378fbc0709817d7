"""Folders of this machine, taken out of texts that others read."""

import pathlib
import re
import tempfile

from core.workspace import workspace

ABSOLUTE = re.compile(r"(?<![\w/:.\\])(?:[A-Za-z]:[/\\]|\\\\|/)(?:[^\s/\\'\"`<>|:;,()]+[/\\])*([^\s/\\'\"`<>|:;,()]+)")
LOCAL = re.compile(r"file:/*(?=([A-Za-z]:)?)", re.IGNORECASE)


def without_folders(text: str) -> str:
    """A text in which "/home/anna/data/heart.csv" is "heart.csv"; addresses on the web stay as they are.

    Of a folder with spaces in its name only those above it go, unless it is one of this machine's own: the workspace,
    the home, where the program was started, and where temporary files are.
    """
    roots = {workspace(), pathlib.Path.home(), pathlib.Path.cwd(), pathlib.Path(tempfile.gettempdir())}
    for root in sorted(map(str, roots), key=len, reverse=True):
        if len(root) > 1:
            text = text.replace(root, "/.")
    return ABSOLUTE.sub(r"\1", LOCAL.sub(lambda found: "" if found[1] else "/", text))
