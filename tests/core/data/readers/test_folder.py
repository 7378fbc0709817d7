"""Folders and zip files of images: classes, parts, stored shape, notes, and the sentences for what cannot be read."""

import os
import pathlib
import shutil
import stat
import zipfile

import numpy as np
import pytest
from PIL import Image

from core.data.images import decode, decode_many
from core.data.readers import folder
from core.data.readers.folder import Options, load


def quiet(*_):
    pass


def picture(path, level=0, size=(28, 28), mode="L"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, level if mode == "L" else (level,) * len(mode)).save(path)


def tree(root, *paths):
    """Pictures at `root`, each with the level of its number, and the root."""
    for i, path in enumerate(paths):
        picture(root / path, i)
    return root


def read(root, options=Options()):  # noqa: B008, frozen
    return load(str(root), options, quiet)


def texts(dataset):
    return {note.subject: note.text for note in dataset.notes}


def test_a_folder_per_class(tmp_path):
    dataset = read(tree(tmp_path / "pets", "dog/b.png", "cat/a.png", "cat/more/deep/c.png"))
    assert dataset.name == "pets" and dataset.kind == "image"
    assert dataset.classes == ("cat", "dog")
    assert dataset.ids.tolist() == ["cat/a.png", "cat/more/deep/c.png", "dog/b.png"]
    assert dataset.targets.tolist() == [0, 0, 1] and dataset.targets.dtype == np.int64
    assert dataset.images.shape == (3, 1, 28, 28)
    assert dataset.images[:, 0, 0, 0].tolist() == [1, 2, 0]
    assert dataset.root == str(tmp_path / "pets")
    assert dataset.given_parts is None and dataset.notes == ()
    assert list(dataset.about) == ["file", "height", "width"]
    assert (pathlib.Path(dataset.root) / dataset.about["file"][2]).is_file()
    assert dataset.origin == "Folder pets" and dataset.licence == "As its owner says"


@pytest.mark.parametrize(
    "names, parts",
    [
        (("train", "val", "test"), ("train", "val", "test")),
        (("Training", "VALIDATION", "Testing"), ("train", "val", "test")),
        (("train", "valid"), ("train", "val")),
        (("train", "dev", "test"), ("train", "val", "test")),
    ],
)
def test_folders_of_parts_are_recognised(tmp_path, names, parts):
    paths = [f"{name}/{label}/1.png" for name in names for label in ("b", "a")]
    dataset = read(tree(tmp_path / "pets", *paths))
    assert dataset.classes == ("a", "b")
    found = dict(zip(dataset.ids.tolist(), dataset.given_parts.tolist()))
    assert found == {f"{name}/{label}/1.png": part for name, part in zip(names, parts) for label in "ab"}


def test_a_folder_that_wraps_all_is_passed_over(tmp_path):
    dataset = read(tree(tmp_path / "x", "pets/v1/train/a/1.png", "pets/v1/train/b/1.png", "pets/v1/test/a/1.png"))
    assert dataset.classes == ("a", "b")
    assert sorted(dataset.given_parts.tolist()) == ["test", "train", "train"]


def test_a_class_may_be_named_as_a_part(tmp_path):
    dataset = read(tree(tmp_path / "vehicles", "train/1.png", "car/1.png", "train/steam/2.png"))
    assert dataset.classes == ("car", "train")
    assert dataset.given_parts is None


def test_a_class_that_a_part_does_not_have_is_a_note(tmp_path):
    dataset = read(tree(tmp_path / "pets", "train/a/1.png", "train/b/1.png", "test/a/1.png", "test/c/1.png"))
    assert dataset.classes == ("a", "b", "c")
    assert texts(dataset) == {
        "b": "The class b has no images in the part test.",
        "c": "The class c has no images in the part train.",
    }


def test_images_that_lie_in_no_class_folder_are_notes(tmp_path):
    dataset = read(tree(tmp_path / "pets", "train/a/1.png", "train/b/1.png", "test/9.png", "more/a/1.png", "x.png"))
    assert dataset.ids.tolist() == ["train/a/1.png", "train/b/1.png"]
    assert set(texts(dataset)) == {"test/9.png", "more/a/1.png", "x.png"}
    assert texts(dataset)["x.png"] == "Left out, as it lies in no class folder."


