"""Many files at once: the cache goes on where it stopped, is checked before use, and outlives broken files."""

import errno
import os
import pathlib
import signal
import time

import numpy as np
import pytest
from PIL import Image

from core.data.images import decode, decode_many
from core.data.images.decode_many import Crew, decode_all, scan

SHAPE = (1, 4, 5)


def quiet(*_):
    pass


@pytest.fixture(params=["here", "in processes"])
def where(request, monkeypatch):
    """Both ways of doing the work: in this process, as for a few files, and in others."""
    monkeypatch.setattr(decode_many, "FEW", 1000 if request.param == "here" else 0)
    return request.param


def pictures(folder, n):
    """`n` files whose pixels all have the level of their number."""
    folder.mkdir(exist_ok=True)
    paths = [str(folder / f"{i}.png") for i in range(n)]
    for i, path in enumerate(paths):
        Image.new("L", (5, 4), i).save(path)
    return paths


def levels(images):
    assert images.shape[1:] == SHAPE and images.dtype == np.uint8
    assert (images == images[:, :, :1, :1]).all()
    return images[:, 0, 0, 0].tolist()


@pytest.fixture
def decoded(monkeypatch):
    """Names of the files that are decoded in this process."""
    names = []
    real = decode._stored
    monkeypatch.setattr(decode_many, "FEW", 1000)
    monkeypatch.setattr(decode, "_stored", lambda path, *rest: names.append(path) or real(path, *rest))
    return names


@pytest.mark.usefixtures("where")
def test_headers_come_in_the_order_of_the_files(tmp_path):
    paths = pictures(tmp_path / "in", 40)
    Image.new("RGB", (7, 9)).save(paths[13])
    pathlib.Path(paths[20]).write_text("no image")
    calls = []
    found = scan(paths, lambda *call: calls.append(call))
    assert found[13] == (7, 9, False, "PNG", "")
    assert found[20].problem == "is named like an image but holds none that can be read"
    assert all(h == (5, 4, True, "PNG", "") for i, h in enumerate(found) if i not in (13, 20))
    assert calls[0] == ("Reading headers", 0, 40) and calls[-1] == ("Reading headers", 40, 40)


@pytest.mark.usefixtures("where")
def test_images_stand_in_the_order_of_the_files(tmp_path):
    paths = pictures(tmp_path / "in", 70)
    calls = []
    found = decode_all(paths, SHAPE, tmp_path / "cache", lambda *call: calls.append(call))
    assert levels(found.images) == list(range(70))
    assert found.broken == {}
    assert isinstance(found.images, np.memmap) and found.images.mode == "r"
    assert calls[0] == ("Decoding", 0, 70) and calls[-1] == ("Decoding", 70, 70)


@pytest.mark.usefixtures("where")
def test_broken_files_are_named_and_left_out(tmp_path):
    paths = pictures(tmp_path / "in", 12)
    for i in (0, 7, 11):
        pathlib.Path(paths[i]).write_bytes(pathlib.Path(paths[i]).read_bytes()[:40])
    for _ in range(2):
        found = decode_all(paths, SHAPE, tmp_path / "cache", quiet)
        assert sorted(found.broken) == [0, 7, 11]
        assert levels(found.images) == [1, 2, 3, 4, 5, 6, 8, 9, 10]
    assert not (tmp_path / "cache" / "images.npy").exists()  # kept.npy has all that is needed


@pytest.mark.usefixtures("where")
def test_nothing_but_broken_files_gives_no_images(tmp_path):
    paths = [str(tmp_path / "x.png"), str(tmp_path / "y.png")]
    for _ in range(2):
        found = decode_all(paths, SHAPE, tmp_path / "cache", quiet)
        assert found.images.shape == (0, *SHAPE)
        assert found.broken == dict.fromkeys((0, 1), "cannot be opened (No such file or directory)")


