"""Live: one run as it goes: progress with time left, warnings, curves that move, how it trains, the log's tail."""

import contextlib
import time

import pandas as pd
import streamlit as st

from core import evaluation, folds, jobs, runs, watching, words
from dashboard import actions, as_code, drawing, frame, run_page, sharing, side_by_side
from exports import charts

PHASES = {
    "starting": "Starting: loading PyTorch and the data",
    "preparing": "Preparing",
    "training": "Training",
    "evaluating": "Evaluating the best epoch on validation and test",
}


def view(run: str, was_working: bool) -> None:
    """The whole view; drawn again every second while the run is at work."""
    row = run_page.header(run)
    working = row["state"] in runs.WORKING
    if was_working and not working:
        st.rerun()
    if working:
        progress(run, row)
    else:
        finished(run, row)
    if row["state"] == "damaged":
        return
    if members := folds.members(run):
        of_folds(members)
    rows, steps = runs.history(run), runs.steps(run)
    show_warnings(run, rows, steps)
    if rows:
        curves(run, rows, steps, row)
    facts(run, row)
    if row["state"] in ("queued", "running", "done", "stopped") and not sharing.read_only():
        with st.expander("Log", expanded=row["state"] == "running" and not rows), st.container(height=260):
            st.text(runs.log_tail(run) or "Nothing printed yet.")


def progress(run: str, row: dict) -> None:
    """Bar, time left and Stop."""
    fraction = row.get("step", 0) / (row.get("n_steps") or 1)
    if row["state"] == "queued":
        before = jobs.queue(runs.config(run).training.device)
        place = before.index(run) if run in before else 0
        fraction = 0.0
        text = (
            f"Queued, {words.count(place, 'run')} before it" if place else "Queued: it starts when the device is free"
        )
    else:
        phase = row.get("phase", "starting")
        text = PHASES.get(phase, phase.capitalize())
        if phase == "preparing" and row.get("doing"):
            text, fraction = words.markdown(row["doing"]), row.get("fraction", 0.0)
        elif phase == "training":
            text = f"Epoch {row['epoch']} of {row['epochs']}, {words.duration(row['seconds_left'])} left"
        elif phase == "evaluating":  # all steps are made, so they say nothing of how far this is
            fraction = None
            text += f", for {words.duration(time.time() - row.get('updated', time.time()))}"
    with st.container(horizontal=True, vertical_alignment="center"):
        if fraction is None:
            st.markdown(f":material/hourglass_top: {text}", width="stretch")
        else:
            st.progress(min(1.0, max(0.0, fraction)), text=text)
        stop = not sharing.read_only() and st.button("Stop", icon=":material/stop:", key="stop")
    if stop:
        with st.spinner("Stopping"):
            stopped = actions.attempt(jobs.stop, run)
        if stopped is not None:
            st.rerun()


def finished(run: str, row: dict) -> None:
    """What it came to, where to go next, and what can be done with it."""
    if row.get("ended_early"):
        st.markdown(words.markdown(f"Ended before its last epoch: {row['ended_early']}."))
    if "test_accuracy" in row:
        if record := runs.evaluation(run):
            st.header(words.markdown(evaluation.sentence(record["test"], runs.schema(run).sample_word)), anchor=False)
        with st.container(horizontal=True, vertical_alignment="center"):
            for page, label, icon in (
                ("evaluate", "See how good it is", "analytics"),
                ("explain", "See why", "search_insights"),
                ("export", "Export it", "deployed_code"),
            ):
                st.page_link(f"views/{page}.py", label=label, icon=f":material/{icon}:", query_params={"run": run})
            before = row.get("instead_of")
            if before and runs.path(before).is_dir():
                both = {"runs": f"{before},{run}"}
                label = f"Compare with {before[11:]}"
                st.page_link("views/compare.py", label=label, icon=":material/compare_arrows:", query_params=both)
    with st.container(horizontal=True, vertical_alignment="center"):
        actions.buttons(row, "live")
        as_code.popovers(row, "live")


def of_folds(members: list[str]) -> None:
    """The folds that this run pools, and how far each is."""
    rows = [jobs.summary(member) for member in members if runs.path(member).is_dir()]
    shown = pd.DataFrame(
        {
            "Fold": [row.get("fold", 0) + 1 for row in rows],
            "Run": [row["run"][11:] for row in rows],
            "State": [row["state"] for row in rows],
            "Validation": [words.percent(row["val_accuracy"]) if "val_accuracy" in row else "" for row in rows],
            "Test (95% interval)": [
                words.interval(row["test_accuracy"]) if "test_accuracy" in row else "" for row in rows
            ],
        }
    )
    st.dataframe(shown, hide_index=True, alt="The folds that this run pools")


def show_warnings(run: str, rows: list[dict], steps: list[dict]) -> None:
    """What goes wrong, in words, where something does."""
    with contextlib.suppress(runs.DamagedRun):
        for sentence in watching.warnings(rows, steps, runs.config(run), runs.schema(run).classes):
            st.warning(words.markdown(sentence), icon=":material/warning:")


