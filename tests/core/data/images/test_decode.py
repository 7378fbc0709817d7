"""Colour, depth, alpha, rotation and size of single image files, and what is said of broken ones."""

import json
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from core.data.images import decode

PALETTE = [255, 0, 0, 0, 0, 255]  # 0 is red, 1 is blue


def save(folder, name, image, **how):
    path = str(folder / name)
    image.save(path, **how)
    return path


def png_head(width, height):
    """A PNG that has a header, and next to no pixels behind it."""
    chunks = b"\x89PNG\r\n\x1a\n"
    for chunk in (b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(b"\0")):
        chunks += struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return chunks


@pytest.mark.parametrize("format", decode.FORMATS)
def test_each_format_is_read(tmp_path, format):
    path = save(tmp_path, "x", Image.new("RGB", (40, 20), (200, 100, 50)), format=format)
    found = decode.header(path)
    assert (found.width, found.height, found.grey, found.format, found.problem) == (40, 20, False, format, "")
    pixels = decode.original(path, 3)
    assert pixels.shape == (3, 20, 40) and pixels.dtype == np.uint8
    assert np.abs(pixels.mean(axis=(1, 2)) - (200, 100, 50)).max() < 6
    assert decode.decode(path, 8, 3).shape == (3, 8, 8)


def test_16_bits_are_scaled_and_not_clipped(tmp_path):
    levels = np.array([[0, 257, 32896], [65535, 128, 129]], np.uint16)
    for name in ("x.png", "x.tif"):
        path = save(tmp_path, name, Image.fromarray(levels))
        assert decode.original(path, 1).tolist() == [[[0, 1, 128], [255, 0, 1]]]
        assert decode.header(path).grey


def test_16_bits_with_the_high_byte_first_are_read_as_such(tmp_path):
    image = Image.frombytes("I;16B", (2, 1), bytes([0xFF, 0xFF, 0x01, 0x01]))
    assert decode.original(save(tmp_path, "x.tif", image), 1).tolist() == [[[255, 1]]]


@pytest.mark.parametrize(
    "values, expected",
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 100.0, 255.0], [0, 100, 255]),
        ([0.0, 257.0, 65535.0], [0, 1, 255]),
        ([-1.0, 0.0, 1.0], [0, 128, 255]),
        ([np.nan, 0.0, 1.0], [0, 0, 255]),
        ([-7.0, -7.0, -7.0], [0, 0, 0]),
    ],
)
def test_floats_are_taken_on_the_scale_they_seem_to_have(tmp_path, values, expected):
    path = save(tmp_path, "x.tif", Image.fromarray(np.array([values], np.float32)))
    assert decode.original(path, 1)[0, 0].tolist() == expected


def test_32_bit_integers_are_scaled(tmp_path):
    path = save(tmp_path, "x.tif", Image.fromarray(np.array([[0, 257, 65535]], np.int32)))
    assert decode.original(path, 1)[0, 0].tolist() == [0, 1, 255]


def test_one_bit_is_black_and_white(tmp_path):
    path = save(tmp_path, "x.png", Image.fromarray(np.array([[True, False]])))
    assert decode.header(path).grey
    assert decode.original(path, 1).tolist() == [[[255, 0]]]


def test_a_palette_with_transparency_lies_over_white(tmp_path):
    image = Image.fromarray(np.array([[0, 1]], np.uint8)).convert("P")
    image.putpalette(PALETTE)
    path = save(tmp_path, "x.png", image, transparency=1)
    assert decode.original(path, 3)[:, 0].T.tolist() == [[255, 0, 0], [255, 255, 255]]
    assert not decode.header(path).grey


def test_a_palette_of_greys_is_grey(tmp_path):
    image = Image.fromarray(np.array([[0, 1]], np.uint8)).convert("P")
    image.putpalette([9, 9, 9, 200, 200, 200])
    path = save(tmp_path, "x.png", image)
    assert decode.header(path).grey
    assert decode.original(path, 1).tolist() == [[[9, 200]]]