def test_what_is_decoded_already_is_not_decoded_again(tmp_path, monkeypatch, decoded):
    paths = pictures(tmp_path / "in", 40)
    monkeypatch.setattr(decode_many, "TICK_SECONDS", 0)

    def stop(_phase, done, _total):
        if done >= 20:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        decode_all(paths, SHAPE, tmp_path / "cache", stop)
    first = list(decoded)
    assert 20 <= len(first) < 40
    found = decode_all(paths, SHAPE, tmp_path / "cache", quiet)
    assert levels(found.images) == list(range(40))
    assert sorted(decoded) == sorted(paths)  # each once
    decode_all(paths, SHAPE, tmp_path / "cache", quiet)
    assert len(decoded) == 40


def test_processes_that_are_stopped_go_on_where_they_were(tmp_path, monkeypatch):
    paths = pictures(tmp_path / "in", 200)
    monkeypatch.setattr(decode_many, "FEW", 0)
    monkeypatch.setattr(decode_many, "TICK_SECONDS", 0.001)
    last = pathlib.Path(paths[-1])
    picture = last.read_bytes()
    last.unlink()
    os.mkfifo(last)  # who reads it waits, so that not all can be done before it is stopped

    def stop(_phase, done, _total):
        if done:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        decode_all(paths, SHAPE, tmp_path / "cache", stop)
    before = np.load(tmp_path / "cache" / "done.npy")
    assert 0 < before.sum() < 200
    last.unlink()
    last.write_bytes(picture)
    calls = []
    found = decode_all(paths, SHAPE, tmp_path / "cache", lambda *call: calls.append(call))
    assert calls[0] == ("Decoding", before.sum(), 200)
    assert levels(found.images) == list(range(200))


@pytest.mark.parametrize("harm", ["no images", "cut images", "no done", "another shape", "no numbers", "pending"])
def test_a_cache_that_is_not_whole_is_made_again(tmp_path, harm):
    paths = pictures(tmp_path / "in", 6)
    cache = tmp_path / "cache"
    decode_all(paths, SHAPE, cache, quiet)
    match harm:
        case "no images":
            (cache / "images.npy").unlink()
        case "cut images":
            os.truncate(cache / "images.npy", 150)
        case "no done":
            (cache / "done.npy").unlink()
        case "another shape":
            np.save(cache / "images.npy", np.zeros((6, 1, 4, 4), np.uint8))
        case "no numbers":
            np.save(cache / "images.npy", np.zeros((6, *SHAPE), object), allow_pickle=True)
        case "pending":
            np.save(cache / "done.npy", np.array([1, 1, 0, 1, 1, 1], np.uint8))
    assert levels(decode_all(paths, SHAPE, cache, quiet).images) == list(range(6))


def test_a_file_that_shares_the_images_is_not_harmed_when_they_are_made_again(tmp_path):
    paths = pictures(tmp_path / "in", 6)
    cache = tmp_path / "cache"
    decode_all(paths, SHAPE, cache, quiet)
    os.link(cache / "images.npy", tmp_path / "stored.npy")
    (cache / "done.npy").unlink()
    with pytest.raises(InterruptedError):
        decode_all(paths, SHAPE, cache, interrupt)
    assert levels(np.load(tmp_path / "stored.npy")) == list(range(6))


def interrupt(*_):
    raise InterruptedError


def test_kept_images_that_were_not_finished_are_not_taken_as_whole(tmp_path, monkeypatch):
    paths = pictures(tmp_path / "in", 6)
    pathlib.Path(paths[2]).write_text("no image")
    real = os.replace

    def killed(source, target):
        if pathlib.Path(target).name == "kept.npy":
            raise KeyboardInterrupt
        real(source, target)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(os, "replace", killed)
        decode_all(paths, SHAPE, tmp_path / "cache", quiet)
    assert levels(decode_all(paths, SHAPE, tmp_path / "cache", quiet).images) == [0, 1, 3, 4, 5]


def test_a_full_disk_is_one_sentence_and_nothing_taken_as_whole(tmp_path, monkeypatch):
    paths = pictures(tmp_path / "in", 6)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched, pytest.raises(OSError, match="is full: the decoded images need 120 bytes"):
        patched.setattr(os, "posix_fallocate", full)
        decode_all(paths, SHAPE, tmp_path / "cache", quiet)
    assert [p.name for p in (tmp_path / "cache").iterdir() if p.suffix != ".lock" and p.name != "lock"] == []
    with monkeypatch.context() as patched, pytest.raises(OSError, match="is full"):
        patched.setattr(decode, "_write", full)
        decode_all(paths, SHAPE, tmp_path / "cache", quiet)
    assert levels(decode_all(paths, SHAPE, tmp_path / "cache", quiet).images) == list(range(6))


