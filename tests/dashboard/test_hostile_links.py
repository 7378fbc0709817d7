"""A link with any values: every page shows itself, with nothing but sentences, and no value outside of text."""

import re

import pytest

from core import jobs
from dashboard import data_split
from tests.dashboard import pages
from tests.hostile import words

VALUES = {
    kind: value
    for kind, value in {
        **words.ALL,
        "half a comma list": "1e999,nan,-1;;,",
        "a cell": "9-9",
        "a cell of one": "-1-0",
    }.items()
    if kind != "half a surrogate"  # no address can hold it
}
FEW = ("script", "long", "infinity", "a list", "half a comma list")


def keys() -> list[str]:
    """Every name under which a page looks for something in the address, as they stand in the code."""
    found = set(data_split.FIELDS)
    for path in (jobs.ROOT / "dashboard").rglob("*.py"):
        text = path.read_text()
        found |= set(re.findall(r"""query_params(?:\.get\(|\.pop\(|\[)["']([\w-]+)["']""", text))
        found |= set(re.findall(r"""["']([\w-]+)["'] in st\.query_params""", text))
        for call in re.finditer(r"url\.(?:asked|select|segments|slider|number|toggle)\(", text):
            found |= set(re.findall(r"""["']([a-z][a-z-]*(?:-\d)?)["']""", text[call.end() : call.end() + 260]))
    return sorted(found - {"add", "run", "name"})


def check(page, kind: str) -> None:
    pages.check(page)
    for element in page.main.get("html"):
        assert words.MARKED["script"] not in element.value, kind


def test_the_names_in_addresses_are_found():
    assert {"threshold", "cell", "slice", "runs", "sample", "methods", "filter", "split_by", "from"} <= set(keys())


@pytest.mark.parametrize("kind", FEW)
@pytest.mark.parametrize("name", pages.PAGES)
def test_a_page_shows_itself_whatever_the_link_says(name, kind, finished, show):
    value = VALUES[kind]
    query = dict.fromkeys(keys(), value)
    if name in pages.OF_A_RUN:
        query["run"] = finished["breast_cancer"]
        query["look"] = "Samples"
    check(show(name, **query), kind)
