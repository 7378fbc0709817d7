"""Share: what a run found, for people without Vitrine: the report, and the living page that runs the model itself."""

import streamlit as st

from core import explain, runs, words
from dashboard import answers, engine, export_certificate, run_page, sharing, url
from exports import page, report
from exports.page import samples as page_samples
from exports.page import web
from exports.report.sections import SECTIONS

KINDS = ("Report", "Living page")
WHICH = {"mixed": "Classes in turn", "wrong": "The surest mistakes", "ids": "Chosen by id"}
TOLD = {
    "Report": "One HTML file to read: figures with their intervals, what was trained on what, and what it means in "
    "plain words. It opens in any browser without a network, and prints well.",
    "Living page": "One HTML file to try: it holds the exported model and the program that runs it. Drop a picture or "
    "edit a row, see what the model says and why, move its threshold. It opens from a disk, without a network.",
}


def of_report(run: str, thing: str) -> None:
    """Choose what is in the report, write it, take it."""
    if not sharing.read_only():
        there = explain.pinned(run)
        with st.container(border=True):
            st.markdown("**What is in it**")
            chosen, columns = [], st.columns(2)
            for i, (name, (title, text)) in enumerate(SECTIONS.items()):
                count = f" ({len(there)})" if name == "explanations" else ""
                if columns[2 * i // len(SECTIONS)].checkbox(
                    f"{title}{count}", name != "explanations" or bool(there), key=f"share-{name}", help=_upper(text)
                ):
                    chosen.append(name)
            samples = st.checkbox(
                f"Single {thing}s travel too",
                key="share-samples",
                help=f"Explanations of single {thing}s, with what they hold and their ids, and the ids of those on "
                "which file and net differ. Without this the report holds counts, shares and averages only.",
            )
            if "explanations" in chosen and not there:
                st.caption("No explanation was added to the report yet; the Explain page has a button for it.")
        again = report.holds(run) is not None
        label = "Write it again" if again else "Write the report"
        kind = "secondary" if again else "primary"
        go = st.button(label, type=kind, icon=":material/description:", disabled=not chosen)
        if go and engine.attempt("Writing the report", report.write, run, tuple(chosen), samples):
            st.rerun()
    held = report.holds(run)
    if held is None:
        _nothing_yet("report")
        return
    travelling = f"single {thing}s among it" if held["samples"] else f"no single {thing}"
    st.caption(f"In the file: {', '.join(SECTIONS[name][0] for name in held['sections'])}; {travelling}.")
    if not report.is_current(run):
        st.warning(
            "Figures, operating point or proof of the run have changed since this report was written. Write it again, "
            "so that it tells of these."
        )
    _take(run, "report.html", f"{run[11:]}.html", "report")


def of_page(run: str, thing: str) -> None:
    """Choose which samples travel, make the living page, take it."""
    if not sharing.read_only() and not _make_page(run, thing):
        return
    held = page.holds(run)
    if held is None:
        _nothing_yet("living page")
        return
    n = held["samples"]
    st.caption(
        f"In the file: the model, and {words.count(n, thing) + ' of the data' if n else f'no {thing} of the data'}."
    )
    if not page.is_current(run):
        st.warning(
            "The run was exported again since this page was made. Make the page again, so that it holds that file."
        )
    _take(run, "page.html", f"{run[11:]}-live.html", "living page")


def _make_page(run: str, thing: str) -> bool:
    """The choices and the button; False where there is nothing to make it of."""
    if not runs.path(run, "exports", "model.onnx").exists():
        st.info(
            "The living page holds the exported model, and this run has not been exported yet.", icon=":material/info:"
        )
        st.page_link("views/export.py", label="Go to Export", query_params={"run": run})
        return False
    proof = export_certificate.stored(run)
    if proof is None:
        st.warning("The exported file has not been compared with the trained net yet; the Export page does it.")
    elif not proof["passed"]:
        st.warning(f"The exported file failed its proof. {words.markdown(proof['verdict'])}")
        if not st.checkbox("I want the page although its model failed the proof", key="share-failed"):
            return True
    with st.container(border=True):
        st.markdown("**What travels in it**")
        st.checkbox(
            "The model, with the ranges and categories it was trained on", True, disabled=True, key="share-model"
        )
        ids = _samples(run, thing)
        if not web.is_there():
            st.caption(f"onnxruntime-web {web.VERSION} is fetched with npm at the first time (33 MB), and then kept.")
    again = page.holds(run) is not None
    label = "Make it again" if again else "Make the living page"
    go = st.button(label, type="secondary" if again else "primary", icon=":material/web_asset:")
    if go and engine.attempt("Making the living page", page.write, run, ids):
        st.rerun()
    return True


def _samples(run: str, thing: str) -> tuple[str, ...]:
    """The ids of the samples that a person lets travel, none to begin with."""
    said = answers.of(run, "test")
    if not len(said.ids) or not st.checkbox(
        f"Some test {thing}s, with their ids and true classes",
        key="share-page-samples",
        help=f"Whoever has the file can see them. Without this it begins with made-up {thing}s.",
    ):
        return ()
    left, right = st.columns(2)
    which = left.selectbox("Which", list(WHICH), format_func=WHICH.__getitem__, key="share-which")
    if which == "ids":
        return tuple(right.multiselect("Ids", said.ids.tolist(), key="share-ids", max_selections=page_samples.MOST))
    n = right.number_input("How many", 1, min(page_samples.MOST, len(said.ids)), min(12, len(said.ids)), key="share-n")
    return tuple(str(name) for name in said.ids[page_samples.choose(said.y_true, said.y_prob, n, which)])


def _take(run: str, name: str, called: str, what: str) -> None:
    """Download and preview of a file that is there."""
    path = runs.path(run, "exports", name)
    content = path.read_bytes()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            f"Download the {what} ({words.size(len(content))})",
            content,
            file_name=called,
            mime="text/html",
            type="primary",
            icon=":material/download:",
            on_click="ignore",
        )
        shown = st.toggle("Preview", key=f"share-preview-{name}")
        made = path.stat().st_mtime
        st.caption(f"Made {words.when(made)}.", width="content", help=words.moment(made))
    if shown:
        st.iframe(path, height=760, alt=f"Preview of the {what}")


def _nothing_yet(what: str) -> None:
    if sharing.read_only():
        st.info(f"Nobody has made a {what} of this run yet.", icon=":material/info:")


def _upper(text: str) -> str:
    return text[0].upper() + text[1:] + "."


run = run_page.choose("Share")
row = run_page.header(run)
run_page.figures(run, row)
kind = url.segments("What to share", KINDS, "what", KINDS[0])
st.markdown(TOLD[kind])
(of_report if kind == "Report" else of_page)(run, runs.schema(run).sample_word)
