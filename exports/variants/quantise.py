"""Smaller files of the same net: which of its nodes are made smaller, and how. onnx and onnxruntime, no torch."""

import contextlib
import logging
import pathlib
import tempfile
from typing import TYPE_CHECKING

import numpy as np

from core import progress
from exports.parity.origins import HEAVY, Graph
from exports.variants import half_precision

if TYPE_CHECKING:
    from onnx import ModelProto

GROUPS = 24  # parts of a net whose sensitivity is measured, at most
AT_ONCE = 2**22  # values of samples that are asked at once while ranges are measured


def half(proto: "ModelProto") -> "ModelProto":
    """The net from its first layer with weights on in 16-bit floats."""
    import onnx

    graph = Graph(proto)
    places = set(layers(graph))
    if graph.noted:  # all that follows a layer within the net
        reached = {name for i in places for name in graph.nodes[i].output}
        for i, node in enumerate(graph.nodes):
            if any(module.startswith("net") for module in graph.modules[i]) and reached.intersection(node.input):
                places.add(i)
                reached.update(node.output)
    half_precision.half(proto, places)
    onnx.checker.check_model(proto)
    return proto


def dynamic(proto: "ModelProto", graph: Graph) -> "ModelProto":
    """The net's layers with 8-bit weights; the range of what comes in is measured while the file answers."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    heavy = set(layers(graph))
    others = [node.name for i, node in enumerate(graph.nodes) if i not in heavy]
    with tempfile.TemporaryDirectory() as folder, _quiet():
        target = pathlib.Path(folder) / "model.onnx"
        quantize_dynamic(
            proto,
            target,
            op_types_to_quantize=["MatMul", "Gemm", "Conv"],
            per_channel=True,
            reduce_range=not has_vnni(),
            weight_type=QuantType.QInt8,
            nodes_to_exclude=others,
        )
        return _loaded(target)


class Static:
    """Files of which the net is computed in 8 bits, with ranges measured once on samples.

    feeds : raw samples as the file takes them, of the training part
    """

    def __init__(self, proto, graph: Graph, feeds: dict[str, np.ndarray]):
        import onnx

        self.graph, self.feeds = graph, feeds
        self.folder = tempfile.TemporaryDirectory()
        self.source = pathlib.Path(self.folder.name) / "source.onnx"
        onnx.save(proto, self.source)
        self.cache = pathlib.Path(self.folder.name) / "ranges.json"
        self.groups = groups(graph)

    def split(self, worst: list[str]) -> list[str]:
        """Take these groups apart into single layers, and return the names of these."""
        owners = list(dict.fromkeys(self.graph.owner(i) or "" for i in layers(self.graph)))
        apart = [owner for owner in owners if group_of(owner, worst)]
        self.groups = [*apart, *(group for group in self.groups if group not in worst)]
        return apart

    def share(self, kept: list[str]) -> float:
        """The share of the layers' weights that these groups hold."""
        sizes = {}
        for i in layers(self.graph):
            group = group_of(self.graph.owner(i) or "", self.groups)
            sizes[group] = sizes.get(group, 0) + self.graph.n_weights(i)
        return sum(sizes.get(group, 0) for group in kept) / max(1, sum(sizes.values()))

    def close(self) -> None:
        """Remove the folder that the files are made in."""
        self.folder.cleanup()

    def file(self, kept: frozenset[str] = frozenset()) -> "ModelProto":
        """The file, with the layers of these groups, and what follows each, in floats."""
        from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

        wanted = self._nodes(kept)
        target = pathlib.Path(self.folder.name) / "model.onnx"
        with _quiet():
            quantize_static(
                self.source,
                target,
                None if self.cache.exists() else _Reader(self.feeds),  # ty: ignore[invalid-argument-type]
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                reduce_range=not has_vnni(),
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                nodes_to_quantize=wanted,
                calibration_cache_path=self.cache,
                extra_options={"CalibMovingAverage": True},  # one sample far off does not stretch the range for all
            )
        return _loaded(target)

    def _nodes(self, kept: frozenset[str]) -> list[str]:
        """Nodes to compute in 8 bits: the net from its first layer on; one without a group goes with the last."""
        heavy, inside, group = layers(self.graph), [], None
        for i, node in enumerate(self.graph.nodes):
            owner = self.graph.owner(i) or ""
            if heavy and i >= heavy[0] and owner.startswith("net"):
                group = group_of(owner, self.groups) or group
                if group not in kept:
                    inside.append(node.name)
        return inside or ["nothing"]  # an empty list would mean all


