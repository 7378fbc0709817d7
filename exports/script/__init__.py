"""A run as a plain PyTorch script that trains the same way where Vitrine is not installed."""

import contextlib
import dataclasses
import json
import math
import pathlib
import re
import textwrap

from core import folds, nets, runs
from core.config import AugmentConfig, TrainConfig, TrainingConfig

TEMPLATES = pathlib.Path(__file__).parent / "templates"
EVALUATED_AT_ONCE = 2**23  # values of samples
WIDTH = 120  # of a line


def script(run: str) -> str:
    """The text of the script; ValueError with a sentence if the run's net or weights are of a kind it is not for."""
    import jinja2

    if members := folds.members(run):
        raise ValueError(f"Run {run} pools {len(members)} folds; take the script of one of them, such as {members[0]}.")
    config, schema, dataset = runs.config(run), runs.schema(run), runs.dataset(run)
    model, settings, augment = _model(config, schema), config.training, config.augment
    mixes = augment.mixup > 0 or augment.cutmix > 0
    changes = dataclasses.replace(augment, mixup=0.0, cutmix=0.0) != AugmentConfig()
    features = settings.freeze == -1 and not changes and not mixes
    values = {
        "title": _title(run, config),
        "data": str(runs.workspace() / "data" / dataset.name / dataset.fingerprint[:12]),
        "split": str(runs.path(run, "split.parquet")),
        "is_image": schema.kind == "image",
        "shape": schema.shape,
        "n_classes": len(schema.classes),
        "s": settings,
        "batch_size": _batch_size(run, settings),
        "a": augment,
        "warps": augment.rotate > 0 or augment.crop < 1,
        "changes": changes,
        "mixes": mixes,
        "features": features,
        "thaws": settings.freeze != 0 and not features,
        "balanced": bool(settings.resample or settings.class_weights),
        "groups_differ": settings.backbone_lr != 1 and hasattr(model.net, "backbone") and not features,
        "kept": "average" if settings.ema else "net",
        "at_once": max(16, min(1024, EVALUATED_AT_ONCE // math.prod(schema.shape))),
        "optimizer": _optimizer(settings),
        "rate": _rate(settings),
        "momentum": _momentum(settings),
        "smoothing": f", label_smoothing={settings.label_smoothing}" if settings.label_smoothing else "",
        "start": _start(config, schema, model),
        **(_image(config, schema, dataset, model) if schema.kind == "image" else _table(config, schema)),
        **_net(config, schema, model),
    }
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), trim_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["quoted"] = _quoted
    text = environment.get_template("script.py.jinja").render(values).strip() + "\n"
    text = re.sub(r"\n{4,}", "\n\n\n", text)
    return re.sub(r"\n+(?=# -{20})", "\n\n\n", text)


def _title(run: str, config: TrainConfig) -> str:
    """The docstring of the script: what it does, and what it does otherwise than the run."""
    needs = ["PyTorch", "NumPy", "pandas", "pyarrow"]
    if config.net.name == "pretrained":
        needs.insert(1, "torchvision")
    if config.net.weights.endswith(".safetensors"):
        needs.append("safetensors")
    words = (
        "The best epoch is the one with the lowest validation loss. It computes in float32, and random numbers are "
        "others than in the run, so figures differ a little."
    )
    if config.net.name == "own":
        words += " Your own module must be where it can be imported."
    if config.data.redraw:
        words += " Left out: your Dataset is not read anew in each epoch; its samples are those that were stored."
    first = f"Trains as the run {run} did, with {', '.join(needs[:-1])} and {needs[-1]} alone."
    return f'"""{textwrap.fill(first, 117)}\n\n{textwrap.fill(words, 120)}\n"""'


def _quoted(value) -> str:
    """A text, or a list of texts, as Python code."""
    return json.dumps(value, ensure_ascii=False)


def _model(config: TrainConfig, schema):
    """The untrained model of the run, which says what its layers are."""
    from core.model import Model

    return Model(schema, config.net)


def _batch_size(run: str, settings: TrainingConfig) -> int:
    found = settings.batch_size or runs.status(run).get("batch_size")
    if not found:
        raise ValueError(f"The run {run} has not found its batch size yet; wait until it trains.")
    return found


# ---------------------------------------------------------------------------------------------------- data


def _image(config: TrainConfig, schema, dataset, model) -> dict:
    """How images are sized and normalised."""
    preprocess = model.preprocess
    given = preprocess.given
    if earlier := _prepared(config):
        with contextlib.suppress(RuntimeError):  # of images with other channels
            preprocess.load_state_dict(earlier)
            given = True
    resized = dataset.x.shape[1:] != schema.shape or preprocess.zoom != 1
    return {
        "resized": resized,
        "zoom": round(preprocess.zoom, 6),
        "cubic": preprocess.cubic,
        "top": int(preprocess.top),
        "level": " / 255" if preprocess.top == 255 else "",
        "mean": _numbers(preprocess.mean) if given else None,
        "std": _numbers(preprocess.std) if given else None,
    }


def _prepared(config: TrainConfig) -> dict:
    """What an earlier run, whose weights this one starts from, did to its images; empty if there is no such run."""
    if not _file(config):
        return {}
    from core.nets import weights

    tensors = weights.read(pathlib.Path(_file(config)))
    return {
        name.removeprefix("preprocess."): value for name, value in tensors.items() if name.startswith("preprocess.")
    }


def _numbers(values) -> list[float]:
    return [round(value, 6) for value in values.flatten().tolist()]


def _table(config: TrainConfig, schema) -> dict:
    """How rows are made of columns."""
    options = config.net.options
    types = {column.type for column in schema.columns}
    return {
        "columns": "\n".join(map(_column, schema.columns)),
        "has": {"categories": "category" in types, "dates": "date" in types},
        "numbers": options.get("numbers", "plain") if "number" in types else "plain",
        "pieces": options.get("pieces", 16),
        "unknown": options.get("unknown", 0.0),
    }


def _column(column) -> str:
    """A column as a line of the script, or several where it has many categories."""
    name, missing = _quoted(column.name), column.missing
    if column.type != "category":
        return f"    ({name}, {_quoted(column.type)}, {missing}),"
    line = f"    ({name}, {_quoted(column.categories)}, {missing}),"
    if len(line) <= WIDTH:
        return line
    rows = [""]
    for category in map(_quoted, column.categories):
        if len(rows[-1]) + len(category) > WIDTH - 15:
            rows.append("")
        rows[-1] += f"{category}, "
    inside = "\n".join(f"            {row.rstrip()}" for row in rows)
    return f"    (\n        {name},\n        [\n{inside}\n        ],\n        {missing},\n    ),"


# ---------------------------------------------------------------------------------------------------- the net


def _net(config: TrainConfig, schema, model) -> dict:
    """The layers of the net, one a line, and what else its part of the script must know."""
    found = {"own": None, "arch": None, "blocks": False}
    name, net = config.net.name, model.net
    if name == "own":
        return {**found, "own": _own(config, schema, net)}
    if name == "pretrained":
        return {**found, "arch": _arch(config, schema, net), "head": _lines(net.head)}
    if name in ("cnn", "residual_cnn"):
        found |= {"backbone": _lines(net.backbone), "head": _lines(net.head)}
    elif name in ("mlp", "residual_mlp"):
        body = _lines(net.body)
        found["body"] = re.sub(r"nn\.Linear\(\d+", "nn.Linear(n_features", body, count=1)
    else:
        raise ValueError(f"A script is not written for the net {name}; choose another one.")
    return {**found, "blocks": any(type(layer).__name__ == "Residual" for layer in net.modules())}


def _lines(layers) -> str:
    """The layers, one a line, with as few arguments as they need."""
    return "\n".join(f"            {_layer(layer)}," for layer in layers)


def _layer(layer) -> str:
    from torch import nn

    from core.nets._layers import Residual

    if isinstance(layer, Residual):
        convolution = layer.branch[0]
        if isinstance(convolution, nn.LayerNorm):
            return f"Block({convolution.normalized_shape[0]}, {layer.branch[3].p})"
        if len(layer.branch) != 5:
            raise ValueError("A script is not written for images of a single pixel.")
        return f"Block({convolution.in_channels}, {convolution.out_channels}, {convolution.stride[0]})"
    if isinstance(layer, nn.Conv2d):
        stride = f", {layer.stride[0]}" if layer.stride[0] > 1 else ""
        bias = "" if layer.bias is not None else ", bias=False"
        size = layer.kernel_size[0]
        return f"nn.Conv2d({layer.in_channels}, {layer.out_channels}, {size}{stride}, padding={layer.padding[0]}{bias})"
    arguments = {
        nn.BatchNorm2d: lambda: layer.num_features,
        nn.LayerNorm: lambda: layer.normalized_shape[0],
        nn.Linear: lambda: f"{layer.in_features}, {layer.out_features}",
        nn.Dropout: lambda: layer.p,
        nn.MaxPool2d: lambda: layer.kernel_size,
        nn.AdaptiveAvgPool2d: lambda: layer.output_size,
        nn.ReLU: lambda: "",
        nn.Flatten: lambda: "",
    }
    if type(layer) not in arguments:
        raise ValueError(f"The net has a {type(layer).__name__}, for which no line of a script is known.")
    return f"nn.{type(layer).__name__}({arguments[type(layer)]()})"


def _arch(config: TrainConfig, schema, net) -> dict:
    """How torchvision's net is made, and which of its layers are taken away."""
    import inspect

    from torch import nn
    from torchvision import models

    name = config.net.options.get("arch", "mobilenet_v2")
    builder = models.get_model_builder(name)
    takes = inspect.signature(inspect.signature(builder).return_annotation.__init__).parameters
    arguments = f"{_quoted(name)}, weights=None"
    if "aux_logits" in takes:
        arguments += ", aux_logits=False, init_weights=False, transform_input=True"
    if "image_size" in takes:
        arguments += f", image_size={schema.shape[1]}"
        if nets.starts_trained(config.net.name, config.net.weights) and not config.net.weights.startswith("run:"):
            side = models.get_model_weights(name).DEFAULT.transforms().crop_size[0]  # ty: ignore[missing-attribute]
            if side != schema.shape[1]:
                raise ValueError(f"A script is written for {name} at {side} pixels, not at {schema.shape[1]}.")
    if "input_size" in takes:
        arguments += f", input_size=({schema.shape[1]}, {schema.shape[2]})"
    parent, _, last = net.backbone.last.rpartition(".")
    siblings = [key for key, _ in net.backbone.body.get_submodule(parent).named_children()]
    gone = [last]
    before = siblings[siblings.index(last) - 1] if siblings.index(last) else None
    if before and isinstance(net.backbone.body.get_submodule(f"{parent}.{before}".lstrip(".")), nn.Identity):
        gone.append(before)
    places = [re.sub(r"\.(\d+)", r"[\1]", f"{parent}.{key}".lstrip(".")) for key in gone]
    return {"name": name, "arguments": arguments, "without": places}


def _own(config: TrainConfig, schema, net) -> dict:
    """How the person's own module is called."""
    from core import named
    from core.nets import own

    where = config.net.options["where"]
    module, _, name = where.partition(":")
    given = named.arguments(config.net.options.get("arguments", "{}"), "{}")
    told = own.told(named.find(where, "a net"), schema) | given
    arguments = ", ".join(f"{key}={value!r}" for key, value in told.items())
    return {"module": module, "name": name, "arguments": arguments, "fits": hasattr(net, "fit")}


# ---------------------------------------------------------------------------------------------------- weights


def _start(config: TrainConfig, schema, model) -> dict | None:
    """Where the weights that training starts from are, and how their names become those of the script."""
    name, weights = config.net.name, config.net.weights
    if not nets.starts_trained(name, weights):
        return None
    if schema.kind == "table":
        raise ValueError("A script is written for nets for tables that start at random; this one starts trained.")
    renamed, but = {}, ""
    if name == "pretrained":
        hidden = {"head.hidden.": "head.0."} if config.net.options.get("hidden") else {}
        last = f"head.{len(hidden) * 2 + 1}."
        renamed = {"backbone.body.": "backbone.", **hidden, "head.linear.": last}
        if not hidden:  # as torchvision names it
            renamed[f"{model.net.backbone.last}."] = last
    if weights.startswith("run:") and runs.schema(weights.removeprefix("run:")).classes != schema.classes:
        but = ' and not name.startswith("head.")'  # trained for other classes
    file = _file(config)
    return {"file": file, "name": "" if file else _named(config), "renamed": renamed, "but": but}


def _file(config: TrainConfig) -> str:
    """The file of the weights, or "" if torchvision fetches them by name, or there are none."""
    from core.nets.weights import ENDINGS

    weights = config.net.weights
    if weights.startswith("run:"):
        return str(runs.path(weights.removeprefix("run:"), "checkpoints", "best.pt"))
    path = pathlib.Path(weights).expanduser()
    return str(path.absolute()) if weights and (path.suffix in ENDINGS or path.is_file()) else ""


def _named(config: TrainConfig) -> str:
    """The name of torchvision's weights; its default where the run names none."""
    from torchvision import models

    return config.net.weights or models.get_model_weights(config.net.options.get("arch", "mobilenet_v2")).DEFAULT.name  # ty: ignore[missing-attribute]


# ---------------------------------------------------------------------------------------------------- training


def _optimizer(settings: TrainingConfig) -> str:
    if settings.optimizer == "sgd":
        return "torch.optim.SGD(groups, lr=LR, momentum=0.9, nesterov=True)"
    name = {"adam": "Adam", "adamw": "AdamW"}[settings.optimizer]
    decay = ", weight_decay=0.0" if name == "AdamW" and not settings.weight_decay else ""  # it has one of its own
    return f"torch.optim.{name}(groups, lr=LR{decay})"


def _rate(settings: TrainingConfig) -> str:
    """The body of the function that gives the share of the highest rate."""
    rise = settings.warmup
    lines = ["if n_steps < 8:  # no time to rise and fall", "    return 1.0"]
    if settings.schedule == "one_cycle":
        if rise:
            lines += [f"if t < {rise}:", f"    return wave(1 / 25, 1, t / {rise})"]
        lines.append(f"return wave(1, 1 / 250_000, (t - {rise}) / (1 - {rise}))")
    else:
        course = {
            "cosine": f"wave(1, 0, (t - {rise}) / (1 - {rise}))",
            "step": "0.1 ** ((t >= 0.5) + (t >= 0.75))",
            "plateau": "0.3 ** n_plateaus()",
            "constant": "1.0",
        }[settings.schedule]
        lines.append(f"return {f'min(1, 1 / 25 + t / {rise}) * ' if rise else ''}{course}")
    return "\n".join(f"    {line}" for line in lines)


def _momentum(settings: TrainingConfig) -> str:
    rise = settings.warmup
    late = f"wave(0.85, 0.95, (t - {rise}) / (1 - {rise}))"
    early = f"wave(0.95, 0.85, t / {rise}) if t < {rise} else " if rise else ""
    return f"    return {early}{late}"
