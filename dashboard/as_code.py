"""The same training from Python and from the shell, and as a script of its own."""

import dataclasses
import json
import shlex
from typing import Any

import streamlit as st

from core import config, folds, nets, runs, words
from core.data import Dataset
from core.workspace import command
from dashboard import engine, run_page, sharing

OWN_FLAGS = (  # settings with an option of their own on the command line
    "epochs batch_size lr minutes patience schedule optimizer weight_decay freeze precision resample "
    "split split_by seed device"
).split()


def commands(chosen: config.TrainConfig, dataset: Dataset, n_folds: int = 0) -> tuple[str, str]:
    """Python code and a shell command that train as `chosen`; they say what differs from what would be suggested.

    n_folds : of a cross-validation, 0 for a single run
    """
    if n_folds:
        chosen = dataclasses.replace(chosen, data=dataclasses.replace(chosen.data, folds=0, fold=0))
    net = chosen.net
    defaults = dataclasses.asdict(nets.options(net.name, {}))
    options = {name: value for name, value in net.options.items() if value != defaults[name]}
    changed: dict[str, Any] = {"weights": net.weights} if net.weights else {}
    while more := _otherwise(chosen, config.suggest(dataset, net.name, options, **changed), changed):
        changed |= more  # what is suggested for one setting may depend on another
    settings = f", net_options={options!r}" if options else ""
    settings += "".join(f", {name}={value!r}" for name, value in changed.items())
    flags = "".join(f" --net-option {shlex.quote(f'{name}={_plain(value)}')}" for name, value in options.items())
    for name, value in changed.items():
        text = shlex.quote(_plain(value))
        own = name in OWN_FLAGS or name == "weights"
        flags += f" --{name.replace('_', '-')} {text}" if own else f" --set {name}={text}"
    shell = f"{command('core')} train --data {chosen.data.name} --net {net.name}{flags}"
    if not n_folds:
        return f'import core\n\nrun = core.train("{chosen.data.name}", "{net.name}"{settings})', shell
    asked = f'config.suggest(data.get("{chosen.data.name}"), "{net.name}"{settings})'
    python = f"from core import config, data, folds\n\nrun = folds.start({asked}, {n_folds})"
    return python, f"{shell} --folds {n_folds}"


def _otherwise(chosen: config.TrainConfig, suggested: config.TrainConfig, known: dict) -> dict:
    """The settings that are other than suggested, but those that are known already."""
    found = {}
    for record in ("data", "training", "augment"):
        before, now = (dataclasses.asdict(getattr(one, record)) for one in (suggested, chosen))
        found |= {name: value for name, value in now.items() if value != before[name]}
    return {name: value for name, value in found.items() if name not in ("name", "version", *known)}


def popovers(row: dict, key: str) -> None:
    """The run as code, and how to look at it with TensorBoard: to be called in a horizontal container."""
    run = row["run"]
    if row["state"] == "damaged" or sharing.read_only():  # both hold folders of this machine
        return
    with st.popover("As code", icon=":material/code:", key=f"{key}-code", on_change="rerun") as popover:
        if popover.open:
            try:
                dataset = run_page.dataset_of(run)
            except (ValueError, LookupError) as error:
                st.caption(words.literal(str(error.args[0])))
            else:
                of_run(run, dataset)
    if folds.members(run):  # each has a course of its own
        return
    with st.popover("TensorBoard", icon=":material/monitoring:", key=f"{key}-board"):
        st.caption("Run this in a terminal, then open the address that it prints.")
        st.code(f"tensorboard --logdir {shlex.quote(str(runs.path(run, 'tensorboard')))}", language="bash")


def of_run(run: str, dataset: Dataset) -> None:
    """The run as Python code, as a command, and as a plain PyTorch script to download; of pooled folds without that."""
    from exports import script

    members = folds.members(run)
    try:
        python, shell = commands(runs.config_now(run), dataset, len(members))
        st.code(python, language="python")
        st.code(shell, language="bash")
    except (ValueError, LookupError) as error:  # settings or a net that are no more
        st.caption(words.literal(str(error.args[0])))
    text = None if members else engine.attempt("Writing the script", script.script, run, timeout=60)
    if text is None:
        return
    st.download_button(
        "Python script",
        text,
        f"{run[11:]}.py",
        "text/x-python",
        icon=":material/download:",
        key=f"script-{run}",
        on_click="ignore",
        help="Plain PyTorch that trains the same way where Vitrine is not installed.",
    )


def _plain(value) -> str:
    return value if isinstance(value, str) else json.dumps(value)
