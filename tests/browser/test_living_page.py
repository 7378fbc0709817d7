"""The living page in a real Chromium, from the disk and without a network: the same model, the same decisions."""

import base64
import io
import os

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

from core import runs
from exports import feeding, page
from exports.page import web

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture
def living(browser, runtime, workspace, monkeypatch):
    """Open the living page of a run as a person does who got the file; browser errors fail the test."""
    monkeypatch.setattr(web, "folder", lambda: runtime)
    opened, errors = [], []

    def opened_page(run: str, *samples: str, **how):
        path = page.write(run, samples).path
        context = browser.new_context(offline=True, viewport={"width": 1200, "height": 900}, **how)
        shown = context.new_page()
        shown.set_default_timeout(20_000)
        shown.on("pageerror", lambda error: errors.append(str(error)))
        shown.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        shown.goto(path.as_uri())
        opened.append(context)
        return shown

    yield opened_page
    for context in opened:
        context.close()
    assert not errors and os.environ["VITRINE_WORKSPACE"] == str(workspace)


def test_pictures_get_the_decisions_that_onnxruntime_gives_in_python(exported, living):
    run = exported["digits"]
    ids, y_true, _ = runs.predictions(run, "test")
    shown = living(run, str(ids[0]), str(ids[1]))
    assert shown.evaluate("vitrine.ready")["passed"]
    assert "it gives the same answers as PyTorch gave" in shown.locator("#check").inner_text()

    dataset = runs.dataset(run)
    where = [dataset.ids.tolist().index(name) for name in ids]
    feeds = feeding.inputs(dataset, np.array(where))
    session = onnxruntime.InferenceSession(runs.path(run, "exports", "model.onnx"))
    y_prob, said = session.run(["probabilities", "decision"], feeds)
    content = base64.b64encode(feeds["image"].tobytes()).decode()
    asked = {"image": {"type": "uint8", "dims": list(feeds["image"].shape), "data": content}}
    got = shown.evaluate(
        "async (feeds) => { const got = await vitrine.ask(feeds);"
        "return [Array.from(got.decision.data), Array.from(got.probabilities.data)]; }",
        asked,
    )
    assert got[0] == said.tolist()
    assert np.abs(np.array(got[1]).reshape(y_prob.shape) - y_prob).max() < 1e-5

    classes = runs.schema(run).classes
    assert shown.locator("#said").inner_text() == classes[said[0]]
    assert f"In truth it is {classes[y_true[0]]}." in shown.locator("#truth").inner_text()
    shown.keyboard.press("Tab")  # the first thing that the keyboard reaches is the walk through the samples
    shown.get_by_label("The next sample").click()
    shown.get_by_text(f"Sample {ids[1]}.").wait_for()
    assert shown.locator("#said").inner_text() == classes[said[1]]

    # a photograph from elsewhere, turned by its EXIF data, in colour where the model takes grey
    levels = np.random.default_rng(0).integers(0, 256, (12, 20, 3), np.uint8)
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(levels).save(file, "PNG", exif=exif)
    shown.locator("#file").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": file.getvalue()})
    shown.get_by_text("12 × 20 pixels").wait_for()
    pixels = shown.evaluate(
        "async (text) => { const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));"
        "const {data, dims} = await vitrine.pixelsOf(new Blob([bytes]), 1); return [Array.from(data), dims]; }",
        base64.b64encode(file.getvalue()).decode(),
    )
    expected = np.asarray(Image.fromarray(levels).convert("L").transpose(Image.Transpose.ROTATE_270))
    assert pixels[1] == [1, 1, 20, 12] and np.array_equal(np.array(pixels[0]).reshape(20, 12), expected)

    shown.locator("#file").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"no picture"})
    shown.get_by_text("a.txt is no picture that this browser can read; give a JPEG, PNG or WebP.").wait_for()
    shown.locator("#below").fill("1")
    assert shown.locator("#said").inner_text() == "It says nothing"
    shown.get_by_role("button", name="As it was made").click()
    assert shown.locator("#said").inner_text() != "It says nothing"
    assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_row_can_be_edited_and_its_threshold_moved(exported, living):
    run = exported["breast_cancer"]
    name = str(runs.predictions(run, "test")[0][0])
    shown = living(run, name)
    assert shown.evaluate("vitrine.ready")["passed"]
    classes = list(runs.schema(run).classes)
    before = shown.locator("#said").inner_text()
    positive = shown.evaluate("vitrine.facts.point ? vitrine.facts.point.positive : 1")
    shown.locator("#threshold").fill("0" if classes.index(before) != positive else "1")
    assert shown.locator("#said").inner_text() != before
    assert "Of 100 that are" in shown.locator("#threshold-text").inner_text()
    shown.get_by_role("button", name="As it was made").click()
    first = shown.locator("#fields input").first
    first.fill("1e9")
    shown.get_by_text("outside of what it was trained on").wait_for()
    first.fill("")  # missing
    shown.wait_for_timeout(300)
    got = shown.evaluate(
        "vitrine.ask(Object.fromEntries(vitrine.facts.inputs.map(({name}) => "
        "[name, {type: 'float32', dims: [1], data: [NaN]}])), ['decision']).then((got) => got.decision.data[0])"
    )
    assert got in (-1, 0, 1) and shown.locator("#problem").is_hidden()


def test_a_file_that_answers_otherwise_than_pytorch_did_is_told(exported, living):
    run = exported["digits"]
    path = runs.path(run, "exports", "model.onnx")
    proto = onnx.load(path)
    biases = [one for one in proto.graph.initializer if list(one.dims) == [10] and one.data_type == 1]
    for one in biases:
        one.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(one) + np.float32(range(10)), one.name))
    onnx.save(proto, path)
    assert biases
    shown = living(run)
    assert not shown.evaluate("vitrine.ready")["passed"]
    assert "does not give the answers that PyTorch gave" in shown.locator("#check").inner_text()
