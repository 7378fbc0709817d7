"""torchvision's ready-made sets: read from a folder that holds them, or downloaded by torchvision."""

import contextlib
import gzip
import math
import os
import pathlib
import shutil
import struct
import threading
import zlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core import words
from core.data.dataset import Dataset
from core.data.images import decode_many
from core.data.reading import Progress
from core.options import option
from core.workspace import check_workspace, workspace

TITLE = "A ready-made torchvision set"
MAX_BYTES = 2**31  # of one unpacked idx file
TICK_SECONDS = 0.2  # between two looks at how much has come


@dataclass(frozen=True)
class Ready:
    """A set in one line: its class in torchvision.datasets, how it names its parts, and what it is.

    idx : the start of the names of its idx files, before "train-images-idx3-ubyte", for sets in that format
    """

    name: str
    parts: tuple[dict, dict]
    licence: str
    idx: str | None = None
    extra: tuple[tuple[str, str], ...] = ()
    classes: tuple[str, ...] = ()


TRAIN_TEST = ({"train": True}, {"train": False})
SPLIT = ({"split": "train"}, {"split": "test"})
CLOTHES = tuple("T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot".split(","))
LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
READY = {
    ready.name: ready
    for ready in (
        Ready("MNIST", TRAIN_TEST, "CC BY-SA 3.0", "", classes=tuple("0123456789")),
        Ready("FashionMNIST", TRAIN_TEST, "MIT", "", classes=CLOTHES),
        Ready(
            "KMNIST",
            TRAIN_TEST,
            "CC BY-SA 4.0",
            "",
            classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        ),
        Ready("EMNIST", TRAIN_TEST, "CC0 (NIST)", "emnist-letters-", (("split", "letters"),), classes=LETTERS),
        Ready("CIFAR10", TRAIN_TEST, "As its authors say (Krizhevsky 2009)"),
        Ready("CIFAR100", TRAIN_TEST, "As its authors say (Krizhevsky 2009)"),
        Ready("SVHN", SPLIT, "Non-commercial use (Netzer et al. 2011)"),
        Ready("USPS", TRAIN_TEST, "As its authors say (Hull 1994)"),
        Ready("STL10", SPLIT, "As its authors say (Coates et al. 2011)"),
        Ready("GTSRB", SPLIT, "As its authors say (Stallkamp et al. 2012)"),
        Ready("Flowers102", SPLIT, "As its authors say (Nilsback and Zisserman 2008)"),
        Ready("OxfordIIITPet", ({"split": "trainval"}, {"split": "test"}), "CC BY-SA 4.0"),
        Ready("DTD", SPLIT, "For research (Cimpoi et al. 2014)"),
        Ready("Food101", SPLIT, "As its authors say (Bossard et al. 2014)"),
    )
}


@dataclass(frozen=True)
class Options:
    root: str = option("", "folder that holds the files already, or where they are downloaded to")
    size: int = option(0, "side of the stored images where theirs differ; 0 takes 96", 0, 512, "pixels")


def load(where: str, options: Options = Options(), progress: Progress = lambda *_: None) -> Dataset:
    """The set named `where`, training and test part as they come.

    Raises LookupError if it is not in the table, ValueError if it is neither in the folder nor to be had.
    """
    if where not in READY:
        raise LookupError(f"{where!r} is not one of torchvision's sets here; there are {', '.join(READY)}.")
    ready = READY[where]
    root = pathlib.Path(options.root).expanduser() if options.root else workspace() / "downloads"
    images, targets, sizes, classes = _found(ready, root, options.size, progress)
    parts = ["train"] * sizes[0] + ["test"] * sizes[1]
    ids = [f"{part}-{i:0{len(str(n - 1))}d}" for part, n in zip(("train", "test"), sizes) for i in range(n)]
    return Dataset(
        name=where,
        kind="image",
        images=images,
        targets=targets,
        classes=classes,
        ids=np.array(ids),
        origin=f"{where}, by way of torchvision",
        licence=ready.licence,
        about=pd.DataFrame({"part": parts}),
    )


def _found(ready: Ready, root: pathlib.Path, size: int, progress):
    """Images, targets, (n_train, n_test) and class names, from the folder or downloaded into it."""
    if ready.idx is None:
        return _from_torchvision(ready, root, size, progress)
    found = _from_idx(ready, root)
    if found is None:
        _download(ready, root, progress)
        found = _from_idx(ready, root)  # read in one way only, whether it was there or came just now
    if found is None:
        raise ValueError(f"What was downloaded of {ready.name} lacks its idx files; fetch these and name their folder.")
    return found


