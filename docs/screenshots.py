"""Make the documentation's screenshots: Evaluate, Explain and Export of the example, Data of breast cancer."""

import io
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from PIL import Image
from playwright.sync_api import Page, sync_playwright

import core
from exports.pipeline import export_and_prove
from tests.browser import chromium
from tests.browser.serving import serving
from tests.workspaces import workspace_of

HERE = pathlib.Path(__file__).parent
PATIENCE = 300_000  # ms, also on a busy machine
SETTLE = 2500  # ms until figures stand still
MOST = 300_000  # bytes of a picture


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, workspace_of(pathlib.Path(folder, "workspace")) as workspace:
        run = core.train("digits")
        export_and_prove(run, explanation=True)
        with serving(workspace) as address, sync_playwright() as p:
            browser = p.chromium.launch(executable_path=chromium.find(), args=list(chromium.FLAGS))
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(PATIENCE)
            page.goto(f"{address}/evaluate?run={run}")
            page.locator(".js-plotly-plot").nth(1).wait_for()
            save(page, "evaluate")
            page.set_viewport_size({"width": 1440, "height": 1180})  # the verdicts are below the maps
            page.goto(f"{address}/explain?run={run}&methods=occlusion,integrated_gradients&map=Alone")
            page.get_by_text("It can be trusted").nth(1).wait_for()
            save(page, "explain")
            page.set_viewport_size({"width": 1440, "height": 900})
            page.goto(f"{address}/export?run={run}")
            page.get_by_text("Passed: the file decides").wait_for()
            save(page, "export")
            page.goto(f"{address}/data?data=breast_cancer&view=Look")
            page.locator(".js-plotly-plot").nth(1).wait_for()
            save(page, "data")
            browser.close()


def save(page: Page, name: str) -> None:
    """Take the page as docs/NAME.png, with a palette of 256 colours, which screens of flat colours do not miss."""
    page.evaluate("document.querySelector('[data-testid=stSidebar] code').textContent = 'workspace'")
    page.wait_for_timeout(SETTLE)
    path = HERE / f"{name}.png"
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").quantize(256).save(path, optimize=True)
    size = path.stat().st_size
    print(f"docs/{path.name}: {size / 1000:.0f} kB")
    if size > MOST:
        sys.exit(f"{path.name} has {size} bytes; a picture of the documentation has at most {MOST}.")


if __name__ == "__main__":
    main()
