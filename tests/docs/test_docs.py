"""The documentation builds, its links lead somewhere, its code is code, and its commands are commands that exist."""

import ast
import importlib.util
import re
import shlex
import subprocess
import sys
import urllib.parse

import pytest
import typer

from core import cli as core_cli
from core import explain, jobs, nets, registry
from core.data import readers, sources
from exports import cli as exports_cli
from tests.docs.blocks import blocks, files, title

EVERY = [pytest.param(path, id=title(path)) for path in files()]
each_file = pytest.mark.parametrize("path", EVERY)
COMMANDS = {"core": core_cli.app, "exports": exports_cli.app}
SHELL = ("", "sh", "console")
MINE = ("my_", "tests")  # modules that a reader is to write


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The documentation, built strictly: a link that leads nowhere, or an anchor that is not there, is an error."""
    pytest.importorskip("mkdocs")
    folder = tmp_path_factory.mktemp("site")
    words = ["-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run([sys.executable, *words], cwd=jobs.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.mark.slow
def test_the_documentation_builds_without_a_warning_and_holds_every_page(site):
    pages = {path.relative_to(site).with_suffix("").as_posix() for path in site.rglob("*.html")}
    written = {path.relative_to(jobs.ROOT / "docs").with_suffix("").as_posix() for path in files()[3:]}
    assert written <= pages


@pytest.mark.slow
def test_the_built_pages_fetch_nothing_from_elsewhere(site):
    for path in site.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        fetched = re.findall(r'<(?:script|link|img|iframe)[^>]*(?:src|href)="(?:https?:)?//[^"]+', text)
        assert not fetched, (path.name, fetched)


@pytest.mark.slow
def test_the_reference_says_what_the_docstrings_say(site):
    text = (site / "reference" / "exports.html").read_text(encoding="utf-8")
    assert 'id="exports.parity.verify"' in text and "on the whole test split; store and return the record" in text
    text = (site / "reference" / "command-line.html").read_text(encoding="utf-8")
    assert "--net-option" in text and "--explanation" in text


@each_file
def test_each_link_to_a_file_leads_to_one(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
        where, _, anchor = target.partition("#")
        if urllib.parse.urlsplit(target).scheme or not where:
            continue
        assert (path.parent / where).exists(), target
        if anchor:
            assert anchor in anchors((path.parent / where).read_text(encoding="utf-8")), target


def anchors(text: str) -> set[str]:
    """The anchors of a Markdown file's headings."""
    heads = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", head).strip().lower().replace(" ", "-") for head in heads}


@each_file
def test_each_python_block_compiles_and_what_it_imports_is_there(path):
    for block in blocks(path.read_text(encoding="utf-8")):
        if block.language != "python":
            continue
        tree = ast.parse(block.text.strip().removesuffix(","))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module]
            else:
                continue
            for name in names:
                assert name.startswith(MINE) or importlib.util.find_spec(name), (block.line, name)
            if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] in ("core", "exports", "dashboard"):
                for alias in node.names:
                    assert has(node.module, alias.name), (block.line, node.module, alias.name)


def has(module: str, name: str) -> bool:
    """Whether a module of ours has a member or a submodule of this name."""
    return hasattr(importlib.import_module(module), name) or bool(importlib.util.find_spec(f"{module}.{name}"))


def commands(path) -> list[tuple[int, list[str]]]:
    """The commands of ours in the shell blocks and code spans of a file: the line, and the words from the part on."""
    text, found = path.read_text(encoding="utf-8"), []
    for block in blocks(text):
        if block.language in SHELL:
            lines = block.text.replace("\\\n", " ").splitlines()
            found += [(block.line, line) for line in lines]
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
    found += [(0, span) for span in re.findall(r"`([^`\n]+)`", outside) if span.startswith(("python -m", "vitrine "))]
    return [(line, words) for line, shell in found if (words := ours(shell))]


def ours(shell: str) -> list[str] | None:
    """The words of a command of ours, from the part ("core", "exports" or "vitrine") on, or None."""
    if "python -m " not in shell and "torchrun" not in shell and not shell.startswith("vitrine "):
        return None
    words = shlex.split(shell, comments=True)
    while words and "=" in words[0] and words[0].split("=")[0].isupper():
        words = words[1:]
    if "-m" in words and words[: words.index("-m")] and words[words.index("-m") + 1] in COMMANDS:
        words = words[words.index("-m") + 1 :]
    elif not words or words[0] != "vitrine":
        return None
    for mark in ("|", ">", "&&", "["):
        words = words[: words.index(mark)] if mark in words else words
    return words


@each_file
def test_each_command_of_ours_has_options_that_exist(path):
    for line, (part, *words) in commands(path):
        if part == "vitrine":
            if not words or words[0] in ("dashboard", "share") or words[0].startswith("-"):
                continue
            part = next(name for name, app in COMMANDS.items() if words[0] in typer.main.get_command(app).commands)
        if not words or words == ["..."]:
            continue
        command = typer.main.get_command(COMMANDS[part])
        try:
            while hasattr(command, "commands"):
                command = command.commands[words[0]]
                words = words[1:]
            given = [word.strip("[]") for word in words if "..." not in word]
            parsed = command.make_context(part, given)
        except Exception as error:  # whatever is wrong, it is the document's
            pytest.fail(f"line {line}: {part} {' '.join(words)}: {error}")
        assert not parsed.args, f"line {line}: {words}"


def test_the_reference_names_every_option_of_the_dashboard():
    said = subprocess.run(
        [sys.executable, "-m", "dashboard", "--help"], cwd=jobs.ROOT, capture_output=True, text=True, check=True
    ).stdout
    text = (jobs.ROOT / "docs" / "reference" / "command-line.md").read_text(encoding="utf-8")
    section = text.split("## python -m dashboard")[1]
    assert set(re.findall(r"--[a-z-]+", said)) - {"--help"} == set(re.findall(r"`(--[a-z-]+)`", section))


def test_commands_are_found_in_the_documents_and_a_wrong_option_would_be(tmp_path):
    assert sum(len(commands(path)) for path in files()) > 80
    (tmp_path / "wrong.md").write_text("```\npython -m core train --dta digits\n```\n", encoding="utf-8")
    with pytest.raises(pytest.fail.Exception, match="--dta"):
        test_each_command_of_ours_has_options_that_exist(tmp_path / "wrong.md")


def test_the_readme_fits_two_screens_and_names_every_source_reader_net_and_explainer():
    text = (jobs.ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 100
    folders = (sources, readers, explain)
    for name in [*nets.available(), *(name for package in folders for name in registry.members(package))]:
        assert f"`{name}`" in text, name


def test_no_picture_of_the_documentation_is_large():
    pictures = list((jobs.ROOT / "docs").rglob("*.png"))
    assert pictures and all(path.stat().st_size < 300_000 for path in pictures)
