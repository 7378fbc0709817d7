"""The `vitrine` command: the dashboard, and every command of `python -m core` and `python -m exports` at once."""

import importlib.metadata
import sys
from typing import Annotated

import typer

REST = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}  # the dashboard reads these


def build() -> typer.Typer:
    """The command line; what core and exports offer is in it without being listed here."""
    from core import cli as core_cli
    from exports import cli as exports_cli

    app = typer.Typer(
        help="Train a classifier, see how good it is and why, and deploy it as one file. "
        "Without a command, the dashboard starts: vitrine, or vitrine --port 9000.",
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback(invoke_without_command=True)(_begin)
    app.command("dashboard", context_settings=REST)(_dashboard)
    app.command("share", context_settings=REST)(_share)
    for part in (core_cli.app, exports_cli.app):
        app.registered_commands += part.registered_commands
        app.registered_groups += part.registered_groups
    return app


def _begin(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        print(importlib.metadata.version("vitrine"))
        raise typer.Exit


def _dashboard(context: typer.Context) -> None:
    """Start the dashboard on this machine. --help lists its options."""
    start(context.args)


def _share(context: typer.Context) -> None:
    """Start a dashboard that only shows, for a team. --help lists its options."""
    start(["--share", *context.args])


def start(words: list[str]) -> None:
    """Start the dashboard with these options, until Ctrl-C."""
    from dashboard import __main__ as dashboard

    dashboard.main(words, prog="vitrine share" if "--share" in words else "vitrine")


def main() -> None:
    """Do what the command line says; without a command, start the dashboard."""
    words = sys.argv[1:]
    first = words[0] if words else ""
    if not words or (first.startswith("-") and first not in ("--help", "--version")):
        start(words)  # without the command lines, which take longer to load
    elif first == "verify":
        from exports import __main__ as exports

        exports.main()  # which checks a file by itself without loading the rest
    else:
        from core.cli import guarded

        guarded(build())
