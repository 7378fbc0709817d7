"""The certificate as a sheet: the verdict, what was compared and how, where it failed, what it says of the margin."""

import html
import logging
from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from core import runs, words
from core.evaluation import metrics, points
from core.evaluation.operating import OperatingPoint
from core.words import markdown
from exports import parity

INPUTS = {"original": "original files, each at its own size", "stored": "{}s as stored"}


def stored(run: str) -> dict | None:
    """The certificate of the file that is there; None without one, or where it cannot be read."""
    try:
        return parity.stored(run)
    except runs.DamagedRun:
        return None


def whole(what: str, function: Callable, *args: Any) -> Any:
    """Draw a part by a stored record and return what the function does; of a damaged record one sentence is shown."""
    place = st.empty()
    try:
        with place.container():
            return function(*args)
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError):
        logging.getLogger(__name__).exception(what)
        place.error(f"{what} of this run is damaged and cannot be shown; make it again.", icon=":material/error:")
        return None


def verdict(run: str, proof: dict) -> None:
    """The verdict in large words, and how the file decides."""
    kind = "passed" if proof["passed"] else "failed"
    st.html(f'<div class="verdict {kind}">{html.escape(str(proof["verdict"]))}</div>')
    whole("The operating point in the certificate", _decided_by, run, proof)


def sheet(run: str, proof: dict) -> None:
    """The certificate below its verdict; what an older record lacks is left out."""
    thing = runs.schema(run).sample_word
    _fault(proof)
    _numbers(proof)
    if proof["decisions"]:
        st.markdown("**Samples on which they differ**")
        table = pd.DataFrame(proof["decisions"]).rename(
            columns={
                "id": "Sample",
                "pytorch": "PyTorch says",
                "onnx": "The file says",
                "probability_pytorch": "Probability, PyTorch",
                "probability_onnx": "Probability, file",
            }
        )
        st.dataframe(table, hide_index=True, alt="Samples on which file and net differ")
    st.markdown("**What was compared**")
    st.dataframe(_checks(proof, thing), hide_index=True, alt="Each comparison of the file with PyTorch")
    left, right = st.columns(2, gap="large")
    with left:
        _further(proof)
    with right:
        _margin(proof, thing)
        _versions(proof, thing)
    _folded(proof)


def _fault(proof: dict) -> None:
    if proof["passed"]:
        return
    fault = proof.get("fault")
    if fault:
        st.error(f"**Where it goes wrong.** {markdown(fault['text'])}", icon=":material/troubleshoot:")
    elif "fault" in proof:
        st.caption("No single node of the file could be told to be the cause.")


def _numbers(proof: dict) -> None:
    searched = proof.get("searched") or {}
    shown = [
        ("Decisions that differ", f"{proof.get('differing', len(proof['decisions'])):,} of {proof['n']:,}"),
        (f"Largest difference, {words.decimal(proof['tolerance'], 1)} allowed", _small(proof["largest_difference"])),
        ("Inputs searched", f"{searched['tried']:,}" if "tried" in searched else "not searched"),
        ("Compared in", words.duration(proof.get("seconds"))),
    ]
    with st.container(horizontal=True, gap="medium"):
        for label, value in shown:
            st.metric(label, value, width="content")


def _checks(proof: dict, thing: str) -> pd.DataFrame:
    checks = proof["checks"]
    table = {"Input": [INPUTS[check["input"]].format(thing) for check in checks]}
    if all("optimised" in check for check in checks):
        table["Graph"] = ["optimised" if check["optimised"] else "as written" for check in checks]
        table["Threads"] = [_threads(check) for check in checks]
    table |= {
        "Batch size": [check["batch_size"] for check in checks],
        "Samples": [check["n"] for check in checks],
        "Decisions that differ": [check["decisions_that_differ"] for check in checks],
        "Largest difference": [_small(check["largest_difference"]) for check in checks],
        "Accuracy": [words.percent(check["accuracy"]) for check in checks],
    }
    return pd.DataFrame(table)


def _threads(check: dict) -> str:
    if check.get("provider", "CPU") != "CPU":
        return f"on {check['provider']}"
    return str(check["threads"]) if check.get("threads") else "as usual"


