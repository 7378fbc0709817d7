"""Your own nn.Module, named as package.module:name: a class, or a function that makes one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core import named
from core.data.dataset import Schema
from core.options import option

if TYPE_CHECKING:
    from torch import nn

KINDS = ("image", "table")
TITLE = "Your own nn.Module"


@dataclass(frozen=True)
class Options:
    where: str = option("", "your net as package.module:name, a class or a function that returns a net")
    arguments: str = option("{}", 'arguments for it as JSON, for example {"width": 64}')


def build(schema: Schema, options: Options = Options()) -> "nn.Module":
    """Return the net, made from its arguments: float32 (n, c, h, w) or (n, len(schema.inputs)) -> (n, n_classes).

    Where it takes `n_classes`, `num_classes` or `input_shape` (of one sample) by name, it is told, unless the arguments
    say them. Raises ValueError with a sentence if it cannot be found or made, or is no nn.Module.
    """
    from torch import nn

    if not options.where:
        raise ValueError("The net own needs a module; set where to package.module:name.")
    found = named.find(options.where, "a net")
    if isinstance(found, nn.Module):
        raise ValueError(f"{options.where} is a net already made; name the class, or a function that makes it anew.")
    if not callable(found):
        raise ValueError(f"{options.where} is a {type(found).__name__}; it must be a class or a function.")
    given = named.arguments(options.arguments, '{"width": 64}')
    try:
        net = found(**told(found, schema) | given)
    except Exception as error:  # a person's own code
        raise ValueError(f"{options.where} could not be made: {type(error).__name__}: {error}") from error
    if not isinstance(net, nn.Module):
        raise ValueError(f"{options.where} made a {type(net).__name__}; it must be a torch.nn.Module.")
    if not any(parameter.requires_grad for parameter in net.parameters()):
        raise ValueError(f"{options.where} has no parameters to train.")
    return net


def told(found: Callable, schema: Schema) -> dict:
    """What the net takes of the facts about the data."""
    import inspect

    shape = tuple(schema.shape) if schema.kind == "image" else (len(schema.inputs),)
    n_classes = len(schema.classes)
    facts = {"n_classes": n_classes, "num_classes": n_classes, "input_shape": shape}
    try:
        takes = inspect.signature(found).parameters
    except (ValueError, TypeError):  # a callable without a signature
        return {}
    return {name: value for name, value in facts.items() if name in takes}
