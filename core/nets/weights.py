"""Weights that a net starts from: a name it knows, a file, or the best of an earlier run; what did not fit is told."""

import hashlib
import pathlib
import pickle
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from core import nets, runs
from core.config import NetConfig
from core.data.dataset import Schema

if TYPE_CHECKING:
    from core.model import Model

ENDINGS = (".pth", ".pt", ".bin", ".safetensors")
BOXES = ("state_dict", "model_state_dict", "model_state", "model")  # in which files keep their tensors
PREFIXES = ("module.", "_orig_mod.", "net.", "model.")  # that programs put before every name
ENOUGH = 0.5  # share of the net's tensors, the head's left aside, that must fit
FOREIGN = re.compile(r"unsupported (global|class)|not an allowed global", re.IGNORECASE)  # torch's words
READ_AT_ONCE = 2**22  # bytes


def start(
    model: "Model", net: NetConfig, say: Callable[[str, float], None] = lambda _text, _fraction: None
) -> dict | None:
    """Load the weights that `net` asks for into `model`; None if it starts at random.

    say : told what is done and how far it is, a fraction; it may raise to stop
    Returns {"source", "sha256", "loaded" (how many tensors), "missing", "unexpected", "reshaped" (their names)}. The
    head is missing or reshaped where the weights are of other classes. What an earlier run did to its samples comes
    with its weights. Raises ValueError or LookupError with a sentence if there are no such weights, or they are not of
    this net.
    """
    if not nets.starts_trained(net.name, net.weights):
        return None
    path, source, schema = _find(net, say)
    if schema and schema.columns != model.schema.columns:
        raise ValueError(
            f"The weights {source} were trained on other columns; choose a run on data with the same ones."
        )
    say(f"Reading {path.name}", 0.0)
    tensors = read(path)
    report = {"source": source, "sha256": _sha256(path)}
    return report | load_into(model, tensors, source, schema is None or schema.classes == model.schema.classes)


def read(path: pathlib.Path) -> dict[str, torch.Tensor]:
    """The named tensors in a .safetensors file, or in a PyTorch file, from which nothing but tensors is read.

    Raises ValueError with a sentence if the file is damaged, holds code, or no tensors.
    """
    if not path.is_file():
        raise ValueError(f"There is no weights file {path}; give the path of a .pth or .safetensors file.")
    stored = _read_safetensors(path) if _is_safetensors(path) else _read_pickle(path)
    for box in BOXES * 2:  # in which another may be
        if isinstance(stored, dict) and isinstance(stored.get(box), dict):
            stored = stored[box]
    tensors = {}
    if isinstance(stored, dict):
        tensors = {str(name): value for name, value in stored.items() if isinstance(value, torch.Tensor)}
    if not tensors:
        raise ValueError(f"{path} holds no named tensors but a {type(stored).__name__}; save a net's state_dict().")
    return _without_prefixes(tensors)


@torch.no_grad()
def load_into(model: "Model", tensors: dict[str, torch.Tensor], source: str, with_head: bool = True) -> dict:
    """Copy the tensors that fit into the net of `model`; returns {"loaded", "missing", "unexpected", "reshaped"}.

    with_head : whether the head may be taken over, as the classes are the same ones or not known
    """
    wanted = model.net.state_dict()
    tensors = dict(tensors)
    prepared = {name: tensors.pop(name) for name in list(tensors) if name.startswith(("preprocess.", "prior_shift"))}
    last = list(wanted)[-1].rpartition(".")[0]  # has a row for each class
    unexpected, reshaped, loaded = [], [], []
    for stored_name, stored in tensors.items():
        name = _name_in(model.net, stored_name, wanted)
        if name is None:
            unexpected.append(stored_name)
            continue
        value = _fitted(stored, wanted[name], name)
        if value is None or (name.rpartition(".")[0] == last and not with_head):
            reshaped.append(name)
            continue
        wanted[name].copy_(value)
        loaded.append(name)
    needed = [name for name in wanted if not name.endswith("num_batches_tracked")]
    missing = [name for name in needed if name not in {*loaded, *reshaped}]
    body = [name for name in needed if not name.startswith("head.")]
    n_fit = len({*body}.intersection(loaded))
    if n_fit < ENOUGH * len(body):
        raise ValueError(
            f"The weights {source} are of another architecture: {n_fit} of the {len(body)} tensors of this net are "
            "there with the same shape. Choose the net that they were made with."
        )
    broken = [name for name in loaded if not wanted[name].isfinite().all()]
    if broken:
        raise ValueError(f"The weights {source} hold values that are no numbers, in {broken[0]}; take another file.")
    _take_preprocessing(model, prepared)
    return {"loaded": len(loaded), "missing": missing, "unexpected": unexpected, "reshaped": reshaped}


