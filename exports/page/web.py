"""onnxruntime-web, the part that runs a model in a browser: fetched once from the npm registry, checked, and kept."""

import base64
import functools
import hashlib
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

from core.files import replacing
from core.workspace import workspace

VERSION = "1.30.0"
# What the registry says of this very version (`npm view onnxruntime-web@1.30.0 dist.integrity`).
INTEGRITY = "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
FILES = {  # name in the package: SHA-256
    "ort.wasm.bundle.min.mjs": "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
ARCHIVE = f"onnxruntime-web-{VERSION}.tgz"
SECONDS = 600  # to fetch 33 MB


def folder() -> pathlib.Path:
    """Where the files are kept: the workspace's cache."""
    return workspace() / "cache" / f"onnxruntime-web-{VERSION}"


def files() -> dict[str, bytes]:
    """The content of FILES, by name; fetched with npm if it is not kept yet, or was changed.

    Raises ValueError with a sentence if there is no npm, the registry is out of reach, or what came is something else.
    """
    if not _are_right():
        _unpack(*_archive())
    return {name: (folder() / name).read_bytes() for name in FILES}


def is_there() -> bool:
    """Whether the files are kept, so that nothing has to be fetched."""
    return all((folder() / name).is_file() for name in FILES)


def _are_right() -> bool:
    return is_there() and all(_digest(folder() / name, _stamp(folder() / name)) == sha for name, sha in FILES.items())


def _stamp(path: pathlib.Path) -> tuple[int, int]:
    facts = path.stat()
    return facts.st_mtime_ns, facts.st_size


@functools.lru_cache(maxsize=8)
def _digest(path: pathlib.Path, stamp: tuple[int, int]) -> str:  # noqa: ARG001 (another file has another one)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _archive() -> tuple[bytes, str]:
    """The package, and where it came from: put into the cache by hand, or from the registry."""
    by_hand = folder().parent / ARCHIVE
    if by_hand.is_file():
        return by_hand.read_bytes(), str(by_hand)
    npm = shutil.which("npm")
    otherwise = f"or put {ARCHIVE} into {folder().parent}"
    if npm is None:
        raise ValueError(
            f"The living page needs onnxruntime-web {VERSION}, fetched once with npm, and npm is not installed; "
            f"install Node.js, which brings npm, {otherwise}."
        )
    with tempfile.TemporaryDirectory() as place:
        asked = [npm, "pack", f"onnxruntime-web@{VERSION}", "--ignore-scripts", "--silent", "--pack-destination", place]
        try:
            done = subprocess.run(asked, capture_output=True, text=True, timeout=SECONDS, cwd=place, check=False)
            said = done.stderr.strip() or done.stdout.strip()
            path = pathlib.Path(place, ARCHIVE)
            if done.returncode == 0 and path.is_file():
                return path.read_bytes(), "the npm registry"
        except subprocess.TimeoutExpired:
            said = f"nothing came within {SECONDS // 60} minutes"
        except OSError as error:
            said = error.strerror or type(error).__name__
    reason = next((line.removeprefix("npm error ").strip() for line in said.splitlines() if line.strip()), "no reason")
    raise ValueError(
        f"onnxruntime-web {VERSION} could not be fetched with npm ({reason[:120]}); "
        f"look whether this machine reaches the npm registry, {otherwise}."
    )


def _unpack(content: bytes, origin: str) -> None:
    """Keep FILES out of a package, if it is the very one that is pinned."""
    found = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    if found != INTEGRITY:
        raise ValueError(
            f"What came from {origin} is not onnxruntime-web {VERSION} as it was published "
            f"({found[:20]}… where {INTEGRITY[:20]}… was expected); it was not used. Fetch it again."
        )
    folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        with tarfile.open(fileobj=file, mode="r:gz") as package:
            for name in FILES:
                with replacing(folder() / name) as beside:
                    beside.write_bytes(package.extractfile(f"package/dist/{name}").read())  # ty: ignore[missing-union-attribute]
