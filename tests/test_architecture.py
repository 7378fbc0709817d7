"""The walls of the house: imports point one way and in no circle, files stay small, what is public says what it is."""

import ast
import graphlib

import pytest

from core import jobs

PACKAGES = ("core", "exports", "dashboard")  # each may import those before it
MOST_LINES = 400
# What these say is said elsewhere: of each option in its field, of the rest by torch and by their class.
ELSEWHERE = ("Options", "forward", "train", "state_dict", "load_state_dict", "get_extra_state", "set_extra_state")
FILES = {
    ".".join(path.relative_to(jobs.ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for package in PACKAGES
    for path in sorted((jobs.ROOT / package).rglob("*.py"))
}


def walked(tree: ast.AST):
    """The nodes of a syntax tree without those that only a type checker reads."""
    yield tree
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")):
            yield from walked(node)


def imported(module: str, tree: ast.AST) -> set[str]:
    """The modules of ours that a module imports, wherever in it."""
    found = set()
    for node in walked(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in FILES else node.module for name in names}
    return {name for name in found if name in FILES and name != module}


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    return {module: ast.parse(path.read_text(encoding="utf-8")) for module, path in FILES.items()}


def test_imports_point_from_dashboard_to_exports_to_core(trees):
    for module, tree in trees.items():
        own = PACKAGES.index(module.split(".")[0])
        for name in imported(module, tree):
            assert PACKAGES.index(name.split(".")[0]) <= own, f"{module} imports {name}"


def test_no_imports_go_in_a_circle(trees):
    graph = {module: imported(module, tree) for module, tree in trees.items()}
    graphlib.TopologicalSorter(graph).prepare()  # a CycleError names the circle


def test_no_file_is_too_long_to_be_read_at_once():
    lines = {module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in FILES.items()}
    assert {module: n for module, n in lines.items() if n > MOST_LINES} == {}


def public(body: list[ast.stmt]):
    """Public functions and classes of a module, and the public methods of the latter."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body)


def test_every_module_and_all_that_is_public_in_it_says_what_it_is(trees):
    silent = [module for module, tree in trees.items() if tree.body and not ast.get_docstring(tree)]
    for module, tree in trees.items():
        named = [node for node in public(tree.body) if node.name not in ELSEWHERE]
        silent += [f"{module}.{node.name}" for node in named if not ast.get_docstring(node)]
    assert not silent, "\n".join(silent)


def test_every_public_function_says_the_types_that_it_takes_and_returns(trees):
    untyped = []
    for module, tree in trees.items():
        for node in public(tree.body):
            if isinstance(node, ast.ClassDef):
                continue
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            bare = [a.arg for a in given if a.annotation is None and a.arg not in ("self", "cls")]
            if bare or node.returns is None:
                untyped.append(f"{module}.{node.name}")
    assert not untyped, "\n".join(untyped)


def test_what_runs_again_by_itself_does_so_in_a_container_of_its_own(trees):
    used = {
        module
        for module, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.keyword) and node.arg == "run_every"
    }
    assert used == {"dashboard.frame"}  # in `repeated`, which says why
