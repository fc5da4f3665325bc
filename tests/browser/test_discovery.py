"""Searching the house, asking it in SQL, and the story of datasets and features, in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.shop import Shop
from tests.browser.watch import settled, visit

pytestmark = pytest.mark.browser


def test_words_and_filters_find_a_feature_and_stay_in_the_address(page: Page) -> None:
    visit(page, "/catalogue")
    page.get_by_role("searchbox", name="Search").fill("share of returns of the customer")
    page.get_by_role("button", name=re.compile("^Feature \\d")).click()
    expect(page).to_have_url(re.compile("text=share"))
    expect(page).to_have_url(re.compile("kinds=feature"))
    first = page.locator(".catalogue-things > li").first
    expect(first).to_contain_text("customer.returned_30d")
    expect(first).to_contain_text("mean(returned > 0) over 30d")
    page.reload()
    expect(page.get_by_role("searchbox", name="Search")).to_have_value("share of returns of the customer")
    expect(page.get_by_role("button", name=re.compile("^Feature \\d"))).to_have_attribute("aria-pressed", "true")
    page.locator(".catalogue-things a").first.click()
    settled(page)
    expect(page.locator("h1")).to_have_text("customer")


def test_a_dataset_tells_its_statistics_its_versions_its_refusals_and_its_readers(page: Page) -> None:
    visit(page, "/data/orders")
    columns = page.get_by_role("region", name="Columns").locator("tbody tr")
    expect(columns).to_have_count(7)
    expect(columns.filter(has_text="price").get_by_role("img", name="Distribution of price")).to_be_visible()
    expect(page.get_by_role("region", name="Used by").first).to_contain_text("order_inputs")
    expect(page.get_by_role("region", name="In quarantine")).to_contain_text("price")
    page.get_by_role("button", name="with the newest").first.click()
    expect(page).to_have_url(re.compile(r"diff=0\.\.1"))
    difference = page.get_by_role("region", name="From version 0 to 1").first
    expect(difference).to_contain_text("Rows added")


def test_a_feature_view_tells_its_story(page: Page, shop: Shop) -> None:
    shop.client.call("skew.check", endpoint="returns")
    visit(page, "/features/views/customer")
    features = page.locator("section.card", has=page.get_by_role("heading", name="Features")).locator("tbody tr")
    expect(features).to_have_count(2)
    expect(features.first.get_by_role("img")).to_be_visible()
    expect(features.first.get_by_title(re.compile("served values differ"))).to_be_visible()
    expect(page.get_by_role("region", name="Used by").first).to_contain_text("returns")
    expect(page.get_by_role("region", name="Definitions")).to_contain_text("in force")
    expect(page.get_by_role("region", name="Values now").first.locator("tbody tr").first).to_be_visible()


def test_sql_answers_remembers_and_shows_where_it_is_wrong(page: Page) -> None:
    visit(page, "/sql")
    statement = page.get_by_role("textbox", name="Statement")
    statement.fill("SELECT count(*) AS orders_in_all FROM orders@0")
    page.keyboard.press("Control+Enter")
    result = page.get_by_role("region", name="Result").first
    expect(result).to_contain_text("orders_in_all")
    expect(result).to_contain_text("orders@0")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    assert download.value.path().read_text().startswith("orders_in_all")
    page.reload()
    expect(statement).to_have_value("SELECT count(*) AS orders_in_all FROM orders@0")
    expect(page.get_by_role("region", name="Asked before")).to_contain_text("orders_in_all")


def test_the_tables_on_the_left_begin_a_statement(page: Page) -> None:
    visit(page, "/sql")
    page.get_by_role("searchbox", name="Filter tables").fill("model_ver")
    page.get_by_role("button", name="house.model_versions").click()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("region", name="Result").first).to_contain_text("returns")
