"""A page that is listened to: it may neither complain nor ask anyone but its own house."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

SIZE = {"width": 1280, "height": 720}


def visitor_of(browser: Browser, url: str) -> BrowserContext:
    return browser.new_context(viewport=SIZE, base_url=url, locale="en-GB", color_scheme="light")


@contextmanager
def watched(visitor: BrowserContext, url: str) -> Iterator[Page]:
    page = visitor.new_page()
    complaints: list[str] = []
    hosts: set[str] = set()

    def hear(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(f"{message.text} {message.location.get('url', '')}")

    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    yield page
    page.evaluate("localStorage.clear()")
    page.close()
    assert complaints == []
    assert hosts == {urlsplit(url).netloc}


def visit(page: Page, path: str) -> None:
    """Open a page and wait until everything on it was answered."""
    page.goto(path)
    settled(page)


def settled(page: Page) -> None:
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator(".loading")).to_have_count(0)
    expect(page.locator(".note-bad")).to_have_count(0)