def test_alpha_lies_over_white(tmp_path):
    rgba = Image.fromarray(np.array([[[10, 20, 30, 255], [10, 20, 30, 0], [0, 0, 0, 51]]], np.uint8))
    path = save(tmp_path, "x.png", rgba)
    assert decode.original(path, 3)[:, 0].T.tolist() == [[10, 20, 30], [255, 255, 255], [204, 204, 204]]
    grey = save(tmp_path, "y.png", Image.fromarray(np.array([[[10, 255], [10, 0]]], np.uint8)))
    assert decode.header(grey).grey
    assert decode.original(grey, 1).tolist() == [[[10, 255]]]


def test_a_colour_named_as_transparent_is_white(tmp_path):
    image = Image.fromarray(np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8))
    path = save(tmp_path, "x.png", image, transparency=(4, 5, 6))
    assert decode.original(path, 3)[:, 0].T.tolist() == [[1, 2, 3], [255, 255, 255]]


def test_cmyk_becomes_rgb(tmp_path):
    path = save(tmp_path, "x.jpg", Image.new("CMYK", (16, 16), (0, 255, 255, 0)), quality=95)
    pixels = decode.original(path, 3)
    assert pixels[0].min() > 250 and pixels[1:].max() < 5  # no cyan, full magenta and yellow: red


def test_ycbcr_becomes_rgb(tmp_path):
    path = save(tmp_path, "x.tif", Image.new("RGB", (8, 8), (250, 10, 10)).convert("YCbCr"))
    assert decode.header(path).format == "TIFF"
    assert np.abs(decode.original(path, 3)[:, 0, 0].astype(int) - (250, 10, 10)).max() <= 2


def test_the_first_frame_of_a_gif_counts(tmp_path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ((255, 0, 0), (0, 255, 0))]
    path = save(tmp_path, "x.gif", frames[0], save_all=True, append_images=frames[1:])
    assert decode.original(path, 3)[:, 0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("name", ["x.jpg", "x.png", "x.webp", "x.tif"])
def test_exif_orientation_6_is_turned_clockwise(tmp_path, name):
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:, :16] = 255  # white on the left of the file, so on top as seen
    exif = Image.Exif()
    exif[decode.ORIENTATION] = 6
    path = save(tmp_path, name, Image.fromarray(pixels), exif=exif)
    found = decode.header(path)
    assert (found.width, found.height) == (16, 32)
    seen = decode.original(path, 3)
    assert seen.shape == (3, 32, 16)
    assert seen[:, :14].min() > 240 and seen[:, 18:].max() < 15
    np.testing.assert_array_equal(decode.decode(path, (32, 16), 3), seen)


@pytest.mark.parametrize("turn", range(1, 9))
def test_every_orientation_is_as_pillow_turns_it(tmp_path, turn):
    from PIL import ImageOps

    exif = Image.Exif()
    exif[decode.ORIENTATION] = turn
    pixels = np.arange(8 * 5 * 3, dtype=np.uint8).reshape(5, 8, 3)
    path = save(tmp_path, "x.png", Image.fromarray(pixels), exif=exif)
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image)).transpose(2, 0, 1)
    np.testing.assert_array_equal(decode.original(path, 3), expected)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_exif_costs_the_rotation_and_not_the_image(tmp_path):
    path = save(tmp_path, "x.jpg", Image.new("L", (8, 8)), exif=b"Exif\0\0II*\0\xff\xff\xff\xffrubbish")
    assert decode.header(path).problem == ""
    assert decode.original(path, 1).shape == (1, 8, 8)


def test_the_middle_is_kept_and_the_rest_cut_off(tmp_path):
    pixels = np.zeros((10, 30), np.uint8)
    pixels[:, 10:20] = 255
    path = save(tmp_path, "x.png", Image.fromarray(pixels))
    assert decode.decode(path, 10, 1).min() == 255
    half = decode.decode(path, 5, 1)[0]
    assert half[:, 1:-1].min() == 255 and half.min() > 200  # a resize looks a little beyond the cut
    assert decode.decode(path, (10, 30), 1)[0].tolist() == pixels.tolist()


def test_the_box_is_the_largest_of_the_wanted_shape():
    assert decode.crop_box(341, 256, 224, 224) == (42, 0, 298, 256)
    assert decode.crop_box(256, 341, 224, 224) == (0, 42, 256, 298)
    assert decode.crop_box(100, 100, 10, 20) == (0, 25, 100, 75)
    assert decode.crop_box(1, 1000, 32, 32) == (0, 499, 1, 500)


