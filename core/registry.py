"""A folder is its own registry: each file in it without a leading underscore is one member, named after the file."""

import difflib
import importlib
import pkgutil
from types import ModuleType

from core.words import quoted


def members(package: ModuleType) -> list[str]:
    """Names of the members of `package`, sorted."""
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_"))


def member(package: ModuleType, name: str, what: str, known: list[str] | None = None) -> ModuleType:
    """The module of one member; LookupError says which there are: `known`, or the members (`what` names one)."""
    names = known or members(package)
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise LookupError(f"There is no {what} {quoted(name)}; there are {', '.join(names)}.{hint}")
    return importlib.import_module(f"{package.__name__}.{name}")
