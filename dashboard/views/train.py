"""Train: data, net and settings on one page, each filled with a good choice already."""

import contextlib
import dataclasses
from typing import Any

import numpy as np
import streamlit as st

from core import config, data, folds, jobs, nets, runs, words
from core.config import TrainingConfig
from core.data import Dataset, sampling, split
from core.training import dry_run
from dashboard import (
    as_code,
    data_augment,
    data_look,
    data_split,
    drawing,
    engine,
    net_choice,
    pictures,
    run_page,
    side_by_side,
)
from dashboard.settings import settings
from exports import charts

GROUPS = {  # of the rarely used settings of training; what is in none of them comes last
    "Optimiser": (
        "schedule",
        "warmup",
        "optimizer",
        "weight_decay",
        "clip_norm",
        "accumulate",
        "backbone_lr",
        "ema",
        "patience",
    ),
    "Loss": ("label_smoothing", "focal", "class_weights", "correct_prior"),
    "Device and precision": ("device", "precision", "memory_format", "compile"),
}
HOW_ESTIMATED = (
    "A few steps were tried on made-up samples, here and now. The time is that of a step, times steps and epochs; "
    "other work on this machine makes it longer. The memory is what these steps took at most: on a GPU as PyTorch "
    "counts it, on a CPU by how much the process grew. PyTorch itself and the data come on top."
)


def show_data(dataset: Dataset, parts: np.ndarray) -> None:
    """One sentence, the class balance, and what the samples look like."""
    thing = dataset.schema.sample_word
    shape = (
        f"{dataset.pictures.shape[3]}x{dataset.pictures.shape[2]} pixels"
        if dataset.kind == "image"
        else words.count(len(dataset.columns), "column")
    )
    st.markdown(
        f"{words.count(len(dataset), thing)} of {shape} in {len(dataset.classes)} classes: {data_split.sentence(parts)}"
    )
    left, right = side_by_side.columns("data")
    with left:
        sizes = split.sizes(parts, dataset.targets, len(dataset.classes))
        data_look.balance(sizes, list(dataset.classes), f"balance-{dataset.name}")
    with right:
        if dataset.kind == "image":
            st.markdown("**Some of the training images**")
            n = min(10, len(dataset.classes))
            small = dataset.pictures.shape[3] <= 64
            upright = not small and n > 4  # as high as the figure beside it, whatever the number of classes
            st.image(
                pictures.gallery(
                    dataset, np.flatnonzero(parts == "train"), 20 if small else n // 2 if upright else 8, 10, upright
                ),
                caption=f"One class per {'column' if upright else 'row'}",
                alt="Training images, class by class",
                width="stretch",
            )
        else:
            st.markdown("**First rows**")
            rows = data_look.first_rows(dataset, np.arange(min(8, len(dataset))))
            st.dataframe(
                rows,
                hide_index=True,
                height=260,
                placeholder="",
                alt="The first rows of the table with their class",
            )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(words.markdown(f"Origin: {dataset.origin}. Licence: {dataset.licence}."), width="content")
        st.page_link(
            "views/data.py",
            label="Look closer, check it, or add data",
            icon=":material/database:",
            query_params={"data": dataset.name},
        )


def show_estimate(chosen: config.TrainConfig, dataset: Dataset, n_train: int) -> None:
    """The number of parameters, and the time and memory that training will take, from a few steps in the engine.

    The answer is kept by what it depends on, so that other epochs are multiplied and not tried anew.
    """
    kept = st.session_state.setdefault("estimates", {})
    tried = dry_run.costing(chosen)
    key = (dataset.fingerprint, n_train, repr(tried))
    if key in kept and kept[key] is None:
        st.caption("There is no estimate: the trial of these settings did not work. Change one of them to try again.")
    if key not in kept:
        kept[key] = engine.attempt(
            "Estimating the time",
            dry_run.dry_run,
            tried,
            config.seen_by_net(tried, dataset.schema),
            n_train,
            timeout=engine.TRIED_SECONDS,
        )
    if cost := kept[key]:
        seconds = dry_run.seconds(cost, chosen.training) + 4  # PyTorch has to be loaded first
        text = f"{cost['n_parameters']:,} parameters; about {words.duration(seconds)} in all"
        if (n_bytes := cost["step_bytes"]) is not None:
            text += f"; {words.roughly(n_bytes)} of memory for a step"
        st.caption(f"{text}.", help=HOW_ESTIMATED)