def _further(proof: dict) -> None:
    """Self-test, explanations, extreme and searched inputs, a line each."""
    lines = []
    if test := proof.get("self_test"):
        lines.append((test["passed"], f"Self-test: {test['sentence'].removeprefix('Passed: ')}"))
    if proof.get("explanation"):
        apart = proof["explanation"]["largest_difference"]
        said = f"Explanations of {proof['explanation']['n']:,} samples differ by {_small(apart)} at most."
        lines.append((apart is not None and apart <= 1e-4, said))
    if extreme := proof.get("extreme"):
        wrong = [row["name"] for row in extreme if not row["passed"]]
        said = f"{words.count(len(extreme), 'extreme input')}: " + (
            f"{', '.join(wrong[:3])} differ." if wrong else "both sides say the same."
        )
        lines.append((not wrong, said))
    if searched := proof.get("searched"):
        differ = searched.get("decisions_that_differ", 0)
        said = f"A search for inputs on which the two disagree tried {searched['tried']:,} and found "
        said += "none" if not differ else f"{differ:,}"
        said += f"; the largest difference was {_small(searched['largest_difference'])}."
        lines.append((searched.get("passed", not differ), said))
    for good, said in lines:
        icon = ":green[:material/check_circle:]" if good else ":red[:material/cancel:]"
        st.markdown(f"{icon} {markdown(said)}")


def _decided_by(run: str, proof: dict) -> None:
    """The operating point in the file, and whether another one is in use by now."""
    now, classes = points.used(run), runs.schema(run).classes
    stored = proof.get("operating_point")
    point = OperatingPoint.from_dict(stored) if stored else None
    name = f"**{markdown(point.name)}**: " if point else ""
    st.markdown(f"How it decides: {name}{markdown(points.text(point, classes))}")
    if point != now:
        st.warning(
            "Another operating point is in use since this file was made. Export and prove again, so that it decides by "
            "that one."
        )


def _margin(proof: dict, thing: str) -> None:
    """What the largest difference of a logit, seen anywhere, means for decisions."""
    margin = proof.get("margin")
    if not margin or margin.get("beyond") is None:
        return
    n_grey = len(margin["grey"])
    st.markdown(
        f"No score was seen to differ by more than {_small(margin['d'])}, on any input tried. The most probable class "
        f"could differ only where the scores of two classes are closer than twice that, and "
        f"{words.percent(margin['beyond'], 2 if n_grey else 1)} of the test {thing}s are further apart."
        + (f" The other {n_grey:,} are listed below." if n_grey else " None lies in that grey zone.")
        + " This is what was measured, not a proof for every input."
    )


def _versions(proof: dict, thing: str) -> None:
    text = (
        f"onnxruntime {proof['versions']['onnxruntime']} and PyTorch {proof['versions']['torch']} were compared on "
        f"every test {thing}, from the data as it was given. Allowed: no decision that differs, and "
        f"{words.decimal(proof['tolerance'], 1)} for a probability."
    )
    if proof.get("originals") == "gone":
        text += " The original image files are not there any more, so the images were compared as they are stored."
    if proof.get("exporter"):
        text += f" Written by PyTorch's exporter {proof['exporter']}."
    if proof.get("made"):
        text += f" Compared {words.when(proof['made'])}."
    st.caption(text, help=words.moment(proof.get("made")))
    st.caption(f"SHA-256 of the file: `{proof['model_sha256'][:16]}…`")


def _folded(proof: dict) -> None:
    if figures := proof.get("metrics"):
        with st.expander("Metrics on both sides"):
            known = [name for name in figures if name in metrics.METRICS]
            table = pd.DataFrame(
                {
                    "Metric": [metrics.METRICS[name].title for name in known],
                    "PyTorch": [_figure(name, figures[name]["pytorch"]) for name in known],
                    "The file": [_figure(name, figures[name]["onnx"]) for name in known],
                    "Difference": [_gap(figures[name]) for name in known],
                }
            )
            st.dataframe(table, hide_index=True, alt="Each metric by PyTorch's and by the file's probabilities")
    if extreme := proof.get("extreme"):
        with st.expander("Extreme inputs"):
            table = pd.DataFrame(
                {
                    "Input": [row["name"] for row in extreme],
                    "Same": ["yes" if row["passed"] else "no" for row in extreme],
                    "Largest difference": [_small(row["largest_difference"]) for row in extreme],
                    "Found": [row["text"] for row in extreme],
                }
            )
            st.dataframe(table, hide_index=True, alt="What both sides say of extreme inputs")
    grey = (proof.get("margin") or {}).get("grey")
    if grey:
        with st.expander(f"Samples in the grey zone ({len(grey):,})"):
            table = pd.DataFrame(grey).rename(columns={"id": "Sample", "margin": "Distance of the two largest scores"})
            st.dataframe(table, hide_index=True, alt="Samples whose decision could differ")


def _small(value: float | None) -> str:
    return "not a number" if value is None else "0" if value == 0 else f"{value:.1e}"


def _figure(name: str, value: float | None) -> str:
    if value is None:
        return "not defined"
    return f"{value:.2%}" if metrics.METRICS[name].form == "percent" else f"{value:.5f}"


def _gap(sides: dict) -> str:
    if sides["pytorch"] is None or sides["onnx"] is None:
        return ""
    return _small(abs(sides["pytorch"] - sides["onnx"]))
