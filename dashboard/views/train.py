"""Train: data, net and settings on one page, each filled with a good choice already."""

import contextlib
import dataclasses
import json
import shlex

import numpy as np
import streamlit as st

from core import config, data, jobs, nets, words
from core.config import TrainingConfig
from core.data import Dataset, sampling, split
from core.training.dry_run import dry_run
from dashboard import data_augment, data_look, data_split, engine, pictures, run_page
from dashboard.settings import settings

OWN_FLAGS = (  # settings with an option of their own on the command line
    "epochs batch_size lr schedule optimizer weight_decay resample split split_by seed device"
).split()


def show_data(dataset: Dataset, parts: np.ndarray) -> None:
    """One sentence, the class balance, and what the samples look like."""
    thing = dataset.schema.sample_word
    shape = (
        f"{dataset.images.shape[3]}x{dataset.images.shape[2]} pixels"
        if dataset.kind == "image"
        else words.count(len(dataset.columns), "column")
    )
    st.markdown(
        f"{words.count(len(dataset), thing)} of {shape} in {len(dataset.classes)} classes: {data_split.sentence(parts)}"
    )
    left, right = st.columns(2)
    with left:
        sizes = split.sizes(parts, dataset.targets, len(dataset.classes))
        data_look.balance(sizes, list(dataset.classes), f"balance-{dataset.name}")
    with right:
        if dataset.kind == "image":
            st.markdown("**Some of the training images**")
            st.image(
                pictures.gallery(dataset, np.flatnonzero(parts == "train"), 20 if dataset.images.shape[3] <= 64 else 8),
                caption="One class per row",
                width="stretch",
            )
        else:
            st.markdown("**First rows**")
            rows = data_look.first_rows(dataset, np.arange(min(8, len(dataset))))
            st.dataframe(rows, hide_index=True, height=260, alt="The first rows of the table with their class")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(words.markdown(f"Origin: {dataset.origin}. Licence: {dataset.licence}."), width="content")
        st.page_link(
            "views/data.py",
            label="Look closer, check it, or add data",
            icon=":material/database:",
            query_params={"data": dataset.name},
        )


def as_command(chosen: config.TrainConfig, suggested: config.TrainConfig) -> tuple[str, str]:
    """The same run from Python and from the shell."""
    changed = {}
    for record in ("data", "training", "augment"):
        before = dataclasses.asdict(getattr(suggested, record))
        now = dataclasses.asdict(getattr(chosen, record))
        changed |= {name: value for name, value in now.items() if value != before[name]}
    defaults = dataclasses.asdict(nets.options(chosen.net.name, {}))
    options = {name: value for name, value in chosen.net.options.items() if value != defaults[name]}
    settings = f", net_options={options!r}" if options else ""
    settings += "".join(f", {name}={value!r}" for name, value in changed.items())
    flags = "".join(f" --net-option {name}={json.dumps(value)}" for name, value in options.items())
    for name, value in changed.items():
        text = shlex.quote(value if isinstance(value, str) else json.dumps(value))
        flags += f" --{name.replace('_', '-')} {text}" if name in OWN_FLAGS else f" --set {name}={text}"
    return (
        f'import core\n\nrun = core.train("{chosen.data.name}", "{chosen.net.name}"{settings})',
        f"python -m core train --data {chosen.data.name} --net {chosen.net.name}{flags}",
    )


def show_estimate(chosen: config.TrainConfig, dataset: Dataset, n_train: int) -> None:
    """The number of parameters and the time that training will take, from a few steps in the engine."""
    kept = st.session_state.setdefault("estimates", {})
    key = (dataset.fingerprint, repr(chosen))
    if not kept.get(key):
        kept[key] = engine.attempt(
            "Estimating the time", dry_run, chosen, config.seen_by_net(chosen, dataset.schema), n_train
        )
    if kept[key]:
        seconds = kept[key]["seconds"] + 4  # PyTorch has to be loaded first
        st.caption(f"{kept[key]['n_parameters']:,} parameters; about {words.duration(seconds)} in all.")


def plan_of(dataset: Dataset, suggested: config.DataConfig) -> config.DataConfig:
    """The way to split and what the net sees, as chosen."""
    with st.expander("Split"):
        return data_split.controls(dataset, suggested, f"{dataset.name}-split")


