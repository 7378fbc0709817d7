"""Hostile image files: beside two good ones of each class in a folder, and by themselves."""

import io
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image

from core.data.images import decode
from core.data.readers import folder as reader
from tests.hostile.archives import GOOD, picture
from tests.hostile.judging import READ, Case

LEFT_OUT = "left out"


def _case(name, content, right, suffix=".png") -> Case:
    """right : READ, LEFT_OUT, or "" for a file that may be either."""

    def make(folder: pathlib.Path):
        for path, good in GOOD.items():
            (folder / "photos" / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / "photos" / path).write_bytes(good)
        (folder / "photos" / "a" / f"hostile{suffix}").write_bytes(content() if callable(content) else content)
        (folder / "workspace").mkdir()
        return folder / "photos", f"a/hostile{suffix}"

    def check(found) -> bool:
        held, noted, alone = found
        return held + noted == 1 and (not right or (held == 1) == (right == READ)) and alone

    return Case(name, make, _read, READ, check)


def _read(given):
    """Whether the file is among the samples, whether a note says why not, and whether both ways of reading it agree."""
    where, name = given
    found = reader.load(str(where), reader.Options(), lambda *_: None)
    held = name in found.ids.tolist()
    noted = [note for note in found.notes if note.subject == name]
    assert not noted or noted[0].text.startswith("Left out, as it ")
    content = (where / name).read_bytes()
    try:
        alone = decode.content(content, 3)
        assert alone.dtype == np.uint8 and alone.shape[0] == 3
        readable = True
    except ValueError as error:
        assert str(error).startswith("The image cannot be read: it "), error
        readable = False
    return int(held), len(noted), readable == bool(held) or not held


def _saved(kind: str, mode="RGB", size=(50, 40), **how) -> bytes:
    rng = np.random.default_rng(0)
    bands = {"L": 1, "P": 1, "1": 1, "LA": 2, "RGB": 3, "YCbCr": 3, "RGBA": 4, "CMYK": 4}.get(mode, 3)
    levels = rng.integers(0, 256, (size[1], size[0], bands), dtype=np.uint8)
    plain = "RGB" if bands == 3 else {1: "L", 2: "LA", 4: "RGBA"}[bands]
    image = Image.fromarray(levels.squeeze(), plain).convert(mode) if mode != "CMYK" else None
    if image is None:
        image = Image.frombytes("CMYK", size, levels.tobytes())
    sink = io.BytesIO()
    image.save(sink, kind, **how)
    return sink.getvalue()


