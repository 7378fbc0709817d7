"""Where a file first differs from the net it was made from: the node, and the module it comes from."""

import pathlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from exports.parity import inside
from exports.parity.origins import HEAVY, Graph

if TYPE_CHECKING:
    from core.model import Model

ROWS = 64  # samples of which the worst are looked at
WORST = 4
MEMORY = 2**26  # bytes of values inside the net that are held at once, on each side
CLEAR = 1e-3  # relative difference after which what follows is not looked at
JUMP = 30.0  # times what came in: more than rounding does
LEAST = 1e-6  # relative difference that rounding alone makes


@dataclass
class Place:
    """A value that is there on both sides: the output of modules, or what preprocessing takes (module None)."""

    tensor: str
    modules: list[str | None]  # innermost first
    error: float = 0.0  # largest difference over the largest value
    columns: list[int] = field(default_factory=list)  # that differ, of a table's rows


def first(
    path: pathlib.Path, model: "Model", feeds: dict[str, np.ndarray], x: np.ndarray, temperature: float = 1.0
) -> dict | None:
    """The first node of the file whose values differ from PyTorch's: {"node", "module", "text"}, None if none does.

    model : core.model.Model on the CPU;  feeds : raw samples as the file takes them;  x : the same as the model does
    temperature : by which logits are divided before the probabilities are made of them
    node is None where the exporter left several, or none; module is the name in the model, "" for the model itself.
    Values that the modules give are compared in the order of the graph, a few MB of them at a time, with onnxruntime's
    optimisation off. The first is where the difference grows most over what comes in: rounding grows slowly.
    """
    import onnx

    proto = onnx.load(path)
    graph = Graph(proto)
    model = model.eval()
    n = min(ROWS, len(x))
    feeds, x = {name: values[:n] for name, values in feeds.items()}, x[:n]
    try:
        output = "logits" if "logits" in graph.outputs else "probabilities"
        got = inside.values(proto, feeds, [output])[0]
    except Exception as error:  # onnxruntime's many kinds
        return _refused(graph, error)
    expected = inside.outputs(model, x, {""})[""]
    apart = _apart(got, expected if output == "logits" else _softmax(expected))
    worst = np.sort(np.argsort(-apart, kind="stable")[:WORST])
    feeds, x = {name: values[worst] for name, values in feeds.items()}, x[worst]
    found = _scan(proto, graph, model, feeds, x)
    return (
        _told(proto, graph, model, feeds, found, x)
        if found
        else _after(proto, graph, feeds, expected[worst], temperature)
    )


# ---------------------------------------------------------------------------------------------------- comparing


def _scan(proto, graph: Graph, model, feeds, x) -> Place | None:
    """The place where the difference grows most over what comes in, up to the first clear one; None if none does."""
    sizes, order = inside.sizes(model, x)
    places = _places(graph, sizes)
    known, looked = {}, []
    for chunk in _chunks(places, sizes, x):
        names = {name for place in chunk for name in _candidates(place, model, order)}
        expected = inside.outputs(model, x, names)
        got = inside.values(proto, feeds, [place.tensor for place in chunk])
        for place, values in zip(chunk, got):
            others = [expected[name] for name in _candidates(place, model, order) if name in expected]
            others = [other for other in others if other.shape == values.shape]
            if not others:
                continue
            if place.modules == [None]:
                errors = [_relative(values[:, j], others[0][:, j]) for j in range(values.shape[1])]
                place.columns = [j for j, error in enumerate(errors) if error > LEAST]
                place.error = max(errors)
            else:
                place.error = min(_relative(values, other) for other in others)
            known[place.tensor] = place
            looked.append(place)
        if any(place.error > CLEAR for place in chunk):
            break
    grown = [(place.error / max(_comes_in(graph, place, known), LEAST / JUMP), place) for place in looked]
    grown = [(ratio, place) for ratio, place in grown if place.error > LEAST and ratio > JUMP]
    clear = next((place for _, place in grown if place.error > CLEAR), None)
    if clear is not None:
        grown = [(ratio, place) for ratio, place in grown if looked.index(place) <= looked.index(clear)]
    return max(grown, key=lambda pair: pair[0])[1] if grown else None


def _comes_in(graph: Graph, place: Place, known: dict[str, Place]) -> float:
    _, ends = graph.between(place.tensor, known.keys() - {place.tensor})
    return max((known[name].error for name in ends), default=0.0)


