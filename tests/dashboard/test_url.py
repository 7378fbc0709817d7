"""Choices that live in the URL: what is asked for is shown, and only what differs from the default is written."""

import pytest
from streamlit.testing.v1 import AppTest


def choices():
    from dashboard import url

    url.select("Colour", ["red", "green"], "colour", "red")
    url.slider("Size", "size", 0.0, 2.0, 1.0, 0.05)


@pytest.fixture
def page():
    """Open a page with a select box and a slider."""

    def opened(**query) -> AppTest:
        app = AppTest.from_function(choices)
        app.query_params.update(query)
        return app.run()

    return opened


def shown(app) -> tuple:
    return app.selectbox[0].value, app.slider[0].value


def test_without_a_word_in_the_url_the_defaults_are_shown_and_the_url_stays_as_it_is(page):
    app = page()
    assert (shown(app), app.query_params) == (("red", 1.0), {})


def test_what_the_url_asks_for_is_shown(page):
    assert shown(page(colour="green", size="0.35")) == ("green", 0.35)


@pytest.mark.parametrize("colour", ["blue", "", "RED", "red "])
def test_what_is_not_on_offer_is_not_chosen(page, colour):
    assert shown(page(colour=colour))[0] == "red"


@pytest.mark.parametrize("size", ["large", "", "-0.01", "2.01", "nan", "inf"])
def test_what_is_no_number_in_the_range_is_not_chosen(page, size):
    assert shown(page(size=size))[1] == 1.0


@pytest.mark.parametrize("size", ["0", "2", "2.0", "1e0"])
def test_the_ends_of_the_range_belong_to_it(page, size):
    assert shown(page(size=size))[1] == float(size)


def test_a_choice_is_written_into_the_url(page):
    app = page()
    app.selectbox[0].set_value("green").run()
    assert app.query_params == {"colour": "green"}


@pytest.mark.parametrize(("size", "written"), [(0.0, "0"), (0.35, "0.35"), (0.3, "0.3"), (2.0, "2")])
def test_a_number_is_written_as_short_as_it_can_be(page, size, written):
    app = page()
    app.slider[0].set_value(size).run()
    assert app.query_params == {"size": written}


def test_going_back_to_the_default_takes_it_out_of_the_url(page):
    app = page(colour="green", size="0.35")
    app.selectbox[0].set_value("red").run()
    app.slider[0].set_value(1.0).run()
    assert app.query_params == {}


def test_a_choice_leaves_the_rest_of_the_url_alone(page):
    app = page(run="quiet-maple")
    app.slider[0].set_value(0.5).run()
    assert app.query_params == {"run": "quiet-maple", "size": "0.5"}