def slim(proto: "ModelProto", large: int) -> None:
    """Keep weights of `large` values and more that stay in floats, but for those of layers, in 16 bits in the file."""
    import onnx

    graph = proto.graph
    del graph.value_info[:]
    zeros = {tensor.name for tensor in graph.initializer if not onnx.numpy_helper.to_array(tensor).any()}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0].endswith("_quantized") and node.input[-1] in zeros:
            del node.input[2:]  # 0 is what is taken without one
        if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            node.name = ""
    taken = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in taken]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    taken = {name for node in graph.node if node.op_type in ("Conv", "Gemm", "MatMul") for name in node.input[1:]}
    made = []
    for tensor in graph.initializer:
        name, values = tensor.name, None
        if tensor.data_type == onnx.TensorProto.FLOAT and int(np.prod(tensor.dims)) >= large:
            values = onnx.numpy_helper.to_array(tensor)
        if (
            values is None
            or (name in taken and not name.endswith("centres"))
            or np.abs(values).max() > half_precision.LARGEST
        ):
            continue
        tensor.CopyFrom(onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}/small"))
        made.append(onnx.helper.make_node("Cast", [f"{name}/small"], [name], name=f"cast to {name}", to=1))
    for node in made:
        graph.node.insert(0, node)


def inputs_of(self_test: dict) -> list[dict[str, np.ndarray]]:
    """The inputs of a self-test, as it is in a file's metadata."""
    from exports import selftest

    return [{name: selftest.unpacked(values) for name, values in case["inputs"].items()} for case in self_test["cases"]]


def small(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Inputs of a self-test that take little room: pictures cut to their corner."""
    return {
        name: np.ascontiguousarray(values[:, :, :64, :64]) if values.ndim == 4 else values
        for name, values in inputs.items()
    }


def layers(graph: Graph) -> list[int]:
    """Places of the nodes of the net that multiply by weights."""
    return [
        i
        for i, node in enumerate(graph.nodes)
        if node.op_type in HEAVY and (graph.owner(i) or "").startswith("net") and graph.n_weights(i)
    ]


def groups(graph: Graph) -> list[str]:
    """Parts of the net, by the start of their modules' names, in order: as fine as GROUPS allow."""
    owners = list(dict.fromkeys(graph.owner(i) or "" for i in layers(graph)))
    found = owners[:1]
    for depth in range(1, max((owner.count(".") for owner in owners), default=0) + 2):
        finer = list(dict.fromkeys(".".join(owner.split(".")[:depth]) for owner in owners))
        if len(finer) > GROUPS and len(found) > 1:
            break
        found = finer
    return found


def group_of(module: str, known: list[str]) -> str | None:
    """The group that a module is, or is inside of; None if it is in none of those known."""
    return next((group for group in known if module == group or module.startswith(f"{group}.")), None)


def has_vnni() -> bool:
    """Whether this processor multiplies 8-bit numbers without overflow; where not, weights get 7 bits."""
    try:
        return "vnni" in pathlib.Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


class _Reader:
    """Samples a few at a time, as onnxruntime's calibration asks for them."""

    def __init__(self, feeds: dict[str, np.ndarray]):
        self.feeds, self.start = feeds, 0
        self.n = len(next(iter(feeds.values())))
        size = max(1, sum(values.size for values in feeds.values()) // max(1, self.n))
        self.step = max(1, min(64, AT_ONCE // size))

    def get_next(self) -> dict | None:
        if self.start >= self.n:
            return None
        progress.report(self.start, self.n)
        batch = {name: values[self.start : self.start + self.step] for name, values in self.feeds.items()}
        self.start += self.step
        return batch

    def __iter__(self):
        return self

    def __next__(self):
        batch = self.get_next()
        if batch is None:
            raise StopIteration
        return batch


@contextlib.contextmanager
def _quiet():
    """The library's advice on what is done on purpose stays unsaid."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _loaded(path: pathlib.Path):
    import onnx

    proto = onnx.load(path)
    onnx.checker.check_model(proto)
    return proto