def seen(dataset: Dataset, plan: config.DataConfig) -> config.DataConfig:
    """The size at which the net sees images, and whether a Dataset of one's own is read anew."""
    stored = dataset.schema.shape[1:]
    side = st.number_input(
        "Side that the net sees, in pixels",
        8,
        1024,
        plan.image_size or min(stored),
        8,
        key=f"{dataset.name}-side",
        width=260,
        help=f"Images are stored at {stored[1]} x {stored[0]}. A smaller side trains faster, a larger one shows more.",
    )
    side = 0 if (side, side) == stored or (not plan.image_size and side == min(stored)) else int(side)
    redraw = plan.redraw
    if data.store.source(dataset.name).get("reader") == "own":
        redraw = st.toggle("Read my Dataset anew in each epoch", plan.redraw, key=f"{dataset.name}-redraw")
    return dataclasses.replace(plan, image_size=side, redraw=redraw)


def balanced(dataset: Dataset, parts: np.ndarray, chosen: TrainingConfig) -> None:
    """What an epoch contains once rare classes are drawn more often."""
    if chosen.resample:
        targets = dataset.targets[parts == "train"]
        st.markdown(
            words.markdown(sampling.statement(targets, dataset.classes, chosen.resample, len(targets)))
            + (
                " Probabilities are corrected to the data's own class shares afterwards."
                if chosen.correct_prior
                else " Probabilities will follow the shares in training, not those of the data."
            )
        )


st.title("Train")
names = data.available()
asked = st.query_params.get("data")
if "data" not in st.session_state or st.session_state["data"] not in names or asked != st.session_state.get("asked"):
    st.session_state["data"] = asked if asked in names else st.session_state.get("data", "digits")
    st.session_state["asked"] = asked
if st.session_state["data"] not in names:
    st.session_state["data"] = "digits"

st.subheader("1. Data")
name = st.selectbox("Data set", names, key="data", format_func=data.title, label_visibility="collapsed")
dataset = run_page.dataset(name)
given = data_split.from_query(st.query_params) if asked == name else {}
try:
    suggested = config.suggest(dataset, **given)
except ValueError:  # settings of a link that do not go together
    suggested = config.suggest(dataset)
place = st.container()
plan = plan_of(dataset, suggested.data)
parts = data_split.parts(dataset, plan)
if parts is None:
    st.stop()
with place:
    show_data(dataset, parts)

st.subheader("2. Net")
fitting = [net for net in nets.available() if nets.kind(net) == dataset.kind]
net = st.selectbox("Net", fitting, format_func=lambda n: nets.module(n).TITLE, label_visibility="collapsed")
if dataset.kind == "image":
    plan = seen(dataset, plan)
with st.expander("Net settings"):
    options = settings(nets.module(net).Options(), f"{name}-{net}", rare=False)

st.subheader("3. Settings")
start = suggested.training
if asked == name and (strength := st.query_params.get("resample")):
    with contextlib.suppress(ValueError):
        start = dataclasses.replace(start, resample=min(1.0, max(0.0, float(strength))))
values = settings(start, f"{name}-training", rare=False)
with st.expander("More settings"):
    values |= settings(start, f"{name}-training", rare=True)
training = TrainingConfig(**values)
balanced(dataset, parts, training)
augment = suggested.augment
if dataset.kind == "image":
    with st.expander("Random changes of training images"):
        augment = data_augment.controls(suggested.augment, f"{name}-augment")
        if st.toggle("Show what they do", key=f"{name}-preview"):
            data_augment.preview(dataset, augment)

chosen = config.TrainConfig(plan, config.NetConfig(net, options), training, augment)
estimate = st.container()
with st.container(horizontal=True, vertical_alignment="center"):
    go = st.button("Train", type="primary", icon=":material/play_arrow:")
    with st.popover("As code", icon=":material/code:"):
        python, shell = as_command(chosen, config.suggest(dataset))
        st.code(python, language="python")
        st.code(shell, language="bash")
if go:
    with st.spinner("Starting"):
        run = jobs.start(chosen)
    st.switch_page("views/live.py", query_params={"run": run})
with estimate:  # last, so that nothing on the page waits for it
    show_estimate(chosen, dataset, int((parts == "train").sum()))
