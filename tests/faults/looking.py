"""Looking at a workspace as people do, by lists, pages and commands: what comes is a sentence, never a traceback."""

import contextlib
import io
import re
import traceback
from dataclasses import dataclass

from streamlit.testing.v1 import AppTest

from core import cli as core_cli
from core import data, jobs, runs, search, trash
from core.data import imports, store
from dashboard import frame
from exports import cli as exports_cli
from tests.dashboard import pages
from tests.dashboard.pages import is_sentence

APP = str(jobs.ROOT / "dashboard" / "app.py")


@dataclass
class Seen:
    """What somebody saw: the faults (a traceback, or what is no sentence), and the sentences of errors."""

    faults: list[str]
    errors: list[str]


def lists() -> dict:
    """What every list shows, by the name of the thing; raises nothing, whatever a file holds."""
    found = {row["run"]: row for row in jobs.summaries()}
    found |= {("course", run): jobs.course(run) for run in runs.names()}
    found |= {("data", name): data.title(name) for name in data.available()}
    found |= {("versions", name): [row["version"] for row in store.versions(name)] for name in store.names()}
    found |= {("search", name): search.status(name)["state"] for name in search.names()}
    found |= {("import", row["id"]): row["state"] for row in imports.all_jobs()}
    return found | {("trash", run): None for run in trash.names()}


def page(name: str, **query: str) -> Seen:
    """Open a page as a link to it would."""
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params.update(query)
    shown = (app if name == "runs" else app.switch_page(f"views/{name}.py")).run()
    faults = [f"{error.message}\n{''.join(error.stack_trace)}" for error in shown.exception]
    errors = [pages.unescaped(error.value) for error in (*shown.error, *shown.warning)]
    faults += [f"no sentence: {text}" for text in errors if not is_sentence(text) or frame.WHY in text]
    return Seen(faults, errors)


def command(*words: str, exports: bool = False) -> Seen:
    """Give a command in the shell; one that fails must say so in one line."""
    app = exports_cli.app if exports else core_cli.app
    return guarded(lambda: app(list(words), standalone_mode=False))


def guarded(do) -> Seen:
    """Do something as a command does: an error is one line, or else a traceback."""
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            core_cli.guarded(do)
    except SystemExit as end:
        text = str(end.code or "")
        if re.fullmatch(r"[01]?", text):
            return Seen([], [])
        text = text.removeprefix("Error: ")
        said = is_sentence(f"{text}.") and "\n" not in text  # it may end in a command to give
        return Seen([] if said else [f"no sentence: {text}"], [text])
    except BaseException as error:  # what a person would see as a traceback
        return Seen([traceback.format_exc()], [type(error).__name__])
    return Seen([], [])