def test_a_disk_that_refuses_in_a_process_is_an_error_here(tmp_path, monkeypatch):
    monkeypatch.setattr(decode_many, "FEW", 0)
    paths = pictures(tmp_path / "in", 6)
    settings = {"images": [str(tmp_path / "nowhere"), 0], "done": [str(tmp_path / "nowhere"), 0]}
    with Crew(6) as crew, pytest.raises(OSError, match="No such file") as caught:
        list(crew.each("store", list(enumerate(paths)), shape=SHAPE, **settings))
    assert caught.value.errno == errno.ENOENT


def test_a_file_that_ends_the_process_costs_itself_only(tmp_path, monkeypatch):
    paths = pictures(tmp_path / "in", 30)
    program = tmp_path / "decode.py"
    text = pathlib.Path(decode.__file__).read_text()
    deadly = "import os\n_real = _stored\n"
    deadly += "def _stored(path, *rest):\n    return os.abort() if path.endswith('/17.png') else _real(path, *rest)\n"
    program.write_text(text.replace("if __name__ ==", f"{deadly}if __name__ =="))
    monkeypatch.setattr(decode_many, "FEW", 0)
    monkeypatch.setattr(decode, "__file__", str(program))
    for _ in range(2):
        found = decode_all(paths, SHAPE, tmp_path / "cache", quiet)
        assert found.broken == {17: "ends the program that reads it"}
        assert levels(found.images) == [i for i in range(30) if i != 17]


def test_a_program_that_does_not_start_is_an_error_and_no_broken_file(tmp_path, monkeypatch):
    paths = pictures(tmp_path / "in", 3)
    (tmp_path / "decode.py").write_text("raise SystemExit(1)")
    monkeypatch.setattr(decode_many, "FEW", 0)
    monkeypatch.setattr(decode, "__file__", str(tmp_path / "decode.py"))
    with pytest.raises(RuntimeError, match="does not start"):
        decode_all(paths, SHAPE, tmp_path / "cache", quiet)


def test_no_process_is_left_when_the_work_is_over(tmp_path, monkeypatch):
    import psutil

    monkeypatch.setattr(decode_many, "FEW", 0)
    before = set(psutil.Process().children())
    with pytest.raises(InterruptedError), Crew(100) as crew:
        assert set(psutil.Process().children()) > before
        scan(pictures(tmp_path / "in", 20), interrupt, crew)
    assert set(psutil.Process().children()) == before


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals on Windows")
def test_the_processes_end_with_the_one_that_started_them():
    import subprocess
    import sys

    code = "from core.data.images.decode_many import Crew; import time; c = Crew(100)\n"
    code += "print(*[w.pid for w in c._workers], flush=True); time.sleep(60)"
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=pathlib.Path(__file__).parents[4]
    )
    workers = [int(pid) for pid in parent.stdout.readline().split()]
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 5
    while any(_alive(pid) for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert workers and not any(_alive(pid) for pid in workers)


def _alive(pid):
    import psutil

    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_one_waits_for_the_other_and_can_give_up(tmp_path):
    one_at_a_time, lock = decode_many.one_at_a_time, tmp_path / "lock"
    with one_at_a_time(lock, quiet), pytest.raises(InterruptedError), one_at_a_time(lock, interrupt):
        pass
    with one_at_a_time(lock, interrupt):
        pass


def test_a_cache_that_somebody_else_removes_meanwhile_is_said_in_one_sentence(tmp_path, monkeypatch):
    finish = decode_many._finish

    def removed(folder):
        finish(folder)
        for file in folder.glob("*.npy"):
            file.unlink()

    monkeypatch.setattr(decode_many, "_finish", removed)
    with pytest.raises(OSError, match=r"The cache .* was changed by another program meanwhile; read the data again"):
        decode_all(pictures(tmp_path / "in", 3), SHAPE, tmp_path / "cache", quiet)
