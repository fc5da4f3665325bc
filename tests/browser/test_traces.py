"""Looking for a trace, and through it, in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from ondol.doors.client import Client
from ondol.doors.server import build_app
from ondol.home import open_house
from ondol.kernel.config import Config
from tests.browser.watch import settled, visit, visitor_of, watched
from tests.rooms import served

pytestmark = pytest.mark.browser

BEGAN = 1_700_000_000_000_000_000
STEP = 100_000_000


def span(number: int, parent: int, name: str, trace: str, **attributes: str) -> dict[str, Any]:
    found = {
        "traceId": trace,
        "spanId": f"{number:016x}",
        "name": name,
        "startTimeUnixNano": str(BEGAN + number * STEP),
        "endTimeUnixNano": str(BEGAN + (number + 4) * STEP),
        "status": {"code": 2 if name == "search" else 1},
        "attributes": [
            {"key": key.replace("__", "."), "value": {"stringValue": value}} for key, value in attributes.items()
        ],
    }
    return found | ({"parentSpanId": f"{parent:016x}"} if parent else {})


def tell(url: str) -> str:
    """Three traces, and the id of a run that the first of them belongs to."""
    run = str(Client(url).call("runs.create", experiment="Default", name="agent").id)
    for number in range(1, 4):
        trace = f"{number:032x}"
        spans = [
            span(1, 0, f"answer {number}", trace, mlflow__spanInputs='{"question": "why?"}', mlflow__spanOutputs="so"),
            span(2, 1, "search", trace, mlflow__spanType="RETRIEVER", model="small" if number == 2 else "large"),
        ]
        body = {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [{"spans": spans}]}]}
        headers = {"x-mlflow-experiment-id": "0", "content-type": "application/json"}
        headers |= {"x-mlflow-run-id": run} if number == 1 else {}
        httpx.post(f"{url}/v1/traces", content=json.dumps(body), headers=headers).raise_for_status()
    said = {"assessment_name": "helpful", "source": {"source_type": "HUMAN", "source_id": "ana"}, "rationale": "short"}
    where = f"{url}/api/3.0/mlflow/traces/tr-{1:032x}/assessments"
    httpx.post(where, json={"assessment": said | {"feedback": {"value": "yes"}}}).raise_for_status()
    return run


@pytest.fixture
def desk(browser: Browser, tmp_path) -> Iterator[tuple[Page, str]]:
    house = open_house(Config(home=str(tmp_path / "home")))
    with served(build_app(house)) as url:
        run = tell(url)
        context = visitor_of(browser, url)
        with watched(context, url) as opened:
            yield opened, run
        context.close()
    house.close()


def test_a_trace_is_found_and_read_step_by_step(desk):
    page, run = desk
    visit(page, "/traces")
    expect(page.get_by_role("link", name="answer 1")).to_be_visible()
    expect(page.get_by_text("3 traces")).to_be_visible()
    page.get_by_label("Search traces").fill("span.attributes.model = 'small'")
    expect(page.get_by_text("1 trace", exact=True)).to_be_visible()
    visit(page, f"/traces?filter=run_id = '{run}'")
    page.get_by_role("link", name="answer 1").click()
    expect(page.get_by_role("list", name="Spans").get_by_role("button")).to_have_count(2)
    expect(page.get_by_label("Span answer 1")).to_contain_text('"question": "why?"')
    page.get_by_role("list", name="Spans").get_by_role("button").nth(1).click()
    expect(page.get_by_label("Span search")).to_contain_text("large")
    expect(page.get_by_text("ana (Feedback)")).to_be_visible()
    expect(page.get_by_text("short")).to_be_visible()
    settled(page)
    page.get_by_role("link", name=run[-6:]).click()
    expect(page.get_by_role("heading", name="agent")).to_be_visible()


def test_links_that_mlflows_clients_print_lead_to_our_pages(desk):
    page, run = desk
    visit(page, f"/#/experiments/0/runs/{run}")
    expect(page).to_have_url(re.compile(f"/runs/{run}$"))
    expect(page.get_by_role("heading", name="agent")).to_be_visible()
    page.goto("about:blank")
    visit(page, "/#/experiments/0/traces?selected=x")
    expect(page.get_by_text("3 traces")).to_be_visible()
    page.goto("about:blank")
    visit(page, "/#/experiments/0")
    expect(page.get_by_role("heading", name="Default")).to_be_visible()
