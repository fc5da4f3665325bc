"""Chromium in front of a real house. A page that complains, or asks anyone else, fails its test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from ondol.doors.pages import FOLDER
from tests.browser.shop import Shop
from tests.browser.watch import visitor_of, watched


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
    context = visitor_of(browser, shop.url)
    yield context
    context.close()


@pytest.fixture
def page(visitor: BrowserContext, shop: Shop) -> Iterator[Page]:
    with watched(visitor, shop.url) as opened:
        yield opened