def curves(run: str, rows: list[dict], steps: list[dict], row: dict) -> None:
    """The newest figures and the curves so far."""
    last = rows[-1]
    with st.container(horizontal=True):
        st.metric("Validation accuracy", words.percent(last["val_accuracy"]), width=155)
        st.metric("Validation loss", f"{last['val_loss']:.4f}", width=125)
        st.metric("Training loss", f"{last['train_loss']:.4f}", width=125)
        if "best_epoch" in row:
            st.metric("Best epoch", f"{row['best_epoch']} ({row['val_accuracy']:.1%})", width=185)
        st.metric("Samples per second", f"{last['samples_per_second']:,.0f}", width=165)
        if last.get("memory_bytes"):
            st.metric("Memory", words.size(last["memory_bytes"]), width=125)
    frame.let_it_paint()
    n_epochs = row.get("epochs") if row["state"] in runs.WORKING else None
    left, right = side_by_side.columns("epochs")
    for column, figure in ((left, "loss"), (right, "accuracy")):
        with column:
            drawn = charts.learning_curve(rows, figure, row.get("best_epoch"), n_epochs)
            drawing.chart(drawn, f"{run}-{figure}", f"{figure.capitalize()} by epoch, training and validation")
    if not steps:
        return
    left, right = side_by_side.columns("steps")
    with left:
        st.markdown("**Loss by step, and the learning rate**")
        drawing.chart(charts.step_curve(steps), f"{run}-steps", "Loss by step, smoothed, above the learning rate")
    if any(step.get("grad_norm") for step in steps):
        with right:
            st.markdown("**Length of the gradient, and speed**")
            drawing.chart(charts.effort(rows, steps), f"{run}-effort", "Gradient norm above samples per second")


def facts(run: str, row: dict) -> None:
    """On what and in which precision it trains, and what it started from, in a sentence; the reasons folded."""
    precision, weights = record(run, "precision.json"), record(run, "weights.json")
    said = []
    if row.get("device"):
        said.append(f"Trains on {row['device']}" + (f" in {row['precision']}" if row.get("precision") else "") + ".")
    if row.get("batch_pieces"):
        said.append(f"A batch did not fit into the memory: each is worked off in {row['batch_pieces']} pieces.")
    if weights:
        said.append(weights_sentence(weights))
    if not said and not precision:
        return
    st.caption(words.markdown(" ".join(said)))
    if precision or weights:
        with st.expander("Why this precision" + (", and which weights" if weights else "")):
            for name, found in choices(precision):
                show_precision(name, found)
            if weights:
                show_weights(weights)


def choices(precision: dict | None) -> list[tuple[str, dict]]:
    """The choices of precision in precision.json, each with a name; one for the frozen phase, and one for the whole."""
    if not precision:
        return []
    if "chosen" in precision:
        return [("", precision)]
    names = {"frozen": "While the backbone is frozen: ", "whole": "For the whole net: "}
    return [(names.get(phase, f"{phase}: "), found) for phase, found in precision.items() if isinstance(found, dict)]


def show_precision(name: str, found: dict) -> None:
    """What was chosen, why, and what was tried."""
    st.markdown(f"{name}**{words.markdown(found['chosen'])}**. {words.markdown(found.get('why', ''))}")
    tried = found.get("tried") or []
    if tried:
        table = pd.DataFrame(
            {
                "Tried": [way["name"] for way in tried],
                "Milliseconds a step": [1000 * (way["seconds_per_step"] or float("nan")) for way in tried],
                "Loss after it": [way["loss"] for way in tried],
                "Taken": [way["kept"] for way in tried],
            }
        )
        form = {"Milliseconds a step": st.column_config.NumberColumn(format="%.3g")}
        form["Loss after it"] = st.column_config.NumberColumn(format="%.4f")
        st.dataframe(table, hide_index=True, width="content", column_config=form, alt="The ways that were tried")


def weights_sentence(report: dict) -> str:
    """What a net started from: source, and how much of it fitted."""
    parts = [f"{words.count(report['loaded'], 'tensor')} loaded"]
    parts += [f"{len(report[kind])} {kind}" for kind in ("missing", "unexpected", "reshaped") if report.get(kind)]
    return f"Started from {sharing.clean(report['source'])}: {', '.join(parts)}."


def show_weights(report: dict) -> None:
    """The names of what did not fit, and the file's fingerprint."""
    st.markdown(words.markdown(weights_sentence(report)))
    meanings = {
        "missing": "Missing from the weights, so they start at random",
        "reshaped": "Of another shape, so they start at random",
        "unexpected": "In the weights, but not in the net",
    }
    for kind, meaning in meanings.items():
        if report.get(kind):
            names = report[kind]
            more = f" and {len(names) - 20} more" if len(names) > 20 else ""
            st.markdown(f"{meaning}: " + ", ".join(words.literal(words.cut(name, 80)) for name in names[:20]) + more)
    if report.get("sha256"):
        st.caption(f"SHA-256 of the weights: `{report['sha256']}`")


def record(run: str, name: str) -> dict | None:
    """A small file of the run that may not be there, or not readable."""
    if not runs.path(run, name).exists():
        return None
    with contextlib.suppress(runs.DamagedRun, LookupError):
        return runs.read_json(run, name)
    return None


run = run_page.choose("Live")
busy = jobs.summary(run)["state"] in runs.WORKING
frame.repeated(view, 1 if busy else None, run, busy)
