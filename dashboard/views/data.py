"""Data: the sets there are; what one looks like, what is wrong with it, how it is split; and adding new ones."""

import numpy as np
import streamlit as st

from core import data, jobs, registry, words
from core.data import imports, readers, store
from dashboard import data_add, data_augment, data_checks, data_look, data_split, run_page, sharing, url

VIEWS = ("Checks", "Look", "Split", "Random changes", "How it was read")


def sets(names: list[str]) -> str:
    """The list of data sets; the chosen one is in the URL (`?data=`)."""
    asked = st.query_params.get("data")
    if asked is not None and asked not in names:
        st.warning(f"There is no data set {words.markdown(asked)}; it may have been deleted or renamed.")

    return url.select(
        "Data set",
        names,
        "data",
        names[0],
        drops=("add",),
        format_func=data.title,
        label_visibility="collapsed",
    )


def header(dataset: data.Dataset, facts: dict) -> None:
    """Name, facts in one line, and what can be done with the set as a whole."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(words.markdown(dataset.name), anchor=False)
        if not sharing.read_only():
            where = {"data": dataset.name}
            st.page_link("views/train.py", label="Train on it", icon=":material/model_training:", query_params=where)
            with st.popover("", icon=":material/more_horiz:", help="Rename or delete it"):
                whole(dataset.name)
    shape = words.count(len(dataset.columns), "column")
    if dataset.kind == "image":
        channels, height, width = dataset.schema.shape
        shape = f"{width} x {height} pixels, {'grey' if channels == 1 else 'colour' if channels == 3 else channels}"
    told = [
        f"{words.count(len(dataset), dataset.schema.sample_word)} of {shape}",
        words.count(len(dataset.classes), "class"),
        f"added {words.when(facts.get('created'))}",
        f"version {facts['version']}",
    ]
    st.markdown(" · ".join(words.markdown(fact) for fact in told), help=_added(facts.get("created")))
    counts = np.bincount(dataset.targets, minlength=len(dataset.classes))
    most, least = int(counts.argmax()), int(counts.argmin())
    share = words.percent(counts[most] / counts.sum(), 0)
    text = f"The largest class, {dataset.classes[most]}, has {share} of them"
    if counts[most] == counts[least]:
        text = f"Every class has {words.count(int(counts[most]), dataset.schema.sample_word)}"
    elif len(counts) > 2:
        text += f"; the smallest, {dataset.classes[least]}, has {counts[least]:,}"
    st.markdown(words.markdown(f"{text}."))
    st.caption(words.markdown(sharing.clean(f"Origin: {dataset.origin}. Licence: {dataset.licence}.")))


def whole(name: str) -> None:
    """Rename, delete; what comes with Vitrine can only be deleted from the workspace, and is made anew."""
    if sharing.read_only():
        return
    users = [row["run"] for row in jobs.summaries() if row.get("data") == name]
    if name not in data.built_in():
        new = st.text_input("New name", value=name, key=f"rename-{name}").strip()
        if st.button("Rename", key=f"rename-go-{name}") and new != name:
            try:
                store.rename(name, new)
            except (ValueError, LookupError, OSError) as error:
                st.error(words.markdown(str(error.args[0])), icon=":material/error:")
                return
            st.query_params["data"] = new
            st.rerun()
    if users:
        kept = f"{words.count(len(users), 'run')} of it keep their figures, but can no longer show its samples."
        st.caption(kept)
    if st.checkbox("I want it deleted with all its versions", key=f"delete-sure-{name}") and st.button(
        "Delete", icon=":material/delete:", key=f"delete-{name}"
    ):
        store.delete(name)
        st.query_params.pop("data", None)
        st.session_state["data-said"] = f"{name} is deleted."
        st.rerun()


def how_it_was_read(dataset: data.Dataset) -> None:
    """Where it came from, what was left out, and, for a table, another reading of it."""
    source = store.source(dataset.name)
    if source:
        st.markdown(f"From {words.markdown(source['where'])}")
    for column in dataset.left_out if source.get("reader") != "table" else ():
        st.markdown(f":orange-badge[left out] **{words.markdown(column.name)}**: {words.markdown(column.reason)}")
    if source.get("reader") == "table":
        values, place = data_add.reading_form(source["where"], source.get("options", {}), f"again-{dataset.name}")
        if values is not None and place.button("Read it again like this", type="primary", icon=":material/refresh:"):
            st.session_state["import"] = imports.start("", values=values, again=dataset.name)
            st.rerun()
    elif source.get("reader") in registry.members(readers) and st.button(
        "Read it again", icon=":material/refresh:", help="For instance after files were added."
    ):
        st.session_state["import"] = imports.start("", values=source.get("options", {}), again=dataset.name)
        st.rerun()
    versions = store.versions(dataset.name)
    if len(versions) > 1:
        st.markdown("**Versions**")
        for row in versions:
            now = " (current)" if row["version"] == dataset.fingerprint[:12] else ""
            text = f"`{row['version']}`{now}: {words.count(row['n'], 'sample')}, {words.when(row.get('created'))}"
            st.markdown(text, help=words.moment(row.get("created")))


def _added(created: float | None) -> str | None:
    moment = words.moment(created)
    return moment and f"Added {moment}."


def one(name: str) -> None:
    """Everything of one set."""
    try:
        dataset = run_page.dataset(name)
        facts = store.facts(name)
    except (ValueError, LookupError) as error:
        st.error(words.markdown(sharing.clean(str(error.args[0]))), icon=":material/error:")
        whole(name)
        return
    header(dataset, facts)
    views = [view for view in VIEWS if view != "Random changes" or dataset.kind == "image"]
    if sharing.read_only():
        views.remove("How it was read")
    view = url.segments("View", views, "view", views[0])
    if view == "Look":
        data_look.show(dataset, facts["version"])
    elif view == "Split":
        data_split.show(dataset)
    elif view == "Random changes":
        data_augment.show(dataset)
    elif view == "How it was read":
        how_it_was_read(dataset)
    else:
        data_checks.show(dataset, facts["version"])


def told() -> None:
    """What was just done, once."""
    if said := st.session_state.pop("data-said", None):
        st.success(words.markdown(said), icon=":material/check:")
    if failed := st.session_state.pop("data-failed", None):
        st.error(words.markdown(failed), icon=":material/error:")


if opened := st.session_state.pop("data-open", None):
    st.query_params["data"] = opened
    st.query_params.pop("add", None)
st.title("Data")
adding = "add" in st.query_params and not sharing.read_only()
with st.container(horizontal=True):
    there = store.names() if sharing.read_only() else data.available()
    if not there:
        st.info("There is no data to look at yet.", icon=":material/info:")
        st.stop()
    name = sets(there)
    pressed = not sharing.read_only() and st.button(
        "Back" if adding else "Add data",
        type="secondary" if adding else "primary",
        icon=":material/arrow_back:" if adding else ":material/add:",
    )
if pressed:
    if adding:
        st.query_params.pop("add")
    else:
        st.query_params["add"] = "1"
    st.rerun()
told()
data_add.progress()
if adding:
    data_add.show()
else:
    one(name)
