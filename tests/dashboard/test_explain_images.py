"""What if the picture were another: edits, and what the exported file says of them, without the engine."""

import numpy as np
import pytest

from core import data, runs
from dashboard import engine, explain_images
from exports import live
from exports.edits import Edits
from tests.dashboard import pages
from tests.dashboard.pages import button

pytestmark = pytest.mark.usefixtures("own_engine")


@pytest.fixture
def page(show, exported):
    """The tab, opened on the first sample of the digits."""
    return show("explain", run=exported["digits"], look="What if")


def sentence(page) -> str:
    """What the page says of the picture now."""
    (found,) = [text.value for text in page.markdown if text.value.startswith(("**The model", "**It still", "**Now"))]
    return found.replace("\\", "")


def test_the_exported_file_answers_live_and_a_reset_takes_all_back(page, exported):
    run = exported["digits"]
    sample = pages.first_sample(run)
    digits = data.get("digits")
    image = digits.images[int(np.flatnonzero(digits.ids == sample)[0])]
    (first,) = live.predict(run, image[None])
    j = int(first.argmax())
    assert sentence(page) == f"**The model says {j} ({first[j]:.1%}).**"

    page.slider(key="edit-x").set_value((0.0, 1.0)).run()
    page.slider(key="edit-y").set_value((0.0, 0.5)).run()
    page.selectbox(key="edit-fill").set_value("black").run()
    assert sentence(page).startswith("**The model says")  # a rectangle alone changes nothing
    page.button(key="edit-paint").click().run()
    pages.check(page)
    half = image.copy()
    half[:, :4] = 0
    (after,) = live.predict(run, half[None])
    assert sentence(page).endswith(f"The probability of {j} went from {first[j]:.1%} to {after[j]:.1%}.**")
    assert "One part painted out" in [text.value for text in page.markdown]

    button(page, "Reset").click().run()
    assert sentence(page) == f"**The model says {j} ({first[j]:.1%}).**"
    assert "pool" not in engine._holder()


def test_another_sample_begins_afresh(page, exported):
    page.slider(key="edit-degrees").set_value(90).run()
    assert any("urned by 90 degrees" in text.value for text in page.markdown)
    ids, _, _ = runs.predictions(exported["digits"], "test")
    page.query_params["sample"] = str(ids[5])
    page.run()
    assert page.slider(key="edit-degrees").value == 0


def test_a_dragged_rectangle_is_taken_in_steps_and_within_the_picture(monkeypatch):
    state = {"edit-original-0": {"selection": {"box": [{"x": [-3.0, 3.4], "y": [7.5, 1.1]}]}}}
    monkeypatch.setattr(explain_images.st, "session_state", state)
    explain_images._dragged(8, 8)
    assert (state["edit-x"], state["edit-y"]) == ((0.0, 0.5), (0.2, 1.0))
    state["edit-original-1"] = {"selection": {"box": [{"x": [7.5, 7.5], "y": [2.0, 2.0]}]}}
    explain_images._dragged(8, 8)
    assert state["edit-x"] == pytest.approx((0.95, 1.0))


def test_what_is_said_of_a_changed_picture_names_a_decision_that_turned(exported):
    run = exported["digits"]
    schema = runs.schema(run)
    y_prob = np.full((2, 10), 0.01, np.float32)
    y_prob[0, 3], y_prob[1, 8] = 0.91, 0.91
    said = explain_images.sentence(run, schema, y_prob, Edits(blur=0.05))
    assert said == "Now it says 8 instead of 3. The probability of 3 went from 91.0% to 1.0%."
