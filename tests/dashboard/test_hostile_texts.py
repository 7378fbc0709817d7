"""Names and texts that would do something where they are taken for more than text: every page shows them as text."""

import shutil

import pytest

from core import runs
from tests.dashboard import marked, pages
from tests.hostile.words import MARKED
from tests.workspaces import together

LOOKS = {
    "evaluate": ("Class by class", "Samples", "Slices", "Wrong labels", "Sets", "Metrics"),
    "explain": ("This sample", "What if", "Neighbours", "Whole model"),
}


@pytest.fixture(scope="session")
def marked_workspace(tmp_path_factory):
    """A workspace with one run of marked texts, exported, never to be changed; and the run's name."""
    return marked.exported(together(tmp_path_factory) / "marked")


@pytest.fixture
def run(marked_workspace, workspace):
    """The run's name, in a workspace of the test's own."""
    shutil.copytree(marked_workspace[0], workspace)
    return marked_workspace[1]


def test_the_scan_finds_what_is_not_escaped():
    for kind in ("script", "picture", "link", "image", "formula", "colour", "tag", "anchor"):
        assert not marked.markdown_is_text(f"The class {MARKED[kind]} is rare."), kind
    assert not marked.is_text("html", "body", f"<p>{MARKED['tag']}</p>")
    assert not marked.figure_is_text(f'{{"data": [{{"name": "{MARKED["tag"]}"}}]}}')
    assert marked.markdown_is_text("The class \\<b\\>vtrn\\</b\\> is rare.")


@pytest.mark.parametrize("name", [name for name in pages.PAGES if name not in LOOKS])
def test_a_page_shows_marked_texts_as_text(name, run, show):
    query = {"run": run} if name in pages.OF_A_RUN else {"data": "marked"}
    page = show(name, **query)
    pages.check(page)
    assert marked.faults(page) == []
    if name not in ("search", "live"):  # which name neither classes nor columns of a finished run
        assert marked.shown(page), "no marked text is on it, so nothing was tested"


@pytest.mark.parametrize(("name", "look"), [(name, look) for name, looks in LOOKS.items() for look in looks])
def test_a_part_of_a_page_shows_marked_texts_as_text(name, look, run, show):
    page = show(name, run=run, look=look)
    pages.check(page)
    assert marked.faults(page) == []
    assert marked.shown(page), "no marked text is on it, so nothing was tested"


def test_a_run_that_fails_with_marked_texts_shows_them_as_text(run, show):
    runs.write_status(run, state="failed", message="\n".join(MARKED.values()))
    for name in ("live", "runs", "evaluate"):
        assert marked.faults(show(name, run=run)) == []
