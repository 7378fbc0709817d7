"""The header of a run's pages: what it says of the run, its star and its menu."""

import pytest

from core import data, notes, runs, trash, words
from dashboard import export_certificate, sharing
from tests.dashboard import pages
from tests.dashboard.pages import OF_A_RUN, button, check


def header(page):
    """The line that says state and facts of the run."""
    (line,) = [line for line in page.main.markdown if "-badge[done]" in line.value or "-badge[stopped]" in line.value]
    return line


def field(page, label: str):
    (found,) = [widget for widget in page.main.text_input if widget.label == label]
    return found


@pytest.mark.parametrize("name", OF_A_RUN)
def test_every_page_of_a_run_gives_and_takes_its_star(show, explained, name):
    run = explained["digits"]
    page = button(show(name, run=run), "Star").click().run()
    check(page)
    assert notes.read(run).star
    page = button(page, "Starred").click().run()
    check(page)
    assert not notes.read(run).star and button(page, "Star")


def test_title_tags_and_note_are_edited_in_the_menu_and_stand_in_the_header(show):
    run = pages.stopped()
    notes.write(run, star=True)
    page = show("live", run=run)
    field(page, "Title").set_value("Wide <b>net</b>")
    field(page, "Tags").set_value("baseline, wide")
    page.text_area[0].set_value("Better.")
    page = button(page, "Save").click().run()
    check(page)
    assert notes.read(run) == notes.Notes("Wide <b>net</b>", ("baseline", "wide"), "Better.", star=True)
    line = header(page).value
    assert "**Wide \\<b\\>net\\</b\\>**" in line and ":gray-badge[baseline]" in line and ":gray-badge[wide]" in line


def test_a_run_is_archived_and_deleted_from_its_own_page(show):
    run = pages.stopped()
    page = button(show("live", run=run), "Archive").click().run()
    check(page)
    assert notes.read(run).archived
    page = button(page, "Take out of the archive").click().run()
    assert not notes.read(run).archived
    page = button(page, "Delete").click().run()
    check(page)
    assert trash.names() == [run] and [title.value for title in page.title] == ["Runs"]


def test_a_run_at_work_is_not_offered_to_be_deleted(show):
    with pages.at_work(phase="starting") as run:
        labels = {found.label for found in show("live", run=run).main.button}
    assert {"Star", "Archive"} <= labels and "Delete" not in labels


@pytest.mark.parametrize("name", OF_A_RUN)
def test_a_dashboard_that_only_shows_offers_none_of_it(show, explained, name, monkeypatch, own_engine):  # noqa: ARG001
    run = explained["digits"]
    monkeypatch.setenv(sharing.VARIABLE, "1")
    monkeypatch.setattr("dashboard.access.gate", lambda: None)
    monkeypatch.setattr(sharing, "guard", lambda *_: None)
    page = show(name, run=run)
    assert not {"Star", "Save", "Archive", "Delete"} & {found.label for found in page.main.button}
    assert not [found for found in page.main.text_input if found.label in ("Title", "Tags")]


def test_the_day_in_the_header_is_a_full_date_under_the_pointer(show):
    run = pages.stopped()
    line, created = header(show("live", run=run)), runs.status(run)["created"]
    assert line.help == words.moment(created) and words.when(created).split()[0] in line.value


def test_the_days_of_data_and_of_files_are_full_dates_under_the_pointer(show, exported):
    page = show("data", data="digits")
    (line,) = [line for line in page.main.markdown if " · added " in line.value]
    assert line.help == f"Added {words.moment(data.store.facts('digits')['created'])}."
    page = show("export", run=exported["digits"])
    (line,) = [line for line in page.main.caption if "Compared today" in line.value]
    assert line.help == words.moment(export_certificate.stored(exported["digits"])["made"])
