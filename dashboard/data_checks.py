"""What the checks found in a data set: a sentence each, the evidence to look at, and what would help at a click."""

import numpy as np
import pandas as pd
import streamlit as st

from core import words
from core.data import Dataset, insight
from dashboard import data_look, engine, pictures, sharing

ICONS = {"problem": "error", "warning": "warning", "note": "info"}
COLORS = {"problem": "red", "warning": "orange", "note": "gray"}
PAIRS = 12
LEFT_OUT = "left_out"  # the check that lists columns


def show(dataset: Dataset, version: str) -> None:
    """Every finding, the gravest first; computed in the engine at the first look, then kept."""
    found = engine.attempt("Checking the data", insight.findings, dataset.name, version)
    if found is None:
        return
    if not found:
        st.success("Nothing was found that needs attention.", icon=":material/check:")
        st.caption("Looked for duplicates, conflicting labels, leaks, rare classes, outliers and suspicious files.")
    left_out = [finding for finding in found if finding["check"] == LEFT_OUT]
    for i, finding in enumerate(found):
        if finding not in left_out:
            _finding(dataset, version, finding, i)
    if left_out:
        with st.container(border=True):
            n = words.count(len(left_out), "column")
            st.markdown(f":gray[:material/info:] {n} left out. *How it was read* changes that.")
            st.markdown("\n".join(f"- {words.markdown(finding['sentence'])}" for finding in left_out[:50]))


def _finding(dataset: Dataset, version: str, finding: dict, i: int) -> None:
    severity, evidence, fix = finding["severity"], finding["evidence"], finding["fix"]
    with st.container(border=True):
        st.markdown(
            f":{COLORS[severity]}[:material/{ICONS[severity]}:] {words.markdown(finding['sentence'])}"
            + ("" if severity == "note" else f" &ensp;:{COLORS[severity]}-badge[{severity}]")
        )
        if fix:
            _fix(dataset, version, fix, i)
        if any(evidence.get(kind) for kind in ("ids", "pairs", "files")):
            with st.expander("Show which"):
                _evidence(dataset, evidence)


def _fix(dataset: Dataset, version: str, fix: dict, i: int) -> None:
    """The button that mends it: a new version of the data, or a setting of the training."""
    if sharing.read_only():
        return
    if fix["kind"] == "resample":
        st.page_link(
            "views/train.py",
            label=fix["label"],
            icon=":material/balance:",
            query_params={"data": dataset.name, "resample": str(fix["arguments"]["strength"])},
        )
    elif st.button(fix["label"], key=f"fix-{version}-{i}", icon=":material/build:"):
        made = engine.attempt("Mending the data", insight.mend, dataset.name, version, fix)
        if made:
            st.session_state["data-said"] = f"Done: {dataset.name} has a new version, {made}. The old one is kept."
            st.rerun()


def _evidence(dataset: Dataset, evidence: dict) -> None:
    """The samples, pairs or files that a finding is about."""
    place = {sample: i for i, sample in enumerate(dataset.ids.tolist())}
    if evidence.get("files"):
        texts = evidence.get("texts") or [""] * len(evidence["files"])
        shown = pd.DataFrame({"file": evidence["files"], "why": texts})
        st.dataframe(shown, hide_index=True, alt="Files that were left out, and why")
        return
    pairs = [pair for pair in evidence.get("pairs", []) if all(sample in place for sample in pair)]
    ids = [sample for sample in evidence.get("ids", []) if sample in place]
    if dataset.kind == "table":
        chosen = [sample for pair in pairs[:PAIRS] for sample in pair] or ids
        where = np.array([place[sample] for sample in chosen], dtype=int)
        rows = data_look.first_rows(dataset, where)
        st.dataframe(rows, placeholder="", alt="The rows that this is about")
    elif pairs:
        for first, second in pairs[:PAIRS]:
            with st.container(horizontal=True, gap="small"):
                _picture(dataset, place[first])
                _picture(dataset, place[second])
    else:
        with st.container(horizontal=True, gap="small"):
            for sample in ids[:24]:
                _picture(dataset, place[sample])
    if evidence["n"] > len(pairs or ids):
        st.caption(f"The first {len(pairs or ids)} of {evidence['n']:,}.")


def _picture(dataset: Dataset, where: int) -> None:
    with st.container(width=130, gap=None):
        name = words.cut(dataset.classes[dataset.targets[where]], 14)
        alt = f"{dataset.ids[where]}, of class {name}"
        st.image(pictures.thumbnail(pictures.levels(dataset.pictures[where]), 120), width=120, alt=alt)
        st.caption(f"{words.markdown(str(dataset.ids[where])[-24:])}  \n{words.markdown(name)}")
