"""From a wrong prediction to the reason, to how far it can be trusted, to what would change it, in a real Chromium."""

import re

import numpy as np
import pandas as pd
import pytest

import core
from core import explain, runs
from tests.browser.resting import at_rest
from tests.browser.serving import serving
from tests.browser.test_evaluation_journey import hover_and_click

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture
def churn(tmp_path) -> str:
    """A run on customers who leave or stay; one in eight says the opposite of what it does."""
    rng = np.random.default_rng(0)
    n = 1500
    tenure, price = rng.uniform(0, 72, n).round(), rng.normal(65, 20, n).round(2)
    net = rng.choice(["fiber", "dsl", "cable"], n)
    leaves = (0.08 * (25 - tenure) + 0.04 * (price - 65) + (net == "fiber") > 0) ^ (rng.random(n) < 0.12)
    table = pd.DataFrame({"tenure": tenure, "price": price, "net": net, "churn": np.where(leaves, "Yes", "No")})
    file = tmp_path / "churn.csv"
    table.to_csv(file, index=False)
    return core.train(str(file), target="churn", device="cpu", epochs=6)


def test_a_wrong_prediction_is_explained_judged_changed_turned_and_put_into_the_report(page, workspace, churn):
    with serving(workspace) as address:
        page.goto(f"{address}/evaluate?run={churn}")
        plot = page.locator(".js-plotly-plot").first
        plot.locator("text=Truth").wait_for()
        at_rest(page)
        box = plot.locator(".nsewdrag").first.bounding_box()
        hover_and_click(page, box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.25)  # truth No, said Yes
        page.get_by_text("No, said Yes", exact=True).wait_for()
        rows = page.get_by_test_id("stDataFrame").last
        rows.scroll_into_view_if_needed()
        at_rest(page)
        box = rows.bounding_box()
        page.mouse.click(box["x"] + 20, box["y"] + 35 + 17)  # the first row's mark
        page.get_by_text("Explain this decision").click()

        page.wait_for_url("**/explain?*sample=*")
        sample = re.search(r"sample=([^&]+)", page.url)[1]
        ids, y_true, logits = runs.predictions(churn, "test")
        i = list(ids).index(sample)
        assert (int(y_true[i]), int(logits[i].argmax())) == (0, 1)
        page.get_by_text("and is wrong: it is No.").wait_for()
        page.get_by_text("base rate").first.wait_for(timeout=60_000)  # in the waterfall
        verdict = page.get_by_text("Can be trusted").or_(page.get_by_text("With care"))
        verdict.or_(page.get_by_text("Not to be trusted")).first.wait_for(timeout=60_000)
        page.get_by_text("Why", exact=True).click()
        page.get_by_text("Do the shares add up?").first.wait_for()
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Add to report").click()
        page.get_by_role("button", name="In the report").wait_for()

        page.get_by_text("What if", exact=True).click()
        tenure = page.get_by_role("spinbutton", name="tenure")
        tenure.wait_for(timeout=60_000)
        tenure.fill("71")
        tenure.press("Enter")
        page.get_by_text(re.compile(r"The probability of Yes went from \d")).wait_for()

        page.get_by_role("button", name="What would change its mind?").click()
        page.get_by_role("button", name="Try it").first.wait_for(timeout=30_000)
        page.get_by_role("button", name="Add to report").click()
        page.get_by_role("button", name="In the report").wait_for()
    first, second = explain.pinned(churn)
    assert first.record["sample"] == second.record["sample"] == sample
    assert first.record["method"] == "shapley" and second.arrays["rows"].shape[1] == 3
