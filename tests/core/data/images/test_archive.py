"""Zip files: honest ones are unpacked whole, planted ones are refused with a sentence, and nothing is left behind."""

import errno
import io
import os
import shutil
import stat
import struct
import zipfile

import pytest

from core.data.images import archive


def quiet(*_):
    pass


def make(folder, members, name="photos.zip", method=zipfile.ZIP_DEFLATED):
    """A zip file of (name or ZipInfo, content)."""
    path = folder / name
    with zipfile.ZipFile(path, "w", method) as packed:
        for member, content in members:
            packed.writestr(member, content)
    return path


def refused(tmp_path, path, match, error=ValueError):
    """It is refused with a sentence that names the file, and leaves nothing."""
    before = sorted(p.name for p in tmp_path.iterdir())
    with pytest.raises(error, match=match) as caught:
        archive.unpack(path, tmp_path / "out", quiet)
    assert str(caught.value).startswith(path.name) or error is OSError
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_an_honest_zip_is_unpacked_whole(tmp_path):
    calls = []
    names = ["photos/cat/1.jpg", "photos/dog/1.jpg", "./photos//dog/2.jpg", 'photos/"<b>🐈‍⬛ قط/1.jpg', "more.zip"]
    path = make(tmp_path, [("photos/", b""), *((name, name.encode()) for name in names)])
    archive.unpack(path, tmp_path / "made" / "out", lambda *call: calls.append(call))
    out = tmp_path / "made" / "out"
    for name in names:
        assert (out / name).read_bytes() == name.encode()
    assert sum(p.is_file() for p in out.rglob("*")) == len(names)
    assert calls[-1] == ("Unpacking", 5, 5)
    assert os.listdir(tmp_path / "made") == ["out"]


def test_what_systems_leave_in_zips_is_passed_over(tmp_path):
    names = ["a/1.jpg", "a/.DS_Store", "__MACOSX/a/._1.jpg", "a/Thumbs.db"]
    archive.unpack(make(tmp_path, [(name, b"x") for name in names]), tmp_path / "out", quiet)
    assert [p.name for p in (tmp_path / "out").rglob("*")] == ["a", "1.jpg"]


@pytest.mark.parametrize(
    "name", ["../x.jpg", "a/../../x.jpg", "/etc/x.jpg", "C:/x.jpg", "c:x.jpg", "a/..", "__MACOSX/../../x"]
)
def test_a_path_that_leads_out_is_refused(tmp_path, name):
    refused(tmp_path, make(tmp_path, [("a/1.jpg", b"x"), (name, b"x")]), "which leads out of the folder")
    assert not (tmp_path.parent / "x.jpg").exists()


def test_a_backslash_or_nul_in_a_name_is_refused(tmp_path):
    refused(tmp_path, make(tmp_path, [("a\\1.jpg", b"x")]), "a name with a backslash or NUL")
    path = make(tmp_path, [("a_1.jpg", b"x")])
    path.write_bytes(path.read_bytes().replace(b"a_1.jpg", b"a\0.jpg_"))
    refused(tmp_path, path, "a name with a backslash or NUL")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_a_link_or_device_is_refused(tmp_path, kind):
    info = zipfile.ZipInfo("a/1.jpg")
    info.create_system, info.external_attr = 3, (kind | 0o777) << 16
    refused(tmp_path, make(tmp_path, [(info, "/etc/passwd")]), "a link or device")


def test_a_password_is_refused(tmp_path):
    path = make(tmp_path, [("a/1.jpg", b"x")])
    content = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + at] |= archive.ENCRYPTED
    path.write_bytes(content)
    refused(tmp_path, path, "locked with a password; unpack it yourself")


def test_a_bomb_is_refused_by_what_it_says_of_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "FREE_BYTES", 1000)
    path = make(tmp_path, [("a/1.bmp", bytes(2_000_000))])
    assert path.stat().st_size < 3000
    refused(tmp_path, path, "as a zip bomb does")


def test_a_bomb_is_refused_by_what_comes_out_of_it(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "FREE_BYTES", 1000)
    monkeypatch.setattr(archive, "_check_space", quiet)
    refused(tmp_path, make(tmp_path, [("a/1.bmp", bytes(2_000_000))]), "as a zip bomb does")


def test_a_size_that_is_a_lie_is_refused(tmp_path):
    path = make(tmp_path, [("a/1.bmp", bytes(100_000))])
    content = path.read_bytes().replace(struct.pack("<I", 100_000), struct.pack("<I", 10))
    path.write_bytes(content)
    refused(tmp_path, path, "is no zip file, or damaged")


def test_a_zip_that_shrank_well_but_is_small_is_no_bomb(tmp_path):
    archive.unpack(make(tmp_path, [("a/1.bmp", bytes(2_000_000))]), tmp_path / "out", quiet)
    assert (tmp_path / "out" / "a" / "1.bmp").stat().st_size == 2_000_000


