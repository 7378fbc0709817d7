"""What can be done with a run wherever its header stands: its star, and a menu for what is rarer."""

import streamlit as st

from dashboard import actions, noting, sharing

KEY = "header"


def show(row: dict) -> None:
    """Star and menu of a run (a row of `jobs.summaries`): to be called in a horizontal container."""
    if sharing.read_only():
        return
    with st.container(horizontal=True, width="content", gap="small"):  # so that they go to another line together
        noting.star(row, KEY, "tertiary")
        menu = f"{KEY}-menu-{row['run']}-{noting.saved()}"
        with st.popover("More", icon=":material/more_horiz:", key=menu, type="tertiary"):
            noting.form(row, KEY)
            with st.container(horizontal=True):
                noting.archive([row], KEY)
                actions.delete_button(row, KEY)
