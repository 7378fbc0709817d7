"""Make the README's screenshots: Evaluate, Explain and Export of the example, and the Data page of breast cancer."""

import io
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from PIL import Image
from playwright.sync_api import sync_playwright

import core
from exports.pipeline import export_and_prove
from tests.browser import chromium
from tests.browser.serving import serving, workspace_of

HERE = pathlib.Path(__file__).parent


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, workspace_of(pathlib.Path(folder, "workspace")) as workspace:
        run = core.train("digits")
        with serving(workspace) as address, sync_playwright() as p:
            browser = p.chromium.launch(executable_path=chromium.find(), args=list(chromium.FLAGS))
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(f"{address}/evaluate?run={run}")
            page.locator(".js-plotly-plot").nth(1).wait_for()
            page.evaluate("document.querySelector('[data-testid=stSidebar] code').textContent = 'workspace'")
            page.wait_for_timeout(1500)
            save(page.screenshot(), HERE / "evaluate.png")
            page.goto(f"{address}/explain?run={run}&methods=occlusion,integrated_gradients&map=Alone")
            page.set_viewport_size({"width": 1440, "height": 1180})  # the verdicts are below the maps
            page.get_by_text("It can be trusted").nth(1).wait_for(timeout=60_000)
            page.evaluate("document.querySelector('[data-testid=stSidebar] code').textContent = 'workspace'")
            page.wait_for_timeout(1500)
            save(page.screenshot(), HERE / "explain.png")
            page.set_viewport_size({"width": 1440, "height": 900})
            export_and_prove(run, explanation=True)
            page.goto(f"{address}/export?run={run}")
            page.get_by_text("Passed: the file decides").wait_for(timeout=60_000)
            page.evaluate("document.querySelector('[data-testid=stSidebar] code').textContent = 'workspace'")
            page.wait_for_timeout(2500)
            save(page.screenshot(), HERE / "export.png")
            page.goto(f"{address}/data?data=breast_cancer&view=Look")
            page.locator(".js-plotly-plot").nth(1).wait_for(timeout=60_000)
            page.evaluate("document.querySelector('[data-testid=stSidebar] code').textContent = 'workspace'")
            page.wait_for_timeout(1500)
            save(page.screenshot(), HERE / "data.png")
            browser.close()


def save(png: bytes, path: pathlib.Path) -> None:
    """Write a PNG with a palette of 256 colours, which screens of flat colours do not miss."""
    Image.open(io.BytesIO(png)).convert("RGB").quantize(256).save(path, optimize=True)
    print(f"{path.relative_to(HERE.parent)}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
