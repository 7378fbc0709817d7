"""Hostile zip files of photographs."""

import io
import pathlib
import stat
import struct
import zipfile

from PIL import Image

from core.data.readers import folder as reader
from tests.hostile.judging import READ, Case


def picture(level=0, size=(40, 40), kind="PNG", mode="L") -> bytes:
    """A small image file of one level."""
    sink = io.BytesIO()
    Image.new(mode, size, level if mode == "L" else (level,) * len(mode)).save(sink, kind)
    return sink.getvalue()


GOOD = {f"{name}/{i}.png": picture(i * 60 + shift) for name, shift in (("a", 0), ("b", 9)) for i in range(3)}


def _pack(members, method=zipfile.ZIP_STORED) -> bytes:
    """A zip file of [(ZipInfo or name, content)]; names may come twice."""
    import warnings

    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as packed, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, content in members:
            packed.writestr(name, content)
    return sink.getvalue()


def _with(*more) -> bytes:
    return _pack([*GOOD.items(), *more])


def _case(name, content, right=READ, check=lambda found: len(found) >= 6) -> Case:
    def make(folder: pathlib.Path):
        path = folder / "photos.zip"
        path.write_bytes(content() if callable(content) else content)
        (folder / "workspace").mkdir(exist_ok=True)
        return path

    return Case(name, make, _read, right, check)


def _read(path):
    return reader.load(str(path), reader.Options(), lambda *_: None)


def _info(name: str, mode=0, raw: bytes | None = None) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo("x")
    made.filename = name
    made.external_attr = mode << 16
    if raw is not None:
        made.filename = raw.decode("cp437")
    return made


def _replaced(before: bytes, after: bytes) -> bytes:
    """A zip whose names are changed where zipfile would not write them so."""
    assert len(before) == len(after)
    return _with((before.decode(), picture())).replace(before, after)


def _locked() -> bytes:
    """The bit that says that it is encrypted."""
    content = bytearray(_with())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(mark)
        while at >= 0:
            content[at + offset] |= 1
            at = content.find(mark, at + 1)
    return bytes(content)


def _said_utf8() -> bytes:
    """The bit that says that a name is UTF-8, where it is not."""
    content = bytearray(_replaced(b"a/evilX.png", b"a/evil\xff.png"))
    at = content.rfind(b"PK\x01\x02")
    content[at + 9] |= 8
    return bytes(content)


def _field(mark: bytes, offset: int, value: bytes, which=0) -> bytes:
    """A zip in which a field of a record is another one."""
    content = bytearray(_with())
    at = -1
    for _ in range(which + 1):
        at = content.find(mark, at + 1)
    content[at + offset : at + offset + len(value)] = value
    return bytes(content)


def _overlapping() -> bytes:
    """Many entries that all point at the same packed bytes, as in Fifield's bomb without nesting."""
    content = _pack([("a/0.png", bytes(1 << 20))], zipfile.ZIP_DEFLATED)
    at = content.find(b"PK\x01\x02")
    end = content.find(b"PK\x05\x06")
    entry, n = content[at:end], 900
    entries = b"".join(entry.replace(b"a/0.png", f"a/{i:05}"[:7].encode()) for i in range(n))
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, n, n, len(entries), at, 0)
    return content[:at] + entries + tail


