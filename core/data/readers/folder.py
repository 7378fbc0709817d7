"""Images in a folder of class folders, or of train, val and test folders that hold these; or in a zip file of that."""

import collections
import hashlib
import os
import pathlib
import stat
import statistics
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core import words
from core.data.dataset import PART_WORDS, Dataset, Note
from core.data.images import archive, decode_many
from core.data.images.decode import Header
from core.data.reading import Progress
from core.options import check, option
from core.workspace import check_workspace

TITLE = "Images in folders, one folder per class (or a zip file of that)"
IGNORED = ("Thumbs.db", "desktop.ini", "__MACOSX")
AS_IT_IS = 256  # images that all have one size, with sides of at most this, are stored as they are
SIDES = (32, 224)  # else the stored side is chosen between these, in steps of 32
SMALLEST = 16
MAX_NOTES = 1000
CACHE_VERSION = 1  # to be raised when the same file would be decoded to other pixels
ARRANGE = "put the images of each class into a folder of its own, named after the class"


@dataclass(frozen=True)
class Options:
    size: int = option(0, "Side at which images are stored; 0: chosen from the data", low=0, high=512, unit="pixels")


@dataclass(frozen=True)
class File:
    """A file as it was found."""

    path: str  # relative to the root, with forward slashes
    n_bytes: int
    mtime_ns: int


@dataclass(frozen=True)
class Picture:
    """An image file, with the part and the class that its folders say."""

    file: File
    header: Header
    part: str  # "train", "val", "test" or ""
    label: str  # its class


def load(where: str, options: Options, progress: Progress) -> Dataset:
    """The images of a folder or zip file, decoded to one size; files that are none, or broken, are in the notes.

    Raises ValueError with one sentence if it is not there or holds no images in at least two class folders, OSError if
    the disk is full, and what `progress` raises; then what is decoded already is found there the next time.
    """
    check(options)
    if 0 < options.size < SMALLEST:
        raise ValueError(f"size is {options.size}; it must be 0 (chosen from the data) or from {SMALLEST} to 512.")
    workspace = check_workspace()
    root, name = _folder(pathlib.Path(where).expanduser(), workspace, progress)
    files, notes = _files(root, progress)
    with decode_many.Crew(len(files)) as crew:
        headers = decode_many.scan([str(root / file.path) for file in files], progress, crew)
        pictures, more_notes = _pictures(files, headers, name)
        shape = _shape([picture.header for picture in pictures], options.size)
        paths = [str(root / picture.file.path) for picture in pictures]
        cache = workspace / "cache" / _key([picture.file for picture in pictures], shape)
        decoded = decode_many.decode_all(paths, shape, cache, progress, crew)
    notes += more_notes
    notes += [_left_out(pictures[i].file.path, reason) for i, reason in decoded.broken.items()]
    whole = [picture for i, picture in enumerate(pictures) if i not in decoded.broken]
    classes = _classes(whole, name)
    code = {label: i for i, label in enumerate(classes)}
    about = {
        "part": [picture.part for picture in whole],
        "file": [picture.file.path for picture in whole],
        "height": [picture.header.height for picture in whole],
        "width": [picture.header.width for picture in whole],
    }
    if not any(about["part"]):
        del about["part"]
    return Dataset(
        name=name,
        kind="image",
        targets=np.array([code[picture.label] for picture in whole], np.int64),
        classes=classes,
        ids=np.array(about["file"], str),
        origin=f"Folder {name}",
        licence="As its owner says",
        images=decoded.images,
        about=pd.DataFrame(about),
        root=str(root),
        notes=(*_missing_classes(whole, classes), *_shortened(notes)),
    )


def _folder(path: pathlib.Path, workspace: pathlib.Path, progress) -> tuple[pathlib.Path, str]:
    """The folder of the images and its name; a zip file is unpacked, once for its content."""
    path = path.resolve()
    if path.is_dir():
        return path, path.name or "images"
    if not path.is_file():
        raise ValueError(f"There is no folder or zip file {path}; give one that holds a folder of images per class.")
    with open(path, "rb") as file:
        if file.read(2) != b"PK":
            raise ValueError(f"{path.name} is no zip file; give a zip file or a folder of class folders.")
        file.seek(0)
        progress("Unpacking", 0, 0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:16]
    folder = workspace / "originals" / digest
    folder.parent.mkdir(exist_ok=True)
    if not folder.is_dir():
        with decode_many.one_at_a_time(folder.with_name(f"{digest}.lock"), progress):
            if not folder.is_dir():
                archive.unpack(path, folder, progress)
    return folder, path.stem


