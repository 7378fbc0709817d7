"""Train: data, net and settings on one page, each filled with a good choice already."""

import dataclasses
import json

import numpy as np
import streamlit as st

from core import config, data, jobs, nets, words
from core.config import TrainingConfig
from core.data import Dataset, split
from core.training.dry_run import dry_run
from dashboard import engine, pictures, run_page
from exports import charts


def show_data(dataset: Dataset, parts: np.ndarray) -> None:
    """One sentence, the class balance, and what the samples look like."""
    thing = dataset.schema.sample_word
    counts = {
        part: np.bincount(dataset.targets[parts == part], minlength=len(dataset.classes)).tolist()
        for part in split.PARTS
    }
    sizes = {part: int((parts == part).sum()) for part in split.PARTS}
    shape = (
        f"{dataset.images.shape[3]}x{dataset.images.shape[2]} pixels"
        if dataset.kind == "image"
        else words.count(len(dataset.columns), "column")
    )
    st.markdown(
        f"{words.count(len(dataset), thing)} of {shape} in {len(dataset.classes)} classes: {sizes['train']:,} to train "
        f"on, {sizes['val']:,} to choose the best epoch, {sizes['test']:,} for the final figures."
    )
    left, right = st.columns(2)
    with left:
        st.markdown("**Class balance**")
        run_page.chart(
            charts.class_balance(counts, list(dataset.classes)).update_layout(height=260),
            f"balance-{dataset.name}",
            "Samples per class in training, validation and test",
        )
    with right:
        if dataset.kind == "image":
            st.markdown("**Some of the training images**")
            st.image(
                pictures.gallery(dataset, np.flatnonzero(parts == "train")),
                caption="One class per row",
                width="stretch",
            )
        else:
            st.markdown("**First rows**")
            rows = dataset.table.head(8).copy()
            rows.insert(0, "class", [dataset.classes[target] for target in dataset.targets[:8]])
            st.dataframe(rows, hide_index=True, height=260, alt="The first rows of the table with their class")
    st.caption(f"Origin: {dataset.origin}. Licence: {dataset.licence}.")


def settings(record, prefix: str, rare: bool) -> dict:
    """One widget for each field of a settings dataclass, the rare ones or the others; returns the values."""
    values = {}
    fields = [field for field in dataclasses.fields(record) if field.metadata.get("rare", False) is rare]
    with st.container(horizontal=True):
        for field in fields:
            facts, value, key = field.metadata, getattr(record, field.name), f"{prefix}-{field.name}"
            label = field.name.replace("_", " ").capitalize().replace("Lr", "Learning rate")
            shared = {"label": label, "help": facts["help"].capitalize() + ".", "key": key, "width": 170}
            if isinstance(value, bool):
                values[field.name] = st.toggle(value=value, **shared)
            elif facts["choices"]:
                values[field.name] = st.selectbox(
                    options=facts["choices"], index=facts["choices"].index(value), **shared
                )
            else:
                whole = isinstance(value, int)
                values[field.name] = st.number_input(
                    min_value=facts["low"] if whole else float(facts["low"]),
                    max_value=facts["high"] if whole else float(facts["high"]),
                    value=value,
                    step=1 if whole else value / 2 or 0.01,
                    format="%d" if whole else "%g",
                    **shared,
                )
    return values


def as_command(chosen: config.TrainConfig, suggested: config.TrainConfig) -> tuple[str, str]:
    """The same run from Python and from the shell."""
    changed = {
        name: value
        for name, value in dataclasses.asdict(chosen.training).items()
        if value != getattr(suggested.training, name)
    }
    defaults = dataclasses.asdict(nets.options(chosen.net.name, {}))
    options = {name: value for name, value in chosen.net.options.items() if value != defaults[name]}
    settings = f", net_options={options!r}" if options else ""
    settings += "".join(f", {name}={value!r}" for name, value in changed.items())
    flags = "".join(f" --net-option {name}={json.dumps(value)}" for name, value in options.items())
    flags += "".join(f" --{name.replace('_', '-')} {value}" for name, value in changed.items())
    return (
        f'import core\n\nrun = core.train("{chosen.data.name}", "{chosen.net.name}"{settings})',
        f"python -m core train --data {chosen.data.name} --net {chosen.net.name}{flags}",
    )


def show_estimate(chosen: config.TrainConfig, dataset: Dataset, n_train: int) -> None:
    """The number of parameters and the time that training will take, from a few steps in the engine."""
    kept = st.session_state.setdefault("estimates", {})
    key = (dataset.fingerprint, repr(chosen))
    if not kept.get(key):
        kept[key] = engine.attempt("Estimating the time", dry_run, chosen, dataset.schema, n_train)
    if kept[key]:
        seconds = kept[key]["seconds"] + 4  # PyTorch has to be loaded first
        st.caption(f"{kept[key]['n_parameters']:,} parameters; about {words.duration(seconds)} in all.")


st.title("Train")
names = data.available()
if "data" not in st.session_state:
    asked = st.query_params.get("data")
    st.session_state["data"] = asked if asked in names else "digits"

st.subheader("1. Data")
name = st.selectbox("Data set", names, key="data", format_func=data.title, label_visibility="collapsed")
dataset = run_page.dataset(name)
suggested = config.suggest(dataset)
parts = split.make(
    dataset.targets, suggested.data.val_fraction, suggested.data.test_fraction, suggested.data.split_seed
)
show_data(dataset, parts)

st.subheader("2. Net")
fitting = [net for net in nets.available() if nets.kind(net) == dataset.kind]
net = st.selectbox("Net", fitting, format_func=lambda n: nets.module(n).TITLE, label_visibility="collapsed")
with st.expander("Net settings"):
    options = settings(nets.module(net).Options(), f"{name}-{net}", rare=False)

st.subheader("3. Settings")
values = settings(suggested.training, f"{name}-training", rare=False)
with st.expander("More settings"):
    values |= settings(suggested.training, f"{name}-training", rare=True)

chosen = config.TrainConfig(suggested.data, config.NetConfig(net, options), TrainingConfig(**values))
estimate = st.container()
with st.container(horizontal=True, vertical_alignment="center"):
    go = st.button("Train", type="primary", icon=":material/play_arrow:")
    with st.popover("As code", icon=":material/code:"):
        python, shell = as_command(chosen, suggested)
        st.code(python, language="python")
        st.code(shell, language="bash")
if go:
    with st.spinner("Starting"):
        run = jobs.start(chosen)
    st.switch_page("views/live.py", query_params={"run": run})
with estimate:  # last, so that nothing on the page waits for it
    show_estimate(chosen, dataset, int((parts == "train").sum()))
