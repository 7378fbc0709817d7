"""On which data a run is judged: its own test part, or another data set, at a click."""

import streamlit as st

from core import evaluation, runs, words
from core.evaluation import other_data
from dashboard import engine, sharing, url

OWN = "its own test"


def choices(run: str) -> dict[str, str]:
    """The data sets that there are figures on, or could be, each with what the list says; `OWN` is the first."""
    known = other_data.known(run)
    new = [] if sharing.read_only() else [name for name in other_data.possible(run) if name not in known]
    titles = {name: other_data.title(run, name) for name in known + new}
    return {OWN: OWN, **titles, **{name: f"{titles[name]} (not yet)" for name in new}}


def chosen(offered: dict[str, str]) -> str:
    """The data set of these that the URL names, else `OWN`."""
    asked = url.asked("on")
    return asked if asked in offered else OWN


def select(offered: dict[str, str]) -> None:
    """The list to choose from, unless there is nothing to choose."""
    if len(offered) > 1:
        url.select("Evaluated on", list(offered), "on", OWN, format_func=offered.get, width=300)


def figures(run: str, name: str) -> dict | None:
    """The record of what was found on the data set `name`, after what has to be known of it; None if nothing was."""
    if name not in other_data.known(run):
        return None
    found, title = other_data.read(run, name), other_data.title(run, name)
    sentence = evaluation.sentence(found["figures"], runs.schema(run).sample_word, in_test=False)
    st.markdown(f"**On {words.markdown(title)}: {words.markdown(sentence[0].lower() + sentence[1:])}**")
    twins, why = found.get("twins"), ""
    if twins is None:
        why = f"How much of {name} was in training was not looked at."
    elif twins["n_twins"]:
        st.warning(words.literal(twins["sentence"]), icon=":material/warning:")
    else:
        st.caption(words.literal(twins["sentence"]))
    if unseen := other_data.unseen_sentence(found):
        st.warning(words.literal(unseen), icon=":material/warning:")
    if not other_data.is_current(found):
        why = f"{name} has changed since; these are figures of before."
    if why:
        st.warning(words.literal(why), icon=":material/warning:")
        if not sharing.read_only():
            _evaluate(run, name, "Evaluate again")
    return found


def offer(run: str, name: str) -> None:
    """The way to figures on a data set that the run was not evaluated on yet."""
    title = words.markdown(other_data.title(run, name))
    st.markdown(f"How good is it on **{title}**? It has the classes and columns of this run's data.")
    _evaluate(run, name, "Evaluate on it")


def _evaluate(run: str, name: str, label: str) -> None:
    pressed = st.button(label, type="primary", key="evaluate-on")
    if pressed and engine.attempt(f"Evaluating on {name}", other_data.evaluate_named, run, name):
        st.rerun()
