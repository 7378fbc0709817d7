"""Tables and photographs as a person gives them, for the tests of reading."""

import zipfile

import numpy as np
from PIL import Image


def people(n=40, seed=0, answers=("no", "yes")):
    """Lines of a table: a height, a town and an answer, drawn with a seed."""
    rng = np.random.default_rng(seed)
    heights, towns = rng.normal(170, 9, n), rng.choice(["Rome", "Bonn", "Aix"], n)
    return [f"{h:.9f},{town},{answers[i % len(answers)]}" for i, (h, town) in enumerate(zip(heights, towns))]


def write(path, lines, head="height,town,answer"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([head, *lines]) + "\n", encoding="utf-8")
    return str(path)


def photos(root, classes=("cat", "dog"), n=4):
    for k, name in enumerate(classes):
        for i in range(n):
            path = root / name / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (6, 5), 20 * i + 9 * k).save(path)
    return root


def zipped(root, path):
    with zipfile.ZipFile(path, "w") as packed:
        for file in sorted(root.rglob("*.png")):
            packed.write(file, file.relative_to(root))
    return str(path)


def stored(workspace):
    """Every file and folder below workspace/data."""
    return sorted(path.relative_to(workspace).as_posix() for path in (workspace / "data").rglob("*"))
