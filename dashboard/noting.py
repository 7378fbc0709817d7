"""What can be said of runs on a page: star, title, tags and note, archive."""

from dataclasses import replace
from typing import Literal

import streamlit as st

from core import notes, words
from dashboard import actions, sharing


def star(row: dict, key: str, kind: Literal["secondary", "tertiary"] = "secondary") -> None:
    """A button that gives a run its star or takes it away: to be called in a horizontal container.

    kind : how loud it is, as Streamlit names it
    """
    if sharing.read_only():
        return
    said = row.get("star", False)
    icon = ":material/star:" if said else ":material/star_outline:"
    text = "Take its star away." if said else "Mark it with a star."
    if st.button("Starred" if said else "Star", icon=icon, key=f"{key}-star", help=text, type=kind):
        _change([row["run"]], star=not said)


def edit(row: dict, key: str) -> None:
    """A folded form for title, tags and note of a run: to be called in a horizontal container."""
    if sharing.read_only():
        return
    with st.popover("Title, tags, note", icon=":material/edit_note:", key=f"{key}-notes-{row['run']}-{saved()}"):
        form(row, key)


def form(row: dict, key: str) -> None:
    """A form for title, tags and note of a run."""
    run = row["run"]
    said = st.session_state.setdefault(f"{key}-before-{run}-{saved()}", notes.read(run))  # while the form is filled in
    with st.form(f"{key}-form-{run}", border=False):
        title = st.text_input("Title", said.title, max_chars=notes.MAX_TITLE, placeholder=run[11:])
        tags = st.text_input("Tags", ", ".join(said.tags), placeholder="baseline, wide net", help="With commas.")
        note = st.text_area("Note", said.note, max_chars=notes.MAX_NOTE, height=110)
        save = st.form_submit_button("Save", type="primary")
    if save:
        sharing.check()
        mine = replace(said, title=title, tags=notes.split_tags(tags), note=note)
        _end([actions.attempt(notes.merge, run, said, mine)])


def archive(rows: list[dict], key: str) -> None:
    """A button that leaves runs out of lists, or brings them back: to be called in a horizontal container."""
    if sharing.read_only():
        return
    back = all(row.get("archived") for row in rows)
    which = "" if len(rows) == 1 else f" {words.count(len(rows), 'run')}"
    label = f"Take{which} out of the archive" if back else f"Archive{which}"
    icon = ":material/unarchive:" if back else ":material/archive:"
    text = "Show in lists again." if back else "Leave out of lists; nothing is lost."
    if st.button(label, icon=icon, key=f"{key}-archive", help=text):
        _change([row["run"] for row in rows], archived=not back)


def tag(rows: list[dict], key: str) -> None:
    """A folded form that adds tags to several runs: to be called in a horizontal container."""
    if sharing.read_only():
        return
    with (
        st.popover("Tag", icon=":material/label:", key=f"{key}-tag-{saved()}"),
        st.form(f"{key}-tag-form", border=False),
    ):
        text = st.text_input("Tags to add", placeholder="baseline, wide net", help="With commas.")
        if st.form_submit_button("Add", type="primary") and (tags := notes.split_tags(text)):
            _end([actions.attempt(notes.tag, row["run"], tags) for row in rows])


def _change(names: list[str], **changes) -> None:
    sharing.check()
    _end([actions.attempt(lambda run=run: notes.write(run, **changes)) for run in names])


def _end(done: list) -> None:
    """Show the page anew, its forms folded, unless something was refused."""
    if None not in done:
        st.session_state["notes-saved"] = saved() + 1
        st.rerun(scope="app")


def saved() -> int:
    """How often something was saved: a popover with another key is a closed one."""
    return st.session_state.get("notes-saved", 0)
