"""From a person's own files to a trained run, in a real Chromium."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from core import data, runs
from core.data import store
from tests.browser.serving import serving

pytestmark = [pytest.mark.slow, pytest.mark.browser]


def test_a_table_is_dropped_in_corrected_added_and_trained_on(page, workspace, tmp_path):
    rng = np.random.default_rng(0)
    rows = [
        f"P{i:03d};{rng.normal() + i % 2:.3f}".replace(".", ",") + f";{'yes' if i % 2 else 'no'}" for i in range(200)
    ]
    table = tmp_path / "patients.csv"
    table.write_text("patient;level;ill\n" + "\n".join(rows), encoding="utf-8")
    with serving(workspace) as address:
        page.goto(f"{address}/data")
        page.get_by_role("button", name="Add data").click()
        page.locator("input[type=file]").set_input_files(table)
        page.get_by_text("Column to predict").wait_for()
        page.get_by_text("How it is written: semicolon").wait_for()
        page.get_by_role("button", name="Add", exact=True).click()
        page.get_by_text("patients is added").wait_for(timeout=60_000)
        page.get_by_text("1 column left out").wait_for(timeout=60_000)

        page.get_by_role("link", name="Train on it").click()
        page.wait_for_url("**/train?data=patients")
        page.get_by_text("to train on").first.wait_for()
        page.get_by_role("button", name="Train", exact=True).click()
        page.get_by_text("See how good it is").wait_for(timeout=120_000)
    (run,) = runs.names()
    assert runs.config(run).data.name == "patients"
    made = data.get("patients")
    assert [column.name for column in made.columns] == ["level"]
    assert made.ids[0] == "P000"


def test_photographs_in_a_zip_are_added_with_what_is_wrong_with_them(page, workspace, tmp_path):
    rng = np.random.default_rng(0)
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:
        for name in ("cats", "dogs & <b>"):
            for i in range(12):
                file = io.BytesIO()
                Image.fromarray(rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(file, "PNG")
                archive.writestr(f"pets/{name}/{i}.png", file.getvalue())
        archive.writestr("pets/cats/broken.jpg", b"no picture")
    with serving(workspace) as address:
        page.goto(f"{address}/data?add=1")
        page.locator("input[type=file]").set_input_files(tmp_path / "pets.zip")
        page.get_by_role("button", name="Add", exact=True).click()
        page.get_by_text("pets is added").wait_for(timeout=60_000)
        page.get_by_text("1 file is left out").wait_for(timeout=60_000)
        page.get_by_text("Look", exact=True).click()
        page.get_by_text("Mean image of each class").wait_for(timeout=60_000)
        page.get_by_text("dogs & <b>").first.wait_for()
    assert store.names() == ["pets"]
    assert data.get("pets").classes == ("cats", "dogs & <b>")
