"""What a person names as package.module:name, and the arguments given for it."""

import importlib
import json
import pathlib
import sys
from typing import Any


def find(where: str, what: str) -> Any:
    """The object that "package.module:name" is, looked for in the current folder too; `what` says what it should be.

    Raises ValueError with a sentence if there is no such module or name.
    """
    module_name, colon, name = where.partition(":")
    if not colon or not module_name or not name:
        raise ValueError(f"{where!r} does not name {what}; it must be package.module:name.")
    if str(pathlib.Path.cwd()) not in sys.path:
        sys.path.insert(0, str(pathlib.Path.cwd()))
    try:
        found = importlib.import_module(module_name)
    except ImportError as error:
        raise ValueError(
            f"{module_name} cannot be imported ({error}); start Vitrine where `import {module_name}` works."
        ) from error
    try:
        for part in name.split("."):
            found = getattr(found, part)
    except AttributeError as error:
        raise ValueError(f"{module_name} has no {name}; name what is in the module.") from error
    return found


def arguments(text: str, example: str) -> dict:
    """Arguments as JSON text -> a dict; ValueError if it is not an object, with one as an `example`."""
    try:
        values = json.loads(text or "{}")
    except ValueError as error:
        raise ValueError(f"The arguments {text!r} are no JSON ({error}).") from error
    if not isinstance(values, dict):
        raise ValueError(f"The arguments {text!r} must be a JSON object, for example {example}.")
    return values