def test_making_smaller_averages(tmp_path):
    board = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    small = decode.decode(save(tmp_path, "x.png", Image.fromarray(board)), 16, 1)
    assert np.abs(small.astype(int) - 127).max() <= 3  # without antialiasing it would be all black or all white


def test_a_draft_is_close_to_the_full_size(tmp_path):
    y, x = np.mgrid[0:512, 0:640]
    image = Image.fromarray(np.stack([x % 256, y % 256, (x + y) % 256], 2).astype(np.uint8)).resize((640, 512))
    path = save(tmp_path, "x.jpg", image, quality=95)
    whole = decode.fit(Image.fromarray(decode.original(path, 3).transpose(1, 2, 0)), (64, 64), 3)
    difference = decode.decode(path, 64, 3).astype(int) - whole
    assert np.sqrt((difference**2).mean()) < 2


def test_grey_is_repeated_and_colour_is_made_grey(tmp_path):
    grey = save(tmp_path, "x.png", Image.new("L", (4, 4), 77))
    assert decode.decode(grey, 4, 3).tolist() == np.full((3, 4, 4), 77).tolist()
    colour = save(tmp_path, "y.png", Image.new("RGB", (4, 4), (255, 0, 0)))
    assert decode.decode(colour, 4, 1).tolist() == np.full((1, 4, 4), 76).tolist()  # 0.299 of 255


def test_an_image_of_one_pixel_works(tmp_path):
    path = save(tmp_path, "x.png", Image.new("RGB", (1, 1), (1, 2, 3)))
    assert decode.decode(path, 32, 3)[:, 31, 31].tolist() == [1, 2, 3]
    assert decode.original(path, 3).tolist() == [[[1]], [[2]], [[3]]]


def test_fit_takes_a_pillow_image():
    assert decode.fit(Image.new("RGBA", (9, 3), (0, 0, 0, 0)), (2, 2), 3).tolist() == np.full((3, 2, 2), 255).tolist()


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("width, height", [(30_000, 30_000), (10_000, 9_000)])
def test_far_too_large_an_image_is_refused_by_its_header(tmp_path, width, height):
    path = tmp_path / "x.png"
    path.write_bytes(png_head(width, height))
    problem = decode.header(str(path)).problem
    assert problem == f"has {width * height // 10**6} million pixels; at most 89 million are read"
    with pytest.raises(ValueError, match=r"x\.png cannot be read: it has"):
        decode.original(str(path), 3)


def test_a_truncated_image_is_broken_and_says_so(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    for name in ("x.jpg", "x.png", "x.webp", "x.gif", "x.bmp", "x.tif"):
        path = tmp_path / name
        save(tmp_path, name, Image.fromarray(noise))
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(ValueError, match=f"^{name} cannot be read: it "):
            decode.decode(str(path), 8, 3)


@pytest.mark.parametrize(
    "name, content, problem",
    [
        ("x.txt", b"hello", "is no image (JPEG, PNG, WebP, BMP, TIFF or GIF)"),
        ("x.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is no image (JPEG, PNG, WebP, BMP, TIFF or GIF)"),
        ("x.JPG", b"hello", "is named like an image but holds none that can be read"),
        ("x.png", b"", "is named like an image but holds none that can be read"),
    ],
)
def test_what_is_no_image_is_named(tmp_path, name, content, problem):
    (tmp_path / name).write_bytes(content)
    assert decode.header(str(tmp_path / name)).problem == problem


def test_a_file_that_is_not_there_says_so(tmp_path):
    assert decode.header(str(tmp_path / "x.png")).problem == "cannot be opened (No such file or directory)"


def test_the_program_answers_lines_and_loads_no_numpy_for_plain_images(tmp_path):
    path = save(tmp_path, "x.png", Image.new("L", (2, 3)))
    code = f"import sys, runpy; sys.argv = ['x']; runpy.run_path({decode.__file__!r}, run_name='__main__'); "
    code += "print('numpy' in sys.modules)"
    asked = json.dumps({"task": "header", "files": [[0, path]]}) + "\n"
    done = subprocess.run([sys.executable, "-P", "-c", code], input=asked, capture_output=True, text=True, check=True)
    ready, answer, numpy_loaded = done.stdout.splitlines()
    assert ready == "ready"
    assert json.loads(answer) == {"answers": [[2, 3, True, "PNG", ""]]}
    assert numpy_loaded == "False"
