"""Passwords and tokens: compared in constant time, and in nothing that is printed, logged or raised."""

import ast

import pytest

from core import jobs
from dashboard import access

SECRET = ("password", "token", "secret", "cookie")
SAYING = ("print", "log", "info", "warning", "error", "debug", "exception", "markdown", "caption", "write_text")
HARMLESS = ("_without_password",)  # which takes it out
OTHER = ("core/evaluation/filters.py",)  # its tokens are the words of a filter
FILES = [
    path
    for part in ("core", "exports", "dashboard")
    for path in sorted((jobs.ROOT / part).rglob("*.py"))
    if path.relative_to(jobs.ROOT).as_posix() not in OTHER
]


def names(node) -> set[str]:
    """Names of variables and attributes in an expression that hold a secret."""
    found = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    found |= {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
    return {
        name
        for name in found - {*HARMLESS}
        if name.lower() in SECRET or name.lower().endswith(tuple(f"_{s}" for s in SECRET))
    }


def faults(source: str) -> list[str]:
    """Lines where a secret is compared by ==, or said."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and any(isinstance(sign, (ast.Eq, ast.NotEq)) for sign in node.ops):
            sides = [node.left, *node.comparators]
            if any(names(side) for side in sides if isinstance(side, (ast.Name, ast.Attribute))):
                found.append(f"{node.lineno}: compared")
        elif isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            said = [part for one in node.args for part in ast.walk(one) if isinstance(part, ast.FormattedValue)]
            said += [one for one in node.args if isinstance(one, (ast.Name, ast.Attribute))]
            if called in SAYING and any(names(one) for one in said):
                found.append(f"{node.lineno}: said")
        elif isinstance(node, ast.Raise) and node.exc is not None:
            shown = [part for part in ast.walk(node.exc) if isinstance(part, ast.FormattedValue)]
            found += [f"{node.lineno}: raised" for part in shown if names(part)]
    return found


def test_the_scan_finds_what_must_not_be():
    assert faults("if given == token: pass") == ["1: compared"]
    assert faults("print(f'with {password}')") == ["1: said"]
    assert faults("raise ValueError(f'{self.token} is wrong')") == ["1: raised"]
    assert faults("hmac.compare_digest(given, token)") == []


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(jobs.ROOT)) for path in FILES])
def test_no_secret_is_compared_as_text_or_said(path):
    assert faults(path.read_text(encoding="utf-8")) == []


def test_a_password_fits_its_hash_alone_and_the_hash_holds_none_of_it():
    stored = access.hashed("open sesame")
    assert access.fits("open sesame", stored)
    assert not access.fits("open sesam", stored) and "sesame" not in stored
    assert access.hashed("open sesame") != stored  # salted


@pytest.mark.parametrize("stored", ["", "00", "00:", ":", "zz:00", "00:\u20ac"])
def test_a_damaged_hash_lets_nobody_in(stored):
    assert not access.fits("", stored)