# ------------------------------------------------------------------------------------------- idx files, no torch


def _from_idx(ready: Ready, root: pathlib.Path):
    """Images, targets, (n_train, n_test) and class names from idx files, or None if they are not there."""
    folders = (root, root / "raw", root / ready.name / "raw")
    images, targets = [], []
    for part in ("train", "t10k" if ready.idx == "" else "test"):
        for kind, found in (("images-idx3", images), ("labels-idx1", targets)):
            stem = f"{ready.idx}{part}-{kind}-ubyte"
            names = (f"{stem}.gz", stem)
            path = next((folder / name for folder in folders for name in names if (folder / name).is_file()), None)
            if path is None:
                return None
            found.append(read_idx(path))
    sizes = tuple(len(part) for part in images)
    fit = all(x.ndim == 3 and y.ndim == 1 and len(x) == len(y) > 0 for x, y in zip(images, targets))
    if not fit or images[0].shape[1:] != images[1].shape[1:]:
        raise ValueError(f"The idx files of {ready.name} in {root} do not fit together; download them again.")
    x, y = np.concatenate(images)[:, None], np.concatenate(targets).astype(np.int64)
    if ready.name == "EMNIST":  # its pictures lie on their side, and its letters count from 1
        x, y = x.swapaxes(2, 3), y - 1
    if y.min() < 0 or y.max() >= len(ready.classes):
        raise ValueError(f"The labels of {ready.name} in {root} are not those of the set; download it again.")
    return np.ascontiguousarray(x), y, sizes, ready.classes


def read_idx(path: pathlib.Path) -> np.ndarray:
    """The uint8 array in an idx file, plain or gzip; ValueError if it is no such file, cut short, or over MAX_BYTES.

    Source: the format's description at http://yann.lecun.com/exdb/mnist/: two zero bytes, 8 for uint8, the number of
    dimensions, each length as a big-endian int32, then the values.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            head = file.read(4)
            if len(head) < 4 or head[:3] != b"\x00\x00\x08" or not 1 <= head[3] <= 4:
                raise ValueError(f"{path.name} is not an idx file of bytes; the set's own files are needed.")
            lengths = file.read(4 * head[3]).ljust(4 * head[3], b"\0")
            shape = struct.unpack(f">{head[3]}I", lengths)
            n_bytes = math.prod(shape)
            if n_bytes > MAX_BYTES:
                raise ValueError(
                    f"{path.name} says that it holds {words.size(n_bytes)}; at most {words.size(MAX_BYTES)} are read, "
                    "so download it again."
                )
            values = file.read(n_bytes + 1)  # never more, whatever it would unpack to
    except PermissionError as error:
        raise ValueError(f"{path.name} may not be read; change its permissions.") from error
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path.name} is damaged or cut short ({error}); download it again.") from error
    if len(values) != n_bytes or not n_bytes:
        held = "more" if len(values) > n_bytes else f"{len(values):,} values"
        raise ValueError(f"{path.name} says {'x'.join(map(str, shape))} values, but holds {held}; download it again.")
    return np.frombuffer(values, np.uint8).reshape(shape)


# ------------------------------------------------------------------------------------------------- by torchvision


def _from_torchvision(ready: Ready, root: pathlib.Path, size: int, progress):
    """The same by torchvision's own class, which checks the files' MD5 sums before it reads them."""
    try:
        sets = _open(ready, root)
    except (RuntimeError, OSError):
        _download(ready, root, progress)
        sets = _open(ready, root)
    classes = tuple(ready.classes or getattr(sets[0], "classes", ()))
    pieces = [_arrays(part, size or 96, name, progress) for part, name in zip(sets, ("training", "test"))]
    targets = np.concatenate([piece[1] for piece in pieces]).astype(np.int64)
    used = np.unique(targets)
    names = tuple(str(classes[i]) for i in used) if len(classes) > used.max() else tuple(str(i) for i in used)
    images = np.concatenate([piece[0] for piece in pieces])
    return images, np.searchsorted(used, targets), tuple(len(piece[0]) for piece in pieces), names


def _open(ready: Ready, root: pathlib.Path, download: bool = False) -> list:
    """The training and the test part as torchvision's own objects; RuntimeError if they are not in `root`."""
    from torchvision import datasets

    kind = getattr(datasets, ready.name)
    return [kind(str(root), **dict(ready.extra), **part, download=download) for part in ready.parts]


