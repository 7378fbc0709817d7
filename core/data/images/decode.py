"""One image file to uint8 pixels: colour, alpha, depth, rotation, size. Also the process that does it for many files.

Started as a program (`decode_many` does), it answers one line of JSON with another. So it imports Pillow and no more:
NumPy, which few files need, would double the time it takes to start.
"""

import io
import json
import pathlib
import re
import signal
import sys
import warnings
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image, TiffImagePlugin, UnidentifiedImageError, WebPImagePlugin  # noqa: F401, the two register readers

if TYPE_CHECKING:
    import numpy as np

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")
MAX_PIXELS = 89_000_000  # below the size at which Pillow warns of a decompression bomb
PENDING, OK, BROKEN = 0, 1, 2  # of a file in done.npy
GREY_MODES = ("1", "L", "LA", "La", "I", "F")  # and I;16 in its byte orders
ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")
ORIENTATION = 0x0112  # the EXIF tag
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# A JPEG is decoded at 1/2, 1/4 or 1/8 as long as both sides stay twice what is wanted; others are first averaged over
# whole blocks down to three times that. On photographs either changes a level by 0.4 to 1.4 in 255 (RMS), against the
# full size; a draft at once the size is quicker still, and wrong by up to 50 levels.
DRAFT_GAP = 2
REDUCING_GAP = 3.0


class Header(NamedTuple):
    """What the head of a file says: size as seen (EXIF applied), grey or colour, format; or why it is left out."""

    width: int = 0
    height: int = 0
    grey: bool = False
    format: str = ""
    problem: str = ""  # the end of a sentence that begins with "It "


def header(path: str) -> Header:
    """The header of one file; never raises for what is in the file."""
    try:
        with _open(path) as image:
            width, height = image.size
            if _turn(image) >= 5:
                width, height = height, width
            return Header(width, height, _is_grey(image), image.format or "")
    except Exception as error:  # a damaged file raises anything from SyntaxError to struct.error in Pillow
        return Header(problem=_reason(error, path))


def decode(path: str, size: int | tuple[int, int], channels: int) -> "np.ndarray":
    """The image of one file as uint8 (c, h, w), see `fit`; ValueError with one sentence if it cannot be decoded.

    size : one side of a square, or (h, w);  channels : 1 or 3
    """
    import numpy as np

    height, width = (size, size) if isinstance(size, int) else size
    try:
        planes = _planes(_stored(path, height, width, channels))
    except Exception as error:
        raise ValueError(f"{pathlib.Path(path).name} cannot be read: it {_reason(error, path)}.") from error
    return np.frombuffer(planes, np.uint8).reshape(channels, height, width).copy()


def original(path: str, channels: int) -> "np.ndarray":
    """The image of one file at its full size as uint8 (c, H, W), turned as EXIF says, under the same rules of colour.

    Raises ValueError with one sentence if it cannot be decoded.
    """
    try:
        with _open(path) as image:
            return _array(_upright(_flat(image), _turn(image)), channels)
    except Exception as error:
        raise ValueError(f"{pathlib.Path(path).name} cannot be read: it {_reason(error, path)}.") from error


def content(data: bytes, channels: int) -> "np.ndarray":
    """As `original`, of what is in a file."""
    try:
        with _open(io.BytesIO(data)) as image:
            return _array(_upright(_flat(image), _turn(image)), channels)
    except Exception as error:
        raise ValueError(f"The image cannot be read: it {_reason(error, '')}.") from error


def fit(image: Image.Image, size: tuple[int, int], channels: int) -> "np.ndarray":
    """A Pillow image as uint8 (c, h, w): over white if transparent, cut to shape about its centre, then resized.

    size : (h, w). The cut is the largest of that shape, at whole pixels (rounded to the top left). The resize is
        bilinear with antialiasing, as in Pillow and torchvision; pixels right beyond the cut have their share, as they
        have when an image is resized first and cut then.
    """
    return _array(_resized(_flat(image), *size), channels)