def test_class_names_are_kept_as_they_are(tmp_path):
    names = ['"quoted"', "<b>bold</b>".replace("/", "|"), "🐈‍⬛", "قطط", "a, b", "it's", "$HOME", " x "]
    dataset = read(tree(tmp_path / "odd", *(f"{name}/1.png" for name in names)))
    assert dataset.classes == tuple(sorted(names))


def test_hidden_files_and_folders_are_passed_over(tmp_path):
    dataset = read(tree(tmp_path / "x", "a/1.png", "b/1.png", ".c/1.png", "a/.2.png", "__MACOSX/1.png"))
    assert dataset.ids.tolist() == ["a/1.png", "b/1.png"] and dataset.notes == ()


def test_what_is_no_image_or_broken_is_a_note(tmp_path):
    root = tree(tmp_path / "x", "a/1.png", "b/1.png", "b/2.png", "b/3.png")
    noise = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    Image.fromarray(noise).save(root / "a" / "cut.jpg")
    cut = (root / "a" / "cut.jpg").read_bytes()
    (root / "a" / "cut.jpg").write_bytes(cut[: len(cut) - 200])
    (root / "a" / "text.jpg").write_text("I am no image")
    (root / "readme.txt").write_text("Hello")
    zipfile.ZipFile(root / "more.zip", "w").close()
    dataset = read(root)
    assert dataset.ids.tolist() == ["a/1.png", "b/1.png", "b/2.png", "b/3.png"]
    assert dataset.images[:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert {note.kind for note in dataset.notes} == {"file"}
    found = texts(dataset)
    assert found["a/cut.jpg"].startswith("Left out, as it is cut short or damaged (")
    assert found["a/text.jpg"] == "Left out, as it is named like an image but holds none that can be read."
    assert (
        found["readme.txt"] == found["more.zip"] == "Left out, as it is no image (JPEG, PNG, WebP, BMP, TIFF or GIF)."
    )


def test_a_class_whose_images_are_all_broken_is_no_class(tmp_path):
    root = tree(tmp_path / "x", "a/1.png", "b/1.png", "c/1.png")
    (root / "c" / "1.png").write_bytes((root / "c" / "1.png").read_bytes()[:45])
    dataset = read(root)
    assert dataset.classes == ("a", "b") and list(texts(dataset)) == ["c/1.png"]


def test_a_thousand_notes_are_enough(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "MAX_NOTES", 3)
    root = tree(tmp_path / "x", "a/1.png", "b/1.png")
    for i in range(5):
        (root / f"{i}.txt").touch()
    notes = read(root).notes
    assert len(notes) == 4 and notes[-1].text == "2 more files left out, not listed here."


@pytest.mark.skipif(os.name == "nt", reason="links need a right on Windows")
def test_links_are_followed_within_the_folder_only(tmp_path):
    root = tree(tmp_path / "x", "a/1.png", "b/1.png")
    picture(tmp_path / "secret" / "1.png")
    (root / "a" / "inside.png").symlink_to(root / "b" / "1.png")
    (root / "a" / "outside.png").symlink_to(tmp_path / "secret" / "1.png")
    (root / "b" / "nowhere.png").symlink_to(root / "gone.png")
    (root / "b" / "around").symlink_to(root)
    (root / "c").symlink_to(tmp_path / "secret")
    dataset = read(root)
    assert dataset.ids.tolist() == ["a/1.png", "a/inside.png", "b/1.png"]
    assert texts(dataset) == {
        "a/outside.png": "Left out, as it is a link that leads out of the folder.",
        "b/nowhere.png": "Left out, as it is a link that leads to no file.",
        "b/around": "Left out, as it is a link that leads to no file.",
        "c": "Left out, as it is a link that leads out of the folder.",
    }


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_not_waited_for(tmp_path):
    root = tree(tmp_path / "x", "a/1.png", "b/1.png")
    os.mkfifo(root / "a" / "2.png")
    assert len(read(root)) == 2


@pytest.mark.skipif(os.sys.platform != "linux", reason="elsewhere all names are text")
def test_a_name_that_is_no_text_is_a_note(tmp_path):
    root = tree(tmp_path / "x", "a/1.png", "b/1.png")
    shutil.copy(root / "a" / "1.png", os.fsencode(root / "a") + b"/\xff.png")
    dataset = read(root)
    assert len(dataset) == 2
    assert texts(dataset) == {"a/\\udcff.png": "Left out, as it has a name that is not UTF-8."}


@pytest.mark.parametrize(
    "sizes, side, shape",
    [
        ([(32, 48)] * 3, 0, (48, 32)),  # (width, height) to (h, w)
        ([(256, 256)] * 3, 0, (256, 256)),
        ([(257, 256)] * 3, 0, (224, 224)),
        ([(100, 300), (90, 70), (300, 120)], 0, (96, 96)),
        ([(9, 9), (10, 10), (11, 11)], 0, (32, 32)),
        ([(600, 900), (700, 500), (1, 1)], 0, (224, 224)),
        ([(28, 28)] * 3, 16, (16, 16)),
        ([(600, 900), (700, 500), (1, 1)], 512, (512, 512)),
    ],
)
def test_the_stored_shape(tmp_path, sizes, side, shape):
    for i, size in enumerate(sizes):
        picture(tmp_path / "x" / str(i) / "1.png", size=size)
    dataset = read(tmp_path / "x", Options(size=side))
    assert dataset.images.shape == (3, 1, *shape)
    assert list(zip(dataset.about["width"], dataset.about["height"])) == sizes


def test_one_image_with_colour_gives_all_three_channels(tmp_path):
    root = tree(tmp_path / "x", "a/1.png", "b/1.png")
    picture(root / "b" / "2.png", 200, mode="RGB")
    dataset = read(root)
    assert dataset.images.shape == (3, 3, 28, 28)
    assert dataset.images[:, :, 0, 0].tolist() == [[0] * 3, [1] * 3, [200] * 3]


@pytest.mark.parametrize("size", [-1, 1, 15, 513, 3.5])
def test_a_size_out_of_range_is_refused(tmp_path, size):
    with pytest.raises(ValueError, match=r"^size is "):
        read(tree(tmp_path / "x", "a/1.png", "b/1.png"), Options(size=size))


@pytest.mark.parametrize(
    "paths, sentence",
    [
        ((), r"^x holds no images; give a folder that holds a folder of images for each class\.$"),
        (
            ("a/1.png", "a/2.png"),
            r"^x holds images of only one class, 'a'; it needs two or more: put the images of each",
        ),
        (("1.png", "2.png"), r"^x holds 2 images but no class folders; put the images of each class into a folder of"),
        (("train/1.png", "test/2.png"), r"^x holds 2 images but no class folders"),
    ],
)
def test_what_cannot_be_a_data_set_says_how_to_arrange_it(tmp_path, paths, sentence):
    (tmp_path / "x").mkdir()
    root = tree(tmp_path / "x", *paths)
    (root / "readme.txt").write_text("Hello")
    with pytest.raises(ValueError, match=sentence):
        read(root)


def test_nothing_but_broken_images_is_an_error(tmp_path):
    root = tree(tmp_path / "x", "a/1.png", "b/1.png")
    for path in root.rglob("*.png"):
        path.write_bytes(path.read_bytes()[:45])
    with pytest.raises(ValueError, match=r"^x holds no image that can be decoded"):
        read(root)


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"^There is no folder or zip file .*nowhere; give one that holds"):
        read(tmp_path / "nowhere")


