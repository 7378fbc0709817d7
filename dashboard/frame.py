"""What surrounds every page: page settings, style, the sidebar's foot, and one sentence for what goes wrong."""

import functools
import gc
import json
import logging
import pathlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from core import files, jobs, runs, words
from core.workspace import look_at_workspace
from dashboard import access, sharing, url

if TYPE_CHECKING:
    from streamlit.navigation.page import StreamlitPage

# Plain Markdown is painted with the page's title; HTML comes later, when the browser has read the code for it. So
# HTML is for what comes last, and the style here is for what looks right without it too.
STYLE = """
<style>
[data-testid="stMainBlockContainer"] { max-width: 90rem; margin: 0 auto; padding-top: 2.5rem; }
[data-testid="stHeader"], [data-testid="stSidebarHeader"] { height: 2.5rem; min-height: 2.5rem; margin-bottom: 0; }
[data-testid="stMainBlockContainer"] :is(h1, h2) { padding-top: .4rem; }
[data-testid="stMetric"] { padding: 0; }
@media (max-width: 1150px) {
  [data-testid="stMainBlockContainer"] { padding-left: 1.5rem; padding-right: 1.5rem; }
  [class*="st-key-beside-"] [data-testid="stColumn"] { min-width: min(20rem, 100%); flex: 1 1 20rem; }
}
[data-testid="stCaptionContainer"] { color: inherit; opacity: .85; }
[data-testid="stSliderThumbValue"] p,
button[role="radio"][aria-checked="true"] p { color: light-dark(#1f2933, #e6e9ec); }
[class*="st-key-figure-"] { position: relative; gap: 0; }
[class*="st-key-figure-"] > :last-child:not(:first-child) { position: absolute; top: -.3rem; right: 2.3rem; }
[class*="st-key-figure-"] > :last-child:not(:first-child) button {
  background: light-dark(#ffffff, #14191e); padding: 0 .3rem; min-height: 1.5rem;
}
@media (hover: hover) {
  [class*="st-key-figure-"]:not(:hover, :focus-within) > :last-child:not(:first-child) { opacity: 0; }
}
.st-key-strip button { padding-inline: 0; }
.st-key-strip button p { font-size: .8rem; white-space: nowrap; }
[class*="st-key-title-"] { min-height: 2.5rem; }  /* as one with a button */
.st-key-title-picture { margin-bottom: .6rem; }
[class*="st-key-figure-confusion"] .spikeline:not([stroke-dasharray]) { display: none; }
a:focus-visible, button:focus-visible, summary:focus-visible { outline: 2px solid currentColor !important; }
.verdict { font-size: 1.3rem; font-weight: 620; padding: .7rem 1rem; border-left: .35rem solid; border-radius: .3rem; }
.verdict.passed { border-color: #0b7a5e; background: rgba(11,122,94,.09); }
.verdict.failed { border-color: #b3261e; background: rgba(179,38,30,.09); }
</style>
"""
PARTS = ("Selectbox", "Metric", "PlotlyChart")  # of Streamlit's browser code, read ahead of the first use
PAINT_SECONDS = 0.2  # in which a browser paints what a first page says before its figures
FAULTS = "vitrine.faults"  # the logger of errors that are no sentences of ours
WHY = "A file that it reads may be damaged; the dashboard's output says where it stopped."
COLORS = {"done": "green", "running": "blue", "queued": "gray", "stopped": "orange"}  # of a state; else red
_kept: set[str] = set()  # titles of pages whose imports are kept, see `_keep_what_was_imported`


def begin() -> None:
    """Settings and style; the first thing that a script does."""
    st.set_page_config(page_title="Vitrine", page_icon=str(pathlib.Path(__file__).with_name("icon.svg")), layout="wide")
    st.html(STYLE)
    if sharing.read_only():
        sharing.guard(runs.workspace())
        return
    try:
        if said := look_at_workspace():
            st.warning(words.literal(said), icon=":material/lock:")
    except runs.WorkspaceError as error:
        st.error(words.literal(str(error)), icon=":material/error:")
        st.stop()


