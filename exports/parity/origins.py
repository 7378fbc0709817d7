"""Which module of the net each node of an exported file comes from, as the exporter noted it or as names tell."""

import ast
import math

SCOPES = "pkg.torch.onnx.name_scopes"  # of a node: the modules around it, outermost first, and its own name
HEAVY = ("Conv", "Gemm", "MatMul", "ConvTranspose", "BatchNormalization")


class Graph:
    """The nodes of a file, which of them makes a value, and for each the modules that it is in, innermost first.

    The model itself is "", its parts are "preprocess", "net", "net.body.0" and so on. Where nothing is noted, a node
    that takes weights of the net is in the module that these belong to.
    """

    def __init__(self, proto):
        self.nodes = list(proto.graph.node)
        self.inputs = [value.name for value in proto.graph.input]
        self.outputs = [value.name for value in proto.graph.output]
        self.made_by = {name: i for i, node in enumerate(self.nodes) for name in node.output if name}
        self.weights = {tensor.name: tensor for tensor in proto.graph.initializer}
        scopes = [_scopes(node) for node in self.nodes]
        names = {name for scope in scopes for name in scope} | self.weights.keys()
        self.start = _start(names)
        self.noted = any(self._within(scope) for scope in scopes)
        self.modules = [self._within(scope) for scope in scopes]
        if not self.noted:
            self.modules = self._by_weights()

    def own(self, name: str) -> str | None:
        """A weight's name as the model has it; None if it is not one of the model's."""
        known = name.startswith((f"{self.start}net.", f"{self.start}preprocess.", f"{self.start}prior_shift"))
        return name[len(self.start) :] if known else None

    def owner(self, i: int) -> str | None:
        """The module whose weights a node takes, as of a convolution that batch normalisation was folded into; else the
        innermost one that it comes from; None if it is in none."""
        return self._of_weights(i) or (self.modules[i][0] if self.modules[i] else None)

    def n_weights(self, i: int) -> int:
        """How many values a node takes in weights of more than one dimension."""
        taken = [self.weights[name].dims for name in self.nodes[i].input if name in self.weights]
        return sum(math.prod(dims) for dims in taken if len(dims) > 1)

    def between(self, value: str, known: set[str]) -> tuple[list[int], set[str]]:
        """Places of the nodes that make a value from known ones, in order, and which known ones these are."""
        todo, seen, ends = [value], set(), set()
        while todo:
            i = self.made_by.get(todo.pop())
            if i is None or i in seen:
                continue
            seen.add(i)
            for name in self.nodes[i].input:
                if name in known:
                    ends.add(name)
                else:
                    todo.append(name)
        return sorted(seen), ends

    def _within(self, scopes: list[str]) -> list[str]:
        inside = [
            name[len(self.start) :] for name in scopes if name.startswith((f"{self.start}net", f"{self.start}pre"))
        ]
        root = self.start.rstrip(".")
        return [*dict.fromkeys(inside[::-1]), *([""] if root and root in scopes else [])]

    def _of_weights(self, i: int) -> str | None:
        own = next(filter(None, (self.own(name) for name in self.nodes[i].input if name in self.weights)), "")
        return own.rsplit(".", 1)[0] or None if "." in own else None

    def _by_weights(self) -> list[list[str]]:
        """For each node the module of the net that its weights belong to, up to where they are taken again."""
        modules, taken = [], set()
        for i, node in enumerate(self.nodes):
            own, names = self._of_weights(i), self.weights.keys() & set(node.input)
            first = own is not None and own.startswith("net.") and not (taken & names)
            modules.append([own] if first else [])
            taken |= {name for name in names if self.own(name)}
        return modules


def _scopes(node) -> list[str]:
    for entry in node.metadata_props:
        if entry.key == SCOPES:
            return ast.literal_eval(entry.value)[:-1]
    if not node.name.startswith("/"):
        return []
    scopes, path = [], []
    for part in node.name.split("/")[1:-1]:  # of the older exporter: /model/net/body/body.0/Gemm
        path = [*path[:-1], part] if path and part.startswith(f"{path[-1]}.") else [*path, part]
        scopes.append(".".join(path))
    return scopes


def _start(names: set[str]) -> str:
    """What stands before the model's own names: "model." where "model.net" is its net."""
    found = [name.split("net", 1)[0] for name in names if f".{name}".endswith(".net") or ".net." in f".{name}"]
    return min(found, key=len, default="")
