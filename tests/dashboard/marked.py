"""A run whose names and texts do something where they are taken for more than text, and what a page shows of it."""

import html
import json
import pathlib
import re

import numpy as np
import pandas as pd

from core import config, data, jobs, notes, runs
from core.data.dataset import Column, Dataset
from core.evaluation import points
from core.evaluation.operating import OperatingPoint
from exports import pipeline
from tests.hostile.words import MARK, MARKED
from tests.workspaces import once, workspace_of

CLASSES = ("script", "link", "formula", "anchor")
NUMBERS = ("picture", "icon", "colour", "sum")
CATEGORIES = ("bold", "image", "end of script")
REST = tuple(kind for kind in MARKED if kind not in (*CLASSES, *NUMBERS, *CATEGORIES, "table"))
MARKDOWN = ("body", "label", "help", "caption", "captions", "placeholder")  # fields of elements that may hold Markdown
PLAIN = ("dataframe", "arrow_data_frame", "code", "json", "text", "download_button", "text_area", "text_input")


def run() -> str:
    """A finished run on a table of marked names, with marked notes and an operating point."""
    n, rng = 240, np.random.default_rng(0)
    targets = np.arange(n) % len(CLASSES)
    table = pd.DataFrame({MARKED[name]: rng.normal(size=n) + targets * (i == 0) for i, name in enumerate(NUMBERS)})
    cells = [MARKED[kind] for kind in REST]
    for name in CATEGORIES:
        table[MARKED[name]] = pd.Categorical([cells[k] for k in rng.integers(0, len(cells), n)])
    columns = tuple(
        Column(name, "category" if table[name].dtype == "category" else "number", tuple(sorted(cells)) * (j >= 4))
        for j, name in enumerate(table)
    )
    dataset = Dataset(
        name="marked",
        kind="table",
        table=table,
        columns=columns,
        targets=targets.astype(np.int64),
        classes=tuple(MARKED[kind] for kind in CLASSES),
        ids=np.array([f"<b>{i}</b>" for i in range(n)]),
        origin=MARKED["anchor"],
        licence=MARKED["script"],
    )
    dataset = data.store.put(dataset)
    name = jobs.start(config.suggest(dataset, epochs=2, device="cpu"))
    assert jobs.wait(name) == "done", runs.log_tail(name)
    notes.write(
        name,
        title=MARKED["end of script"],
        tags=[MARKED[kind] for kind in ("colour", "tag", "formula", "bold")],
        note="\n".join(MARKED.values()),
    )
    points.save(name, OperatingPoint(abstain_below=0.3, name=MARKED["tag"]))
    return name


def exported(folder: pathlib.Path) -> tuple[pathlib.Path, str]:
    """`folder`, a workspace with one such run, exported, never to be changed; and the run's name."""

    def build() -> str:
        with workspace_of(folder):
            name = run()
            pipeline.export_and_prove(name)
            return name

    return folder, once(folder, build)


def faults(page) -> list[str]:
    """Where a page, drawn by AppTest, shows a marked text as more than text: "element field: text"."""
    return [f"{kind} {name}: {text[:200]!r}" for kind, name, text in shown(page) if not is_text(kind, name, text)]


def shown(page) -> list[tuple[str, str, str]]:
    """(element, field, text) of every text of a page, drawn by AppTest, that holds a mark."""
    found = []
    for element in _elements(page._tree):
        proto = getattr(element, "proto", None)
        if hasattr(proto, "DESCRIPTOR"):
            kind = getattr(element, "type", type(element).__name__)
            found += [(kind, name, text) for name, text in _texts(proto) if MARK in text]
    return found


def is_text(kind: str, name: str, text: str) -> bool:
    """Whether a string of an element shows every marked text in it as it is."""
    if kind == "html":
        return not any(raw in text and html.escape(raw) != raw for raw in MARKED.values())
    if kind == "plotly_chart":
        return figure_is_text(text) if name == "spec" else True
    if name not in MARKDOWN or (kind in PLAIN and name not in ("label", "help")):
        return True
    return markdown_is_text(text)


def markdown_is_text(text: str) -> bool:
    """Whether Markdown, with what Streamlit adds to it, shows no marked text as more than text."""
    from markdown_it import MarkdownIt

    bare = re.sub(r"\\[\\`*_{}\[\]()<>#+\-.!|$~:&]", "·", re.sub(r"`[^`\n]*`", "", text))
    if re.search(rf"\$[^$\n]*{MARK}[^$\n]*\$|:(red|material)[\[/][^\]]*{MARK}|:red\[|https?://evil", bare):
        return False
    for token in _tokens(MarkdownIt("commonmark").enable("table").parse(text)):
        href = str(token.attrs.get("href", token.attrs.get("src", "")))
        if "evil" in href or (
            token.type in ("html_inline", "html_block") and (MARK in token.content or "<" in token.content)
        ):
            return False
    return True


def figure_is_text(spec: str) -> bool:
    """Whether no text of a Plotly figure holds a tag that came from data; Plotly draws those it knows."""
    return not any(tag in text for text in _strings(json.loads(spec)) if MARK in text for tag in TAGS)


TAGS = (f"<b>{MARK}", "<a href", "<script", "<img", "<style", "<br><")


def _strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


def _tokens(tokens):
    for token in tokens:
        yield token
        yield from token.children or ()


def _elements(node):
    yield node
    for child in getattr(node, "children", {}).values():
        yield from _elements(child)


def _texts(proto, depth=0):
    """(field, text) of every string in a message."""
    for field, value in proto.ListFields():
        many = (
            value
            if not isinstance(value, (str, bytes)) and hasattr(value, "__len__") and field.is_repeated
            else [value]
        )
        for one in many:
            if isinstance(one, str):
                yield field.name, one
            elif hasattr(one, "ListFields") and depth < 4:
                yield from _texts(one, depth + 1)
