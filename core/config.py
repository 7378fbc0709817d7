"""What a run is asked to do: frozen dataclasses to and from plain JSON, with good defaults for the data at hand."""

import dataclasses
import math
from dataclasses import dataclass, field

from core import data, nets, words
from core.data.dataset import Dataset, Schema
from core.data.readers import own
from core.options import check, from_dict, option

TABLE_DECAY = 0.3  # weight decay of AdamW for tables
SCHEDULES = ("one_cycle", "cosine", "step", "plateau", "constant")
WARMUP = {"one_cycle": 0.25, "cosine": 0.05}  # elsewhere none
PRECISIONS = ("auto", "fp32", "tf32", "bf16", "fp16")
FORMATS = ("auto", "contiguous", "channels_last")
PHOTO_SIZE = 64  # side at which a small net from scratch sees photographs
PHOTO_AUGMENT = {"flip": True, "crop": 0.6}


@dataclass(frozen=True)
class DataConfig:
    """What is trained on, and how it is divided."""

    name: str = option("digits", "data set to train on")
    version: str = option("", "version of the data set; empty takes the current one")
    split: str = option("auto", "how samples are divided into parts", choices=data.split.WAYS, rare=True)
    split_by: str = option("", "column for the ways group, time and column", rare=True)
    val_fraction: float = option(0.15, "share of each class used to choose the best epoch", 0.01, 0.8, rare=True)
    test_fraction: float = option(0.2, "share of each class kept for the final figures", 0.01, 0.8, rare=True)
    split_seed: int = option(0, "seed of the split into train, validation and test", 0, 2**31 - 1, rare=True)
    folds: int = option(0, "parts of a k-fold split; 0 makes a single split", 0, 50, rare=True)
    fold: int = option(0, "which of the folds is the test part, from 0", 0, 49, rare=True)
    image_size: int = option(0, "side of the image that the net sees; 0 takes the stored size", 0, 1024, "pixels")
    redraw: bool = option(False, "whether a Dataset of your own is read anew in each epoch, for its random transform")
    without: str = option("", "list of samples, kept with the data set, to leave out of train and val", rare=True)


@dataclass(frozen=True)
class AugmentConfig:
    """Random changes of training images, drawn for each sample anew. The defaults change nothing."""

    flip: bool = option(False, "mirror left and right, every second time")
    flip_vertical: bool = option(False, "mirror top and bottom, every second time")
    shift: float = option(0.0, "shift by up to this share of the side", 0, 0.5, zero="off")
    crop: float = option(1.0, "cut out and enlarge a part of at least this share of the area; 1 is off", 0.05, 1)
    rotate: float = option(0.0, "turn by up to this angle, either way", 0, 180, "degrees", zero="off")
    color: float = option(0.0, "change brightness, contrast and saturation by up to this share", 0, 1, zero="off")
    cutout: float = option(0.0, "cover a square whose side is this share of the image's", 0, 0.9, zero="off")
    mixup: float = option(0.0, "blend pairs of images and labels; the alpha of MixUp, 0 is off", 0, 10, zero="off")
    cutmix: float = option(0.0, "paste a part of another image; the alpha of CutMix, 0 is off", 0, 10, zero="off")


@dataclass(frozen=True)
class NetConfig:
    """Which net, with which of its options, from which weights."""

    name: str = option("cnn", "net to train")
    options: dict = field(default_factory=dict)  # differences from the net's own defaults
    weights: str = option(
        "", "weights to start from: a .pth or .safetensors file, run:NAME, a name that the net knows, or random"
    )