def seen(dataset: Dataset, plan: config.DataConfig, key: str) -> config.DataConfig:
    """The size at which the net sees images, and whether a Dataset of one's own is read anew."""
    stored = dataset.schema.shape[1:]
    start = plan.image_size or min(stored)  # of a Dataset of one's own it may be anything
    side = st.number_input(
        "Side that the net sees, in pixels",
        min(8, start),
        max(1024, start),
        start,
        8,
        key=f"{key}-side",
        width=260,
        help=f"Images are stored at {stored[1]} x {stored[0]}. A smaller side trains faster, a larger one shows more.",
    )
    side = 0 if (side, side) == stored or (not plan.image_size and side == min(stored)) else int(side)
    redraw = plan.redraw
    if data.store.source(dataset.name).get("reader") == "own":
        redraw = st.toggle("Read my Dataset anew in each epoch", plan.redraw, key=f"{key}-redraw")
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


def find_rate(chosen: config.TrainConfig, key: str) -> None:
    """A search for a learning rate, its plot, and a button that takes what it suggests."""
    from core.training import lr_finder

    place = f"{key}-found"
    if st.button("Find a learning rate", icon=":material/search:", key=f"{key}-find"):
        st.session_state[place] = engine.attempt(
            "Trying learning rates", lr_finder.find, chosen, 40.0, timeout=2 * engine.TRIED_SECONDS
        )
    found = st.session_state.get(place)
    if not found:
        return
    with st.container(border=True):
        left, right = st.columns([3, 2], vertical_alignment="center")
        with left:
            drawing.chart(charts.learning_rates(found), f"{key}-rates", "Loss by learning rate")
        with right:
            st.markdown(words.markdown(found["sentence"]))
            if found["suggested"]:
                st.button(
                    f"Take {found['suggested']:g}",
                    on_click=st.session_state.__setitem__,
                    args=(f"{key}-lr", found["suggested"]),
                    key=f"{key}-take",
                )


st.title("Train")
names = data.available()
before = st.query_params.get("from")
cloned = None
if before:
    try:
        cloned = runs.config_now(before)
        if cloned.data.name not in names:
            raise LookupError(f"Its data set {cloned.data.name} is not in the workspace any more; add it again.")
    except (ValueError, LookupError) as error:
        cloned = None
        st.warning(
            words.literal(f"The settings of {words.cut(before, 60)} cannot be taken over: {error}"),
            icon=":material/warning:",
        )
asked = cloned.data.name if cloned else st.query_params.get("data")
mark = (asked, before)
if st.session_state.get("data") not in names or mark != st.session_state.get("asked"):
    st.session_state["data"] = asked if asked in names else st.session_state.get("data", "digits")
    st.session_state["asked"] = mark
if st.session_state["data"] not in names:
    st.session_state["data"] = "digits"

st.header("1. Data")
name = st.selectbox("Data set", names, key="data", format_func=data.title, label_visibility="collapsed")
dataset = run_page.dataset(name)
if cloned and name != cloned.data.name:
    cloned = None
pooled = len(folds.members(before)) if cloned and before else 0
if cloned and before:
    again = f" *Cross-validate* trains its {pooled} folds again." if pooled else ""
    st.caption(f"Filled in with the settings of {before[11:]}.{again}")
prefix = f"{name}-from-{before}" if cloned else name
given = data_split.from_query(st.query_params) if asked == name and not cloned else {}
try:
    suggested = config.suggest(dataset, **given)
except ValueError:  # settings of a link that do not go together
    given = {}
    suggested = config.suggest(dataset)
if cloned:  # on the version of the data that this page shows
    plan = dataclasses.replace(cloned.data, version=dataset.fingerprint[:12])
    suggested = dataclasses.replace(cloned, data=dataclasses.replace(plan, folds=0, fold=0) if pooled else plan)
