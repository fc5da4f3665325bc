"""Chromium in front of a real house. A page that complains, or asks anyone else, fails its test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from ondol.doors.pages import FOLDER
from tests.browser.shop import Shop

SIZE = {"width": 1280, "height": 720}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    if not (FOLDER / "index.html").is_file():
        pytest.skip("the web app is not built: make setup")
    with sync_playwright() as playwright:
        # Chromium's sandbox does not start for root, nor in most containers.
        opened = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def shop(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    opened = Shop(Path(tmp_path_factory.mktemp("shop")))
    try:
        opened.open()
        yield opened
    finally:
        opened.close()


@pytest.fixture(scope="session")
def visitor(browser: Browser, shop: Shop) -> Iterator[BrowserContext]:
    """One visitor for all tests: the app's files are fetched once, as they are by a person."""
    context = browser.new_context(viewport=SIZE, base_url=shop.url, locale="en-GB", color_scheme="light")
    yield context
    context.close()


@pytest.fixture
def page(visitor: BrowserContext, shop: Shop) -> Iterator[Page]:
    opened = visitor.new_page()
    complaints: list[str] = []
    hosts: set[str] = set()

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(f"{message.text} {message.location.get('url', '')}")

    opened.on("console", hear)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    yield opened
    opened.evaluate("localStorage.clear()")
    opened.close()
    assert complaints == []
    assert hosts == {urlsplit(shop.url).netloc}
