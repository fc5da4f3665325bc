"""What a person sees and does in the web app, in a real browser."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from ondol.doors.server import build_app
from ondol.home import House
from tests.browser.shop import Shop
from tests.browser.watch import settled, visit, visitor_of, watched
from tests.rooms import served

pytestmark = pytest.mark.browser

PAGES = {
    "/story": "Story",
    "/data": "Data",
    "/data/orders": "orders",
    "/data/batches/{refused}": "Batch",
    "/features": "Features",
    "/features/views/customer": "customer",
    "/features/services/order_inputs": "order_inputs",
    "/features/training-sets/{training_set}": "Training set",
    "/runs": "Runs",
    "/runs/{run}": "training",
    "/runs/compare": "Compare runs",
    "/experiments": "Experiments",
    "/experiments/training": "training",
    "/pipelines": "Pipelines",
    "/pipelines/runs/{run}": "training",
    "/models": "Models",
    "/models/returns": "returns",
    "/models/versions/{version}": "returns v1",
    "/models/comparisons/{comparison}": "Comparison",
    "/endpoints": "Endpoints",
    "/endpoints/returns": "returns",
    "/endpoints/canaries/{canary}": "Canary",
    "/catalogue": "Catalogue",
    "/catalogue?text=returned&kinds=feature": "Catalogue",
    "/sql": "SQL",
    "/drift": "Drift",
    "/drift/checks/{check}": "Check",
    "/lineage/{request}": "Ancestry",
    "/lineage/{table}": "Ancestry",
}


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_shown_without_a_complaint(page: Page, shop: Shop, path: str) -> None:
    visit(page, path.format(**shop.things))
    expect(page.locator("h1")).to_contain_text(PAGES[path])
    expect(page.locator("header.header")).to_contain_text("shop")


def test_the_pages_are_served_under_a_policy_that_lets_nothing_in_from_outside(page: Page) -> None:
    answer = page.goto("/story")
    settled(page)
    assert answer is not None
    assert answer.headers["content-security-policy"].startswith("default-src 'self';")


def test_the_rail_leads_into_every_room(page: Page) -> None:
    visit(page, "/")
    assert page.url.endswith("/story")
    for name in ("Data", "Features", "Catalogue", "SQL", "Runs", "Pipelines", "Models", "Endpoints", "Drift", "Story"):
        page.get_by_role("navigation").get_by_role("link", name=name).click()
        expect(page.locator("h1")).to_have_text(name)


def test_korean_and_dark_are_chosen_once_and_kept(page: Page) -> None:
    visit(page, "/models")
    light = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    page.get_by_role("button", name="한국어").click()
    page.get_by_role("button", name="어둡게").click()
    expect(page.locator("h1")).to_have_text("모델")
    dark = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert dark != light
    page.reload()
    expect(page.locator("h1")).to_have_text("모델")
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == dark


def test_a_filter_and_an_order_are_kept_in_the_address(page: Page) -> None:
    visit(page, "/runs")
    page.get_by_role("searchbox").fill("careless")
    page.get_by_role("button", name="Started").click()
    expect(page).to_have_url(re.compile(r"runs\.filter=careless"))
    rows = page.locator("tbody tr")
    expect(rows).to_have_count(1)
    page.reload()
    expect(page.get_by_role("searchbox")).to_have_value("careless")
    expect(rows).to_have_count(1)
    expect(page.get_by_role("columnheader", name="Started")).to_have_attribute("aria-sort", "ascending")


def test_what_happens_appears_without_a_reload(page: Page, shop: Shop) -> None:
    visit(page, "/story")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    page.evaluate("window.notReloaded = true")
    refused = page.locator('[data-event="BatchQuarantined"]')
    before = refused.count()
    shop.refuse("a bad batch while somebody looks")
    expect(refused).to_have_count(before + 1)
    assert page.evaluate("window.notReloaded") is True


def test_the_story_says_what_made_each_step_done(page: Page) -> None:
    visit(page, "/story")
    done = page.locator('.story > li[data-state="done"]')
    for name in ("Lake", "Features", "Pipeline", "Registry", "Serving", "Ancestry"):
        expect(done.filter(has_text=name).first).to_be_visible()
    expect(page.locator(".story")).to_contain_text("Refused, orders")


def test_a_refused_batch_tells_the_rule_the_column_and_the_rows(page: Page, shop: Shop) -> None:
    visit(page, f"/data/batches/{shop.refused}")
    report = page.get_by_role("region", name="Range: price")
    expect(report).to_contain_text("Row numbers: 0, 1, 2")
    expect(report.locator("tbody tr")).to_have_count(3)


def test_a_model_tells_what_it_is_made_of_and_who_answered_when(page: Page) -> None:
    visit(page, "/models/returns")
    ticks = page.get_by_role("region", name="What it is made of").locator("li")
    expect(ticks).to_have_count(8)
    expect(ticks.filter(has_text="Data")).to_contain_text("silver/orders@0")
    answered = page.get_by_role("region", name="Who answered when")
    expect(answered.get_by_role("img", name="returns")).to_be_visible()
    page.get_by_label("Who answered at").fill("2013-01-01T10:00")
    expect(answered).to_contain_text("Nobody answered then.")
    expect(page).to_have_url(re.compile("at=2013"))


def test_a_version_is_reviewed(page: Page, shop: Shop) -> None:
    visit(page, f"/models/versions/{shop.things['version']}")
    reviews = page.get_by_role("region", name="Reviews")
    reviews.get_by_role("button", name="Ask for a review").click()
    reviews.get_by_label("Why").fill("good on both categories")
    reviews.get_by_role("button", name="Approve").click()
    expect(reviews).to_contain_text("Approved")
    expect(reviews).to_contain_text("good on both categories")


def test_a_step_of_a_run_tells_what_came_out_of_it(page: Page, shop: Shop) -> None:
    visit(page, f"/pipelines/runs/{shop.run}")
    page.locator(".react-flow__node", has_text="evaluate").click()
    expect(page).to_have_url(re.compile("step=evaluate"))
    expect(page.locator(".step-details")).to_contain_text("auc")


def test_an_answer_is_traced_back_to_tables_and_code(page: Page, shop: Shop) -> None:
    visit(page, "/endpoints/returns")
    page.get_by_role("region", name="Newest requests").first.get_by_role("link", name="Made from").first.click()
    settled(page)
    expect(page).to_have_url(re.compile("/lineage/req_"))
    nodes = page.locator(".react-flow__node")
    for name in ("returns", "silver/orders", "order_inputs"):
        expect(nodes.filter(has_text=name).first).to_be_visible()
    nodes.filter(has_text="silver/orders").first.click()
    page.get_by_role("link", name="silver/orders version 0").click()
    expect(page.locator("h1")).to_have_text("orders")


def test_kinds_that_are_left_out_of_an_ancestry_are_bridged(page: Page, shop: Shop) -> None:
    visit(page, f"/lineage/{shop.things['request']}")
    nodes = page.locator(".react-flow__node")
    expect(nodes.filter(has_text="order_inputs").first).to_be_visible()
    page.get_by_role("group", name="Kinds shown").get_by_role("button", name="Version").click()
    expect(nodes.filter(has_text="returns 1")).to_have_count(0)
    expect(nodes.filter(has_text="silver/orders").first).to_be_visible()
    page.get_by_role("button", name="1 step").click()
    expect(nodes.filter(has_text="silver/orders")).to_have_count(0)
    expect(page).to_have_url(re.compile("hidden=version"))


def test_an_address_that_leads_nowhere_says_so(page: Page) -> None:
    page.goto(f"/{quote('no such page')}")
    expect(page.locator("h1")).to_have_text("There is no such page.")


def test_an_empty_house_says_what_to_do_next(browser: Browser, house: House) -> None:
    with served(build_app(house)) as url, watched(visitor_of(browser, url), url) as page:
        for room in ("story", "data", "features", "runs", "pipelines", "models", "endpoints", "drift"):
            visit(page, f"/{room}")
            expect(page.locator(".note code", has_text="ondol").or_(page.locator(".note p")).first).to_be_visible()