def _find(net: NetConfig, say) -> tuple[pathlib.Path, str, Schema | None]:
    """The file, what it is called in the report, and the schema of the data it was trained on, if that is known."""
    weights, module = net.weights, nets.module(net.name)
    if weights.startswith("run:"):
        run = weights.removeprefix("run:")
        path = runs.path(run, "checkpoints", "best.pt")
        if not path.exists():
            raise LookupError(
                f"There is no run {run} with trained weights in this workspace; choose another as run:NAME."
            )
        return path, weights, runs.schema(run)
    path = pathlib.Path(weights).expanduser()
    if weights and (path.suffix in ENDINGS or path.is_file()):
        return path, str(path), None
    if not hasattr(module, "fetch"):
        raise LookupError(
            f"The net {net.name} knows no weights {weights!r}; give the path of a .pth or .safetensors file, "
            "an earlier run as run:NAME, or random."
        )
    options = nets.options(net.name, net.options)
    path = module.fetch(options, weights, say)
    return path, path.name, None


def _is_safetensors(path: pathlib.Path) -> bool:
    """By its name, or by its beginning: eight bytes of length, then JSON."""
    with open(path, "rb") as file:
        return path.suffix == ".safetensors" or file.read(9)[8:] == b"{"


def _read_safetensors(path: pathlib.Path) -> dict:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} cannot be read: it is damaged or no safetensors file ({error}).") from error


def _read_pickle(path: pathlib.Path):
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        if isinstance(error, pickle.UnpicklingError) and FOREIGN.search(str(error)):
            raise ValueError(
                f"{path} holds more than tensors, and reading it could run code, so it was not read; "
                "save the net's state_dict() alone."
            ) from error
        raise ValueError(
            f"{path} cannot be read: it is damaged, cut short, or no PyTorch file; copy it again."
        ) from error


def _without_prefixes(tensors: dict) -> dict:
    """The tensors by their names without what a program put before each of them."""
    while True:
        own = [name for name in tensors if not name.startswith(("preprocess.", "prior_shift"))]
        prefix = next((p for p in PREFIXES if own and all(name.startswith(p) for name in own)), None)
        if prefix is None:
            return tensors
        tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}


def _name_in(net, stored: str, wanted: dict) -> str | None:
    """The name that a stored tensor has in the net: its own, or that of torchvision's net in our backbone and head."""
    backbone = getattr(net, "backbone", None)
    names = [stored, f"backbone.{stored}", f"backbone.body.{stored}"]
    last = getattr(backbone, "last", None)
    if last and stored.startswith(f"{last}.") and "head.hidden.weight" not in wanted:
        names.append(f"head.linear.{stored.removeprefix(f'{last}.')}")
    return next((name for name in names if name in wanted), None)


def _fitted(stored, like, name: str):
    """The stored tensor as the net has it; None if it cannot be."""
    if stored.shape == like.shape:
        return stored
    if name.endswith("encoder.pos_embedding") and stored.dim() == 3 and stored.shape[2] == like.shape[2]:
        return _resampled(stored, like)
    return None


def _resampled(stored, like):
    """ViT's positions (1, 1 + n, d) for images of another size: the first is the class token's, the others a square."""
    before, after = (round((values.shape[1] - 1) ** 0.5) for values in (stored, like))
    grid = stored[:, 1:].float().transpose(1, 2).reshape(1, -1, before, before)
    grid = torch.nn.functional.interpolate(grid, (after, after), mode="bicubic", align_corners=True)
    return torch.cat([stored[:, :1].float(), grid.flatten(2).transpose(1, 2)], dim=1)


def _take_preprocessing(model, prepared: dict) -> None:
    """What an earlier run did to its samples, if this one's are alike: then it is not fitted anew."""
    state = {name.removeprefix("preprocess."): v for name, v in prepared.items() if name.startswith("preprocess.")}
    if not state:
        return
    before = {name: value.clone() for name, value in model.preprocess.state_dict().items()}
    try:
        model.preprocess.load_state_dict(state)
        model.preprocess.given = True
    except RuntimeError:  # other columns
        model.preprocess.load_state_dict(before)


def _sha256(path: pathlib.Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(READ_AT_ONCE):
            digest.update(chunk)
    return digest.hexdigest()
