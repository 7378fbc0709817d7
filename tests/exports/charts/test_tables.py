"""Figures of columns: sums that end where they should, nothing undefined, no name read as markup."""

import json

import numpy as np
import pytest

from core.data.dataset import Column
from exports import charts
from exports.charts import tables as table_charts

NUMBER = Column("age", "number", missing=True)
CATEGORY = Column("<b>town</b>", "category", ("Bath", "<i>Ely</i>", "York"), missing=True)
DATE = Column("sold", "date")
COLUMNS = (NUMBER, CATEGORY, DATE)


def rows(n=40, seed=0):
    rng = np.random.default_rng(seed)
    x = np.stack([rng.integers(18, 90, n), rng.integers(-1, 3, n), rng.uniform(15_000, 19_000, n)], axis=1)
    x[0, 0] = np.nan
    return x.astype(np.float32), rng.normal(size=(n, 3)) / 10, rng.integers(0, 2, n)


def texts(figure) -> str:
    return json.dumps(json.loads(figure.to_json()), ensure_ascii=False)


# ---------------------------------------------------------------------------------------------------- one row


def test_a_waterfall_goes_from_the_base_rate_to_the_probability():
    figure = table_charts.waterfall(["a = 1", "b = 2", "c = 3"], [0.1, -0.3, 0.05], 0.5, 0.35)
    bars = figure.data[0]
    assert list(bars.y) == ["b = 2", "a = 1", "c = 3"]
    np.testing.assert_allclose(np.asarray(bars.base, float), [0.5, 0.2, 0.3])
    np.testing.assert_allclose(bars.base[-1] + bars.x[-1], 0.35)
    assert [note.text for note in figure.layout.annotations] == ["base rate 50.0%", "here 35.0%"]
    assert list(bars.marker.color) == [charts.PALETTE[0], charts.PALETTE[1], charts.PALETTE[1]]


def test_beyond_the_largest_shares_the_others_are_one():
    shares = np.linspace(0.2, 0.01, 20)
    figure = table_charts.waterfall([f"x{j}" for j in range(20)], shares, 0.0, shares.sum(), error=np.full(20, 0.01))
    bars = figure.data[0]
    assert len(bars.y) == table_charts.MOST + 1 and bars.y[-1] == "8 other columns"
    np.testing.assert_allclose(bars.x[-1], shares[table_charts.MOST :].sum())
    np.testing.assert_allclose(bars.error_x.array[-1], 1.96 * 0.01 * np.sqrt(8))
    assert "standard error 1.0%" in bars.customdata[0]


def test_shares_without_a_start_are_bars_from_zero():
    figure = table_charts.waterfall(["a", "b"], [2.0, -1.0], None, 3.0, unit="logit")
    np.testing.assert_allclose(np.asarray(figure.data[0].base, float), 0)
    assert not figure.layout.annotations and figure.layout.xaxis.title.text == "Score of the class"


@pytest.mark.parametrize("j", range(3))
def test_the_place_of_a_row_is_marked_among_all_of_its_column(j):
    x, _, y = rows()
    figure = table_charts.place(COLUMNS[j], x[:, j], float(x[5, j]), y, ("no", "yes"))
    counted = sum(int(np.sum(trace.y)) for trace in figure.data if trace.type == "bar")
    assert counted == len(x) - (1 if j == 0 else 0)  # the missing number has no place
    assert figure.data[-1].name == "this row" and len(figure.data[-1].x) == 1


def test_a_missing_value_has_no_place_which_is_said():
    x, _, y = rows()
    figure = table_charts.place(NUMBER, x[:, 0], np.nan, y, ("no", "yes"))
    assert figure.layout.annotations[0].text == "missing in this row"
    assert all(trace.type == "bar" for trace in figure.data)


def test_a_rare_category_is_drawn_if_it_is_the_rows_own():
    column = Column("c", "category", tuple(f"v{j}" for j in range(30)))
    values = np.repeat(np.arange(30), np.arange(30, 0, -1)).astype(np.float32)
    figure = table_charts.place(column, values, 29.0, np.zeros(len(values), int), ("no", "yes"))
    assert figure.data[-1].x[0] == "v29" and len(figure.data[0].x) == table_charts.MOST


def test_a_column_without_spread_still_has_its_place():
    figure = table_charts.place(Column("c", "number"), np.full(5, 0.5), 0.5, np.zeros(5, int), ("no", "yes"))
    assert sum(figure.data[0].y) == 5


# ---------------------------------------------------------------------------------------------------- many rows


def test_bars_of_means_have_their_intervals_and_the_largest_is_on_top():
    figure = table_charts.mean_bars(["a", "b"], [0.1, 0.3], [0.05, 0.2], [0.2, 0.5], "Accuracy lost")
    bars = figure.data[0]
    assert list(bars.y) == ["a", "b"] and "20.0% to 50.0%" in bars.customdata[1]
    np.testing.assert_allclose(bars.error_x.array, [0.1, 0.2])
    np.testing.assert_allclose(bars.error_x.arrayminus, [0.05, 0.1])


