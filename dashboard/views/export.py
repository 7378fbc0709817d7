"""Export: the ONNX file of a run with its certificate, smaller variants, downloads, and code to use it."""

import json
import zipfile

import pandas as pd
import streamlit as st

from core import runs, words
from core.workspace import command
from dashboard import engine, export_certificate, export_code, export_variants, run_page, sharing
from exports import model_file
from exports.pipeline import export_and_prove


def make(run: str, label: str, primary: bool, explained: bool = False) -> None:
    """The button that exports and proves, and whether an explanation goes into the file, as one did (`explained`)."""
    if sharing.read_only():
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        go = st.button(label, type="primary" if primary else "secondary", icon=":material/verified:")
        explanation = st.checkbox(
            "Explanation inside the file",
            explained,
            key=f"explanation-{run}",
            help="The file also says why: Grad-CAM for images, integrated gradients for tables. It becomes larger, "
            "and slower where the explanation is asked for.",
        )
    if go and engine.attempt("Writing the ONNX file and comparing it with PyTorch", export_and_prove, run, explanation):
        st.rerun()


def facts_of(run: str) -> dict:
    """What the file says of itself; {} for one that cannot be read or is of an earlier version."""
    path = runs.path(run, "exports", "model.onnx")
    facts = _facts(str(path), path.stat().st_mtime_ns)
    return facts if facts.get("format") == 2 else {}


@st.cache_data(show_spinner=False, max_entries=8)
def _facts(path: str, changed: int) -> dict:  # noqa: ARG001 (another file has other ones)
    try:
        return model_file.read(path).facts
    except ValueError:
        return {}


def downloads(run: str, content: bytes, proof: dict) -> None:
    """The model file, the certificate and the kit; a file that failed its proof only after a deliberate choice."""
    passed = proof["passed"]
    wanted = passed or st.checkbox("I want the file although it failed its proof", key="although")
    with st.container(horizontal=True):
        if wanted:
            st.download_button(
                f"Download model.onnx ({words.size(len(content))})",
                content,
                file_name=f"{run[11:]}.onnx" if passed else f"{run[11:]}-failed-its-proof.onnx",
                mime="application/octet-stream",
                type="primary" if passed else "secondary",
                icon=":material/download:" if passed else ":material/warning:",
                on_click="ignore",
            )
        st.download_button(
            "Certificate as JSON",
            json.dumps(proof, indent=1),
            file_name=f"{run[11:]}-certificate.json",
            mime="application/json",
            icon=":material/workspace_premium:",
            on_click="ignore",
        )
        if passed:
            kit(run)


def kit(run: str) -> None:
    """The deployment kit: made at a click, then ready to download."""
    path, model = (runs.path(run, "exports", name) for name in ("kit.zip", "model.onnx"))
    there = zipfile.is_zipfile(path) and path.stat().st_mtime_ns >= model.stat().st_mtime_ns
    if there:
        st.download_button(
            f"Deployment kit ({words.size(path.stat().st_size)})",
            path.read_bytes(),
            file_name=f"{run[11:]}-kit.zip",
            mime="application/zip",
            icon=":material/folder_zip:",
            on_click="ignore",
            help="The model with clients for Python and Node, samples with expected answers, a Dockerfile, and a "
            "Triton model repository.",
        )
    elif not sharing.read_only() and st.button("Make the deployment kit", icon=":material/folder_zip:"):
        from exports.kit import write

        if engine.attempt("Making the kit", write, run):
            st.rerun()


def contents(facts: dict) -> None:
    """What goes into the file and what comes out."""
    inputs = facts["inputs"]
    table = pd.DataFrame(
        {
            "Input": [about["name"] for about in inputs],
            "Type": [about["type"] for about in inputs],
            "Shape": [" x ".join(str(side) for side in about["shape"]) for about in inputs],
            "Seen in training": [_seen(about) for about in inputs],
            "May be missing": ["yes" if about.get("missing") else "" for about in inputs],
            "Example": ["" if about.get("example") is None else str(about["example"]) for about in inputs],
            "What it takes": [about.get("text", "") for about in inputs],
        }
    )
    st.dataframe(table, hide_index=True, alt="Inputs of the file")
    outputs = facts.get("outputs", [])
    table = pd.DataFrame(
        {
            "Output": [about["name"] for about in outputs],
            "Type": [about["type"] for about in outputs],
            "Shape": [" x ".join(str(side) for side in about["shape"]) for about in outputs],
            "What it says": [about["text"] for about in outputs],
        }
    )
    st.dataframe(table, hide_index=True, alt="Outputs of the file")
    st.caption(
        "One file: preprocessing, the net, calibration and the decision are inside, with class names, metrics and a "
        f"self-test in its metadata. `{command('exports')} verify model.onnx` runs that self-test on any machine."
    )


def _seen(about: dict) -> str:
    if about.get("categories"):
        return words.cut(", ".join(about["categories"]), 80)
    low_high = about.get("range")
    return "" if not low_high else " to ".join(f"{end:.6g}" if not isinstance(end, str) else end for end in low_high)


run = run_page.choose("Export")
row = run_page.header(run)
run_page.figures(run, row)
if run_page.folds_instead(run, "export"):
    st.stop()
model = runs.path(run, "exports", "model.onnx")
if not model.exists():
    if sharing.read_only():
        st.info("This run has not been exported yet.", icon=":material/info:")
    else:
        engine.warm()
        st.markdown(
            "The ONNX file takes raw input (an image's pixels, a row's cells as they stand in the table) and says the "
            "class: preprocessing and the decision are inside. It is then compared with PyTorch on every test sample."
        )
        make(run, "Export and prove", primary=True)
else:
    content, proof, facts = model.read_bytes(), export_certificate.stored(run), facts_of(run)
    if proof is None:
        st.warning(
            "This file has not been compared with the trained net, or one of the two has changed since. Export it "
            "again to prove it."
        )
        make(run, "Export and prove", primary=True)
    else:
        export_certificate.verdict(run, proof)
        downloads(run, content, proof)
        export_certificate.whole("The certificate", export_certificate.sheet, run, proof)
        make(run, "Export and prove again", primary=False, explained=bool(proof.get("explanation")))
    if proof is not None and facts:
        with st.expander("What is in the file"):
            export_certificate.whole("What the file says of itself", contents, facts)
        with st.expander("Use it", expanded=bool(proof["passed"])):
            export_certificate.whole("What the file says of itself", export_code.section, run, facts)
        if proof["passed"]:
            export_variants.section(run)
st.page_link("views/share.py", label="A report for others is on the Share page", icon=":material/ios_share:")
