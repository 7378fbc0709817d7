"""The Search page: what to search, filled in; how far a search is, and what it found."""

import optuna
import pytest

from core import files, search, workspace
from core.search import space
from tests.dashboard import pages

SPACE = {"lr": {"kind": "range", "low": 0.1, "high": 0.2, "log": False}, "epochs": {"kind": "fixed", "value": 2}}
TWO = {**SPACE, "weight_decay": {"kind": "range", "low": 0.1, "high": 0.2, "log": False}}


def made(asked=SPACE, trials=((0.1, 0.7), (0.15, 0.9), (0.2, 0.8)), state="done") -> str:
    """A search without a process, with these trials, (lr, value) each; None for a value is a trial that failed."""
    name = "by-hand"
    search.path(name).mkdir(parents=True)
    facts = {"name": name, "data": "iris", "version": "0", "net": "mlp", "space": asked, "objective": "val_accuracy"}
    files.write_json(search.path(name, "search.json"), facts)
    search.write_status(name, state=state, message="", created=0.0)
    kinds = space.distributions(search.load(name).space)
    states = optuna.trial.TrialState
    for lr, value in trials:
        params = dict.fromkeys(kinds, lr)
        state_of = states.FAIL if value is None else states.COMPLETE
        search.study(name).add_trial(
            optuna.trial.create_trial(params=params, distributions=kinds, value=value, state=state_of)
        )
    return name


def test_without_a_search_the_form_is_filled_in(show):
    page = show("search")
    pages.check(page)
    assert "Let the machine choose settings" in page.markdown[0].value
    assert pages.button(page, "Start the search").disabled is False
    assert "python -m core sweep lr=" in page.code[0].value


def test_where_vitrine_is_installed_the_command_is_its_own(show, monkeypatch):
    monkeypatch.setattr(workspace, "INSTALLED", True)
    assert show("search").code[0].value.startswith("vitrine sweep lr=")


def test_settings_and_nets_are_called_as_on_the_train_page(show):
    page = show("search")
    called = {box.label for box in page.text_input}
    assert called == {"Learning rate", "Weight decay", "Dropout of the net"}
    assert ":" in pages.box(page, "Net").options[0]  # its title, not the name of its file


def test_a_button_starts_the_search_as_it_is_filled_in(show, monkeypatch):
    started = []
    monkeypatch.setattr(search.processes, "start", lambda module, *_: started.append(module))
    page = show("search")
    pages.box(page, "Data").set_value("iris").run()
    next(box for box in page.text_input if box.label == "Learning rate").set_value("0.01,0.02").run()
    page.number_input[0].set_value(6).run()
    pages.button(page, "Start the search").click().run()
    pages.check(page)
    (name,) = search.names()
    asked = search.load(name)
    assert started == ["core.search.worker"]
    assert (asked.data, asked.trials, asked.space["lr"].values) == ("iris", 6, (0.01, 0.02))
    assert page.query_params["search"] == name


def test_values_that_cannot_be_read_are_said_at_once(show):
    page = show("search")
    next(box for box in page.text_input if box.label == "Learning rate").set_value("0.1..<b>x</b>").run()
    pages.check(page)
    assert "both ends must be numbers" in page.caption[0].value and "<b>" not in page.caption[0].value
    pages.button(page, "Start the search").click().run()
    pages.check(page)
    assert "both ends must be numbers" in page.error[0].value and not search.names()


def test_a_setting_is_added_with_values_that_make_sense(show):
    page = show("search")
    page.multiselect[0].set_value(["optimizer", "net.numbers", "correct_prior"]).run()
    pages.check(page)
    assert [box.value for box in page.text_input] == ["adam,adamw,sgd", "true,false", "plain,piecewise,periodic"]
    page.multiselect[0].set_value([]).run()
    assert pages.button(page, "Start the search").disabled


def test_a_search_that_goes_on_makes_as_many_as_are_asked_for(show, monkeypatch):
    monkeypatch.setattr(search.processes, "start", lambda *_: None)
    name = made(state="stopped")
    page = show("search")
    page.number_input(key="in-all").set_value(7).run()
    pages.button(page, "Go on").click().run()
    pages.check(page)
    assert (search.load(name).trials, search.status(name)["state"]) == (7, "queued")


@pytest.mark.parametrize("figure", ["Course", "Each setting"])
def test_a_damaged_study_is_a_sentence(show, figure):
    name = made()
    search.path(name, "study.db").write_bytes(b"no database" * 100)
    page = show("search", figure=figure)
    pages.check(page)
    assert "study.db of search by-hand cannot be read" in page.error[0].value.replace("\\", "")


def test_a_run_of_the_search_may_be_deleted(show):
    name = made(trials=())
    trial = search.study(name).ask({"lr": space.distributions(search.load(name).space)["lr"]})
    trial.set_user_attr("run", "2026-01-01-gone-owl")
    search.study(name).tell(trial.number, 0.9)
    page = show("search")
    pages.check(page)
    assert page.header[0].value.startswith("Best of 1 trial") and "Evaluate" not in pages.links(page)


def test_a_search_says_what_it_found(show):
    made()
    page = show("search")
    pages.check(page)
    assert page.header[0].value.replace("\\", "").startswith("Best of 3 trials: val_accuracy 0.9000 with lr=0.15.")
    rows = page.dataframe[0].value
    assert rows["val_accuracy"].tolist() == ["0.9000", "0.8000", "0.7000"]  # the best first


@pytest.mark.parametrize(
    "figure", ["Course", "Settings together", "Each setting", "Two settings", "Importance", "none"]
)
@pytest.mark.parametrize("asked", [SPACE, TWO], ids=["one setting", "two settings"])
def test_every_figure_works(show, figure, asked):
    made(asked)
    pages.check(show("search", figure=figure))


@pytest.mark.parametrize("figure", ["Course", "Settings together", "Importance"])
@pytest.mark.parametrize("trials", [(), ((0.1, 0.7),), ((0.1, None),), ((0.1, 0.7), (0.2, 0.7), (0.15, 0.7))])
def test_every_figure_works_with_few_trials_or_such_that_are_alike(show, figure, trials):
    made(trials=trials)
    pages.check(show("search", figure=figure))


def test_a_search_whose_process_died_says_so_and_can_go_on(show):
    made(state="running")
    page = show("search")
    pages.check(page)
    assert page.error[0].value == "Its process ended without a word; resume it."
    assert "Go on" in [button.label for button in page.button]


def test_a_search_that_is_not_there_is_a_sentence(show):
    made()
    page = show("search", search="nowhere")
    pages.check(page)
    assert "There is no search nowhere" in page.warning[0].value


def test_a_damaged_search_is_a_sentence(show):
    name = made()
    search.path(name, "search.json").write_text("{")
    page = show("search")
    pages.check(page)
    assert "is damaged" in page.error[0].value
