"""Hostile idx files and weights."""

import gzip
import io
import json
import os
import pathlib
import pickle
import struct
import zipfile

import numpy as np
import torch
from safetensors.torch import save

from core.data.readers import torchvision
from core.nets import weights
from tests.hostile.judging import READ, Case

EVIL = "touch evil-was-here"
CODE = "could run code"


def case_of(name, content, read, right=READ, check=lambda _: True, suffix="") -> Case:
    def make(folder: pathlib.Path):
        path = folder / f"file{suffix}"
        path.write_bytes(content(folder) if callable(content) else content)
        return path

    return Case(name, make, read, right, check)


# -------------------------------------------------------------------------------------------------------- idx files


def _idx(*shape, values: bytes | None = None, head: bytes = b"\0\0\x08") -> bytes:
    n = int(np.prod([float(side) for side in shape])) if values is None else 0
    return (
        head + bytes([len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + (bytes(n) if values is None else values)
    )


BILLION = 2**32 - 1
IDX = [
    case_of(f"idx, {what}", content, torchvision.read_idx, right, check, suffix=suffix)
    for what, content, right, check, suffix in (
        ("whole", _idx(2, 3, 4), READ, lambda x: x.shape == (2, 3, 4), ""),
        ("packed", gzip.compress(_idx(2, 3, 4)), READ, lambda x: x.shape == (2, 3, 4), ".gz"),
        ("empty", b"", "not an idx", None, ""),
        ("three bytes", b"\0\0\x08", "not an idx", None, ""),
        ("of floats", _idx(2, 3, head=b"\0\0\x0d"), "not an idx", None, ""),
        ("of no dimensions", b"\0\0\x08\0", "not an idx", None, ""),
        ("of 255 dimensions", b"\0\0\x08\xff" + bytes(1020), "not an idx", None, ""),
        ("of 4 billion values", _idx(BILLION, values=b"\0" * 9), "at most", None, ""),
        ("of 2 to the 128 values", _idx(*[BILLION] * 4, values=b"\0" * 9), "at most", None, ""),
        ("that says 2 GB and holds 9 bytes", _idx(2**31 - 1, values=b"\0" * 9), "but holds 9|at most", None, ""),
        ("of a side of 0", _idx(0, 28, 28, values=b"\0" * 9), "but holds", None, ""),
        ("with too few", _idx(2, 3, values=b"\0" * 5), "but holds 5", None, ""),
        ("with too many", _idx(2, 3, values=b"\0" * 7), "but holds more", None, ""),
        ("without lengths", b"\0\0\x08\x03\0\0", "but holds", None, ""),
        ("packed and cut", gzip.compress(_idx(20, 30, 40))[:-9], "damaged|cut", None, ".gz"),
        ("said to be packed", _idx(2, 3, 4), "damaged|cut", None, ".gz"),
        ("that packs a bomb", gzip.compress(_idx(64, 1 << 20)), READ, lambda x: x.shape == (64, 1 << 20), ".gz"),
    )
]

# ---------------------------------------------------------------------------------------------------------- weights


class Evil:
    """Runs a program when it is unpickled by Python's own pickle."""

    def __reduce__(self):
        return os.system, (EVIL,)


def _saved(value, **how) -> bytes:
    sink = io.BytesIO()
    torch.save(value, sink, **how)
    return sink.getvalue()


def _safe(head: dict | bytes, values=b"", length: int | None = None) -> bytes:
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + values


def _tensor(start, end, shape, dtype="F32") -> dict:
    return {"w": {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}}


def _bomb() -> bytes:
    """A .pth of one tensor of 4 GiB of zeros, packed."""
    whole = zipfile.ZipFile(io.BytesIO(_saved({"w": torch.zeros(4)})))
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in whole.namelist():
            packed.writestr(name, bytes(256 << 20) if name.endswith("data/0") else whole.read(name))
    return sink.getvalue()


GOOD = {"w": torch.zeros(2, 3), "b": torch.ones(2)}
WEIGHTS = [
    case_of(f"weights, {what}", content, weights.read, right, suffix=suffix)
    for what, content, right, suffix in (
        ("whole", _saved(GOOD), READ, ".pth"),
        ("safetensors", save(GOOD), READ, ".safetensors"),
        ("the old format", _saved(GOOD, _use_new_zipfile_serialization=False), READ, ".pth"),
        ("in boxes", _saved({"model": {"state_dict": GOOD}}), READ, ".pth"),
        ("with code", _saved({"w": Evil()}), CODE, ".pth"),
        (
            "with code, the old format",
            _saved(Evil(), _use_new_zipfile_serialization=False),
            CODE,
            ".pth",
        ),
        ("a pickle with code", pickle.dumps(Evil()), "no PyTorch file", ".pth"),
        (
            "a pickle with code by hand",
            b"cos\nsystem\n(S'" + EVIL.encode() + b"'\ntR.",
            CODE,
            ".pt",
        ),
        ("a whole net", _saved(torch.nn.Linear(2, 2)), "more than tensors", ".pth"),
        ("a list", _saved([1, 2]), "no named tensors", ".pth"),
        ("a number", _saved(3), "no named tensors", ".pth"),
        ("nothing named", _saved({}), "no named tensors", ".pth"),
        ("names that are numbers", _saved({1: torch.zeros(2)}), READ, ".pth"),
        ("a name of 100,000 letters", _saved({"x" * 100_000: torch.zeros(2)}), READ, ".pth"),
        ("boxes in boxes", _saved({"model": {"state_dict": {"model": {"a": 3}}}}), "no named tensors", ".pth"),
        ("empty", b"", "damaged|no PyTorch", ".pth"),
        ("cut", _saved(GOOD)[:-200], "damaged", ".pth"),
        ("text", b"hello\n" * 99, "damaged", ".pth"),
        ("a zip of nothing", b"PK\x05\x06" + bytes(18), "damaged", ".pth"),
        ("safetensors called .pth", save(GOOD), READ, ".pth"),
        (".pth called safetensors", _saved(GOOD), "damaged|no safetensors", ".safetensors"),
        ("safetensors, empty", b"", "damaged|no safetensors", ".safetensors"),
        ("safetensors with a head of 2 to the 63", _safe(b"{}", length=2**63), "damaged", ".safetensors"),
        ("safetensors with a head of 100 MB", _safe(b"{}", length=100_000_001), "damaged", ".safetensors"),
        ("safetensors, no JSON", _safe(b"{{{{"), "damaged", ".safetensors"),
        ("safetensors, deep JSON", _safe(b"[" * 100_000), "damaged", ".safetensors"),
        ("safetensors beyond its end", _safe(_tensor(0, 4000, [1000])), "damaged", ".safetensors"),
        ("safetensors backwards", _safe(_tensor(8, 0, [2]), bytes(8)), "damaged", ".safetensors"),
        ("safetensors of another shape", _safe(_tensor(0, 8, [3]), bytes(8)), "damaged", ".safetensors"),
        ("safetensors of a huge shape", _safe(_tensor(0, 8, [2**40, 2**40]), bytes(8)), "damaged", ".safetensors"),
        ("safetensors of no type", _safe(_tensor(0, 8, [2], "X99"), bytes(8)), "damaged", ".safetensors"),
        ("safetensors of nothing", _safe({}), "no named tensors", ".safetensors"),
        ("safetensors with a hole", _safe(_tensor(4, 12, [2]), bytes(12)), "damaged", ".safetensors"),
    )
]
BOMB = [case_of("weights, a packed bomb", lambda _: _bomb(), weights.read, "damaged|bomb", suffix=".pth")]

CASES = [*IDX, *WEIGHTS, *BOMB]