def _png(*chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG file of any chunks, with right sums."""
    made = b"\x89PNG\r\n\x1a\n"
    for name, content in chunks:
        made += struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
    return made


def _head(width, height, depth=8, colour=0) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width & 0xFFFFFFFF, height & 0xFFFFFFFF, depth, colour, 0, 0, 0)


PIXELS = b"IDAT", zlib.compress(bytes(41 * 40))
END = b"IEND", b""


def _animated(kind: str) -> bytes:
    frames = [Image.new("RGB", (40, 40), (i * 20, 0, 0)) for i in range(5)]
    sink = io.BytesIO()
    frames[0].save(sink, kind, save_all=True, append_images=frames[1:])
    return sink.getvalue()


def _bmp(width: int, height: int) -> bytes:
    return struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 66, 0, 0, 54, 40, width, height, 1, 24, 0, 12, 0, 0, 0, 0) + bytes(
        12
    )


def _gif(width: int, height: int) -> bytes:
    return (
        b"GIF89a"
        + struct.pack("<HHBBB", width, height, 0, 0, 0)
        + b"\x2c"
        + struct.pack("<HHHHB", 0, 0, 9, 9, 0)
        + b";"
    )


def _tiff(entries: list[tuple[int, int, int, int]], after: int = 0) -> bytes:
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + packed + struct.pack("<I", after) + bytes(64)


def _exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def _cut(content: bytes, share: float) -> bytes:
    return content[: int(len(content) * share)]


def _bomb(width=30_000, height=1_000) -> bytes:
    """A real picture of one colour, with 30 million pixels, in 30 kB."""
    rows = zlib.compressobj(9)
    packed = b"".join(rows.compress(bytes(width + 1)) for _ in range(height)) + rows.flush()
    return _png(_head(width, height), (b"IDAT", packed), END)


KINDS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><script>alert(1)</script></svg>'
CASES = [
    *[_case(f"{kind}, whole", lambda k=kind: _saved(k), READ) for kind in KINDS],
    *[_case(f"{kind}, its first 30 bytes", lambda k=kind: _saved(k)[:30], LEFT_OUT) for kind in KINDS],
    *[
        _case(f"{kind}, its first half", lambda k=kind: _cut(_saved(k), 0.5), LEFT_OUT)
        for kind in KINDS
        if kind != "TIFF"
    ],
    _case("TIFF, its first half", lambda: _cut(_saved("TIFF"), 0.5), LEFT_OUT),
    *[_case(f"{kind}, wrong ending", lambda k=kind: _saved(k), READ, suffix=".jpg") for kind in KINDS],
    *[_case(f"{kind}, bytes turned over", lambda k=kind: _turned(_saved(k)), "") for kind in KINDS],
    *[_case(f"{kind}, animated", lambda k=kind: _animated(k), READ) for kind in ("GIF", "WEBP", "PNG", "TIFF")],
    _case("PNG of no width", lambda: _png(_head(0, 40), PIXELS, END), LEFT_OUT),
    _case("PNG of no height", lambda: _png(_head(40, 0), PIXELS, END), LEFT_OUT),
    _case("PNG that says 2 billion wide", lambda: _png(_head(2**31 - 1, 2**31 - 1), PIXELS, END), LEFT_OUT),
    _case("PNG that says a negative width", lambda: _png(_head(-5, 40), PIXELS, END), LEFT_OUT),
    _case("PNG that says 100,000 high", lambda: _png(_head(40, 100_000), PIXELS, END), ""),
    _case("PNG without pixels", lambda: _png(_head(40, 40), END), LEFT_OUT),
    _case("PNG with too few pixels", lambda: _png(_head(40, 40), (b"IDAT", zlib.compress(bytes(50))), END), LEFT_OUT),
    _case("PNG without end", lambda: _png(_head(40, 40), PIXELS), ""),
    _case("PNG with a wrong sum", lambda: _saved("PNG")[:-8] + b"\1\2\3\4\5\6\7\x08", ""),
    _case("PNG with a wrong depth", lambda: _png(_head(40, 40, depth=7), PIXELS, END), LEFT_OUT),
    _case("PNG with a wrong colour", lambda: _png(_head(40, 40, colour=9), PIXELS, END), LEFT_OUT),
    _case("PNG with a palette of nothing", lambda: _png(_head(40, 40, colour=3), PIXELS, END), ""),
    _case("PNG with a palette too short", lambda: _png(_head(40, 40, colour=3), (b"PLTE", b"\1\2\3"), PIXELS, END), ""),
    _case("PNG with text of 40 MB", lambda: _png(_head(40, 40), _text(40 << 20), PIXELS, END), ""),
    _case("PNG with many texts", lambda: _png(_head(40, 40), *[_text(900_000)] * 80, PIXELS, END), ""),
    _case("PNG with an ICC bomb", lambda: _png(_head(40, 40), _icc(60 << 20), PIXELS, END), ""),
    _case("PNG with an ICC profile of garbage", lambda: _saved("PNG", icc_profile=bytes(999)), READ),
    _case("PNG of 16 bits", lambda: _saved16(), READ),
    _case("PNG of 1 bit", lambda: _saved("PNG", "1"), READ),
    _case("PNG of grey and alpha", lambda: _saved("PNG", "LA"), READ),
    _case("PNG of colour and alpha", lambda: _saved("PNG", "RGBA"), READ),
    _case("PNG with a palette and transparency", lambda: _saved("PNG", "P", transparency=3), READ),
    _case("PNG with transparencies", lambda: _saved("PNG", "P", transparency=bytes(range(256))), READ),
    _case("PNG of 30 million pixels in 30 kB", _bomb, READ),
    _case("PNG of 90 million pixels", lambda: _png(_head(30_000, 3_000), PIXELS, END), LEFT_OUT),
    _case("JPEG of CMYK", lambda: _saved("JPEG", "CMYK"), READ, suffix=".jpg"),
    _case("JPEG of grey", lambda: _saved("JPEG", "L"), READ, suffix=".jpg"),
    _case("JPEG, progressive", lambda: _saved("JPEG", progressive=True), READ, suffix=".jpg"),
    *[_case(f"JPEG turned by {n}", lambda n=n: _saved("JPEG", exif=_exif(n)), READ) for n in (6, 0, 9, 60_000)],
    _case("JPEG with EXIF of garbage", lambda: _saved("JPEG", exif=b"Exif\0\0" + b"II*\0\xff\xff\xff\xff" * 9), READ),
    _case("JPEG with EXIF cut off", lambda: _saved("JPEG", exif=_exif(6)[:20]), READ),
    _case("JPEG with 60 kB of ICC", lambda: _saved("JPEG", icc_profile=bytes(60_000)), READ),
    _case("JPEG of two bytes", b"\xff\xd8", LEFT_OUT, suffix=".jpg"),
    _case("JPEG of 65,500 a side", lambda: _jpeg(65_500, 65_500), LEFT_OUT, suffix=".jpg"),
    _case("JPEG of no width", lambda: _jpeg(0, 40), LEFT_OUT, suffix=".jpg"),
    _case("BMP that says a negative width", lambda: _bmp(-40, 40), LEFT_OUT, suffix=".bmp"),
    _case("BMP that says 2 billion", lambda: _bmp(2**31 - 1, 2**31 - 1), LEFT_OUT, suffix=".bmp"),
    _case("BMP of nothing", lambda: _bmp(0, 0), LEFT_OUT, suffix=".bmp"),
    _case("GIF of 65,535 a side", lambda: _gif(65_535, 65_535), LEFT_OUT, suffix=".gif"),
    _case("GIF of nothing", lambda: _gif(0, 0), LEFT_OUT, suffix=".gif"),
    _case("TIFF that goes round in circles", lambda: _tiff([(256, 3, 1, 40)], after=8), LEFT_OUT, suffix=".tif"),
    _case("TIFF with a count of 4 billion", lambda: _tiff([(256, 3, 1, 40), (273, 4, 2**32 - 1, 8)]), LEFT_OUT),
    _case("TIFF without tags", lambda: _tiff([]), LEFT_OUT, suffix=".tif"),
    _case("TIFF of floats with NaN", lambda: _float_tiff(np.nan), READ, suffix=".tif"),
    _case("TIFF of floats with infinity", lambda: _float_tiff(np.inf), READ, suffix=".tif"),
    _case("SVG called PNG", SVG, LEFT_OUT),
    _case("web page called JPEG", b"<!doctype html><script>alert(1)</script>", LEFT_OUT, suffix=".jpg"),
    _case("EPS called PNG", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 40\n(x) run\n", LEFT_OUT),
    _case("PDF called PNG", b"%PDF-1.4\n", LEFT_OUT),
    _case("ICO called PNG", lambda: _saved("ICO", size=(32, 32)), LEFT_OUT),
    _case("PPM called PNG", lambda: _saved("PPM"), LEFT_OUT),
    _case("empty", b"", LEFT_OUT),
    _case("NULs", bytes(4096), LEFT_OUT),
    _case("one pixel", lambda: picture(3, (1, 1)), READ),
    _case("one pixel high", lambda: picture(3, (3000, 1)), READ),
]


def _turned(content: bytes) -> bytes:
    """A few bytes beyond the head turned over."""
    changed = bytearray(content)
    for at in np.random.default_rng(1).integers(20, len(content), 12):
        changed[at] ^= 0xFF
    return bytes(changed)


def _text(n: int) -> tuple[bytes, bytes]:
    return b"zTXt", b"key\0\0" + zlib.compress(bytes(n))


def _icc(n: int) -> tuple[bytes, bytes]:
    return b"iCCP", b"name\0\0" + zlib.compress(bytes(n))


def _saved16() -> bytes:
    sink = io.BytesIO()
    Image.fromarray(np.arange(1600, dtype=np.uint16).reshape(40, 40) * 40).save(sink, "PNG")
    return sink.getvalue()


def _float_tiff(value: float) -> bytes:
    levels = np.linspace(0, 255, 1600, dtype=np.float32).reshape(40, 40)
    levels[3, 3] = value
    sink = io.BytesIO()
    Image.fromarray(levels).save(sink, "TIFF")
    return sink.getvalue()


def _jpeg(width: int, height: int) -> bytes:
    """A JPEG whose head says another size than it has."""
    content = bytearray(_saved("JPEG"))
    at = content.find(b"\xff\xc0")
    content[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(content)
