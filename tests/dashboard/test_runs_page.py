"""The Runs page: finding runs, saying things of them, and doing something with several."""

import pytest

from core import config, data, notes, runs, trash
from tests.dashboard import pages
from tests.dashboard.pages import button, check


def made(title="", tags=(), state="done", message="", **notes_of) -> str:
    facts = {"best_epoch": 2, "val_accuracy": 0.9, "started": 1.0, "ended": 9.0}
    run = pages.make(2, state=state, message=message, **facts)
    if title or tags or notes_of:
        notes.write(run, title=title, tags=tags, **notes_of)
    return run


def seeded(seed: int, test: float, lr: float) -> str:
    dataset = data.get("digits")
    run = runs.create(config.suggest(dataset, seed=seed, lr=lr), dataset.schema, dataset.fingerprint)
    figure = {"value": test, "low": test - 0.02, "high": test + 0.02}
    runs.write_status(run, state="done", val_accuracy=test, test_accuracy=figure, test_n=360)
    return run


def listed(page) -> list[str]:
    return page.dataframe[0].value["Run"].tolist()


def select(page, *names):
    """Select the rows that show these names."""
    rows = [listed(page).index(name) for name in names]
    page.session_state[page.dataframe[0].key] = {"selection": {"rows": rows, "columns": [], "cells": []}}
    return page.run()


def toggle(page, label: str):
    (found,) = [widget for widget in page.toggle if widget.label == label]
    return found


# ---------------------------------------------------------------------------------------------------- finding


def test_a_title_is_shown_in_place_of_the_name(show):
    made("Deep net")
    assert listed(show("runs")) == ["Deep net"]


def test_stars_and_tags_have_columns_where_there_are_some(show):
    made("plain")
    assert not {"★", "Tags"} & set(show("runs").dataframe[0].value.columns)
    made("loved", tags=["deep"], star=True)
    table = show("runs").dataframe[0].value.set_index("Run")
    assert (table.loc["loved", "★"], table.loc["plain", "★"]) == ("★", "")
    assert list(table.loc["loved", "Tags"]) == ["deep"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("deep", {"Deep dream", "other"}),
        ("DEEP dream", {"Deep dream"}),
        ("failed", {"lost cause"}),
        ("digits cnn", {"Deep dream", "other", "lost cause"}),
        ("base", {"other"}),
    ],
)
def test_the_filter_looks_for_all_words_in_name_title_data_net_state_and_tags(show, asked, expected):
    made("Deep dream")
    made("other", tags=["deep", "baseline"])
    made("lost cause", state="failed", message="It failed on purpose here.")
    assert set(listed(show("runs", filter=asked))) == expected


def test_the_filter_lives_in_the_url(show):
    made("Deep net")
    made("other")
    page = show("runs")
    page.text_input(key="filter").set_value("deep").run()
    check(page)
    assert (listed(page), page.query_params["filter"]) == (["Deep net"], "deep")
    page.text_input(key="filter").set_value("").run()
    assert len(listed(page)) == 2 and "filter" not in page.query_params


def test_a_filter_that_fits_nothing_says_so(show):
    made("Deep net")
    page = show("runs", filter="<b>narrow</b>")
    check(page)
    assert page.info[0].value.startswith("No run has all of these words: \\<b\\>narrow")


def test_archived_runs_are_shown_on_request_only(show):
    made("kept")
    made("gone", archived=True)
    page = show("runs")
    assert listed(page) == ["kept"]
    toggle(page, "Show archived").set_value(True).run()
    assert set(listed(page)) == {"kept", "gone"} and page.query_params["archived"] == "1"
    assert "done, archived" in page.dataframe[0].value["State"].tolist()


def test_with_all_runs_archived_the_page_says_where_they_are(show):
    made("gone", archived=True)
    page = show("runs")
    check(page)
    assert page.info[0].value == "The only run is archived. Switch on Show archived to see it."


