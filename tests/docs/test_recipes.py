"""CONTRIBUTING's recipes: each adds the file that the text shows to a copy of the project, and it works."""

import ast
import os
import shutil
import subprocess
import sys

import pytest

from core import jobs
from tests.docs.blocks import blocks

TEXT = (jobs.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
RECIPES = [block for block in blocks(TEXT) if block.title]
PAGES = """
import sys
from streamlit.testing.v1 import AppTest
app = AppTest.from_file("dashboard/app.py", default_timeout=60).run()
app.switch_page("views/history.py").run()
assert not app.exception, app.exception
assert any("highest in epoch" in text.value for text in app.markdown)
app.query_params["data"] = "moons"
app.switch_page("views/train.py").run()
assert not app.exception, app.exception
assert any("Logistic regression" in box.options for box in app.selectbox)
assert "torch" not in sys.modules
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the project with the file of every recipe, and the page's line in the list of pages."""
    tree = tmp_path_factory.mktemp("copy")
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("core", "exports", "dashboard", "tests"):
        shutil.copytree(jobs.ROOT / name, tree / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(jobs.ROOT / name, tree / name)
    for block in RECIPES:
        assert not (tree / block.title).exists(), f"{block.title} is there already"
        (tree / block.title).write_text(block.text, encoding="utf-8")
    (line,) = [block.text for block in blocks(TEXT) if block.text.startswith("st.Page(")]
    app = tree / "dashboard" / "app.py"
    place = '            st.Page("views/compare.py"'
    assert place in app.read_text(encoding="utf-8")
    app.write_text(
        app.read_text(encoding="utf-8").replace(place, f"{' ' * 12}{line.rstrip()},\n{place}"), encoding="utf-8"
    )
    return tree


@pytest.fixture(scope="module")
def run(copy, tmp_path_factory):
    """A workspace in which the new net was trained on the new data, and digits for the explainer."""
    workspace = tmp_path_factory.mktemp("recipes") / "workspace"
    python(copy, workspace, "-m", "core", "train", "--data", "digits", "--epochs", "1", "--seed", "1")
    said = python(
        copy, workspace, "-m", "core", "train", "--data", "moons", "--net", "logistic", "--net-option", "bias=true"
    )
    assert "Right on" in said
    return workspace


def python(copy, workspace, *words) -> str:
    """What Python prints in the copy; it must end well."""
    done = subprocess.run(
        [sys.executable, *words],
        cwd=copy,
        env={**os.environ, "VITRINE_WORKSPACE": str(workspace)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    return done.stdout


def test_there_is_a_recipe_for_each_thing_that_is_one_file():
    assert [block.title.rpartition("/")[0] for block in RECIPES] == [
        "core/data/sources",
        "core/nets",
        "core/explain",
        "core/evaluation/counted",
        "dashboard/views",
    ]


def test_the_recipes_say_what_they_are_and_the_types_that_they_take_and_return():
    for block in RECIPES:
        tree = ast.parse(block.text)
        assert ast.get_docstring(tree)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef):
                assert ast.get_docstring(node) and node.returns is not None
                assert all(argument.annotation is not None for argument in node.args.args), block.title


@pytest.mark.slow
def test_the_recipes_files_are_written_as_the_project_is(copy):
    paths = [block.title for block in RECIPES]
    subprocess.run([sys.executable, "-m", "ruff", "check", "--quiet", *paths], cwd=copy, check=True)
    subprocess.run([sys.executable, "-m", "ruff", "format", "--check", "--quiet", *paths], cwd=copy, check=True)


@pytest.mark.slow
def test_the_new_source_net_and_metric_are_used_by_a_training(copy, run):
    said = python(copy, run, "-m", "core", "evaluate", "latest", "--data", "moons")
    assert "Worst recall" in said
    assert "Two moons" in python(copy, run, "-m", "core", "data", "list")
    assert "Logistic regression" in python(copy, run, "-m", "core", "nets")


@pytest.mark.slow
def test_the_new_explainer_explains_and_is_judged(copy, run):
    code = (
        "from core import explain, runs, trust\n"
        "run = runs.names()[-1]\n"
        "found = explain.explain(run, None, method='saliency')\n"
        "assert found.arrays['attribution'].min() >= 0 and found.arrays['attribution'].max() > 0\n"
        "print(trust.judge(run, found.record['sample'], method='saliency')['sentence'])"
    )
    assert python(copy, run, "-c", code).strip().endswith(".")


@pytest.mark.slow
def test_the_new_page_opens_without_torch_and_the_train_page_offers_the_new_net(copy, run):
    python(copy, run, "-c", PAGES)


@pytest.mark.slow
def test_the_contract_tests_run_over_the_new_files_and_pass(copy, run, tmp_path):
    where = "data/test_sources.py nets/test_nets.py nets/test_onnx.py evaluation/test_counted.py".split()
    chosen = "moons or logistic or saliency or worst_recall"
    own = ("-p", "no:cacheprovider", "--basetemp", str(tmp_path / "own"))  # or it tidies up after all runs before it
    python(copy, run, "-m", "pytest", *(f"tests/core/{path}" for path in where), "-k", chosen, *own)
