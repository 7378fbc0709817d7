"""Seconds to decode photographs to 224 x 224, and to take in 60,000 small PNGs in folders.

To reach: clothing-small (3,781 photographs, 256 pixels high or wide) within 20% of the fastest of Pillow (draft mode)
and torchvision's decoder, both in two processes; the PNGs in under 60 s. Beside it 60 of the photographs, enlarged to
12 megapixels, as a telephone makes them.

Every repeat is a fresh Python, in turn. "ready" counts from when all is imported, "from the start" from the start of
Python, and "of processors" is how long both together were busy, which tells more on a machine that does other work too.
The others' processes are forked, so that they import nothing, and know the files; ours starts its own, lists the files
and reads their headers. The others leave uint8 (n, 3, 224, 224) in shared memory, ours in a file, flushed to the disk.

    python benchmarks/decoding.py [--photos FOLDER] [--repeats 3] [--large 60] [--pngs 60000]
"""

import argparse
import io
import mmap
import multiprocessing
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
PHOTOS = ROOT.parent / "shared" / "data" / "clothing-small"
SIDE, WORKERS, CHUNK = 224, 2, 32
TITLES = {
    "ours": "Vitrine, headers and pixels",
    "pillow": "Pillow, draft mode",
    "torchvision": "torchvision decode_jpeg, v2 resize",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=pathlib.Path, default=PHOTOS)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--large", type=int, default=60)
    parser.add_argument("--pngs", type=int, default=60_000)
    parser.add_argument("--one", choices=TITLES, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(*once(asked.one, asked.photos))
        return
    if asked.photos.is_dir():
        photos(asked.photos, asked.repeats)
        large(asked.photos, asked.large, asked.repeats)
    else:
        print(f"There are no photographs in {asked.photos}; name their folder with --photos. Left out.")
    pngs(asked.pngs)


def photos(folder: pathlib.Path, repeats: int) -> None:
    times = {name: {"ready": [], "from the start": [], "of processors": []} for name in TITLES}
    for repeat in range(-1, repeats):  # once before, so that files and libraries are in memory for all
        for name in TITLES:
            began = time.perf_counter()
            command = [sys.executable, __file__, "--one", name, "--photos", str(folder)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            whole = time.perf_counter() - began
            if repeat >= 0:
                ready, processors = map(float, done.stdout.split())
                for label, seconds in zip(times[name], (ready, whole, processors)):
                    times[name][label].append(seconds)
    head = f"{repeats} repeats, median (min to max), seconds"
    print(f"{head:44}", *(f"{label:>22}" for label in times["ours"]))
    for name, title in TITLES.items():
        print(f"{title:44}", *(f"{shown(seconds):>22}" for seconds in times[name].values()))
    for label in times["ours"]:
        middle = {name: statistics.median(times[name][label]) for name in TITLES}
        peer = min(("pillow", "torchvision"), key=middle.get)
        print(f"Ours takes {middle['ours'] / middle[peer]:.2f} times the seconds ({label}) of {TITLES[peer]}")


def large(folder: pathlib.Path, n: int, repeats: int) -> None:
    """The same with every so many of the photographs, enlarged to 3000 x 4000 with some noise, as JPEG."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    files = sorted(folder.rglob("*.jpg"))
    with tempfile.TemporaryDirectory() as where:
        for i, path in enumerate(files[:: max(1, len(files) // n)][:n]):
            target = pathlib.Path(where, "ab"[i % 2], path.name)
            target.parent.mkdir(exist_ok=True)
            with Image.open(path) as image:
                pixels = np.asarray(image.convert("RGB").resize((3000, 4000), Image.Resampling.BICUBIC))
            noise = rng.integers(-8, 9, (*pixels.shape[:2], 1), np.int16)
            Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8)).save(target, quality=90)
        print(f"{n} photographs of 12 megapixels:")
        photos(pathlib.Path(where), repeats)


def once(name: str, folder: pathlib.Path) -> tuple[float, float]:
    """Seconds by the clock and seconds of all processors, counted from when all is imported."""
    with tempfile.TemporaryDirectory() as workspace:
        os.environ["VITRINE_WORKSPACE"] = workspace
        if name == "ours":
            from core.data.readers import folder as reader

            began, busy = time.perf_counter(), processor_seconds()
            reader.load(str(folder), reader.Options(size=SIDE), lambda *_: None)
            return time.perf_counter() - began, processor_seconds() - busy
        import numpy as np

        decode = {"pillow": with_pillow, "torchvision": with_torchvision}[name]
        files = sorted(map(str, folder.rglob("*.jpg")))
        decode(files[0])  # imports all that it needs
        began, busy = time.perf_counter(), processor_seconds()
        shared = mmap.mmap(-1, len(files) * 3 * SIDE * SIDE)
        out = np.frombuffer(shared, np.uint8).reshape(len(files), 3, SIDE, SIDE)
        with multiprocessing.get_context("fork").Pool(WORKERS, share, (decode, files, out)) as pool:
            for _ in pool.imap_unordered(work, range(0, len(files), CHUNK)):
                pass
            pool.close()
            pool.join()
        return time.perf_counter() - began, processor_seconds() - busy


def processor_seconds() -> float:
    """Seconds that this process and those that it has ended kept a processor busy."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


def share(decode, files, out) -> None:
    globals().update(decode=decode, files=files, out=out)


def work(start: int) -> None:
    for i in range(start, min(start + CHUNK, len(files))):  # noqa: F821, set by `share`
        out[i] = decode(files[i])  # noqa: F821


def with_pillow(path: str):
    import numpy as np
    from PIL import Image

    with Image.open(path) as image:
        width, height = image.size
        image.draft("RGB", (2 * SIDE, 2 * SIDE))
        scale = image.width / width
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        box = [edge * scale for edge in (left, top, left + side, top + side)]
        small = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=box)
    return np.asarray(small).transpose(2, 0, 1)


def with_torchvision(path: str):
    import torch
    from torchvision.io import ImageReadMode, decode_jpeg, read_file
    from torchvision.transforms.v2 import functional

    torch.set_num_threads(1)
    image = functional.resize(decode_jpeg(read_file(path), ImageReadMode.RGB), [SIDE], antialias=True)
    return functional.center_crop(image, [SIDE, SIDE]).numpy()


def pngs(n: int) -> None:
    """Take in `n` grey PNGs of 28 x 28 in 10 class folders, made for it."""
    import numpy as np
    from PIL import Image

    from core.data.readers import folder as reader

    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as where:
        os.environ["VITRINE_WORKSPACE"] = str(pathlib.Path(where, "workspace"))
        for i in range(n):
            target = pathlib.Path(where, "pngs", str(i % 10), f"{i}.png")
            if i < 10:
                target.parent.mkdir(parents=True)
            held = io.BytesIO()
            Image.fromarray(rng.integers(0, 256, (28, 28), np.uint8)).save(held, "PNG")
            target.write_bytes(held.getvalue())
        times = []
        for title in ("Taking in", "Again, from the cache,"):
            began = time.perf_counter()
            dataset = reader.load(str(pathlib.Path(where, "pngs")), reader.Options(), lambda *_: None)
            times.append(time.perf_counter() - began)
            print(f"{title} {len(dataset):,} PNGs of 28 x 28 in 10 class folders: {times[-1]:.1f} s")


def shown(seconds: list[float]) -> str:
    return f"{statistics.median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f})"


if __name__ == "__main__":
    main()
