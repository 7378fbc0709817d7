"""Gradients of layers written out as operations that PyTorch's exporter can write, so that a file can hold them."""

import numpy as np
import torch
from torch import nn
from torch._decomp import core_aten_decompositions
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx
from torch.ops import aten  # ty: ignore[import-not-found]


def written_out(module: nn.Module, example: tuple[torch.Tensor, ...]) -> tuple[GraphModule, dict[str, str]]:
    """A graph that computes what `module` computes of inputs like `example`, gradients as plain operations.

    With it comes what its weights are called in the module, {name in the graph: name in the module}.
    """
    traced = make_fx(module, _table(), tracing_mode="symbolic", _allow_non_fake_inputs=True)(*example)
    names = {id(value): name for name, value in (*module.named_parameters(), *module.named_buffers())}
    held = {}
    for node in traced.graph.nodes:
        if node.op == "get_attr":
            value = getattr(traced, node.target)
            name = f"held_{node.target.lstrip('_')}"  # the exporter makes names of its own like those that are there
            setattr(traced, name, value)
            node.target = name
            if id(value) in names:
                held[name] = names[id(value)]
    traced.recompile()
    return traced, held


def _table() -> dict:
    return {
        **core_aten_decompositions(),
        aten.max_pool2d_with_indices_backward.default: _of_largest,
        aten._adaptive_avg_pool2d_backward.default: _of_means,
        aten.copy.default: _copied,
    }


def _of_largest(grad, x, _kernel, _stride, _padding, _dilation, _ceil, indices):
    """Of a pool by the largest value: each gradient goes to where that was."""
    return torch.zeros_like(x).flatten(2).scatter_add(2, indices.flatten(2), grad.flatten(2)).view_as(x)


def _of_means(grad, x):
    """Of a pool by means to a fixed size, which is two matrix products, as its cells are the same for all samples."""
    down, across = (_cells(n_out, int(n_in)) for n_out, n_in in zip(grad.shape[2:], x.shape[2:]))
    return down.T @ grad @ across


def _cells(n_out: int, n_in: int):
    """The share of each input position in each output cell, (n_out, n_in)."""
    cells = np.zeros((n_out, n_in), np.float32)
    for i in range(n_out):
        first, last = i * n_in // n_out, -(-(i + 1) * n_in // n_out)
        cells[i, first:last] = 1 / (last - first)
    return torch.from_numpy(cells)


def _copied(into, values, _non_blocking=False):
    """Values in place of a part of a tensor; one value for many places is spread, as the exporter does not."""
    return values.to(into.dtype).expand(into.shape).clone()
