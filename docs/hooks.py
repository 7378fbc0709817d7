"""What MkDocs does beside its own work: the dashboard's icon, and commands and options from the command line itself."""

import pathlib
import sys

from mkdocs.structure.files import File

SHIM = "https://unpkg.com/iframe-worker/shim"
ROOT = pathlib.Path(__file__).resolve().parent.parent


def on_files(files, config):
    """The dashboard's icon is the documentation's too."""
    files.append(File.generated(config, "theme/icon.svg", abs_src_path=str(ROOT / "dashboard" / "icon.svg")))
    return files


def on_page_markdown(markdown: str, **_) -> str:
    """Put the commands in place of the line `<!-- commands -->` of a page."""
    return markdown.replace("<!-- commands -->", commands()) if "<!-- commands -->" in markdown else markdown


def on_post_page(output: str, page, **_) -> str:
    """The theme would fetch what searching from a disk needs; it is here."""
    return output.replace(SHIM, "../" * page.url.count("/") + "theme/iframe-worker.js")


def on_post_template(output: str, **_) -> str:
    """The same in the page that a server shows for what is not there."""
    return output.replace(SHIM, "/theme/iframe-worker.js")


def commands() -> str:
    """Each command with its options, as Markdown."""
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    import typer

    from core import cli as core_cli
    from exports import cli as exports_cli

    parts = {"core": core_cli.app, "exports": exports_cli.app}
    return "\n\n".join(
        text
        for part, app in parts.items()
        for name, command in sorted(typer.main.get_command(app).commands.items())
        for text in described(f"{part} {name}", command)
    )


def described(name: str, command) -> list[str]:
    """A section of one command: what it does, its arguments and its options; of a group, one for each command in it."""
    if inner := getattr(command, "commands", None):
        return [text for word, one in sorted(inner.items()) for text in described(f"{name} {word}", one)]
    rows = []
    for option in command.params:
        named = option.opts[0].startswith("-")
        written = (
            ", ".join(f"`{word}`" for word in [*option.opts, *option.secondary_opts]) if named else option.name.upper()
        )
        text = (getattr(option, "help", None) or "").replace("|", "\\|")
        rows.append(f"| {written} | {text} |")
    table = ["| Given | Meaning |", "|---|---|", *rows] if rows else []
    return [f"## python -m {name}\n\n{(command.help or '').strip()}\n\n" + "\n".join(table)]