def sidebar(groups: dict, current: "StreamlitPage") -> None:
    """The pages, each link taking the chosen run along; at the foot what is running now, and the workspace."""
    run = url.current_run()
    with st.sidebar:
        for group, pages in groups.items():
            st.caption(group)
            for page in pages:
                if sharing.read_only() and page.title in sharing.HIDDEN:
                    continue
                of_a_run = run and page.title not in ("Runs", "Data", "Train", "Search", "Compare")
                link = current if page.title == current.title else page  # Runs has two addresses
                st.page_link(link, width="stretch", query_params={"run": run} if of_a_run else None)
        st.divider()
        busy = bool(jobs.working())
        repeated(_running, 2 if busy else 10)
        if sharing.read_only():
            st.caption("Shared to be looked at: nothing can be changed here.")
            if access.by_login() and st.user.is_logged_in:
                st.button("Log out", type="tertiary", on_click=st.logout)
        else:
            st.caption(f"Workspace: `{runs.workspace()}`")


def run(page: "StreamlitPage") -> None:
    """Run the page; our own errors become one sentence on it."""
    access.keep_cookie()
    if sharing.read_only() and page.title in sharing.HIDDEN:
        st.title(page.title)
        st.info(sharing.REFUSED, icon=":material/visibility:")
        st.page_link("views/runs.py", label="Look at the runs")
    else:
        in_a_sentence(page.run)()
    _read_ahead()
    _keep_what_was_imported(page.title)


def in_a_sentence(function: Callable) -> Callable:
    """The function, but an error becomes one sentence on the page: for pages, and for fragments of them.

    Ours are shown as they are. Of any other the dashboard's output has the traceback, under the name FAULTS.
    """

    @functools.wraps(function)
    def said(*args):
        try:
            return function(*args)
        except Exception as error:
            if not isinstance(error, (OSError, LookupError, ValueError)) or isinstance(error, (KeyError, IndexError)):
                logging.getLogger(FAULTS).exception("This page cannot be shown")
                first = " ".join(str(error).split())[:200]
                sentence = f"This page cannot be shown in full ({type(error).__name__}: {first}). {WHY}"
            else:
                sentence = files.said(error)
            st.error(words.literal(sharing.clean(sentence)), icon=":material/error:")
            return None

    return said


def repeated(function: Callable, seconds: float | None, *args) -> None:
    """Run a part of the page, and run it alone again every `seconds`; an error becomes one sentence in its place.

    Streamlit throws away what a part has drawn and not sent when it is run again. In a container of its own nothing
    else then moves into its place, to be overwritten by it.
    """
    with st.container():
        st.fragment(in_a_sentence(function), run_every=seconds)(*args)


def let_it_paint() -> None:
    """On the first page of a session, give the browser a moment to paint what it has before the figures come.

    The code that draws figures is 5 MB; while the browser reads it, nothing else appears.
    """
    if not st.session_state.get("painted"):
        st.session_state["painted"] = True
        time.sleep(PAINT_SECONDS)


def _read_ahead() -> None:
    """Let the browser read the code for the other pages while the person reads this one, so that they show at once."""
    folder = pathlib.Path(st.__file__).parent / "static" / "static" / "js"
    base = st.get_option("server.baseUrlPath").strip("/")
    files = [file.name for part in PARTS for file in sorted(folder.glob(f"{part}.*.js"))]
    addresses = json.dumps([f"{'/' + base if base else ''}/static/js/{name}" for name in files])
    st.html(
        f"<script>setTimeout(() => {addresses}.forEach(address => import(address)), 300)</script>",
        unsafe_allow_javascript=True,
    )


def _keep_what_was_imported(page: str) -> None:
    """After a page's first run in this process, take what is there out of the search for garbage.

    Streamlit searches all there is after every run, also of a fragment. Of what the pages import that takes 60 to
    150 ms, in which no session goes on; of what a run leaves behind, a few.
    """
    if page not in _kept:
        _kept.add(page)
        gc.collect()
        gc.freeze()


def _running() -> None:
    for row in jobs.working()[:5]:
        name = row["run"][11:]
        if row["state"] == "queued":
            st.progress(0.0, text=f"{name}: queued")
        elif row.get("phase") == "evaluating":  # its steps are made, so they say nothing of how far it is
            st.caption(f"{name}: evaluating")
        else:
            left = row.get("seconds_left")
            text = f"{name}: {words.duration(left)} left" if left else f"{name}: {row.get('phase', 'running')}"
            st.progress(min(1.0, row.get("step", 0) / (row.get("n_steps") or 1)), text=text)
        if st.button(f"Watch {name}", type="tertiary", key=f"watch-{row['run']}"):
            st.switch_page("views/live.py", query_params={"run": row["run"]})


def chip(state: str) -> str:
    """The state of a run as a coloured word, in Markdown."""
    return f":{COLORS.get(state, 'red')}-badge[{words.markdown(state)}]"
