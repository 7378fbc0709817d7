"""What surrounds every page: page settings, style, the sidebar's foot, and one sentence for what goes wrong."""

import html
import pathlib

import streamlit as st

from core import jobs, runs, words
from dashboard import url

STYLE = """
<style>
[data-testid="stMainBlockContainer"] { max-width: 90rem; margin: 0 auto; }
[data-testid="stMetric"] { padding: 0; }
.chip { display: inline-block; padding: .05rem .55rem; border-radius: 1rem; font-size: .85rem; font-weight: 600;
  border: 1px solid currentColor; white-space: nowrap; }
.chip.done { color: #0b7a5e; } .chip.running { color: #0b6e82; } .chip.queued { color: #6b7580; }
.chip.failed, .chip.lost, .chip.damaged { color: #b3261e; } .chip.stopped { color: #96590a; }
.runline { display: flex; flex-wrap: wrap; gap: .3rem .9rem; align-items: center; margin: -.4rem 0 .2rem; }
.runline .soft, .soft { opacity: .75; } .lead { font-size: 1.15rem; margin: 0; }
.verdict { font-size: 1.3rem; font-weight: 620; padding: .7rem 1rem; border-left: .35rem solid; border-radius: .3rem; }
.verdict.passed { border-color: #0b7a5e; background: rgba(11,122,94,.09); }
.verdict.failed { border-color: #b3261e; background: rgba(179,38,30,.09); }
</style>
"""
DARK = """
<style>
.chip.done { color: #5ad1ad; } .chip.running { color: #4fc3d9; } .chip.queued { color: #a3adb8; }
.chip.failed, .chip.lost, .chip.damaged { color: #ff9a8b; } .chip.stopped { color: #f0b45c; }
</style>
"""


def begin() -> None:
    """Settings and style; the first thing that a script does."""
    st.set_page_config(page_title="Vitrine", page_icon=str(pathlib.Path(__file__).with_name("icon.svg")), layout="wide")
    st.html(STYLE + (DARK if st.context.theme.type == "dark" else ""))
    try:
        runs.check_workspace()
    except runs.WorkspaceError as error:
        st.error(str(error), icon=":material/error:")
        st.stop()


def sidebar(groups: dict) -> None:
    """The pages, each link taking the chosen run along; at the foot what is running now, and the workspace."""
    run = url.current_run()
    with st.sidebar:
        for group, pages in groups.items():
            st.caption(group)
            for page in pages:
                of_a_run = run and page.title not in ("Runs", "Train")
                st.page_link(page, width="stretch", query_params={"run": run} if of_a_run else None)
        st.divider()
        busy = bool(jobs.working())
        st.fragment(_running, run_every=2 if busy else 10)()
        st.caption(f"Workspace: `{runs.workspace()}`")


def run(page) -> None:
    """Run the page; our own errors become one sentence on it."""
    try:
        page.run()
    except (KeyError, IndexError):
        raise
    except (runs.WorkspaceError, LookupError, ValueError) as error:
        st.error(error.args[0] if len(error.args) == 1 else str(error), icon=":material/error:")


def _running() -> None:
    for row in jobs.working()[:5]:
        name = row["run"][11:]
        if row["state"] == "queued":
            st.progress(0.0, text=f"{name}: queued")
        else:
            left = row.get("seconds_left")
            text = f"{name}: {words.duration(left)} left" if left else f"{name}: {row.get('phase', 'running')}"
            st.progress(min(1.0, row.get("step", 0) / row.get("n_steps", 1)), text=text)
        if st.button(f"Watch {name}", type="tertiary", key=f"watch-{row['run']}"):
            st.switch_page("views/live.py", query_params={"run": row["run"]})


def chip(state: str) -> str:
    """The state of a run as a coloured word, HTML."""
    return f'<span class="chip {html.escape(state)}">{html.escape(state)}</span>'