def test_seeds_are_one_row_with_mean_and_interval(show):
    for seed, test in enumerate((0.90, 0.94, 0.92)):
        seeded(seed, test, 0.01)
    other = seeded(0, 0.5, 0.5)
    page = show("runs", seeds="1")
    check(page)
    table = page.dataframe[0].value
    assert len(table) == 2 and other[11:] in listed(page)
    (row,) = [row for row in table.to_dict("records") if row["State"] == "3 seeds"]
    assert (row["Test (95% interval)"], row["Spread"]) == ("92.0% (87.0 to 97.0)", "2.0 points")


def test_seeds_are_rows_of_their_own_at_first(show):
    for seed in range(2):
        seeded(seed, 0.9, 0.01)
    assert len(show("runs").dataframe[0].value) == 2


# ---------------------------------------------------------------------------------------------------- saying


def test_a_star_is_given_and_taken_away(show):
    run = made("one")
    page = select(show("runs"), "one")
    button(page, "Star").click().run()
    check(page)
    assert notes.read(run).star
    button(select(page, "one"), "Starred").click().run()
    assert not notes.read(run).star


def test_title_tags_and_note_are_edited(show):
    run = made("one")
    page = select(show("runs"), "one")
    page.text_input[[widget.label for widget in page.text_input].index("Title")].set_value("Two")
    page.text_input[[widget.label for widget in page.text_input].index("Tags")].set_value("deep, wide")
    page.text_area[0].set_value("Better.")
    button(page, "Save").click().run()
    check(page)
    assert notes.read(run) == notes.Notes("Two", ("deep", "wide"), "Better.")
    assert listed(page) == ["Two"]


def test_a_tag_that_is_too_long_is_a_sentence_and_changes_nothing(show):
    run = made("one")
    page = select(show("runs"), "one")
    page.text_input[[widget.label for widget in page.text_input].index("Tags")].set_value("x" * 30)
    button(page, "Save").click().run()
    check(page)
    assert "has 30 characters" in page.error[0].value and notes.read(run).tags == ()


def test_a_note_is_shown_with_its_run(show):
    made("one", note="<b>Better</b>")
    page = select(show("runs"), "one")
    assert "\\<b\\>Better\\</b\\>" in [caption.value for caption in page.caption]


def test_a_run_is_archived_and_comes_back(show):
    run = made("one")
    made("two")
    page = select(show("runs"), "one")
    button(page, "Archive").click().run()
    check(page)
    assert notes.read(run).archived and listed(page) == ["two"]
    page = select(show("runs", archived="1"), "one")
    button(page, "Take out of the archive").click().run()
    assert not notes.read(run).archived


# ---------------------------------------------------------------------------------------------------- several


def test_several_runs_are_tagged_at_once(show):
    first, second = made("one", tags=["a"]), made("two")
    page = select(show("runs"), "one", "two")
    page.text_input[[widget.label for widget in page.text_input].index("Tags to add")].set_value("b")
    button(page, "Add").click().run()
    check(page)
    assert (notes.read(first).tags, notes.read(second).tags) == (("a", "b"), ("b",))


def test_several_runs_lead_to_their_comparison(show):
    older, newer = made("one"), made("two")
    page = select(show("runs"), *listed(show("runs")))
    check(page)
    (link,) = [link for link in page.main.get("page_link") if link.label == "Compare"]
    assert all(run in str(link.proto) for run in (older, newer))


def test_a_group_of_seeds_stands_for_all_its_runs(show):
    for seed in range(3):
        seeded(seed, 0.9, 0.01)
    page = show("runs", seeds="1")
    page = select(page, listed(page)[0])
    check(page)
    assert "**3 runs** selected" in [line.value for line in page.markdown]


def test_several_runs_are_archived_and_deleted(show):
    first, second = made("one"), made("two")
    page = select(show("runs"), "one", "two")
    button(page, "Archive 2 runs").click().run()
    check(page)
    assert notes.read(first).archived and notes.read(second).archived
    page = select(show("runs", archived="1"), "one", "two")
    button(page, "Delete 2 runs").click().run()
    check(page)
    assert runs.names() == [] and set(trash.names()) == {first, second}


def test_a_new_run_does_not_take_over_the_selection_of_another(show):
    made("one")
    page = select(show("runs"), "one")
    assert button(page, "Star")
    made("two")
    page.run()
    assert not [found for found in page.button if found.label == "Star"]