def _download(ready: Ready, root: pathlib.Path, progress) -> None:
    """Let torchvision fetch the files, saying how much has come; ValueError if that fails.

    They come into a folder beside and are moved at the end, so that a half is never taken for the whole: of most sets
    torchvision itself only looks whether the folder is there. What `progress` raises ends it.
    """
    new = [folder for folder in (root, *root.parents) if not folder.exists()]
    beside = root / f".{ready.name}.part"
    locks = check_workspace() / "locks"
    locks.mkdir(exist_ok=True)
    with decode_many.one_at_a_time(locks / f"download-{ready.name}.lock", progress):
        try:
            shutil.rmtree(beside, ignore_errors=True)  # of one that was ended
            beside.mkdir(parents=True)
            _fetch(ready, beside, progress)
            _move(beside, root)
        except InterruptedError:  # which is an OSError, too
            raise
        except OSError as error:
            if error.errno in decode_many.FULL:
                raise
            raise _not_there(ready, root, error) from error
        except Exception as error:  # urllib, ssl, RuntimeError: many kinds of no internet
            raise _not_there(ready, root, error) from error
        finally:
            shutil.rmtree(beside, ignore_errors=True)
            for folder in new:  # a mistyped root is not left behind
                with contextlib.suppress(OSError):
                    folder.rmdir()


def _fetch(ready: Ready, folder: pathlib.Path, progress) -> None:
    """Download into `folder`, in a thread, so that a request to stop need not wait for torchvision."""
    failed = []

    def work():
        try:
            _open(ready, folder, download=True)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    while thread.is_alive():
        progress(f"Downloading {ready.name}: {words.size(_size(folder))}", 0, 0)
        thread.join(TICK_SECONDS)
    if failed:
        raise failed[0]


def _size(folder: pathlib.Path) -> int:
    """Bytes of all files in `folder`, which others write and remove meanwhile."""
    total = 0
    with contextlib.suppress(OSError):
        for path in folder.rglob("*"):
            with contextlib.suppress(OSError):
                total += path.stat().st_size * path.is_file()
    return total


def _move(source: pathlib.Path, target: pathlib.Path) -> None:
    """Move all that is in `source` into `target`, in place of files of the same name."""
    for entry in source.iterdir():
        place = target / entry.name
        if entry.is_dir() and place.is_dir():
            _move(entry, place)
        else:
            os.replace(entry, place)


def _not_there(ready: Ready, root: pathlib.Path, error: Exception) -> ValueError:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = lines[-1][:120] if lines else type(error).__name__  # torchvision ends with the last mirror's answer
    files = "its four idx files (.gz)" if ready.idx is not None else "its files in torchvision's layout"
    return ValueError(
        f"{ready.name} is not in {root} and cannot be downloaded ({reason.rstrip('.:')}); connect to the internet, "
        f"or put {files} into a folder and name it as root."
    )


def _arrays(part, size: int, name: str, progress) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 (n, c, h, w) and targets of a torchvision set, from its arrays or picture by picture."""
    data = getattr(part, "data", None)
    targets = getattr(part, "targets", getattr(part, "labels", None))
    if data is not None and targets is not None and hasattr(data, "shape"):
        images = np.asarray(data)
        if images.ndim == 3:
            images = images[:, None]
        elif images.shape[-1] in (1, 3):
            images = np.moveaxis(images, -1, 1)
        return np.ascontiguousarray(images), np.asarray(targets)
    from core.data.images import decode

    if not len(part):
        raise ValueError(f"The {name} part holds no pictures; download the set again.")
    images, labels = np.empty((len(part), 3, size, size), np.uint8), np.empty(len(part), np.int64)
    for i in range(len(part)):
        try:
            picture, labels[i] = part[i]
        except (OSError, SyntaxError) as error:  # Pillow's for a damaged file
            raise ValueError(
                f"Picture {i} of the {name} part cannot be read ({error}); download the set again."
            ) from error
        images[i] = decode.fit(picture, (size, size), 3)
        progress(f"Reading {name} pictures", i + 1, len(part))
    return images, labels
