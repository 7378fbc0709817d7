"""What a run is asked to do: frozen dataclasses to and from plain JSON, with good defaults for the data at hand."""

import dataclasses
import math
from dataclasses import dataclass, field

from core import data, nets
from core.data.dataset import Dataset, Schema
from core.options import check, from_dict, option


@dataclass(frozen=True)
class DataConfig:
    name: str = option("digits", "data set to train on")
    val_fraction: float = option(0.15, "share of each class used to choose the best epoch", 0.01, 0.8, rare=True)
    test_fraction: float = option(0.2, "share of each class kept for the final figures", 0.01, 0.8, rare=True)
    split_seed: int = option(0, "seed of the split into train, validation and test", 0, 2**31 - 1, rare=True)


@dataclass(frozen=True)
class NetConfig:
    name: str = option("cnn", "net to train")
    options: dict = field(default_factory=dict)  # differences from the net's own defaults


@dataclass(frozen=True)
class TrainingConfig:
    epochs: int = option(20, "passes over the training data", 1, 10_000, "epochs")
    batch_size: int = option(64, "samples per step", 1, 65_536, "samples")
    lr: float = option(0.003, "learning rate at its highest", 1e-8, 1e6)
    schedule: str = option("one_cycle", "course of the learning rate", choices=("one_cycle", "constant"), rare=True)
    optimizer: str = option("adam", "optimiser", choices=("adam", "adamw", "sgd"), rare=True)
    weight_decay: float = option(0.0, "pull of the weights towards zero", 0, 10, rare=True)
    seed: int = option(0, "seed of initial weights, order and dropout", 0, 2**31 - 1, rare=True)
    device: str = option("auto", "where to train", choices=("auto", "cpu", "cuda", "mps"), rare=True)


@dataclass(frozen=True)
class TrainConfig:
    data: DataConfig = DataConfig()
    net: NetConfig = NetConfig()
    training: TrainingConfig = TrainingConfig()

    def to_dict(self) -> dict:
        return {"format": 1, **dataclasses.asdict(self)}

    @classmethod
    def from_dict(cls, values: dict) -> "TrainConfig":
        """The config as read from JSON; ValueError if a setting is unknown or out of range."""
        return cls(
            data=from_dict(DataConfig, values["data"]),
            net=from_dict(NetConfig, values["net"]),
            training=from_dict(TrainingConfig, values["training"]),
        )


def suggest(
    dataset: Dataset,
    net: str | None = None,
    net_options: dict | None = None,
    split: DataConfig | None = None,
    **settings,
) -> TrainConfig:
    """A checked config with good values for `dataset` wherever `settings` (fields of TrainingConfig) is silent.

    net : defaults to the one to start with for the kind of data;  net_options : differences from its own defaults
    Small sets get small batches, and enough epochs for about 800 steps.
    """
    where = dataclasses.replace(split or DataConfig(), name=dataset.name)
    check(where)
    n_train = max(1, round(len(dataset) * (1 - where.val_fraction - where.test_fraction)))
    batch_size = settings.setdefault("batch_size", 32 if n_train < 2000 else 128)
    if isinstance(batch_size, int) and batch_size > 0:
        steps = math.ceil(n_train / batch_size)
        settings.setdefault("epochs", min(100, max(20, math.ceil(800 / steps))))
    config = TrainConfig(
        where, NetConfig(net or default_net(dataset.kind), net_options or {}), from_dict(TrainingConfig, settings)
    )
    check_together(config, dataset.schema)
    return config


def written_out(config: TrainConfig) -> TrainConfig:
    """The config with every option of its net, so that a later version with other defaults builds the same net."""
    options = dataclasses.asdict(nets.options(config.net.name, config.net.options))
    return dataclasses.replace(config, net=NetConfig(config.net.name, options))


def default_net(kind: str) -> str:
    """The net to start with for a kind of data."""
    return {"image": "cnn", "table": "mlp"}[kind]


def check_together(config: TrainConfig, schema: Schema) -> None:
    """Raise ValueError if net and data do not fit, LookupError if there is no such net; the options are checked too."""
    kind = nets.kind(config.net.name)
    if kind != schema.kind:
        fitting = ", ".join(name for name in nets.available() if nets.kind(name) == schema.kind)
        made_for = {"image": "images", "table": "tables"}
        raise ValueError(
            f"The net {config.net.name} is for {made_for[kind]} but the data set {config.data.name} "
            f"is made of {made_for[schema.kind]}; choose {fitting} instead."
        )
    nets.options(config.net.name, config.net.options)
    if config.data.name not in data.available():
        raise LookupError(f"There is no data set {config.data.name!r}; there are {', '.join(data.available())}.")
