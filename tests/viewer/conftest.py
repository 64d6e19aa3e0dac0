"""A real browser, where there is one."""

import shutil

import pytest


@pytest.fixture(scope="session")
def chromium():
    """Chromium without a window; tests that need it are skipped where it is not installed."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("Chromium is not installed; on Debian: apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


#: What Chromium says about a style sheet for maps that plotly would add, and which no chart here needs; and about
#: servers that end before the page is closed.
EXPECTED = ("Applying inline style violates", "net::ERR_CONNECTION_REFUSED", "net::ERR_INCOMPLETE_CHUNKED_ENCODING")


@pytest.fixture
def tab(chromium):
    """A page of the browser; whatever goes wrong in it fails the test."""
    context = chromium.new_context(viewport={"width": 1024, "height": 800}, color_scheme="light")
    page = context.new_page()
    page.set_default_timeout(20_000)
    wrong = []
    page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.expected = [*EXPECTED]
    yield page
    context.close()
    assert [said for said in wrong if not any(part in said for part in page.expected)] == []
