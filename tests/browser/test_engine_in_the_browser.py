"""Long work beside a page in use, in a real Chromium: the rest can be used, and Stop stops."""

import re

import pytest

from core import jobs
from tests.browser.serving import serving

pytestmark = [pytest.mark.slow, pytest.mark.browser]
PAGE = """
import sys
sys.path.insert(0, ROOT)
import streamlit as st
from dashboard import engine
from tests.dashboard import workers

@st.fragment
def asking():
    st.write(f"Asked: {engine.ask('Counting', workers.in_pieces, FILE, 100_000, 0.005)}.")

@st.fragment
def beside():
    st.write(f"Clicked {st.session_state.get('clicks', 0)} times.")
    st.button("Click", on_click=lambda: st.session_state.update(clicks=st.session_state.get("clicks", 0) + 1))

@st.fragment
def waiting():
    if st.button("Wait"):
        st.write(f"Waited: {engine.attempt('Measuring', workers.in_pieces, FILE, 90_000, 0.005)}.")

if __name__ == "__main__":
    asking()
    beside()
    waiting()
"""


def test_a_page_can_be_used_while_it_asks_and_both_kinds_of_work_can_be_stopped(page, workspace, tmp_path):
    script = tmp_path / "page.py"
    script.write_text(PAGE.replace("ROOT", repr(str(jobs.ROOT))).replace("FILE", repr(str(tmp_path / "began"))))
    with serving(workspace, script) as address:
        page.goto(address)
        page.get_by_text(re.compile("Counting, .* left")).wait_for()
        for n in (1, 2):
            page.get_by_role("button", name="Click").click()
            page.get_by_text(f"Clicked {n} times.").wait_for()
        page.get_by_test_id("stMain").get_by_role("button", name="Stop").click()
        page.get_by_text("Counting: stopped.").wait_for()

        page.get_by_role("button", name="Wait").click()
        page.get_by_text(re.compile("Measuring, .* left")).wait_for()
        page.get_by_test_id("stMain").get_by_role("button", name="Stop").click()
        page.get_by_text("Measuring: stopped.").wait_for()
        page.get_by_text(re.compile("Measuring, .* left")).wait_for(state="hidden")
        page.wait_for_timeout(2100)
        page.get_by_role("button", name="Wait").click()  # a click that means to begin it again
        page.get_by_text(re.compile("Measuring, .* left")).wait_for()
