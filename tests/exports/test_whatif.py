"""What would change a decision, asked of the exported file."""

import pytest
from typer.testing import CliRunner

from core import runs
from core.whatif.counterfactuals import Wish
from exports import cli, live, whatif


def first(run: str) -> str:
    return str(runs.predictions(run, "test")[0][0])


def test_each_way_flips_what_the_file_says_and_is_kept(exported):
    run = exported["breast_cancer"]
    found = whatif.counterfactuals(run, first(run), Wish())
    now = live.decide(run, live.predict(run, found.arrays["x"][None]))[0]
    said = live.decide(run, live.predict(run, found.arrays["rows"]))
    assert len(said) >= 1 and (said != now).all() and said.tolist() == found.record["said"]
    assert whatif.counterfactuals(run, first(run), Wish()).record == found.record


def test_a_changed_row_is_answered_beside_the_row_as_it_is(exported):
    run = exported["breast_cancer"]
    dataset = runs.dataset(run)
    value = dataset.table.loc[dataset.ids == first(run), "mean radius"].item()
    y_prob, said = whatif.changed(run, first(run), {"mean radius": str(value)})
    assert (y_prob[0] == y_prob[1]).all() and said[0] == said[1]
    y_prob, _ = whatif.changed(run, first(run), {"mean radius": str(value + 10), "mean texture": ""})
    assert y_prob[0, 0] != y_prob[1, 0]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"radius": "1"}, "There is no column 'radius' that the model reads; there are mean radius"),
        ({"mean radius": "wide"}, "'wide' is no number, and mean radius is one; give another value."),
    ],
)
def test_a_change_that_cannot_be_is_refused_in_a_sentence(exported, values, sentence):
    with pytest.raises((LookupError, ValueError)) as error:
        whatif.changed(exported["breast_cancer"], first(exported["breast_cancer"]), values)
    assert error.value.args[0].startswith(sentence)


def test_ways_for_an_image_are_refused(exported):
    with pytest.raises(ValueError, match="an image has no columns to change"):
        whatif.counterfactuals(exported["digits"], first(exported["digits"]), Wish())


def test_the_command_says_what_would_change_the_decision_and_what_a_change_does(exported):
    run = exported["breast_cancer"]
    found = CliRunner().invoke(cli.app, ["whatif", run], catch_exceptions=False)
    assert found.exit_code == 0 and "The model would say" in found.output and "  says " in found.output
    changed = CliRunner().invoke(cli.app, ["whatif", run, "--set", "mean radius=30"], catch_exceptions=False)
    assert changed.output.startswith("as it is: says ") and "\nchanged: says " in changed.output
    with pytest.raises(ValueError, match="--set is 'age'; it must be COLUMN=VALUE"):
        CliRunner().invoke(cli.app, ["whatif", run, "--set", "age"], catch_exceptions=False)