def test_a_swarm_has_every_share_once_and_grey_for_what_has_no_order():
    x, values, _ = rows()
    figure = table_charts.beeswarm(values, x, COLUMNS)
    grey, coloured = figure.data
    assert len(grey.x) + len(coloured.x) == values.size
    assert len(grey.x) == len(x) + 1  # the category, and the missing number
    np.testing.assert_allclose(np.sort(np.concatenate([grey.x, coloured.x])), np.sort(values.ravel()))
    assert np.abs(np.concatenate([grey.y, coloured.y]) - np.round(np.concatenate([grey.y, coloured.y]))).max() <= 0.41


@pytest.mark.parametrize("other", [None, 0, 1, 2])
@pytest.mark.parametrize("j", range(3))
def test_dependence_draws_every_row_that_has_the_value(j, other):
    x, values, _ = rows()
    figure = table_charts.dependence(values, x, COLUMNS, j, other)
    assert sum(len(trace.x) for trace in figure.data) == len(x) - (1 if j == 0 else 0)
    assert {y for trace in figure.data for y in trace.y} <= set(values[:, j])
    if other == 1:
        assert {trace.name for trace in figure.data} == {"missing", "Bath", "&lt;i>Ely&lt;/i>", "York"}


# ---------------------------------------------------------------------------------------------------- moved columns


def moved(column):
    grid = np.array([0, 1, 2] if column.type == "category" else [15_000, 16_000, 17_500], np.float32)
    rng = np.random.default_rng(0)
    y_prob = rng.random((3, 2)).astype(np.float32)
    return {"grid": grid, "mean": y_prob, "individual": rng.random((7, 3)), "density": rng.uniform(15_000, 17_500, 50)}


@pytest.mark.parametrize("column", COLUMNS)
def test_partial_dependence_has_the_average_and_single_rows(column):
    arrays = moved(column)
    figure = table_charts.partial_dependence(arrays, column, 1)
    (average,) = [trace for trace in figure.data if trace.type == "bar" or trace.name == "average"]
    np.testing.assert_allclose(average.y, arrays["mean"][:, 1])
    if column.type != "category":
        single = figure.data[0]
        assert np.isnan(np.asarray(single.y, float)).sum() == 7  # a gap after each row


@pytest.mark.parametrize("column", [NUMBER, DATE])
def test_accumulated_effects_lie_in_their_band(column):
    effect = np.array([[0.1, -0.1], [0.0, 0.0], [-0.2, 0.2]])
    arrays = {"grid": np.array([1.0, 2.0, 4.0]), "effect": effect, "low": effect - 0.05, "high": effect + 0.05}
    band, line = table_charts.accumulated_local_effects(arrays, column, 1).data
    np.testing.assert_allclose(line.y, effect[:, 1])
    assert min(band.y) == pytest.approx(-0.15) and max(band.y) == pytest.approx(0.25)


def test_pairs_that_were_not_looked_at_are_not_drawn():
    strength = np.array([[np.nan, 0.5, np.nan], [0.5, np.nan, 0.2], [np.nan, 0.2, np.nan]])
    figure = table_charts.interactions(["a", "b", "c"], strength)
    assert list(figure.data[0].y) == ["b and c", "a and b"]
    figure = table_charts.interactions(["a", "b", "c"], strength, strength / 10)
    np.testing.assert_allclose(figure.data[0].x, [0.02, 0.05])


def test_a_surface_has_the_first_column_across():
    values = np.arange(6.0).reshape(3, 2) / 10
    figure = table_charts.surface(values, np.array([0, 1, 2]), np.array([15_000.0, 16_000.0]), CATEGORY, DATE)
    np.testing.assert_allclose(figure.data[0].z, values.T)
    assert figure.data[0].x[0] == "Bath" and str(figure.data[0].y[0])[:10] == "2011-01-26"


# ---------------------------------------------------------------------------------------------------- all


def test_names_from_the_data_are_never_read_as_markup():
    x, values, y = rows()
    named = [f"{CATEGORY.name} = <script>", "b", "c"]
    drawn = [
        table_charts.waterfall(named, [0.1, 0.2, 0.3], 0.1, 0.7),
        table_charts.place(CATEGORY, x[:, 1], 1.0, y, ("<u>no</u>", "yes")),
        table_charts.mean_bars(named, [0.1, 0.2, 0.3]),
        table_charts.beeswarm(values, x, COLUMNS),
        table_charts.dependence(values, x, COLUMNS, 1, 1),
        table_charts.partial_dependence(moved(CATEGORY), CATEGORY, 1),
        table_charts.interactions(named, np.full((3, 3), 0.5)),
        table_charts.surface(np.ones((3, 3)), np.arange(3), np.arange(3), CATEGORY, CATEGORY),
    ]
    for figure in drawn:
        for tag in ("<b>", "<i>", "<u>", "<script>"):
            assert tag not in texts(figure)