NAMES = [
    ("parents", "../evil.png", "out of the folder"),
    ("parents far up", "a/../../../../../../tmp/evil.png", "out of the folder"),
    ("parents in the middle", "a/b/../../../evil.png", "out of the folder"),
    ("absolute", "/tmp/evil.png", "out of the folder"),
    ("two slashes first", "//server/share/evil.png", "out of the folder"),
    ("a drive", "C:/evil.png", "out of the folder"),
    ("a drive without slash", "c:evil.png", "out of the folder"),
    ("a NUL and more", "a/x.png\0../../evil", "NUL|out of"),
    ("5,000 letters", "a/" + "x" * 5000 + ".png", "too long"),
    ("300 letters", "a/" + "x" * 300 + ".png", "too long"),
    ("100 folders deep", "d/" * 100 + "x.png", READ),
    ("2,000 folders deep", "d/" * 2000 + "x.png", "too long"),
    ("other case", "A/0.png", "one name on some systems"),
    ("other form of letters", "caf\u0065\u0301/1.png", READ),
    ("twice", "a/0.png", "twice"),
    ("a file that is a folder", "a/0.png/x.png", "as a file and as a folder"),
    ("CON", "con/0.png", READ),
    ("NUL device", "a/NUL.png", READ),
    ("a dot and a space last", "a/x.png. ", READ),
    ("only dots", "a/.../x.png", READ),
    ("a newline", "a/x\ny.png", READ),
    ("a colon inside", "a/x.png:stream", READ),
    ("right-to-left marks", "a/\u202egnp.x", READ),
    ("a script", "a/<img src=x onerror=alert(1)>.png", READ),
    ("a formula", "a/=cmd|' /C calc'!A0.png", READ),
    ("a tilde", "~/x.png", READ),
    ("a dollar sign", "a/$(touch evil).png", READ),
    ("a dash first", "a/-rf.png", READ),
    ("an empty part", "a//x.png", READ),
    ("a dot part", "a/./0.png", "twice"),
    ("a backspace", "a/\b\b\b.png", READ),
]
CASES = [
    *[
        _case(f"name of {what}", lambda name=name: _with((_info(name), picture(9))), right)
        for what, name, right in NAMES
    ],
    _case("name with a backslash", lambda: _replaced(b"a/..Xevil"[:9], b"a\\..\\evil"), "backslash"),
    _case("name that is no UTF-8", lambda: _replaced(b"a/evilX.png", b"a/evil\xff.png"), READ),
    _case("name said to be UTF-8 that is none", lambda: _said_utf8(), "damaged|no zip"),
    _case("offset before the beginning", lambda: _with()[1:], "damaged|no zip"),
    _case("two names of one form", lambda: _with(("b/\xe9.png", picture()), ("b/e\u0301.png", picture())), "one name"),
    _case("a link", lambda: _with((_info("a/link.png", stat.S_IFLNK | 0o777), "/etc/passwd")), "link or device"),
    _case("a link to a folder", lambda: _with((_info("c", stat.S_IFLNK | 0o777), "/tmp")), "link or device"),
    _case("a pipe", lambda: _with((_info("a/pipe.png", stat.S_IFIFO | 0o777), "")), "link or device"),
    _case("a device", lambda: _with((_info("a/dev.png", stat.S_IFBLK | 0o777), "")), "link or device"),
    _case("a program with all rights", lambda: _with((_info("a/x.png", stat.S_IFREG | 0o6777), picture())), READ),
    _case("locked with a password", _locked, "password"),
    _case("a method unknown", lambda: _field(b"PK\x01\x02", 10, b"\x63\x00"), "packed in a way"),
    _case("LZMA", lambda: _pack(GOOD.items(), zipfile.ZIP_LZMA), "packed in a way"),
    _case("BZIP2", lambda: _pack(GOOD.items(), zipfile.ZIP_BZIP2), READ),
    _case("BZIP2, damaged", lambda: _pack(GOOD.items(), zipfile.ZIP_BZIP2).replace(b"BZh9", b"XXXX", 1), "damaged"),
    _case("bomb of zeros", lambda: _pack([("a/0.png", bytes(300 << 20))], zipfile.ZIP_DEFLATED), "bomb"),
    _case("bomb of one entry many times", _overlapping, "bomb|damaged"),
    _case("size that lies, too small", lambda: _field(b"PK\x01\x02", 24, b"\x01\0\0\0"), "damaged|no zip"),
    _case("size that lies, 4 GiB", lambda: _field(b"PK\x01\x02", 24, b"\xfe\xff\xff\xff"), "bomb|damaged|needs"),
    _case("offset that lies", lambda: _field(b"PK\x01\x02", 42, b"\xff\xff\xff\x7f"), "damaged|no zip"),
    _case("sum that lies", lambda: _field(b"PK\x01\x02", 16, b"\1\2\3\4"), "damaged|no zip"),
    _case("number of entries that lies", lambda: _field(b"PK\x05\x06", 10, b"\xff\xff"), READ),
    _case("length of names that lies", lambda: _field(b"PK\x01\x02", 28, b"\xff\xff"), "too long|NUL|damaged|no zip"),
    _case("comment of 60 kB", lambda: _with()[:-2] + b"\x60\xea" + b"c" * 60_000, READ),
    _case("cut short", lambda: _with()[:-40], "damaged|no zip"),
    _case("cut in the middle", lambda: _with()[:300], "damaged|no zip"),
    _case("garbage before", lambda: b"PK garbage" + _with(), READ),
    _case("garbage after", lambda: _with() + b"garbage" * 9, READ),
    _case("two bytes", b"PK", "damaged|no zip"),
    _case("empty", b"", "no zip"),
    _case("nothing inside", lambda: _pack([]), "no images"),
    _case("folders only", lambda: _pack([("a/", b""), ("b/", b"")]), "no images"),
    _case("zip in a zip", lambda: _pack([("a/x.zip", _with()), ("b/x.zip", _with())]), "no images"),
    _case("zip called image", lambda: _with(("a/x.png", _with())), READ, lambda d: len(d) == 6 and len(d.notes) == 1),
    _case("a web page", b"<html>PK</html>", "no zip"),
    _case("one class", lambda: _pack([(f"a/{i}.png", picture(i)) for i in range(3)]), "only one class"),
    _case("no class folders", lambda: _pack([(f"{i}.png", picture(i)) for i in range(3)]), "no class folders"),
    _case("300 class folders of one", lambda: _pack([(f"c{i}/x.png", picture(i % 255)) for i in range(300)]), READ),
]