def test_too_many_entries_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MAX_ENTRIES", 9)
    refused(tmp_path, make(tmp_path, [(f"a/{i}", b"") for i in range(10)]), "lists 10 entries; at most 9")
    archive.unpack(make(tmp_path, [(f"a/{i}", b"") for i in range(9)]), tmp_path / "out", quiet)


def test_too_long_a_list_of_entries_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = make(tmp_path, [(f"a/{i}", b"") for i in range(10)])
    monkeypatch.setattr(archive, "MAX_DIRECTORY_BYTES", 400)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    refused(tmp_path, path, "lists 10 entries")


def test_more_entries_than_the_old_format_can_count_are_read(tmp_path):
    """Only a few are written, as a disk takes long for so many files."""
    many = [(f"__MACOSX/{i}.jpg", b"x") for i in range(66_000)]
    path = make(tmp_path, [("a/0.jpg", b"x"), *many, ("a/1.jpg", b"y")], method=zipfile.ZIP_STORED)
    archive.unpack(path, tmp_path / "out", quiet)
    assert sorted(file.name for file in (tmp_path / "out").rglob("*.jpg")) == ["0.jpg", "1.jpg"]


@pytest.mark.parametrize(
    "names, match",
    [
        (["a/1.jpg", "a/1.jpg"], "'a/1.jpg' twice"),
        (["a/1.jpg", "a/./1.jpg"], "'a/1.jpg' twice"),
        (["a/x.jpg", "a/X.JPG"], "one name on some systems"),
        (["Cat/1.jpg", "cat/2.jpg"], "one name on some systems"),
        (["caf\u00e9/1.jpg", "cafe\u0301/2.jpg"], "one name on some systems"),
        (["a", "a/1.jpg"], "both as a file and as a folder"),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_names_that_get_in_each_others_way_are_refused(tmp_path, names, match):
    refused(tmp_path, make(tmp_path, [(name, b"x") for name in names]), match)


def test_a_method_that_few_know_is_refused(tmp_path):
    refused(tmp_path, make(tmp_path, [("a/1.jpg", b"x")], method=zipfile.ZIP_LZMA), "in a way that cannot be read")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04", b"PK\x05\x06" + bytes(5)])
def test_what_is_no_zip_is_refused(tmp_path, content):
    path = tmp_path / "photos.zip"
    path.write_bytes(content)
    refused(tmp_path, path, "is no zip file, or damaged")


@pytest.mark.parametrize("share", [0.3, 0.9, 0.99])
def test_a_zip_cut_short_is_refused(tmp_path, share):
    path = make(tmp_path, [(f"a/{i}.bin", os.urandom(500)) for i in range(20)])
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    refused(tmp_path, path, "is no zip file, or damaged")


def test_damage_inside_is_refused_though_much_is_written_already(tmp_path):
    path = make(tmp_path, [(f"a/{i}.bin", bytes([i]) * 5000) for i in range(20)], method=zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[content.index(bytes([19]) * 100)] ^= 1
    path.write_bytes(content)
    refused(tmp_path, path, "Bad CRC")


def test_damage_of_what_bzip2_packed_is_refused(tmp_path):
    path = make(tmp_path, [("a/1.bin", os.urandom(500))], method=zipfile.ZIP_BZIP2)
    path.write_bytes(path.read_bytes().replace(b"BZh9", b"XXXX", 1))
    refused(tmp_path, path, r"is no zip file, or damaged \(Invalid data stream\)")


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    class Full(io.BytesIO):
        def write(self, _):
            raise OSError(errno.ENOSPC, "No space left on device")

    def opened(path, mode):
        return Full() if mode == "xb" else open(path, mode)

    monkeypatch.setattr(archive, "open", opened, raising=False)
    refused(tmp_path, make(tmp_path, [("a/1.jpg", b"x")]), "The disk is full", error=OSError)


def test_a_zip_that_does_not_fit_on_the_disk_is_refused_at_once(tmp_path, monkeypatch):
    little = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(archive.shutil, "disk_usage", lambda _: little)
    refused(tmp_path, make(tmp_path, [("a/1.jpg", bytes(100))]), "needs 100 bytes unpacked", error=OSError)


def test_unpacking_that_is_stopped_leaves_nothing(tmp_path):
    def stop(*_):
        raise InterruptedError

    path = make(tmp_path, [("a/1.jpg", b"x")])
    with pytest.raises(InterruptedError):
        archive.unpack(path, tmp_path / "out", stop)
    assert os.listdir(tmp_path) == ["photos.zip"]


def test_what_an_unpacking_that_was_killed_left_is_replaced(tmp_path):
    left = tmp_path / "out.part" / "b"
    left.mkdir(parents=True)
    archive.unpack(make(tmp_path, [("a/1.jpg", b"x")]), tmp_path / "out", quiet)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a"]
    assert not left.exists()
