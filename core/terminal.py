"""The terminal that the command lines print to."""

from rich.console import Console

console = Console()
if not console.is_terminal:
    console.width = 160  # a pipe or a file has no width of its own
