"""What the pages of one run share: choosing the run (kept in the URL), its header, its empty states."""

import streamlit as st

from core import data, evaluation, folds, jobs, runs, words
from dashboard import frame, run_menu, sharing, url


def choose(title: str) -> str:
    """Show the page's title and the list of runs, and return the chosen one; the URL says which (`?run=`).

    Without any run the page says what to do and ends here.
    """
    names = runs.names()
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    left.title(title)
    if not names:
        st.info("No runs yet. Train one first; the example takes about 20 seconds.", icon=":material/info:")
        st.page_link("views/runs.py", label="Go to Runs")
        st.stop()
    asked, run = st.query_params.get("run"), url.current_run()
    if asked is not None and asked != run:
        shown = words.literal(words.cut(asked, 60))
        st.warning(f"There is no run {shown} in this workspace; it may have been deleted. This is another one.")
    if run is not None and asked != run:
        st.query_params["run"] = run  # a link to this page must open it on this run
    with right:
        return url.select("Run", names, "run", names[0], label_visibility="collapsed")


def header(run: str) -> dict:
    """Show the run's state and what it is in one line, then what it found in a sentence; returns its summary."""
    row = jobs.summary(run)
    facts, exactly = [], None
    if row["state"] != "damaged":
        facts += [row["data"], row["net"], words.count(row["epochs"], "epoch"), words.duration(row["seconds"])]
        facts.append(words.when(row.get("created")))
        exactly = words.moment(row.get("created"))
    said = [frame.chip(row["state"])]
    if row.get("title"):
        said.append(f"**{words.markdown(row['title'])}**")
    said += [f":gray-badge[{words.markdown(tag)}]" for tag in row.get("tags", [])]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("&ensp;".join([*said, *(words.markdown(fact) for fact in facts if fact)]), help=exactly)
        run_menu.show(row)
    if row["state"] in ("failed", "lost", "damaged"):
        st.error(words.literal(sharing.clean(row["message"])), icon=":material/error:")
        if not sharing.read_only():
            with st.expander("Log"):
                st.code(runs.log_tail(run) or "The log is empty.", language=None)
    return row


def figures(run: str, row: dict) -> dict:
    """The run's evaluation, after its sentence; without one the page says why, what to do, and ends here."""
    record = runs.evaluation(run)
    if record is None or row["state"] in runs.WORKING:  # of one that was resumed there are those of before
        if row["state"] in runs.WORKING:
            st.info(
                "This run is still at work. Its figures are computed at its end; then they are shown here.",
                icon=":material/info:",
            )
            st.page_link("views/live.py", label="Watch it", query_params={"run": run})
            frame.repeated(_go_on_when_over, 1, run)
        elif sharing.read_only():
            st.info("This run has no figures to look at.", icon=":material/info:")
        elif runs.path(run, "checkpoints", "best.pt").exists():
            st.info("There are no figures of this run's best epoch yet; it is kept.", icon=":material/info:")
            if st.button("Evaluate the best epoch", type="primary"):
                from dashboard import engine

                figures = engine.attempt("Evaluating", evaluation.evaluate, run)
                if figures:
                    runs.write_status(run, **evaluation.headline(figures))
                    st.rerun()
        else:
            st.info("This run has no figures, as it did not finish. Train again.", icon=":material/info:")
            st.page_link("views/train.py", label="Go to Train")
        st.stop()
    sentence = evaluation.sentence(record["test"], runs.schema(run).sample_word)
    st.header(words.markdown(sentence), anchor=False)
    frame.let_it_paint()
    return record


def folds_instead(run: str, page: str, sample: str = "", **query: str) -> bool:
    """Whether the run pools folds, each with a net of its own; then there is a link to `page` for each of them.

    sample : goes along to the fold that has it in its test;  query : goes along to all
    """
    members = folds.members(run)
    if members:
        told = f"This run pools {len(members)} folds, each with a net of its own. Choose one of them."
        st.info(told, icon=":material/info:")
    for fold, member in enumerate(members, 1):
        label, asked = f"Fold {fold}: {member[11:]}", {"run": member, **query}
        if sample and sample in runs.predictions(member, "test")[0]:
            label, asked = f"{label}, which has {words.markdown(sample)} in its test", asked | {"sample": sample}
        st.page_link(f"views/{page}.py", label=label, query_params=asked)
    return bool(members)


def _go_on_when_over(run: str) -> None:
    """Run the page again once the run is not at work any more."""
    if jobs.state(run) not in runs.WORKING:
        st.rerun()


def dataset(name: str) -> data.Dataset:
    """The current version of the named data set, read once per process; never to be changed."""
    if name in data.built_in() and name not in data.store.names():
        data.get(name)
    return stored(name, data.store.version(name))


def dataset_of(run: str) -> data.Dataset:
    """The data of a run, in the version it was made with; ValueError if that is gone."""
    fingerprint = runs.fingerprint(run)
    holder = data.store.find(fingerprint, runs.config(run).data.name)
    return stored(holder, fingerprint[:12]) if holder else runs.dataset(run)


@st.cache_resource(show_spinner="Reading the data", max_entries=8)
def stored(name: str, version: str) -> data.Dataset:
    """A version of a data set, read once per process; never to be changed."""
    return data.get(name, version)
