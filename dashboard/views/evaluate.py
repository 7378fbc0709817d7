"""Evaluate: how good the run is on test samples that it never saw, and what each way of deciding comes to."""

import streamlit as st

from core import runs, words
from core.evaluation import operating, other_data
from dashboard import (
    answers,
    evaluation_data,
    evaluation_figures,
    evaluation_sections,
    frame,
    operating_panel,
    run_page,
    side_by_side,
    suspects,
    url,
)

SECTIONS = (
    "Class by class",
    "Samples",
    "Slices",
    "Wrong labels",
    "Breaking it",
    "Leaks",
    "By epoch",
    "Sets",
    "Metrics",
)
OF_OWN_DATA = ("Wrong labels", "Breaking it", "By epoch")  # whatever the run is evaluated on


@st.fragment
@frame.in_a_sentence
def everything(run: str, part: str, figures: dict) -> None:
    """The operating point and all that follows it."""
    classes, thing = figures["classes"], runs.schema(run).sample_word
    try:
        found = answers.of(run, part)
    except runs.DamagedRun as error:  # what was computed from them is still there
        st.error(words.literal(str(error)), icon=":material/error:")
        evaluation_figures.all_metrics(figures, run)
        return
    left, right = side_by_side.columns("decide", [1, 4], gap="medium")
    with left:
        point = operating_panel.panel(run, classes)
    said = operating.decide(found.y_prob, point)
    outcome = operating.outcome(found.y_true, said, point, len(classes))
    with right:
        if operating_panel.is_changed(point, len(classes)) or len(classes) == 2:
            st.markdown(operating_panel.sentence(outcome, point, classes, thing, in_test=part == "test"))
            if len(classes) == 2 and (said_of := operating_panel.cheapest_sentence(run, part, point, classes, thing)):
                st.markdown(said_of)
        one, two = st.columns(2)
        with one:
            evaluation_figures.confusion(outcome, classes, open_cell)
        with two:
            evaluation_figures.others(run, part, figures, outcome, point)
    section = url.segments("Section", SECTIONS, "look", SECTIONS[0])
    if part != "test" and section in OF_OWN_DATA:
        st.caption("Of the run's own data.")
    if section == "Class by class":
        evaluation_figures.class_table(outcome, figures)
    elif section == "Samples":
        evaluation_sections.of_samples(run, part, classes, said)
    elif section == "Slices":
        evaluation_sections.of_slices(run, part, classes, said)
    elif section == "Wrong labels":
        suspects.show(run)
    elif section == "Breaking it":
        evaluation_sections.of_breaking(run)
    elif section == "Leaks":
        evaluation_sections.of_leaks(run, part)
    elif section == "By epoch":
        evaluation_sections.of_epochs(run, classes)
    elif section == "Sets":
        evaluation_sections.of_sets(run, part, classes)
    else:
        evaluation_figures.all_metrics(figures, run)


def open_cell(i: int, j: int) -> None:
    """Show the samples of a cell of the confusion matrix."""
    if url.asked("cell") != f"{i}-{j}" or url.asked("look") != "Samples":
        url.put(cell=f"{i}-{j}", bin=None, look="Samples")
        st.rerun(scope="fragment")


run = run_page.choose("Evaluate")
row = run_page.header(run)
record = run_page.figures(run, row)
offered = evaluation_data.choices(run)
on = evaluation_data.chosen(offered)
part = "test" if on == evaluation_data.OWN else other_data.PREFIX + on
found = {**record, "figures": record["test"]} if part == "test" else evaluation_data.figures(run, on)
with st.container(horizontal=True):
    if found:
        evaluation_figures.headline(found["figures"])
    evaluation_data.select(offered)
if found is None:
    evaluation_data.offer(run, on)
    st.stop()
figures = found["figures"]
everything(run, part, figures)
about = f"Chosen on {words.count(record['val']['n'], 'validation sample')}: "
about += f"epoch {record['epoch']}, thresholds" if record.get("epoch") else "thresholds"
reported = (
    words.count(figures["n"], "test sample") if part == "test" else f"{words.count(figures['n'], 'sample')} of {on}"
)
st.caption(
    f"{about}, temperature {record['temperature']:.2f}, sets; accuracy there "
    f"{words.interval(record['val']['metrics']['accuracy'])}. Reported from {reported}"
    + (", read from their original files." if found.get("pixels") == "original" else ".")
)