@dataclass(frozen=True)
class TrainingConfig:
    """How the net learns."""

    epochs: int = option(20, "passes over the training data", 1, 10_000, "epochs")
    batch_size: int = option(
        64, "samples per step; 0 finds the largest that fits and pays", 0, 65_536, "samples", zero="by itself"
    )
    lr: float = option(0.003, "learning rate at its highest", 1e-8, 100)
    minutes: float = option(
        0.0, "time after which training ends, the schedule fitted to it; 0 is off", 0, 1e5, "minutes", zero="no limit"
    )
    freeze: int = option(0, "epochs for which the backbone keeps the weights it came with; -1 is all", -1, 10_000)
    backbone_lr: float = option(1.0, "learning rate of the backbone, as a share of the head's", 0, 1, rare=True)
    schedule: str = option("one_cycle", "course of the learning rate", choices=SCHEDULES, rare=True)
    warmup: float = option(0.25, "share of the training over which the learning rate rises", 0, 0.9, rare=True)
    optimizer: str = option("adam", "optimiser", choices=("adam", "adamw", "sgd"), rare=True)
    weight_decay: float = option(
        0.0, "pull of the weights, not of biases and norms, towards zero", 0, 10, rare=True, zero="off"
    )
    label_smoothing: float = option(
        0.0, "share of each label that is spread over all classes", 0, 0.5, rare=True, zero="off"
    )
    focal: float = option(
        0.0, "how much hard samples count more; the gamma of the focal loss", 0, 10, rare=True, zero="off"
    )
    clip_norm: float = option(
        0.0, "longest gradient; longer ones are shortened to it, 0 is off", 0, 1e4, rare=True, zero="off"
    )
    accumulate: int = option(1, "pieces in which a batch is worked off, to save memory", 1, 1024, "pieces", rare=True)
    ema: float = option(
        0.0, "how slowly the averaged weights, which are kept, follow; 0 is off", 0, 0.99999, rare=True, zero="off"
    )
    patience: int = option(
        0, "epochs without a better validation loss before the end; 0 is off", 0, 10_000, rare=True, zero="off"
    )
    resample: float = option(
        0.0, "how far rare classes are drawn more often: 0 as they are, 1 all alike", 0, 1, zero="off"
    )
    class_weights: float = option(
        0.0, "how far rare classes count more in the loss, 0 to 1", 0, 1, rare=True, zero="off"
    )
    correct_prior: bool = option(
        True,
        "whether resampling or weights are taken out of the probabilities again",
        rare=True,
    )
    seed: int = option(0, "seed of initial weights, order and dropout", 0, 2**31 - 1, rare=True)
    device: str = option("auto", "where to train", choices=("auto", "cpu", "cuda", "mps"), rare=True)
    precision: str = option("auto", "number format of the arithmetic; auto tries them", choices=PRECISIONS, rare=True)
    memory_format: str = option("auto", "order of pixels in memory; auto tries both", choices=FORMATS, rare=True)
    compile: str = option(
        "auto", "whether torch.compile is used; auto tries it", choices=("auto", "on", "off"), rare=True
    )


@dataclass(frozen=True)
class TrainConfig:
    """All that a run was asked to be; config.json holds it."""

    data: DataConfig = DataConfig()
    net: NetConfig = NetConfig()
    training: TrainingConfig = TrainingConfig()
    augment: AugmentConfig = AugmentConfig()

    def to_dict(self) -> dict:
        """Plain values, as `from_dict` takes them."""
        return {"format": 1, **dataclasses.asdict(self)}

    @classmethod
    def from_dict(cls, values: dict) -> "TrainConfig":
        """The config as read from JSON; ValueError if a setting is unknown or out of range."""
        for name in ("data", "net", "training", "augment"):
            if not isinstance(values.get(name, {} if name == "augment" else None), dict):
                raise ValueError(f"{name} is {words.quoted(str(values.get(name)))}; it must be an object of settings.")
        if not isinstance(options := values["net"].get("options", {}), dict):
            raise ValueError(f"options is {words.quoted(str(options))}; it must be an object of settings.")
        return cls(
            data=from_dict(DataConfig, values["data"]),
            net=from_dict(NetConfig, values["net"]),
            training=from_dict(TrainingConfig, values["training"]),
            augment=from_dict(AugmentConfig, values.get("augment", {})),
        )