def _files(root: pathlib.Path, progress) -> tuple[list[File], list[Note]]:
    """All files below `root` that are not hidden, by path, and notes on the links and names that are left out."""
    files, notes, folders = [], [], [""]
    while folders:
        folder = folders.pop()
        progress("Reading headers", 0, 0)
        try:
            entries = list(os.scandir(root / folder))
        except OSError as error:
            if not folder:
                raise ValueError(f"The folder {root} cannot be read ({error.strerror}); allow it.") from error
            notes.append(_left_out(folder, f"cannot be opened ({error.strerror})"))
            continue
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.name.startswith(".") or entry.name in IGNORED:
                continue
            if not _is_text(entry.name):
                notes.append(_left_out(ascii(path)[1:-1], "has a name that is not UTF-8"))
            elif entry.is_dir(follow_symlinks=False):
                folders.append(path)
            elif entry.is_symlink() and (problem := _link_problem(root, path)):
                notes.append(_left_out(path, problem))
            elif stat.S_ISREG((facts := entry.stat()).st_mode):  # a pipe would be waited for
                files.append(File(path, facts.st_size, facts.st_mtime_ns))
    return sorted(files, key=lambda file: file.path), notes


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _link_problem(root: pathlib.Path, path: str) -> str:
    """Why a link is not followed, or "" if it leads to a file within the root."""
    target = pathlib.Path(os.path.realpath(root / path))
    if not target.is_relative_to(root):
        return "is a link that leads out of the folder"
    return "" if target.is_file() else "is a link that leads to no file"


def _pictures(files: list[File], headers: list[Header], name: str) -> tuple[list[Picture], list[Note]]:
    """The images that lie in a class, and notes on the files that are none or do not.

    Raises ValueError with one sentence if there are no images or fewer than two classes.
    """
    notes = [_left_out(file.path, header.problem) for file, header in zip(files, headers) if header.problem]
    found = [(file, header) for file, header in zip(files, headers) if not header.problem]
    if not found:
        raise ValueError(f"{name} holds no images; give a folder that holds a folder of images for each class.")
    pictures = []
    for (file, header), place in zip(found, _places([file.path.split("/") for file, _ in found])):
        if place is None:
            notes.append(_left_out(file.path, "lies in no class folder"))
        else:
            pictures.append(Picture(file, header, *place))
    if not pictures:
        raise ValueError(f"{name} holds {words.count(len(found), 'image')} but no class folders; {ARRANGE}.")
    _classes(pictures, name)
    return pictures, notes


def _places(paths: list[list[str]]) -> list[tuple[str, str] | None]:
    """The part ("train", "val", "test" or "") and the class of each image, or None for one that lies in no class.

    paths : the folders of each path, and its name. Folders that wrap all the others are passed over. Two folders with
        names of parts make the upper level one of parts, if there are no others or one of the two has class folders.
    """
    depth = 0
    while len({path[depth] for path in paths}) == 1 and all(len(path) > depth + 2 for path in paths):
        depth += 1
    inside = [path for path in paths if len(path) > depth + 1]
    named = [path for path in inside if path[depth].lower() in PART_WORDS]
    parts = {PART_WORDS[path[depth].lower()] for path in named}
    if len(parts) < 2 or (len(named) < len(inside) and all(len(path) == depth + 2 for path in named)):
        return [("", path[depth]) if len(path) > depth + 1 else None for path in paths]
    return [
        (PART_WORDS[path[depth].lower()], path[depth + 1])
        if len(path) > depth + 2 and path[depth].lower() in PART_WORDS
        else None
        for path in paths
    ]


def _classes(pictures: list[Picture], name: str) -> tuple[str, ...]:
    """The class names, sorted; ValueError with one sentence if there are fewer than two."""
    classes = tuple(sorted({picture.label for picture in pictures}))
    if not classes:
        raise ValueError(f"{name} holds no image that can be decoded; the files are cut short or damaged.")
    if len(classes) == 1:
        raise ValueError(f"{name} holds images of only one class, {classes[0]!r}; it needs two or more: {ARRANGE}.")
    return classes


def _shape(headers: list[Header], size: int) -> tuple[int, int, int]:
    """The stored shape (c, h, w): 1 channel if all are grey; the side is `size`, or 0: chosen from the data."""
    channels = 1 if all(h.grey for h in headers) else 3
    sizes = {(h.height, h.width) for h in headers}
    height, width = next(iter(sizes))
    if size:
        return channels, size, size
    if len(sizes) == 1 and max(height, width) <= AS_IT_IS:
        return channels, height, width
    middle = statistics.median(min(h.height, h.width) for h in headers)
    side = int(np.clip(middle // 32 * 32, *SIDES))
    return channels, side, side


def _key(files: list[File], shape: tuple[int, int, int]) -> str:
    """A name for the cache that changes with any file, the stored shape, or the way of decoding."""
    facts = [(file.path, file.n_bytes, file.mtime_ns) for file in files]
    return hashlib.sha256(repr((CACHE_VERSION, shape, facts)).encode()).hexdigest()[:32]


def _missing_classes(pictures: list[Picture], classes: tuple[str, ...]) -> list[Note]:
    """A note for each class that one of the given parts does not have."""
    held = collections.defaultdict(set)
    for picture in pictures:
        held[picture.part].add(picture.label)
    return [
        Note("rows", label, f"The class {label} has no images in the part {part}.")
        for part in held
        for label in classes
        if label not in held[part]
    ]


def _left_out(path: str, problem: str) -> Note:
    return Note("file", path, f"Left out, as it {problem}.")


def _shortened(notes: list[Note]) -> list[Note]:
    rest = len(notes) - MAX_NOTES
    if rest <= 0:
        return notes
    return [*notes[:MAX_NOTES], Note("file", "", f"{words.count(rest, 'more file')} left out, not listed here.")]
