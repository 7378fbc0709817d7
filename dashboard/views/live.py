"""Live: one run as it goes: progress with time left, curves that move, the log's tail, Stop."""

import streamlit as st

from core import jobs, runs, words
from dashboard import run_page
from exports import charts

PHASES = {
    "starting": "Starting: loading PyTorch and the data",
    "training": "Training",
    "evaluating": "Evaluating the best epoch on validation and test",
}


def view(run: str, was_working: bool) -> None:
    """The whole view; drawn again every second while the run is at work."""
    row = run_page.header(run)
    if was_working and row["state"] not in runs.WORKING:
        st.rerun()
    if row["state"] in runs.WORKING:
        progress(run, row)
    elif row["state"] == "done":
        finished(run, row)
    rows = runs.history(run)
    if rows:
        curves(run, rows, row)
    if row["state"] in ("queued", "running", "done", "stopped"):
        with st.expander("Log", expanded=row["state"] == "running" and not rows), st.container(height=260):
            st.text(runs.log_tail(run) or "Nothing printed yet.")


def progress(run: str, row: dict) -> None:
    """Bar, time left and Stop."""
    left, right = st.columns([6, 1], vertical_alignment="center")
    if row["state"] == "queued":
        before = jobs.queue(runs.config(run).training.device)
        place = before.index(run) if run in before else 0
        text = (
            f"Queued, {words.count(place, 'run')} before it" if place else "Queued: it starts when the device is free"
        )
        left.progress(0.0, text=text)
    else:
        text = PHASES[row["phase"]]
        if row["phase"] == "training":
            text = f"Epoch {row['epoch']} of {row['epochs']}, {words.duration(row['seconds_left'])} left"
        left.progress(min(1.0, row.get("step", 0) / row.get("n_steps", 1)), text=text)
    if right.button("Stop", icon=":material/stop:", key="stop", width="stretch"):
        try:
            with st.spinner("Stopping"):
                jobs.stop(run)
        except RuntimeError as error:
            st.error(str(error), icon=":material/error:")
            return
        st.rerun()


def finished(run: str, row: dict) -> None:
    """What it came to, and where to go next."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if "test_accuracy" in row:
            st.markdown(f"Test accuracy **{words.interval(row['test_accuracy'])}**", width="content")
        for page, label, icon in (
            ("evaluate", "See how good it is", "analytics"),
            ("explain", "See why", "search_insights"),
            ("export", "Export it", "deployed_code"),
        ):
            st.page_link(f"views/{page}.py", label=label, icon=f":material/{icon}:", query_params={"run": run})


def curves(run: str, rows: list[dict], row: dict) -> None:
    """The newest figures and the curves so far."""
    last = rows[-1]
    with st.container(horizontal=True):
        st.metric("Validation accuracy", words.percent(last["val_accuracy"]), width=155)
        st.metric("Validation loss", f"{last['val_loss']:.4f}", width=125)
        st.metric("Training loss", f"{last['train_loss']:.4f}", width=125)
        if "best_epoch" in row:
            st.metric("Best epoch", f"{row['best_epoch']} ({row['val_accuracy']:.1%})", width=150)
        st.metric("Samples per second", f"{last['samples_per_second']:,.0f}", width=165)
        st.metric("Learning rate", f"{last['lr']:.1g}", width=125)
    left, right = st.columns(2)
    n_epochs = row.get("epochs") if row["state"] in runs.WORKING else None
    for column, figure in ((left, "loss"), (right, "accuracy")):
        with column:
            drawn = charts.learning_curve(rows, figure, row.get("best_epoch"), n_epochs)
            run_page.chart(drawn, f"{run}-{figure}", f"{figure.capitalize()} by epoch, training and validation")
    st.caption(f"TensorBoard: `tensorboard --logdir {runs.path(run, 'tensorboard')}`")


run = run_page.choose("Live")
busy = jobs.summary(run)["state"] in runs.WORKING
st.fragment(view, run_every=1 if busy else None)(run, busy)
