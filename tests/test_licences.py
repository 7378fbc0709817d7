"""The licences of what Vitrine needs: all listed, none that would bind those who use it."""

import re
import runpy

from core import jobs

made = runpy.run_path(str(jobs.ROOT / "docs" / "licences.py"))
LISTED = (jobs.ROOT / "docs" / "licences.md").read_text(encoding="utf-8")


def test_no_package_that_runs_here_is_under_the_gpl_or_agpl():
    found = {name: made["licence"](name) for name in made["needed"]()}
    assert len(found) > 50
    assert not {name: one for name, one in found.items() if re.search(r"\bA?GPL|GNU (Affero )?General", one)}


def test_each_package_that_is_named_in_the_requirements_is_listed():
    direct = [name for name, by in made["needed"]().items() if "" in by]
    assert len(direct) > 20
    for name in direct:
        assert f"\n| {name} | " in LISTED, f"{name} is missing: run python docs/licences.py"


def test_what_the_code_imports_is_listed_or_optional():
    ours = {"core", "exports", "dashboard"}
    names = {
        found[1]
        for part in ours
        for path in (jobs.ROOT / part).rglob("*.py")
        for found in re.finditer(r"^\s*(?:import|from) (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    import importlib.metadata
    import sys

    of = importlib.metadata.packages_distributions()
    optional = {"mlflow-skinny", "openpyxl"}
    known = {re.sub(r"[-_.]+", "-", name).lower() for name in made["needed"]()} | optional
    for name in sorted(names - ours - set(sys.stdlib_module_names)):
        for package in of.get(name, []):
            assert re.sub(r"[-_.]+", "-", package).lower() in known or len(of[name]) > 1, f"{name} is of {package}"