def test_a_file_that_is_no_zip_is_an_error(tmp_path):
    (tmp_path / "x.zip").write_text("hello")
    with pytest.raises(ValueError, match=r"^x\.zip is no zip file"):
        read(tmp_path / "x.zip")


@pytest.fixture
def decoded(monkeypatch):
    """Names of the files that are decoded, in this process."""
    names = []
    real = decode._stored

    def stored(path, *rest):
        names.append(pathlib.Path(path).name)
        return real(path, *rest)

    monkeypatch.setattr(decode_many, "FEW", 1000)
    monkeypatch.setattr(decode, "_stored", stored)
    return names


def test_the_second_time_nothing_is_decoded(tmp_path, decoded):
    root = tree(tmp_path / "x", "a/1.png", "b/2.png")
    first, second = read(root), read(root)
    assert len(decoded) == 2
    assert first.fingerprint == second.fingerprint
    assert read(root, Options(size=16)).images.shape == (2, 1, 16, 16)  # another shape has a cache of its own
    assert len(decoded) == 4


def test_a_file_that_changed_is_decoded_again(tmp_path, decoded):
    root = tree(tmp_path / "x", "a/1.bmp", "b/2.bmp")
    assert read(root).images[:, 0, 0, 0].tolist() == [0, 1]
    before = (root / "a" / "1.bmp").stat()
    picture(root / "a" / "1.bmp", 99)
    assert (root / "a" / "1.bmp").stat().st_size == before.st_size  # so only its time tells
    os.utime(root / "a" / "1.bmp", ns=(0, before.st_mtime_ns + 1))
    assert read(root).images[:, 0, 0, 0].tolist() == [99, 1]
    assert len(decoded) == 4


