"""Explain: why the model decided so for a sample, what would change its mind, and how far to trust that."""

import streamlit as st

from core import runs, words
from core.data.dataset import Dataset, Schema
from dashboard import (
    engine,
    explain_images,
    explain_methods,
    explain_neighbours,
    explain_sample,
    explain_strip,
    explain_whatif,
    explain_whole,
    frame,
    run_page,
    url,
)
from dashboard.explain_strip import Chosen

THIS, WHAT_IF, NEIGHBOURS, WHOLE, METHODS = TABS = (
    "This sample",
    "What if",
    "Neighbours",
    "Whole model",
    "Methods",
)


def data_of(run: str) -> Dataset | None:
    """The run's data, or None where it is gone, which the page then says."""
    try:
        return run_page.dataset_of(run)
    except (ValueError, LookupError) as error:
        text = f"{words.markdown(str(error.args[0]))} Explanations that are stored are shown."
        st.warning(text, icon=":material/warning:")
        return None


def chosen_sample(run: str, schema: Schema, dataset: Dataset | None) -> Chosen | None:
    """The sample that the page is about, or None with the reason on the page."""
    try:
        return explain_strip.choose(run, schema, dataset)
    except runs.DamagedRun as error:
        st.error(words.literal(str(error)), icon=":material/error:")
        return None


@frame.in_a_sentence
def show(look: str, run: str, schema: Schema, dataset: Dataset | None, chosen: Chosen | None) -> None:
    """What the chosen tab holds."""
    if look == METHODS:
        explain_methods.tab(schema)
    elif look == WHOLE:
        explain_whole.tab(run, schema, dataset)
    elif chosen is None:
        return
    elif look == THIS:
        explain_sample.tab(run, schema, dataset, chosen)
    elif dataset is None or chosen.place < 0:
        st.info("This needs the data of the run, which is gone.", icon=":material/info:")
    elif look == NEIGHBOURS:
        explain_neighbours.tab(run, schema, dataset, chosen)
    elif schema.kind == "image":
        explain_images.tab(run, schema, dataset, chosen)
    else:
        explain_whatif.table_tab(run, chosen.sample, schema, dataset)


run = run_page.choose("Explain")
row = run_page.header(run)
run_page.figures(run, row)
if not run_page.folds_instead(run, "explain", url.asked("sample")):
    schema, dataset = runs.schema(run), data_of(run)
    look = url.segments("Look at", TABS, "look", TABS[0])
    if st.session_state.get("explaining") != (run, url.asked("sample"), look):
        st.session_state["explaining"] = (run, url.asked("sample"), look)
        engine.leave()  # what was asked for another view may give way
    chosen = None if look in (WHOLE, METHODS) else chosen_sample(run, schema, dataset)
    show(look, run, schema, dataset, chosen)
