"""The pages in a real browser: nothing is cut off, nothing is asked of others, and all can be used by all."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.conftest import Place

pytestmark = pytest.mark.browser

WIDTHS = (390, 1280)
_PAGES = (
    "/", "/r/rostock", "/@redaktion", "POST", "/public/cluster", "/public/local", "/tags/rostock",
    "/about", "/interact", "/intents/create", "/not/here",
)  # fmt: skip
_STANDARD = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(params=WIDTHS)
def page(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[Page]:
    """A fresh window of each width."""
    with chromium.new_context(viewport={"width": request.param, "height": 900}) as window:
        yield window.new_page()


def _path(place: Place, name: str) -> str:
    return urlsplit(place.post.page).path if name == "POST" else name


@pytest.mark.parametrize("name", _PAGES)
def test_a_page_is_whole_and_asks_nobody_else(page: Page, place: Place, name: str) -> None:
    complaints: list[str] = []
    asked: list[str] = []
    page.on("console", lambda said: complaints.append(said.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
    page.goto(place.server.url + _path(place, name))
    # A missing page is told to the console, too; anything else there is ours to mend.
    assert [text for text in complaints if "404" not in text] == []
    assert {f"{urlsplit(url).scheme}://{urlsplit(url).netloc}" for url in asked} <= {
        place.server.url,
        "data://",
    }
    wide, seen = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= seen, "it scrolls sideways"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", _PAGES)
def test_a_page_can_be_used_by_all(page: Page, place: Place, name: str, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    page.goto(place.server.url + _path(place, name))
    found = Axe().run(page, options=_STANDARD)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("tag", ["en", "pl", "de", "lt", "sv"])
def test_a_visitor_without_script_chooses_a_language_and_reads_on(
    chromium: Browser, place: Place, tag: str
) -> None:
    with chromium.new_context(java_script_enabled=False) as window:
        page = window.new_page()
        page.goto(place.server.url + "/")
        page.click(f".langs a[hreflang={tag}]")
        assert page.locator("html").get_attribute("lang") == tag
        page.click("article h3 a >> nth=0")
        assert urlsplit(page.url).path.startswith(f"/{tag}/@redaktion")
        page.goto(place.server.url + "/public/local")
        assert page.locator("html").get_attribute("lang") == tag, "the choice is kept"


def test_the_keyboard_skips_to_the_content(page: Page, place: Place) -> None:
    page.goto(place.server.url + "/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main"
