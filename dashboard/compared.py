"""Which runs are compared: chosen by the reader, kept in the URL, those that differ only by seed taken together."""

import streamlit as st

from core import runs, words
from core.evaluation import groups
from dashboard import url

TRIED = 20  # of the newest runs, to find two that can be compared


def choose(rows: list[dict]) -> list[dict]:
    """The chosen runs, in their order; they are in the URL (`?runs=a,b`)."""
    known = {row["run"]: row for row in rows}
    asked = st.query_params.get("runs")
    names = _default(rows) if asked is None else [run for run in asked.split(",") if run]
    if gone := [run for run in names if run not in known]:
        listed = words.literal(words.cut(" ".join(", ".join(gone[:3]).split()), 120))
        st.warning(f"There is no run {listed} in this workspace; it may have been deleted.")
    st.session_state["chosen"] = [run for run in dict.fromkeys(names) if run in known]
    chosen = st.multiselect(
        "Runs",
        list(known),
        key="chosen",
        format_func=lambda run: f"{name_of(known[run])} ({known[run].get('data', 'damaged')})",
        on_change=_keep,
        placeholder="Choose two runs or more",
        label_visibility="collapsed",
    )
    return [known[run] for run in chosen]


def _default(rows: list[dict]) -> list[str]:
    """The run looked at last and the newest one that can be compared with it, the older one first."""
    done = [row for row in rows if "test_accuracy" in row]
    mine = [row for row in done if row["run"] == url.current_run()]
    for row in [*mine, *done[:TRIED]]:
        same = [other for other in done if other is not row and other["data"] == row["data"]]
        for other in same[:TRIED]:
            by_seed = row["alike"] and row["alike"]["seed"] == other["alike"].get("seed")
            if not by_seed and runs.config(other["run"]).data == runs.config(row["run"]).data:
                return [one["run"] for one in reversed(done) if one is row or one is other]
    return []


def _keep() -> None:
    st.query_params["runs"] = ",".join(st.session_state["chosen"])
    for key in ("a", "b"):
        st.query_params.pop(key, None)


def name_of(row: dict) -> str:
    """What a person calls a run: its title, or its name without the date."""
    return row.get("title") or row["run"][11:]


def sides_of(rows: list[dict]) -> list[dict]:
    """The runs as rows of the comparison: those that differ only by seed, or by fold, together."""
    found = groups.by_seed(rows)
    for side in found:
        name = next((row["title"] for row in side["rows"] if row.get("title")), name_of(side["rows"][0]))
        side["name"] = name + (f" ({side['n']} {side['kind']})" if len(side["rows"]) > 1 else "")
    for side, name in zip(found, words.distinct([side["name"] for side in found])):
        side["name"] = name
    return found