def suggest(
    dataset: Dataset,
    net: str | None = None,
    net_options: dict | None = None,
    plan: DataConfig | None = None,
    **settings,
) -> TrainConfig:
    """A checked config with good values for `dataset` wherever `settings` is silent.

    net : defaults to the one to start with for the kind of data;  net_options : differences from its own defaults
    settings : fields of TrainingConfig, AugmentConfig and DataConfig, by name, and `weights` of NetConfig
    Small sets get small batches, and enough epochs for about 800 steps. Photographs get flips and crops, tables
    AdamW with weight decay.
    """
    net = net or default_net(dataset.kind)
    weights = settings.pop("weights", "")
    asked = {record: _take(record, settings) for record in (DataConfig, AugmentConfig)}
    where = dataclasses.replace(plan or DataConfig(), **asked[DataConfig])
    where = dataclasses.replace(where, name=dataset.name, version=dataset.fingerprint[:12])
    check(where)
    if "redraw" not in asked[DataConfig] and drawn_at_random(dataset):
        where = dataclasses.replace(where, redraw=True)
    augment = {}
    ready = nets.starts_trained(net, weights)
    if ready and dataset.kind == "image":
        settings.setdefault("freeze", -1)
        if not where.image_size:
            where = dataclasses.replace(where, image_size=nets.image_size(net, net_options or {}))
    elif _photographs(dataset):
        augment = PHOTO_AUGMENT
        if not where.image_size:
            where = dataclasses.replace(where, image_size=min(PHOTO_SIZE, *dataset.schema.shape[1:]))
    n_train = max(1, round(len(dataset) * (1 - where.val_fraction - where.test_fraction)))
    whole = ready and settings.get("freeze") != -1  # all of a large net is trained, which takes memory
    batch_size = settings.setdefault("batch_size", 32 if n_train < 2000 or whole else 128)
    if isinstance(batch_size, int) and batch_size > 0:
        steps = math.ceil(n_train / batch_size)
        settings.setdefault("epochs", min(100, max(20, math.ceil(800 / steps))))
    if dataset.kind == "table" and settings.get("optimizer", "adamw") == "adamw":
        settings.setdefault("optimizer", "adamw")
        settings.setdefault("weight_decay", TABLE_DECAY)
    settings.setdefault("warmup", WARMUP.get(settings.get("schedule", "one_cycle"), 0.0))
    config = TrainConfig(
        where,
        from_dict(NetConfig, {"name": net, "options": net_options or {}, "weights": weights}),
        from_dict(TrainingConfig, settings),
        from_dict(AugmentConfig, augment | asked[AugmentConfig]),
    )
    check_together(config, dataset.schema)
    return config


def setting_names() -> set[str]:
    """Names of all settings of data, training, augmentation and weights that `suggest` takes."""
    records = (DataConfig, TrainingConfig, AugmentConfig)
    return {field.name for record in records for field in dataclasses.fields(record)} - {"name", "version"} | {
        "weights"
    }


def seen_by_net(config: TrainConfig, schema: Schema) -> Schema:
    """The schema of what the net sees: that of the data, at the size that the config asks for."""
    side = config.data.image_size
    if schema.kind != "image" or not side:
        return schema
    return dataclasses.replace(schema, shape=(schema.shape[0], side, side))


def written_out(config: TrainConfig) -> TrainConfig:
    """The config with every option of its net, so that a later version with other defaults builds the same net."""
    options = dataclasses.asdict(nets.options(config.net.name, config.net.options))
    return dataclasses.replace(config, net=dataclasses.replace(config.net, options=options))


def default_net(kind: str) -> str:
    """The net to start with for a kind of data."""
    return {"image": "cnn", "table": "mlp"}[kind]


def _take(record_type, settings: dict) -> dict:
    """Remove the fields of `record_type` from `settings` and return them."""
    names = [field.name for field in dataclasses.fields(record_type) if field.name in settings]
    return {name: settings.pop(name) for name in names}


def drawn_at_random(dataset: Dataset) -> bool:
    """Whether the data is a Dataset named by module whose samples differ from one reading to the next."""
    random = any(note.text == own.RANDOM for note in dataset.notes)
    return random and data.store.source(dataset.name).get("reader") == "own"


def _photographs(dataset: Dataset) -> bool:
    """Whether the images are colour pictures of some size, which a flip or a crop leaves what they are."""
    return dataset.kind == "image" and dataset.schema.shape[0] == 3 and min(dataset.schema.shape[1:]) > 48


def check_together(config: TrainConfig, schema: Schema) -> None:
    """Raise ValueError if net and data do not fit, LookupError if there is no such net; the options are checked too."""
    kinds = nets.kinds(config.net.name)
    if schema.kind not in kinds:
        fitting = ", ".join(name for name in nets.available() if schema.kind in nets.kinds(name))
        made_for = {"image": "images", "table": "tables"}
        raise ValueError(
            f"The net {config.net.name} is for {made_for[kinds[0]]} but the data set {config.data.name} "
            f"is made of {made_for[schema.kind]}; choose {fitting} instead."
        )
    nets.options(config.net.name, config.net.options)
    if config.training.freeze and not nets.has_backbone(config.net.name):
        raise ValueError(f"The net {config.net.name} has no backbone to freeze; leave freeze at 0.")
    if config.data.name not in data.available():
        said = f"There is no data set {words.quoted(config.data.name)}"
        raise LookupError(f"{said}; there are {', '.join(data.available())}.")
    if config.data.without:
        data.lists.load(config.data.name, config.data.without)  # ValueError says which there are
    if config.data.fold >= max(1, config.data.folds):
        raise ValueError(f"fold is {config.data.fold}; with {config.data.folds} folds it must be below that.")
    if schema.kind == "table" and config.augment != AugmentConfig():
        raise ValueError("Augmentation is for images; leave its settings out for a table.")
