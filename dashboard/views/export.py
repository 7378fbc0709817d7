"""Export: the ONNX file of a run with the proof that it decides as the trained net, and the report."""

import html

import pandas as pd
import streamlit as st

from core import runs, words
from core.evaluation import points
from core.evaluation.operating import OperatingPoint
from dashboard import engine, run_page
from exports import parity, report
from exports.pipeline import export_and_prove

INPUTS = {"original": "original files, each at its own size", "stored": "{}s as they are stored"}


def make(run: str, label: str, primary: bool) -> None:
    """The button that exports and proves."""
    text = "Writing the ONNX file and comparing it with PyTorch (about 10 s)"
    go = st.button(label, type="primary" if primary else "secondary", icon=":material/verified:")
    if go and engine.attempt(text, export_and_prove, run):
        st.rerun()


def certificate(proof: dict, thing: str) -> None:
    """The verdict in large words, then each check."""
    kind = "passed" if proof["passed"] else "failed"
    st.html(f'<div class="verdict {kind}">{html.escape(proof["verdict"])}</div>')
    checks = pd.DataFrame(
        {
            "Input": [INPUTS[check["input"]].format(thing) for check in proof["checks"]],
            "Batch size": [check["batch_size"] for check in proof["checks"]],
            f"Test {thing}s": [check["n"] for check in proof["checks"]],
            "Largest difference of a probability": [
                "not a number" if check["largest_difference"] is None else f"{check['largest_difference']:.1e}"
                for check in proof["checks"]
            ],
            "Decisions that differ": [check["decisions_that_differ"] for check in proof["checks"]],
            "Accuracy of the file": [words.percent(check["accuracy"]) for check in proof["checks"]],
        }
    )
    st.dataframe(checks, hide_index=True, alt="Each comparison of the file with PyTorch")
    decided_by(proof)
    if proof["decisions"]:
        st.markdown("**Samples on which they differ**")
        st.dataframe(pd.DataFrame(proof["decisions"]), hide_index=True, alt="Samples on which file and net differ")
    st.caption(
        f"Compared: onnxruntime {proof['versions']['onnxruntime']} with PyTorch {proof['versions']['torch']} on every "
        f"test {thing}, starting from the data as it was given. Allowed: no decision that differs, and "
        f"{proof['tolerance']:.0e} for a probability. PyTorch: {words.percent(proof['accuracy']['pytorch'])}."
    )


def decided_by(proof: dict) -> None:
    """The operating point in the file, and whether another one is in use by now."""
    now, classes = points.used(run), runs.schema(run).classes
    stored = proof.get("operating_point")
    point = OperatingPoint.from_dict(stored) if stored else None
    name = f"**{words.markdown(point.name)}**: " if point else ""
    st.markdown(f"How it decides: {name}{words.markdown(points.text(point, classes))}")
    if point != now:
        st.warning(
            "Another operating point is in use since this file was made. Export and prove again, so that it decides by "
            "that one."
        )


def code(run: str, decides: bool) -> str:
    """How to use the file from Python; `decides` is whether it holds an operating point."""
    schema = runs.schema(run)
    if schema.kind == "image":
        levels = ", pixels 0 to 255" if schema.dtype == "uint8" else ""
        shape = ", ".join(str(side) for side in schema.shape)
        feed = f'feed = {{"image": np.zeros((1, {shape}), np.{schema.dtype})}}  # your images, of any size{levels}'
    else:
        feed = """values = {"tensor(float)": np.array([0.0], np.float32), "tensor(string)": np.array([""], object)}
feed = {entry.name: values[entry.type] for entry in session.get_inputs()}  # your rows, a column each, not scaled"""
    if decides:
        asked = """probabilities, decision = session.run(["probabilities", "decision"], feed)
print(classes[decision[0]] if decision[0] >= 0 else "nothing", probabilities[0])"""
    else:
        asked = """(probabilities,) = session.run(["probabilities"], feed)
print(classes[probabilities[0].argmax()], probabilities[0].max())"""
    return f"""import json
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession("model.onnx")
classes = json.loads(session.get_modelmeta().custom_metadata_map["vitrine.classes"])
{feed}
{asked}
"""


def download(run: str, content: bytes, passed: bool) -> None:
    """The model file; one that failed its proof only after a deliberate choice."""
    if not passed and not st.checkbox("I want the file although it failed its proof"):
        return
    st.download_button(
        f"Download model.onnx ({words.size(len(content))})",
        content,
        file_name=f"{run[11:]}.onnx",
        mime="application/octet-stream",
        type="primary" if passed else "secondary",
        icon=":material/download:",
        on_click="ignore",
    )


def share(run: str) -> None:
    """The report: made at a click, then ready to download."""
    st.subheader("Report for others")
    st.markdown("One HTML file that opens in any browser without a network: data, figures, and the proof.")
    path = runs.path(run, "exports", "report.html")
    with st.container(horizontal=True):
        if st.button("Write the report" if not path.exists() else "Write it again", icon=":material/description:"):
            with st.spinner("Writing the report"):
                report.write(run)
        if path.exists():
            content = path.read_bytes()
            st.download_button(
                f"Download report.html ({words.size(len(content))})",
                content,
                file_name=f"{run[11:]}.html",
                mime="text/html",
                icon=":material/download:",
                on_click="ignore",
            )


run = run_page.choose("Export")
row = run_page.header(run)
run_page.figures(run, row)
model = runs.path(run, "exports", "model.onnx")
if not model.exists():
    engine.warm()
    st.markdown(
        "The ONNX file takes raw input (pixels from 0 to 255, columns as they stand in the table) and gives "
        "probabilities: preprocessing is inside. It is then compared with PyTorch on every test sample."
    )
    make(run, "Export and prove", primary=True)
else:
    content, proof = model.read_bytes(), parity.stored(run)
    if proof is None:
        st.warning(
            "This file has not been compared with the trained net, or was changed since. Export it again to prove it."
        )
        make(run, "Export and prove", primary=True)
    else:
        certificate(proof, runs.schema(run).sample_word)
        with st.container(horizontal=True):
            download(run, content, proof["passed"])
            make(run, "Export and prove again", primary=False)
        with st.expander("Use it from Python"):
            st.code(code(run, bool(proof.get("operating_point"))), language="python")
share(run)