def test_reading_that_was_stopped_goes_on(tmp_path, decoded, monkeypatch):
    root = tree(tmp_path / "x", *(f"{label}/{i}.png" for i in range(15) for label in "ab"))
    monkeypatch.setattr(decode_many, "TICK_SECONDS", 0)

    def stop(phase, done, _total):
        if phase == "Decoding" and done:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        load(str(root), Options(), stop)
    before = len(decoded)
    assert 0 < before < 30
    calls = []
    dataset = load(str(root), Options(), lambda *call: calls.append(call))
    assert len(dataset) == len(decoded) == 30
    assert ("Decoding", before, 30) in calls


def test_progress_names_each_phase(tmp_path):
    root = tree(tmp_path / "x", "a/1.png", "b/1.png")
    packed = shutil.make_archive(str(tmp_path / "x"), "zip", root)
    calls = []
    load(packed, Options(), lambda *call: calls.append(call))
    assert list(dict.fromkeys(phase for phase, _, _ in calls)) == ["Unpacking", "Reading headers", "Decoding"]


def test_a_zip_file_is_read_like_its_folder(tmp_path, workspace, decoded):
    root = tree(tmp_path / "in" / "pets", "train/a/1.png", "train/b/1.png", "test/a/1.png")
    packed = shutil.make_archive(str(tmp_path / "pets-v2"), "zip", tmp_path / "in")
    dataset, plain = read(packed), read(root)
    assert dataset.name == "pets-v2"
    assert dataset.ids.tolist() == [f"pets/{path}" for path in plain.ids]
    np.testing.assert_array_equal(dataset.images, plain.images)
    assert dataset.given_parts.tolist() == plain.given_parts.tolist()
    home = pathlib.Path(dataset.root)
    assert home.parent == workspace / "originals" and len(home.name) == 16
    assert (home / dataset.about["file"][0]).is_file()
    again = read(shutil.copy(packed, tmp_path / "copy.zip"))  # the same content is unpacked and decoded once
    assert again.root == dataset.root and len(decoded) == 6


@pytest.mark.parametrize("name", ["../1.png", "/1.png"])
def test_a_planted_zip_is_refused_and_leaves_nothing(tmp_path, workspace, name):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as packed:
        packed.writestr("a/1.png", b"x")
        packed.writestr(name, b"x")
    with pytest.raises(ValueError, match=r"^x\.zip holds .* which leads out of the folder"):
        read(tmp_path / "x.zip")
    assert [p for p in (workspace / "originals").iterdir() if p.suffix != ".lock"] == []


def test_a_link_in_a_zip_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as packed:
        link = zipfile.ZipInfo("a/1.png")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        packed.writestr(link, "/etc/passwd")
    with pytest.raises(ValueError, match="a link or device"):
        read(tmp_path / "x.zip")


def test_rotated_photographs_are_upright(tmp_path):
    exif = Image.Exif()
    exif[decode.ORIENTATION] = 6
    for label in "ab":
        (tmp_path / "x" / label).mkdir(parents=True)
        Image.new("RGB", (40, 20)).save(tmp_path / "x" / label / "1.jpg", exif=exif)
    dataset = read(tmp_path / "x")
    assert dataset.images.shape == (2, 3, 40, 20)
    assert dataset.about[["height", "width"]].to_numpy().tolist() == [[40, 20]] * 2


def test_many_files_are_read_by_other_processes(tmp_path):
    root = tree(tmp_path / "x", *(f"{label}/{i}.png" for i in range(decode_many.FEW // 2 + 1) for label in "ab"))
    dataset = read(root)
    levels = [2 * int(pathlib.Path(path).stem) + (path[0] == "b") for path in dataset.ids]
    assert dataset.images[:, 0, 0, 0].tolist() == levels
