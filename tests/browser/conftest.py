"""A Chromium for the browser tests."""

import pytest

from exports.page import web
from tests.browser import chromium
from tests.exports import made


@pytest.fixture(scope="module")
def browser():
    """One Chromium for the tests of a file; each opens pages of its own.

    Playwright keeps an event loop running meanwhile, so that no later test could run one.
    """
    from playwright.sync_api import sync_playwright

    path = chromium.find()
    if path is None:
        pytest.fail("There is no Chromium; run `make test`, which installs one, or name one in VITRINE_CHROMIUM.")
    with sync_playwright() as p:
        running = p.chromium.launch(executable_path=path, args=list(chromium.FLAGS))
        yield running
        running.close()


@pytest.fixture
def page(browser):
    """A page in a fresh profile that fails the test if it asks for anything outside this machine."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(30_000)
    outside, errors = [], chromium.watched(page)
    page.on(
        "request", lambda r: outside.append(r.url) if r.url.startswith("http") and "localhost" not in r.url else None
    )
    yield page
    context.close()
    assert not errors()
    assert not outside


@pytest.fixture
def exported(finished_workspace, finished):
    """Names of finished runs with model.onnx, in a workspace of the test's own."""
    for run in finished.values():
        made.put(run, made.export(finished_workspace[0], run))
    return finished


@pytest.fixture(scope="session")
def runtime(tmp_path_factory):
    """The folder with onnxruntime-web, fetched once; without npm or a registry, what needs it is skipped."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VITRINE_WORKSPACE", str(tmp_path_factory.mktemp("runtime")))
        try:
            web.files()
        except ValueError as error:
            pytest.skip(str(error))
        return web.folder()
