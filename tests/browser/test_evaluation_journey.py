"""A decision that rests on the Evaluate page, in a real Chromium: what costs least, how sure it is, where it fails."""

import re
import shutil

import numpy as np
import pandas as pd
import pytest

import core
from core import runs
from core.evaluation import operating, points
from core.evaluation.metrics import softmax
from tests.browser.resting import at_rest
from tests.browser.serving import serving
from tests.workspaces import workspace_of

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A workspace with a run on customers who leave or stay, and its name.

    Of those with a cable, three in ten say the opposite of what they do.
    """
    rng = np.random.default_rng(0)
    n = 4000
    tenure, price = rng.uniform(0, 72, n), rng.normal(65, 20, n)
    net = rng.choice(["fiber", "dsl", "cable"], n, p=[0.4, 0.3, 0.3])
    leaves = rng.random(n) < 1 / (1 + np.exp(1.2 * (tenure - 25) - 0.4 * (price - 65)))
    flipped = leaves ^ ((net == "cable") & (rng.random(n) < 0.3))
    table = pd.DataFrame({"tenure": tenure, "price": price, "net": net, "churn": np.where(flipped, "Yes", "No")})
    folder = tmp_path_factory.mktemp("churn")
    table.to_csv(folder / "churn.csv", index=False)
    with workspace_of(folder / "workspace"):
        return folder / "workspace", core.train(str(folder / "churn.csv"), target="churn", device="cpu", epochs=15)


@pytest.fixture
def churn(trained, workspace) -> str:
    """The run's name, in a workspace of the test's own."""
    shutil.copytree(trained[0], workspace)
    return trained[1]


def test_what_costs_least_what_recall_that_gives_and_where_it_fails(page, workspace, churn):
    with serving(workspace) as address:
        page.goto(f"{address}/evaluate?run={churn}")
        page.get_by_text("Operating point", exact=True).wait_for()
        cost = page.get_by_role("spinbutton", name="Cost of a miss")
        cost.fill("5")
        cost.press("Enter")
        page.get_by_text("The threshold that costs least on validation is").wait_for()
        page.get_by_role("button", name=re.compile("Take the cheapest")).click()
        page.wait_for_url(re.compile("miss=5.*threshold=|threshold=.*miss=5"))

        point = chosen(churn)
        _, y_true, logits = runs.predictions(churn, "test")
        found = operating.outcome(y_true, operating.decide(softmax(logits), point), point, 2)
        recall = found["per_class"][1]["recall"]
        shown = f"recall {recall['value']:.1%} ({100 * recall['low']:.1f} to {100 * recall['high']:.1f})"
        page.get_by_text(shown).wait_for()
        page.get_by_text(re.compile(rf"Cost for each row: {found['cost']['value']:.3g} ")).wait_for()

        page.get_by_text("Slices", exact=True).click()
        page.get_by_text("Wrong most surely where net is cable").wait_for()

        page.get_by_role("button", name="Save this point").click()
        page.get_by_role("textbox", name="Name", exact=True).fill("cheap")
        page.get_by_role("button", name="Save", exact=True).click()  # without Enter before
        page.get_by_text("Saved as cheap").wait_for()
        kept = points.used(churn)
        assert kept.name == "cheap" and kept.thresholds == pytest.approx(point.thresholds, abs=1e-5)

        address_of_it = page.url
        page.goto("about:blank")
        page.goto(address_of_it)  # a copied link opens the same view
        page.get_by_text(shown).wait_for()
        page.get_by_text("Wrong most surely where net is cable").wait_for()


def test_a_click_on_a_cell_opens_its_samples(page, workspace, churn):
    with serving(workspace) as address:
        page.goto(f"{address}/evaluate?run={churn}")
        plot = page.locator(".js-plotly-plot").first
        plot.locator("text=Truth").wait_for()
        at_rest(page)
        numbers = page.get_by_role("button", name="CSV").first
        plot.hover()
        with page.expect_download() as download:
            numbers.click()
        cells = pd.read_csv(download.value.path())
        assert list(cells.columns) == ["Truth", "The model says", "Value", "Written"] and len(cells) == 4
        box = plot.locator(".nsewdrag").first.bounding_box()
        hover_and_click(page, box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.25)  # truth No, said Yes
        page.wait_for_url("**cell=0-1*")
        page.get_by_text("No, said Yes", exact=True).wait_for()


def test_a_click_on_the_curve_takes_its_threshold(page, workspace, churn):
    with serving(workspace) as address:
        page.goto(f"{address}/evaluate?run={churn}")
        plot = page.locator(".js-plotly-plot").nth(1)
        plot.get_by_text("At 0.50").wait_for()
        page.get_by_text("Chosen on").wait_for()
        plot.scroll_into_view_if_needed()
        at_rest(page)
        x, y = page.evaluate(
            """() => {
                const plot = document.querySelectorAll('.js-plotly-plot')[1], layout = plot._fullLayout;
                const line = plot._fullData.find(trace => trace.name.startsWith('Yes'));
                const i = line.customdata.findIndex(data => data[0] < 0.1);  // away from the diamond
                const box = plot.getBoundingClientRect();
                return [box.x + layout.xaxis._offset + layout.xaxis.d2p(line.x[i]),
                        box.y + layout.yaxis._offset + layout.yaxis.d2p(line.y[i])];
            }"""
        )
        hover_and_click(page, x, y)
        page.wait_for_url("**threshold=*")


def hover_and_click(page, x: float, y: float) -> None:
    """As a hand does it: a figure knows what is clicked by what was hovered before."""
    page.mouse.move(x - 2, y - 2)
    page.mouse.move(x, y)
    page.wait_for_timeout(500)
    page.mouse.click(x, y)


def chosen(run: str) -> operating.OperatingPoint:
    """The point that costs least on validation where a miss costs 5 and a false alarm 1."""
    costs = ((0.0, 1.0), (5.0, 0.0))
    _, y_true, logits = runs.predictions(run, "val")
    best = operating.cheapest(y_true, softmax(logits), costs, 1)
    return operating.OperatingPoint((float(f"{best['threshold']:.7g}"),), costs)