def _places(graph: Graph, sizes: dict[str, int]) -> list[Place]:
    """Values that modules give, in the order of the graph: the last value that each module's nodes make."""
    last: dict[str, str] = {}
    for i, node in enumerate(graph.nodes):
        for name in graph.modules[i]:
            if name in sizes and node.output:
                last[name] = node.output[0]
    by_tensor: dict[str, Place] = {}
    for name in sorted(last, key=len, reverse=True):  # the innermost first
        by_tensor.setdefault(last[name], Place(last[name], [])).modules.append(name)
    if "logits" in graph.outputs:
        by_tensor.setdefault("logits", Place("logits", [])).modules.append("")
    if taken := _taken(graph):
        by_tensor.setdefault(taken, Place(taken, [None]))
    return sorted(by_tensor.values(), key=lambda place: graph.made_by[place.tensor])


def _taken(graph: Graph) -> str | None:
    """The value that preprocessing takes, if the file makes it from its inputs, as it does of a table's columns."""
    for i, node in enumerate(graph.nodes):
        if graph.modules[i] and graph.modules[i][0].startswith("preprocess"):
            for name in node.input:
                j = graph.made_by.get(name)
                if j is not None and graph.nodes[j].op_type == "Concat" and graph.modules[j][:1] != ["preprocess"]:
                    return name
    return None


def _candidates(place: Place, model, order: list[str]) -> list[str | None]:
    """Modules whose output the value may be: its own, or batch normalisation right after it that was folded in."""
    found = list(place.modules)
    for name in place.modules:
        if name in order and order.index(name) + 1 < len(order):
            after = order[order.index(name) + 1]
            if "BatchNorm" in type(model.get_submodule(after)).__name__:
                found.append(after)
    return found


def _chunks(places: list[Place], sizes: dict[str, int], x):
    """The places in groups whose values fit MEMORY."""
    chunk, n_bytes = [], 0
    for place in places:
        size = max(x.size if name is None else sizes[name] for name in place.modules) * 4
        if chunk and n_bytes + size > MEMORY:
            yield chunk
            chunk, n_bytes = [], 0
        chunk.append(place)
        n_bytes += size
    if chunk:
        yield chunk


def _relative(values: np.ndarray, expected: np.ndarray) -> float:
    """The largest difference over the largest expected value; infinite where only one side is finite."""
    finite = np.isfinite(expected)
    if (finite != np.isfinite(values)).any():
        return float("inf")
    if not finite.any():
        return 0.0
    return float(np.abs(values - expected)[finite].max() / max(float(np.abs(expected[finite]).max()), 1e-6))


def _apart(got: np.ndarray, expected: np.ndarray) -> np.ndarray:
    return np.nan_to_num(np.abs(got - expected), nan=np.inf).max(axis=1)


def _softmax(logits: np.ndarray) -> np.ndarray:
    from core.evaluation.metrics import softmax

    return softmax(logits)


# ---------------------------------------------------------------------------------------------------- telling


def _named(name: str | None, model) -> str:
    if name is None:
        return "what preprocessing takes"
    kind = type(model.get_submodule(name)).__name__
    return f"{name} ({kind})" if name else "the end of the model, where the prior shift is added"


def _told(proto, graph: Graph, model, feeds, place: Place, x) -> dict:
    """Which of the nodes that make the value it is, and what can be said of it."""
    if place.modules == [None]:
        return _column(graph, model, place)
    before = {other.tensor for other in _places(graph, inside.sizes(model, x)[0])} - {place.tensor}
    nodes, ends = graph.between(place.tensor, before)
    i, why = _suspect(proto, graph, model, feeds, nodes)
    names = [graph.owner(j) for j in nodes if graph.owner(j) is not None]
    module = graph.owner(i) if i is not None and graph.owner(i) is not None else (names or place.modules)[-1]
    node = None if i is None else graph.nodes[i].name
    where = f"at {_named(module, model)}" if module in dict(model.named_modules()) else f"at {module}"
    size = "" if not np.isfinite(place.error) else f" by {place.error:.1e} of their largest value"
    text = f"The values first differ{size} {where}"
    if i is not None:
        text += f", in node {node} ({graph.nodes[i].op_type})"
    elif len(nodes) > 1:
        text += f", in one of {len(nodes)} nodes from {graph.nodes[nodes[0]].name} to {graph.nodes[nodes[-1]].name}"
    made = sorted(ends, key=lambda name: graph.made_by.get(name, -1))
    last = graph.modules[graph.made_by[made[-1]]] if made and made[-1] in graph.made_by else []
    text += f"; all that comes before, up to {last[0]}, is equal." if last and last[0] else "."
    return {"node": node, "module": module, "text": f"{text} {why}".strip()}


