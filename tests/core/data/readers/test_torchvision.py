"""torchvision's sets: idx files as they lie about, downloads, and what torchvision's own classes give. No network."""

import gzip
import os
import pathlib
import struct
import threading
import urllib.error

import numpy as np
import pytest
import torchvision
from PIL import Image

from core.data.readers import torchvision as reader
from core.data.readers.torchvision import Options, load, read_idx

IMAGES = np.arange(60, dtype=np.uint8).reshape(10, 3, 2)  # 6 for training, 4 for test, 3 high and 2 wide
LABELS = np.array([0, 1, 2, 3, 9, 0, 9, 1, 1, 0], np.uint8)
FILES = {
    "train-images-idx3-ubyte": IMAGES[:6],
    "train-labels-idx1-ubyte": LABELS[:6],
    "t10k-images-idx3-ubyte": IMAGES[6:],
    "t10k-labels-idx1-ubyte": LABELS[6:],
}


def idx(array, shape=None):
    """The bytes of an idx file; `shape` is what it says of itself."""
    shape = array.shape if shape is None else shape
    return b"\0\0\x08" + bytes([len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + array.tobytes()


def put(folder, files=FILES, suffix=".gz", start=""):
    """Write the four files into `folder`; returns it as options."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        content = content if isinstance(content, bytes) else idx(content)
        name = start + (name.replace("t10k", "test") if start else name) + suffix
        (folder / name).write_bytes(gzip.compress(content) if suffix else content)


@pytest.fixture
def root(tmp_path):
    return tmp_path / "sets"


def mnist(root, name="MNIST", progress=lambda *_: None):
    return load(name, Options(root=str(root)), progress)


# ---------------------------------------------------------------------------------------------------- idx files


@pytest.mark.parametrize("suffix", [".gz", ""])
@pytest.mark.parametrize("place", ["", "raw", "MNIST/raw"])
def test_idx_files_are_found_flat_and_in_torchvisions_layout(root, place, suffix):
    put(root / place, suffix=suffix)
    made = mnist(root)
    assert (made.name, made.kind, made.images.shape, made.images.dtype) == ("MNIST", "image", (10, 1, 3, 2), np.uint8)
    np.testing.assert_array_equal(made.images[:, 0], IMAGES)
    assert made.targets.tolist() == LABELS.tolist() and made.targets.dtype == np.int64
    assert made.classes == tuple("0123456789")
    assert made.given_parts.tolist() == ["train"] * 6 + ["test"] * 4
    assert made.ids.tolist() == [f"train-{i}" for i in range(6)] + [f"test-{i}" for i in range(4)]
    assert (made.licence, made.origin) == ("CC BY-SA 3.0", "MNIST, by way of torchvision")


def test_class_names_are_those_of_the_set(root):
    put(root)
    assert mnist(root, "FashionMNIST").classes[9] == "Ankle boot"
    assert mnist(root, "KMNIST").classes[9] == "wo"


def test_the_letters_of_emnist_stand_upright_and_count_from_zero(root):
    labels = {name: array + 1 for name, array in FILES.items() if "labels" in name}
    put(root, {**FILES, **labels}, start="emnist-letters-")
    made = mnist(root, "EMNIST")
    assert made.images.shape == (10, 1, 2, 3)
    np.testing.assert_array_equal(made.images[0, 0], IMAGES[0].T)
    assert [made.classes[i] for i in made.targets] == list("ABCDJAJBBA")
    assert len(made.classes) == 26


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "train-images",
            lambda raw: raw[:-9],
            r"train-images-idx3-ubyte.gz is damaged or cut short \(.*\); download it",
        ),
        ("t10k-labels", lambda _: b"<html>404</html>", "t10k-labels-idx1-ubyte.gz is damaged or cut short"),
        ("train-labels", lambda raw: raw[:10] + b"\xff" * 9, "train-labels-idx1-ubyte.gz is damaged or cut short"),
        ("train-labels", lambda _: b"", "train-labels-idx1-ubyte.gz is not an idx file of bytes"),
        ("train-labels", lambda _: gzip.compress(b""), "train-labels-idx1-ubyte.gz is not an idx file of bytes"),
        (
            "train-images",
            lambda _: gzip.compress(b"a,b\n1,2\n"),
            "train-images-idx3-ubyte.gz is not an idx file of byt",
        ),
        ("train-images", lambda _: gzip.compress(b"\0\0\x0d" + idx(IMAGES)[3:]), "is not an idx file of bytes"),
        ("train-images", lambda _: gzip.compress(b"\0\0\x08\3\0"), "train-images-idx3-ubyte.gz says 0x0x0 values"),
    ],
    ids=["cut short", "no gzip", "garbage", "empty", "empty inside", "a table", "floats", "only a head"],
)
def test_a_damaged_file_is_refused_with_its_name(root, name, content, message):
    put(root)
    (path,) = root.glob(f"{name}*")
    path.write_bytes(content(path.read_bytes()))
    with pytest.raises(ValueError, match=message):
        mnist(root)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((7, 3, 2), "says 7x3x2 values, but holds 36 values; download it again"),
        ((5, 3, 2), "says 5x3x2 values, but holds more; download it again"),
        ((2**31, 2**31, 2), "says that it holds 9223372036.9 GB; at most 2.1 GB are read, so download it again"),
        ((0xFFFFFFFE, 0xFFFFFFEE, 1), "says that it holds 18446743987.8 GB"),  # -2 x -18 = 36, had they been signed
    ],
)
def test_counts_that_are_not_those_of_the_file_are_refused(root, shape, message):
    put(root, {**FILES, "train-images-idx3-ubyte": idx(IMAGES[:6], shape)})
    with pytest.raises(ValueError, match=f"train-images-idx3-ubyte.gz {message}"):
        mnist(root)


def test_a_bomb_is_not_unpacked_beyond_what_it_says_of_itself(tmp_path, monkeypatch):
    (tmp_path / "a.gz").write_bytes(gzip.compress(idx(IMAGES[:1]) + bytes(50_000_000)))
    read = []
    monkeypatch.setattr(gzip.GzipFile, "read", watched(gzip.GzipFile.read, read))
    with pytest.raises(ValueError, match=r"a\.gz says 1x3x2 values, but holds more"):
        read_idx(tmp_path / "a.gz")
    assert sum(read) == 4 + 12 + 7


def watched(function, read):
    def read_and_count(*arguments):
        content = function(*arguments)
        read.append(len(content))
        return content

    return read_and_count


def test_a_file_larger_than_the_limit_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "MAX_BYTES", 59)
    (tmp_path / "a").write_bytes(idx(IMAGES))
    with pytest.raises(ValueError, match="a says that it holds 60 bytes; at most 59 bytes are read"):
        read_idx(tmp_path / "a")


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("train-labels-idx1-ubyte", LABELS[:5], "idx files of MNIST in .* do not fit together; download them again"),
        ("train-labels-idx1-ubyte", IMAGES[:6], "do not fit together"),
        ("t10k-images-idx3-ubyte", IMAGES[6:, :2], "do not fit together"),
        ("t10k-labels-idx1-ubyte", np.array([0, 1, 2, 10], np.uint8), "labels of MNIST in .* are not those of the set"),
    ],
    ids=["too few labels", "pictures for labels", "two sizes", "label out of range"],
)
def test_files_that_do_not_fit_together_are_refused(root, name, array, message):
    put(root, {**FILES, name: array})
    with pytest.raises(ValueError, match=message):
        mnist(root)


def test_the_labels_of_emnist_begin_at_one(root):
    put(root, start="emnist-letters-")
    with pytest.raises(ValueError, match=r"The labels of EMNIST in .* are not those of the set"):
        mnist(root, "EMNIST")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(idx(IMAGES))
    (tmp_path / "a").chmod(0)
    with pytest.raises(ValueError, match="a may not be read; change its permissions"):
        read_idx(tmp_path / "a")


def test_a_name_that_is_not_in_the_table_is_refused():
    with pytest.raises(LookupError, match="'MNIST2' is not one of torchvision's sets here; there are MNIST, Fashion"):
        load("MNIST2")


# ---------------------------------------------------------------------------------------------------- downloads


def no_internet(*_, **__):
    raise urllib.error.URLError("Temporary failure in name resolution")


@pytest.mark.parametrize("lacking", [list(FILES), ["t10k-labels-idx1-ubyte"]], ids=["all", "one"])
def test_without_files_and_internet_the_sentence_says_both_ways(root, monkeypatch, lacking):
    monkeypatch.setattr(torchvision.datasets.mnist, "download_and_extract_archive", no_internet)
    put(root, {name: array for name, array in FILES.items() if name not in lacking})
    before = sorted(root.rglob("*"))
    with pytest.raises(ValueError) as error:
        mnist(root)
    assert str(error.value) == (
        f"MNIST is not in {root} and cannot be downloaded (<urlopen error Temporary failure in name resolution>); "
        "connect to the internet, or put its four idx files (.gz) into a folder and name it as root."
    )
    assert sorted(root.rglob("*")) == before


def test_a_root_that_was_not_there_is_not_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(torchvision.datasets.mnist, "download_and_extract_archive", no_internet)
    with pytest.raises(ValueError, match="cannot be downloaded"):
        mnist(tmp_path / "mistyped" / "sets")
    assert not (tmp_path / "mistyped").exists()


def test_a_download_that_breaks_off_is_never_taken_for_the_whole(root, monkeypatch):
    def first_half(_, download_root, filename, **__):
        (pathlib.Path(download_root) / filename).write_bytes(b"half")
        if filename.startswith("t10k-labels"):
            raise urllib.error.URLError("connection lost")

    monkeypatch.setattr(torchvision.datasets.mnist, "download_and_extract_archive", first_half)
    for _ in range(2):  # the second time is not hindered by what the first one left
        with pytest.raises(ValueError, match=r"cannot be downloaded .*connection lost"):
            mnist(root)
        assert not root.exists()


def downloaded(_, download_root, filename, **__):
    content = idx(FILES[filename.removesuffix(".gz")])
    (pathlib.Path(download_root) / filename).write_bytes(gzip.compress(content))
    (pathlib.Path(download_root) / filename.removesuffix(".gz")).write_bytes(content)


def test_what_is_downloaded_is_the_same_as_what_lies_there(root, tmp_path, monkeypatch):
    monkeypatch.setattr(torchvision.datasets.mnist, "download_and_extract_archive", downloaded)
    put(tmp_path / "here")
    made = mnist(root)
    assert made.fingerprint == mnist(tmp_path / "here").fingerprint
    monkeypatch.setattr(torchvision.datasets.mnist, "download_and_extract_archive", no_internet)
    assert mnist(root).fingerprint == made.fingerprint
    assert [path.name for path in root.iterdir()] == ["MNIST"]


class Fake:
    """A torchvision set of colour pictures in one array, whose one file is `<root>/fake/data`."""

    classes = ("cat", "dog", "frog")
    started, go_on = threading.Event(), threading.Event()
    fails = False

    def __init__(self, root, train, download):
        path = pathlib.Path(root) / "fake" / "data"
        if download:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bytes(1500))
            self.started.set()
            assert self.go_on.wait(10)
            if self.fails:
                raise self.fails
        if not path.exists():
            raise RuntimeError("Dataset not found or corrupted. You can use download=True to download it")
        self.data = np.arange(3 * 2 * 4 * 3, dtype=np.uint8).reshape(3, 2, 4, 3) + (0 if train else 100)
        self.targets = [2, 0, 2] if train else [0, 0, 2]


@pytest.fixture
def fake(monkeypatch):
    """Fake in place of torchvision's CIFAR10; its download goes on as soon as `go_on` is set."""
    monkeypatch.setattr(Fake, "started", threading.Event())
    monkeypatch.setattr(Fake, "go_on", threading.Event())
    monkeypatch.setattr(torchvision.datasets, "CIFAR10", Fake)
    monkeypatch.setattr(reader, "TICK_SECONDS", 0.01)
    yield Fake
    Fake.go_on.set()


def test_a_download_says_how_much_has_come(root, fake):
    told = []

    def progress(phase, *_):
        told.append(phase)
        if phase == "Downloading CIFAR10: 1.5 kB":
            fake.go_on.set()

    made = mnist(root, "CIFAR10", progress)
    assert len(made) == 6 and told[-1] == "Downloading CIFAR10: 1.5 kB"
    assert [path.relative_to(root).as_posix() for path in sorted(root.rglob("*"))] == ["fake", "fake/data"]


def test_a_download_is_stopped_without_waiting_for_its_end(root, fake):
    def progress(*_):
        if fake.started.is_set():
            raise InterruptedError

    with pytest.raises(InterruptedError):
        mnist(root, "CIFAR10", progress)
    assert not root.exists()


def test_what_a_killed_download_left_is_thrown_away(root, fake):
    (root / ".CIFAR10.part" / "fake").mkdir(parents=True)
    (root / ".CIFAR10.part" / "fake" / "rest").write_bytes(b"half")
    fake.go_on.set()
    assert len(mnist(root, "CIFAR10")) == 6
    assert [path.relative_to(root).as_posix() for path in sorted(root.rglob("*"))] == ["fake", "fake/data"]


def test_what_is_in_the_root_already_stays_beside_what_is_downloaded(root, fake):
    (root / "fake").mkdir(parents=True)
    (root / "fake" / "mine").write_text("mine")
    fake.go_on.set()
    mnist(root, "CIFAR10")
    assert sorted(path.name for path in (root / "fake").iterdir()) == ["data", "mine"]


def test_a_disk_that_fills_during_a_download_is_no_missing_internet(root, fake, monkeypatch):
    monkeypatch.setattr(fake, "fails", OSError(28, "No space left on device"))
    fake.go_on.set()
    with pytest.raises(OSError) as error:
        mnist(root, "CIFAR10")
    assert error.value.errno == 28 and not root.exists()


# ---------------------------------------------------------------------------------------------------- torchvision's own


@pytest.mark.usefixtures("fake")
def test_colour_pictures_in_an_array_and_only_classes_that_occur(root):
    (root / "fake").mkdir(parents=True)
    (root / "fake" / "data").touch()
    made = mnist(root, "CIFAR10")
    assert made.images.shape == (6, 3, 2, 4) and made.images.flags["C_CONTIGUOUS"]
    assert made.images[0, :, 0, 0].tolist() == [0, 1, 2] and made.images[3, :, 0, 1].tolist() == [103, 104, 105]
    assert (made.classes, made.targets.tolist()) == (("cat", "frog"), [1, 0, 1, 0, 0, 1])
    assert made.given_parts.tolist() == ["train"] * 3 + ["test"] * 3


class Pictures:
    """A torchvision set that gives pictures one by one, of several sizes and kinds, and no class names."""

    def __init__(self, _, split, **__):
        self.n = 3 if split == "train" else 2

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        if i == 99:
            raise OSError("image file is truncated")
        return Image.new(("RGB", "L", "RGBA")[i], (10 + i, 20), (255, 100, 0, 255)[: (3, 1, 4)[i]]), 5 * (i % 2)


def test_pictures_of_several_sizes_are_stored_at_one(root, monkeypatch):
    monkeypatch.setattr(torchvision.datasets, "GTSRB", Pictures)
    told = []
    made = load("GTSRB", Options(root=str(root), size=16), lambda *step: told.append(step))
    assert made.images.shape == (5, 3, 16, 16)
    assert made.images[0, :, 8, 8].tolist() == [255, 100, 0] and made.images[1, :, 8, 8].tolist() == [255, 255, 255]
    assert (made.classes, made.targets.tolist()) == (("0", "5"), [0, 1, 0, 0, 1])
    assert told[-1] == ("Reading test pictures", 2, 2)
    assert load("GTSRB", Options(root=str(root))).images.shape[2:] == (96, 96)


def test_a_damaged_picture_is_refused_with_its_number(root, monkeypatch):
    class Damaged(Pictures):
        def __getitem__(self, i):
            return super().__getitem__(99 if i else 0)

    monkeypatch.setattr(torchvision.datasets, "GTSRB", Damaged)
    with pytest.raises(ValueError, match=r"Picture 1 of the training part cannot be read \(image file is truncated\)"):
        load("GTSRB", Options(root=str(root)))


def test_a_part_without_pictures_is_refused_with_its_name(root, monkeypatch):
    class Emptied(Pictures):
        def __len__(self):
            return 3 if self.n == 3 else 0

    monkeypatch.setattr(torchvision.datasets, "GTSRB", Emptied)
    with pytest.raises(ValueError, match="The test part holds no pictures; download the set again"):
        load("GTSRB", Options(root=str(root)))