def crop_box(width: int, height: int, to_height: int, to_width: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the largest centred box with the shape of (to_height, to_width), in pixels."""
    wide, high = width, height
    if width * to_height > height * to_width:
        wide = max(1, round(height * to_width / to_height))
    else:
        high = max(1, round(width * to_height / to_width))
    left, top = (width - wide) // 2, (height - high) // 2
    return left, top, left + wide, top + high


def _open(path: "str | io.BytesIO") -> Image.Image:
    image = Image.open(path, formats=FORMATS)
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise Image.DecompressionBombError(f"{image.width * image.height} pixels")
    return image


def _stored(path: str, height: int, width: int, channels: int) -> Image.Image:
    """The image of one file, L or RGB, at the stored size."""
    with _open(path) as image:
        turn = _turn(image)
        seen = image.size if turn < 5 else image.size[::-1]
        box = crop_box(*seen, height, width)
        room = min((box[2] - box[0]) / width, (box[3] - box[1]) / height) / DRAFT_GAP
        scale = next(s for s in (8, 4, 2, 1) if s <= room or s == 1)
        if scale > 1 and image.draft(None, (image.width // scale, image.height // scale)):
            box = tuple(side / scale for side in box)
        flat = _upright(_flat(image), turn)
        return _coloured(_resized(flat, height, width, box), channels)


def _resized(image: Image.Image, height: int, width: int, box: tuple | None = None) -> Image.Image:
    box = box or crop_box(*image.size, height, width)
    if image.size == (width, height) and tuple(box) == (0, 0, width, height):
        return image
    return image.resize((width, height), Image.Resampling.BILINEAR, box=box, reducing_gap=REDUCING_GAP)


def _flat(image: Image.Image) -> Image.Image:
    """The image loaded, as L or RGB, transparency over white."""
    image.load()
    mode = image.mode
    if mode.startswith("I") or mode == "F":
        return _levels(image)
    if mode in ALPHA_MODES or "transparency" in image.info:
        grey = mode in GREY_MODES
        image = image.convert("LA" if grey else "RGBA")
        white = Image.new("L" if grey else "RGB", image.size, 255 if grey else (255, 255, 255))
        white.paste(image.convert(white.mode), mask=image.getchannel("A"))
        return white
    return _coloured(image, 1 if mode in GREY_MODES else 3)


def _levels(image: Image.Image) -> Image.Image:
    """An image of 16 or 32 bits as L: 65,535 becomes 255.

    32 bits have no scale of their own: values from 0 to 1 (fractions only), 0 to 255 or 0 to 65,535 are taken as of
    that scale, and all else is stretched from its lowest to its highest value.
    """
    import numpy as np

    values = np.nan_to_num(np.asarray(image).astype(np.float64), posinf=0, neginf=0)
    low, high = values.min(), values.max()
    scales = {"I": (255, 65535), "F": (1, 255, 65535)}.get(image.mode, (65535,))
    top = next((scale for scale in scales if low >= 0 and high <= scale), None)
    if top is None:
        values, top = values - low, max(high - low, 1e-300)
    return Image.fromarray(np.rint(values * (255 / top)).astype(np.uint8))


def _upright(image: Image.Image, turn: int) -> Image.Image:
    return image.transpose(TURNS[turn]) if turn in TURNS else image


def _turn(image: Image.Image) -> int:
    """The EXIF orientation still to be applied, 1 to 8; 1 if there is none."""
    if image.format == "TIFF":  # Pillow applies it itself
        return 1
    if image.format == "PNG" and "exif" not in image.info:  # Pillow would decode the whole file to look behind it
        return 1
    try:
        turn = image.getexif().get(ORIENTATION, 1)
    except Exception:  # a damaged EXIF block is no reason to lose the image
        return 1
    return turn if turn in TURNS else 1


def _is_grey(image: Image.Image) -> bool:
    if image.mode == "P" and image.palette and image.palette.mode == "RGB":
        levels = bytes(image.palette.palette)
        return levels[0::3] == levels[1::3] == levels[2::3]
    return image.mode in GREY_MODES or image.mode.startswith("I;16")


def _coloured(image: Image.Image, channels: int) -> Image.Image:
    mode = "L" if channels == 1 else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _planes(image: Image.Image) -> bytes:
    """The bytes of an L or RGB image, one channel after the other."""
    if image.mode == "L":
        return image.tobytes()
    return b"".join(image.tobytes("raw", band) for band in "RGB")


def _array(image: Image.Image, channels: int) -> "np.ndarray":
    import numpy as np

    planes = _planes(_coloured(image, channels))
    return np.frombuffer(planes, np.uint8).reshape(channels, image.height, image.width).copy()


def _reason(error: Exception, path: str) -> str:
    """Why a file is left out, the end of a sentence that begins with "It "."""
    if isinstance(error, Image.DecompressionBombError):
        pixels = int(re.findall(r"\d+", str(error))[0])  # Pillow's own error begins with the number, as ours does
        return f"has {pixels // 10**6:,} million pixels; at most {MAX_PIXELS // 10**6} million are read"
    if isinstance(error, UnidentifiedImageError):
        if path.lower().endswith(SUFFIXES):
            return "is named like an image but holds none that can be read"
        return "is no image (JPEG, PNG, WebP, BMP, TIFF or GIF)"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be opened ({error.strerror})"
    if isinstance(error, MemoryError):
        return "does not fit into memory"
    return f"is cut short or damaged ({str(error).strip() or type(error).__name__})"


def answer(message: dict) -> list:
    """What a message asks for, of each of its files: a Header, or "" if it was decoded and stored, or why not.

    message : {"task": "header" or "store", "files": [[index, path], ...]}; for "store" there are also "shape" (c, h, w)
        and the paths of two .npy files with the number of bytes before their first row, "images" and "done"
    Raises OSError if the store cannot be written.
    """
    if message["task"] == "header":
        return [header(path) for _, path in message["files"]]
    channels, height, width = message["shape"]
    reasons = []
    (images_path, images_at), (done_path, done_at) = message["images"], message["done"]
    # plain writes and no memory map: where the disk is full, a write says so, and a map ends the process
    with open(images_path, "r+b", buffering=0) as images, open(done_path, "r+b", buffering=0) as done:
        for i, path in message["files"]:
            try:
                planes, reason = _planes(_stored(path, height, width, channels)), ""
            except Exception as error:
                planes, reason = b"", _reason(error, path)
            if planes:
                _write(images, images_at + i * channels * height * width, planes)
            _write(done, done_at + i, bytes([BROKEN if reason else OK]))
            reasons.append(reason)
    return reasons


def _write(file, at: int, content: bytes) -> None:
    file.seek(at)
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]


def main() -> None:
    """Answer messages, a line of JSON each, until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the process that asks; its end ends this one
    warnings.simplefilter("ignore")
    print("ready", flush=True)
    for line in sys.stdin:
        try:
            reply = {"answers": answer(json.loads(line))}
        except OSError as error:
            reply = {"errno": error.errno, "error": str(error)}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
