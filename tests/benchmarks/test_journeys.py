"""The journeys are no part of the tests, as they take minutes; but what they press must be on a page."""

import ast
import pathlib

ROOT = pathlib.Path(__file__).parent.parent.parent
PRESSED = {"click": 1, "fill": 0, "choose": 0}  # of Person, and which argument is the words on the page


def test_what_the_journeys_press_is_called_so_on_a_page():
    pages = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "dashboard").rglob("*.py"))
    pages += (ROOT / "core" / "config.py").read_text(encoding="utf-8")  # names of settings
    pressed = _pressed((ROOT / "benchmarks" / "journeys.py").read_text(encoding="utf-8"))
    assert len(pressed) > 15
    assert [text for text in sorted(pressed) if text not in pages] == []


def _pressed(source: str) -> set[str]:
    """The words that a person clicks, fills in or chooses."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    calls = [call for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr in PRESSED]
    named = [call.args[PRESSED[call.func.attr]] for call in calls if len(call.args) > PRESSED[call.func.attr]]
    parts = [part for one in named for part in ast.walk(one) if isinstance(part, ast.Constant)]
    return {part.value for part in parts if isinstance(part.value, str)}
