"""Widgets for the net of a run: its settings, the weights it starts from, how long its backbone is frozen."""

import contextlib
import hashlib
import pathlib

import streamlit as st

from core import nets, runs, words
from core.files import replacing
from dashboard import engine
from dashboard.settings import settings

SOURCES = {
    "": "The weights it comes with",
    "random": "At random",
    "file": "A file of mine",
    "run": "An earlier run",
}


def options(net: str, suggested: dict, key: str) -> dict:
    """The settings of the net itself."""
    record = nets.options(net, suggested)
    if net != "pretrained":
        return settings(record, key, rare=None)
    arch = architecture(record.arch, key)
    return {"arch": arch, **settings(record, key, rare=None, skip=("arch",))}


def architecture(suggested: str, key: str) -> str:
    """One of torchvision's nets, with its size, work and published accuracy."""
    from core.nets import pretrained

    entries = pretrained.known()
    if entries is None:
        entries = engine.attempt("Listing torchvision's nets", pretrained.catalogue, timeout=engine.TRIED_SECONDS) or []
    found = {entry["arch"]: entry for entry in entries} or {suggested: None}

    def told(arch: str) -> str:
        entry = found[arch]
        if entry is None:
            return arch
        return (
            f"{arch}: {entry['n_parameters'] / 1e6:.1f} M parameters, {entry['gflops']:.2g} GFLOPs, "
            f"{entry['accuracy']:.1%} on ImageNet"
        )

    names = list(found)
    place = names.index(suggested) if suggested in found else 0
    return st.selectbox("Architecture", names, index=place, format_func=told, key=f"{key}-arch")


def start_weights(net: str, options: dict, suggested: str, key: str) -> str:
    """The weights to start from, as NetConfig.weights takes them."""
    comes_trained = nets.starts_trained(net, "")
    ways = list(SOURCES) if comes_trained else ["random", "file", "run"]
    kind = suggested or ways[0]
    if suggested.startswith("run:"):
        kind = "run"
    elif suggested not in ways and (pathlib.PurePath(suggested).suffix or not comes_trained):
        kind = "file"
    elif suggested not in ways:  # weights that the net knows by this name
        ways.insert(1, suggested)
    way = st.segmented_control(
        "Weights to start from",
        ways,
        default=kind,
        format_func=lambda way: SOURCES.get(way, way),
        key=f"{key}-weights",
        required=True,
    )
    if way not in SOURCES:
        return way
    if way == "file":
        return weights_file(suggested if kind == "file" else "", key)
    if way == "run":
        return weights_of_run(net, options, suggested, key)
    return "random" if way == "random" and comes_trained else ""


def weights_file(suggested: str, key: str) -> str:
    """A file by its path, or uploaded into the workspace."""
    left, right = st.columns(2)
    path = left.text_input(
        "Path of a .pth or .safetensors file", suggested, placeholder="/home/me/resnet50.pth", key=f"{key}-path"
    ).strip()
    file = right.file_uploader("Or upload it", type=["pth", "pt", "safetensors"], key=f"{key}-upload")
    if file is not None:
        return str(kept_file(file.name, file.getbuffer()))
    if path and not pathlib.Path(path).expanduser().is_file():
        st.error(
            f"There is no file {words.literal(str(path))}; give the path of a weights file.", icon=":material/error:"
        )
    return path


def kept_file(name: str, content: bytes | memoryview) -> pathlib.Path:
    """An uploaded weights file kept in the workspace; the same content is kept once."""
    folder = runs.workspace() / "uploads" / hashlib.sha256(content).hexdigest()[:16]
    path = folder / f"weights{pathlib.PurePath(name).suffix.lower()}"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as beside:
            beside.write_bytes(content)
    return path


def weights_of_run(net: str, options: dict, suggested: str, key: str) -> str:
    """The best weights of an earlier run with the same net."""
    fitting = []
    for run in runs.names():
        with contextlib.suppress(ValueError, LookupError):
            asked = runs.config(run).net
            same = asked.name == net and asked.options.get("arch") == options.get("arch")
            if same and runs.path(run, "checkpoints", "best.pt").exists():
                fitting.append(run)
    if not fitting:
        st.caption("There is no earlier run with this net; it starts at random.")
        return ""
    before = suggested.removeprefix("run:") if suggested.startswith("run:") else ""
    place = fitting.index(before) if before in fitting else 0
    if before and before not in fitting:
        st.caption(f"The weights were those of {words.markdown(before)}, which has none any more. Choose others.")
    return f"run:{st.selectbox('Run', fitting, index=place, key=f'{key}-run')}"


def freezing(suggested: int, key: str) -> int:
    """For how many epochs the backbone keeps its weights; -1 is all."""
    ways = {"all": "The whole training", "none": "Never", "first": "The first epochs"}
    default = "all" if suggested == -1 else "first" if suggested else "none"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        way = st.segmented_control(
            "The backbone keeps its weights",
            list(ways),
            default=default,
            format_func=ways.__getitem__,
            required=True,
            key=f"{key}-freeze",
            help="Then only the head learns; without random changes the backbone's answers are computed once.",
        )
        if way == "first":
            return int(
                st.number_input(
                    "Epochs without it", 1, 10_000, max(1, suggested) if suggested > 0 else 3, key=f"{key}-n"
                )
            )
    return -1 if way == "all" else 0
