"""onnxruntime-web: what is kept is what was published, and where it cannot be had a sentence says so."""

import io
import tarfile

import pytest

from exports.page import web


@pytest.fixture
def no_npm(monkeypatch):
    monkeypatch.setattr(web.shutil, "which", lambda _: None)


def archive(**files) -> bytes:
    """A package with these files in dist/."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as package:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"package/dist/{name}")
            entry.size = len(content)
            package.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def put(content: bytes) -> None:
    web.folder().parent.mkdir(parents=True)
    (web.folder().parent / web.ARCHIVE).write_bytes(content)


@pytest.mark.usefixtures("no_npm")
def test_without_npm_the_sentence_says_what_to_install_and_what_to_do_instead():
    with pytest.raises(ValueError, match=r"npm is not installed; install Node.js, which brings npm, or put .*tgz into"):
        web.files()


def test_a_registry_out_of_reach_is_one_sentence(monkeypatch, tmp_path):
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error request to the registry failed' >&2\nexit 1\n")
    npm.chmod(0o755)
    monkeypatch.setattr(web.shutil, "which", lambda _: str(npm))
    with pytest.raises(ValueError, match=r"could not be fetched with npm \(request to the registry failed\); look"):
        web.files()


@pytest.mark.usefixtures("no_npm")
def test_a_package_that_is_not_the_published_one_is_not_used():
    put(archive(**dict.fromkeys(web.FILES, b"something else")))
    with pytest.raises(ValueError, match=r"is not onnxruntime-web .* as it was published"):
        web.files()
    assert not web.is_there()


@pytest.mark.usefixtures("no_npm")
def test_a_kept_file_that_was_changed_is_not_used():
    web.folder().mkdir(parents=True)
    for name in web.FILES:
        (web.folder() / name).write_bytes(b"tampered with")
    with pytest.raises(ValueError, match="npm is not installed"):
        web.files()
