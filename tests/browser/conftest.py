"""A Chromium and a real server with something to see; skipped with the reason where there is no Chromium."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.interop.region import Published, RegionServer, running_region

_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def _program() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    return found or pytest.skip("there is no Chromium on this machine")


@dataclass(frozen=True)
class Place:
    """A running region with a thread below one of its posts."""

    server: RegionServer
    post: Published


@pytest.fixture(scope="module")
def chromium(place: Place) -> Iterator[Browser]:
    """The machine's Chromium, without a window.

    Only for a file, and after the place: while the driver runs, this thread can have no other event loop.
    """
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=_program(), args=list(_QUIET))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """News, a project and notes in several languages, and an answer."""
    _program()
    with running_region(tmp_path_factory.mktemp("browser")) as server:
        text = "Die alte Halle öffnet am Samstag.\n\nMit Werkstatt und Café: https://rostock.example/halle"
        post = server.post(
            text, server.editorial_uri, "--kind", "news", "--title", "Halle offen", "--tag", "Rostock"
        )
        server.post(
            "Pusta hala staje się wspólną pracownią.",
            server.editorial_uri,
            "--lang",
            "pl",
            "--tag",
            "Żegluga",
        )
        server.post("Wer macht mit?", server.editorial_uri, "--kind", "project", "--title", "Ein langes Wort: "
                    "Donaudampfschifffahrtsgesellschaftskapitänskajüte")  # fmt: skip
        server.post("Ich komme gern!", server.editorial_uri, "--reply-to", post.uri)
        yield Place(server, post)