place = st.container()
with st.expander("Split"):
    plan = data_split.controls(dataset, suggested.data, f"{prefix}-split")
parts = data_split.parts(dataset, plan)
if parts is None:
    st.stop()
with place:
    show_data(dataset, parts)

st.header("2. Net")
fitting = [net for net in nets.available() if dataset.kind in nets.kinds(net)]
net = st.selectbox(
    "Net",
    fitting,
    index=fitting.index(suggested.net.name) if suggested.net.name in fitting else 0,
    format_func=lambda n: nets.module(n).TITLE,
    label_visibility="collapsed",
    key=f"{prefix}-net",
)
same_net = net == suggested.net.name
net_key = f"{prefix}-{net}"
in_sight = net in ("pretrained", "own")  # nets that are nothing without their settings
with st.container() if in_sight else st.expander("Net settings and weights"):
    options = net_choice.options(net, suggested.net.options if same_net else {}, net_key)
    weights = net_choice.start_weights(net, options, suggested.net.weights if same_net else "", net_key)
if net == "own" and not options["where"]:
    st.info("Name your module, for example my_package.nets:MyNet.", icon=":material/info:")
    st.stop()
if not cloned:
    suggested = config.suggest(dataset, net, options, weights=weights, **given)
trained = nets.starts_trained(net, weights)
key = f"{net_key}-trained" if trained else prefix  # what is suggested for trained nets differs
if dataset.kind == "image":
    plan = seen(dataset, dataclasses.replace(plan, image_size=suggested.data.image_size), key)

st.header("3. Settings")
start = suggested.training
if asked == name and not cloned and (strength := st.query_params.get("resample")):
    with contextlib.suppress(ValueError):
        start = dataclasses.replace(start, resample=min(1.0, max(0.0, float(strength))))
values: dict[str, Any] = {"freeze": 0, "backbone_lr": start.backbone_lr}
if nets.has_backbone(net) and (trained or start.freeze):
    values["freeze"] = net_choice.freezing(start.freeze, f"{key}-training")
no_widget = ("freeze",) if nets.has_backbone(net) else ("freeze", "backbone_lr")
values |= settings(start, f"{key}-training", rare=False, skip=no_widget)
search = st.container()
with st.expander("More settings"):
    for title, members in GROUPS.items():
        st.markdown(f"**{title}**")
        values |= settings(start, f"{key}-training", rare=True, only=members, skip=no_widget)
    st.markdown("**Other**")
    grouped = [member for members in GROUPS.values() for member in members]
    values |= settings(start, f"{key}-training", rare=True, skip=(*grouped, *no_widget))
training = TrainingConfig(**values)
balanced(dataset, parts, training)
augment = suggested.augment
if dataset.kind == "image":
    with st.expander("Random changes of training images"):
        augment = data_augment.controls(suggested.augment, f"{key}-augment")
        if st.toggle("Show what they do", key=f"{key}-preview"):
            data_augment.preview(dataset, augment)

chosen = config.TrainConfig(plan, config.NetConfig(net, options, weights), training, augment)
with search:
    find_rate(chosen, f"{key}-training")
with st.bottom.container(horizontal=True, vertical_alignment="center"):  # in sight, however long the page is
    go = st.button("Train", type="primary", icon=":material/play_arrow:")
    with st.popover("Cross-validate", icon=":material/splitscreen:"):
        st.caption(
            "A run for each fold, and one that pools them: every sample is tested once, by a net that never saw it."
        )
        k = int(st.number_input("Folds", 2, 50, pooled or 5, key=f"k-folds-{pooled}"))
        crossed = st.button(f"Train {k} runs", type="primary", key="cross-validate")
    with st.popover("As code", icon=":material/code:"):
        python, shell = as_code.commands(chosen, dataset)
        st.code(python, language="python")
        st.code(shell, language="bash")
    estimate = st.container(width="content")
if go or crossed:
    with st.spinner("Starting"):
        run = folds.start(chosen, k) if crossed else jobs.start(chosen)
    st.switch_page("views/live.py", query_params={"run": run})
with estimate:  # last, so that nothing on the page waits for it
    show_estimate(chosen, dataset, int((parts == "train").sum()))