def _suspect(proto, graph: Graph, model, feeds, nodes: list[int]) -> tuple[int | None, str]:
    """The node among these that it is, if that can be told, and a sentence on why."""
    if len(nodes) == 1:
        return nodes[0], _weights_of(graph, model, nodes[0])
    values = inside.values(proto, feeds, [graph.nodes[i].output[0] for i in nodes])
    for i, value in zip(nodes, values):
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            kind = "NaN" if np.isnan(value).any() else "infinity"
            small = " as float16 ends at 65,504" if value.dtype == np.float16 else ""
            return i, f"It gives {kind}{small}."
    for i in nodes:
        if why := _weights_of(graph, model, i):
            return i, why
    heavy = [i for i in nodes if graph.nodes[i].op_type in HEAVY]
    return (heavy[0] if len(heavy) == 1 else None), ""


def _weights_of(graph: Graph, model, i: int) -> str:
    """A sentence if the node's weights are not the net's, "" if they are or this cannot be told."""
    import onnx

    there = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    for name in graph.nodes[i].input:
        called = graph.own(name) if name in graph.weights else None
        own = there.get(called) if called else None
        if not called or own is None or _is_folded(graph, model, i):
            continue
        values = onnx.numpy_helper.to_array(graph.weights[name])
        mine = own.detach().cpu().numpy()
        if values.shape != mine.shape or not np.allclose(values, mine, rtol=1e-6, atol=1e-7, equal_nan=True):
            return f"Its {called.rsplit('.', 1)[-1]} in the file is not the model's."
    return ""


def _is_folded(graph: Graph, model, i: int) -> bool:
    """Whether the node's weights were multiplied by batch normalisation, so that they may differ."""
    names = [name for name in graph.modules[i] if name]
    kinds = dict(model.named_modules())
    owner = graph.owner(i)
    if names and names[0] in kinds and "BatchNorm" in type(kinds[names[0]]).__name__:
        return graph.nodes[i].op_type != "BatchNormalization"
    order = list(kinds)
    after = order[order.index(owner) + 1] if owner in kinds and order.index(owner) + 1 < len(order) else None
    return after is not None and "BatchNorm" in type(kinds[after]).__name__


def _column(graph: Graph, model, place: Place) -> dict:
    """The columns of a table that reach preprocessing otherwise than they should, and the node of the first."""
    columns = model.schema.columns
    names = [columns[j].name for j in place.columns] or ["a column"]
    node = None
    if place.columns:
        concat = graph.nodes[graph.made_by[place.tensor]]
        if place.columns[0] < len(concat.input):
            nodes, _ = graph.between(concat.input[place.columns[0]], set())
            read = [i for i in nodes if set(graph.nodes[i].input) & set(graph.inputs)]
            node = graph.nodes[read[0]].name if read else None
    told = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    text = f"Values first differ before preprocessing, in how the file reads {told}"
    text += f": node {node} ({graph.nodes[_place_of(graph, node)].op_type})." if node is not None else "."
    return {"node": node, "module": "inputs", "text": text}


def _place_of(graph: Graph, name: str) -> int:
    return next(i for i, node in enumerate(graph.nodes) if node.name == name)


def _refused(graph: Graph, error: Exception) -> dict | None:
    """The node at which onnxruntime gave up, if it says so."""
    problem = str(error).strip().splitlines()[0]
    named = re.search(r"Name:'([^']*)'|[Nn]ode \(([^)]*)\)", problem)
    name = next((part for part in named.groups() if part), None) if named else None
    places = [i for i, node in enumerate(graph.nodes) if node.name == name]
    module = graph.owner(places[0]) if places else None
    if name is None:
        return None
    where = f" of {module}" if module else ""
    return {"node": name, "module": module, "text": f"onnxruntime gives up at node {name}{where}: {problem}"}


def _after(proto, graph: Graph, feeds, logits: np.ndarray, temperature: float) -> dict | None:
    """What differs behind the logits, which are equal: the node that makes the probabilities of them, and why."""
    if "probabilities" not in graph.outputs:
        return None
    if "logits" in graph.outputs:
        logits, got = inside.values(proto, feeds, ["logits", "probabilities"])
    else:
        (got,) = inside.values(proto, feeds, ["probabilities"])
    if _apart(got, _softmax(logits / temperature)).max() < 1e-5:
        return None
    nodes, ends = graph.between("probabilities", {"logits"})
    scaled = [i for i in nodes if ends and graph.nodes[i].op_type in ("Div", "Mul")]
    node = graph.nodes[scaled[-1] if scaled else graph.made_by["probabilities"]]
    text = "All modules agree up to the logits; the probabilities made of them do not"
    if temperature != 1 and _apart(got, _softmax(logits)).max() < 1e-5:
        text += f", as the temperature {temperature:.3g} is not applied"
    elif scaled:
        text += ", as they are scaled by another temperature"
    module = "temperature" if "temperature" in text else "head"
    return {"node": node.name, "module": module, "text": f"{text}: node {node.name} ({node.op_type})."}
