"""The What if tab of a table: the form is the row, the exported file answers, and what is found can be tried."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import explain, runs
from core.data.dataset import Column, Schema
from core.evaluation import points
from core.evaluation.operating import OperatingPoint
from core.whatif.counterfactuals import Wish
from dashboard import engine, explain_whatif
from exports import live, whatif

COLUMNS = (
    Column("rooms", "number"),
    Column("<b>town</b>", "category", ("Bath", "Ely"), missing=True),
    Column("price", "number", missing=True),
    Column("sold", "date"),
)
SEEN = [
    {"low": 1.0, "high": 9.0, "missing": False, "whole": True, "seen": []},
    {"low": 0.0, "high": 1.0, "missing": True, "whole": False, "seen": [0, 1]},
    {"low": 0.1, "high": 9.5, "missing": True, "whole": False, "seen": []},
    {"low": 15_000.0, "high": 19_000.0, "missing": False, "whole": False, "seen": []},
]


def tab(run, sample):
    from core import runs
    from dashboard import explain_whatif, run_page

    explain_whatif.table_tab(run, sample, runs.schema(run), run_page.dataset_of(run))


def the_form(columns, x, seen):
    import numpy as np

    from core.data.dataset import Schema
    from dashboard import explain_whatif_form as row_form

    x = np.array(x, np.float32)
    row_form.begin("run", "sample", x)
    row_form.form(Schema("table", (len(columns),), ("no", "yes"), columns), x, seen)


@pytest.fixture
def opened(exported):
    """The tab of a wrong sample, if there is one, and its run."""
    run = exported["breast_cancer"]
    ids, targets, logits = runs.predictions(run, "test")
    sample = str(ids[np.argsort(logits.argmax(axis=1) == targets, kind="stable")[0]])
    app = AppTest.from_function(tab, args=(run, sample), default_timeout=30).run()
    assert not app.exception and not app.error
    return app, run, sample


def texts(app) -> str:
    return "\n".join(element.value for element in (*app.markdown, *app.caption))


def row_of(run, sample):
    dataset = runs.dataset(run)
    return dataset.x[list(dataset.ids).index(sample)]


# ---------------------------------------------------------------------------------------------------- the form


def test_each_kind_of_column_has_its_field_with_the_value_of_the_sample():
    app = AppTest.from_function(the_form, args=(COLUMNS, [3, 0, 0.1, 16_000.5], SEEN)).run()
    assert not app.exception
    rooms, price = app.number_input
    assert (rooms.value, rooms.min, rooms.max, rooms.step) == (3, 1, 9, 1)
    assert price.value == 0.1  # not 0.10000000149
    assert app.selectbox[0].value == 0 and app.selectbox[0].options == ["Bath", "Ely", "missing"]
    assert str(app.date_input[0].value) == "2013-10-22"
    assert "as it is in the data" in texts(app)


def test_what_is_written_is_the_row_and_back_is_the_sample():
    app = AppTest.from_function(the_form, args=(COLUMNS, [3, 0, 0.1, 16_000.5], SEEN)).run()
    app.number_input(key="whatif-value-0").set_value(5)
    app.selectbox(key="whatif-value-1").set_value(-1)
    app.number_input(key="whatif-value-2").set_value(None).run()
    np.testing.assert_array_equal(app.session_state["whatif-row"], np.array([5, -1, np.nan, 16_000.5], np.float32))
    assert "3 values changed" in texts(app)
    app.button(key="whatif-back").click().run()
    np.testing.assert_array_equal(app.session_state["whatif-row"], np.array([3, 0, 0.1, 16_000.5], np.float32))
    assert app.number_input(key="whatif-value-0").value == 3 and "as it is" in texts(app)


def test_a_missing_value_and_one_beyond_what_was_seen_have_their_fields_too():
    app = AppTest.from_function(the_form, args=(COLUMNS, [30, -1, np.nan, 20_000], SEEN)).run()
    assert not app.exception
    assert app.number_input(key="whatif-value-0").max == 30
    assert app.number_input(key="whatif-value-2").value is None
    assert app.selectbox(key="whatif-value-1").value == -1


def test_many_columns_are_folded_after_the_first():
    columns = tuple(Column(f"x{j}", "number") for j in range(40))
    seen = [{"low": 0.0, "high": 1.0, "missing": False, "whole": False, "seen": []}] * 40
    app = AppTest.from_function(the_form, args=(columns, [0.5] * 40, seen)).run()
    assert len(app.number_input) == 40 and app.expander[0].label == "10 more columns"


# ---------------------------------------------------------------------------------------------------- the answer


def test_a_changed_value_moves_the_probability_as_the_exported_file_says(opened):
    app, run, sample = opened
    x = row_of(run, sample)
    field = app.number_input(key="whatif-value-0")
    field.set_value(field.max).run()
    assert not app.exception
    row = x.copy()
    row[0] = field.max
    before, after = live.predict(run, np.stack([x, row]))
    k = int(before.argmax())
    assert f"went from {before[k]:.1%} to {after[k]:.1%}" in texts(app)
    assert "1 value changed" in texts(app) and "The exported file itself answers here" in texts(app)


def test_found_ways_flip_the_decision_can_be_tried_and_go_into_the_report(opened):
    app, run, sample = opened
    app.button(key="whatif-find").click().run()
    assert not app.exception and not app.error
    found = whatif.counterfactuals(run, sample, Wish())
    assert len(found.arrays["rows"]) and found.path.exists()
    app.button(key="whatif-try-0").click().run()
    assert "Now the model says" in texts(app)
    np.testing.assert_array_equal(app.session_state["whatif-row"], found.arrays["rows"][0])
    app.button(key=f"pin-{found.record['name']}").click().run()
    assert [kept.record["sentence"] for kept in explain.pinned(run)] == [found.record["sentence"]]


def test_fixed_columns_are_kept_and_what_is_kept_is_read_again(opened, monkeypatch):
    app, run, sample = opened
    app.button(key="whatif-find").click().run()
    first = whatif.counterfactuals(run, sample, Wish()).record["changes"][0][0][0]
    app.multiselect(key="whatif-fixed").set_value([first]).run()
    found = whatif.counterfactuals(run, sample, Wish(fixed=(first,)))
    assert first not in [name for changes in found.record["changes"] for name, *_ in changes]
    monkeypatch.setattr(live, "predict", None)  # nothing is asked a second time
    assert whatif.counterfactuals(run, sample, Wish(fixed=(first,))).record == found.record


def test_another_operating_point_has_its_own_ways(exported):
    run = exported["breast_cancer"]
    sample = str(runs.predictions(run, "test")[0][0])
    plain = whatif.counterfactuals(run, sample, Wish())
    points.save(run, OperatingPoint(thresholds=(0.9,), name="careful"))
    careful = whatif.counterfactuals(run, sample, Wish())
    assert careful.path != plain.path
    now = int(live.decide(run, live.predict(run, row_of(run, sample)[None]))[0])
    assert (live.decide(run, live.predict(run, careful.arrays["rows"])) != now).all()


def test_a_sample_that_is_gone_is_refused(exported):
    with pytest.raises(LookupError, match="There is no sample 'nobody' in the data of run"):
        whatif.counterfactuals(exported["breast_cancer"], "nobody", Wish())


def test_why_is_answered_for_the_changed_row(opened, monkeypatch):
    app, run, _ = opened
    asked = []

    def here(_, function, *args):
        asked.append(args)
        return function(*args)

    monkeypatch.setattr(engine, "ask", here)
    field = app.number_input(key="whatif-value-0")
    field.set_value(field.max).run()
    app.button(key="whatif-why").click().run()
    assert not app.exception and "comes about in the changed row" in texts(app)
    assert asked[0][0] == run and asked[0][1][0] == pytest.approx(field.max)
    app.run()
    assert len(asked) == 1  # a row is asked about once


def test_without_a_file_it_is_made_first(finished, monkeypatch):
    run = finished["breast_cancer"]
    asked = []
    monkeypatch.setattr(engine, "ask", lambda text, function, *args: asked.append((text, function, args)))
    sample = str(runs.predictions(run, "test")[0][0])
    app = AppTest.from_function(tab, args=(run, sample)).run()
    assert not app.exception and asked == [("Preparing the model for live answers", live.make, (run,))]


def test_names_from_the_data_are_text_and_nothing_else():
    schema = Schema("table", (4,), ("*no*", "yes"), COLUMNS)
    said = explain_whatif.sentence(schema, np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1]), changed=True)
    assert said.startswith(r"Now the model says yes instead of \*no\*. The probability of \*no\* went from 90.0% to")
    assert explain_whatif.change_text("<b>town</b>", None, "[a](b)") == r"\<b\>town\</b\>: missing → **\[a\]\(b\)**"
