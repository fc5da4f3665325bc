"""Searching, comparing and watching runs in a real browser."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import polars as pl
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from ondol.doors.client import Client
from ondol.doors.server import build_app
from ondol.home import House, open_house
from ondol.kernel.config import Config
from ondol.tracking.service import put_artifact
from tests.browser.watch import settled, visit, visitor_of, watched
from tests.rooms import served

pytestmark = pytest.mark.browser

RUNS = 150
REPORT = b"<!doctype html><h1>Report</h1><p id=said>still</p><script>said.textContent = 'drawn in ' + origin</script>"
FILES = {
    "plots/report.html": REPORT,
    "tables/rows.csv": b'carrier,late\nAA,0.25\n"U, A",0.5\n',
    "config.json": b'{"leaves": 31}',
    "model/model.pkl": b"\x80\x04.",
}


class Office:
    """A house full of runs. `ids`: the newest first."""

    def __init__(self, url: str, house: House) -> None:
        self.url, self.house = url, house
        self.client = Client(url)
        self.ids = [self.add(f"try-{number}", number) for number in range(RUNS)][::-1]

    def add(self, name: str, number: int = 0) -> str:
        run = str(self.client.call("runs.create", experiment="search", name=name, tags={"team": "ops"}).id)
        points = [{"key": "loss", "value": 1 / (step + 1) + number / 100, "step": step} for step in range(4)]
        score = {"key": "auc", "value": 0.5 + number / 1000, "step": 0}
        params = {"leaves": number % 5, "optimizer": ("adam", "sgd")[number % 2]}
        self.client.call("runs.log", run=run, params=params, metrics=[*points, score])
        return run


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    house = open_house(Config(home=str(tmp_path_factory.mktemp("office") / "home")))
    with served(build_app(house)) as url:
        yield Office(url, house)
    house.close()


@pytest.fixture(scope="module")
def guest(browser: Browser, office: Office) -> Iterator[BrowserContext]:
    context = visitor_of(browser, office.url)
    yield context
    context.close()


@pytest.fixture
def desk(guest: BrowserContext, office: Office) -> Iterator[Page]:
    with watched(guest, office.url) as opened:
        yield opened


def test_runs_are_searched_sorted_and_read_as_a_person_scrolls(desk: Page) -> None:
    visit(desk, "/runs")
    table = desk.get_by_role("region", name="Runs")
    expect(table.locator("tbody tr").first).to_contain_text("try-")
    expect(desk.get_by_text(re.compile(f"^{RUNS}"))).to_be_visible()
    assert table.locator("tbody tr").count() < 60
    table.get_by_role("button", name="auc").click()
    expect(table.locator("tbody tr").first).to_contain_text("try-149")
    desk.get_by_role("searchbox", name="Search runs").fill("metrics.auc < 0.51 and params.optimizer = 'adam'")
    expect(desk.get_by_text("5 runs")).to_be_visible()
    desk.reload()
    expect(table.locator("tbody tr").first).to_contain_text("try-8")
    assert "runs.order=-metrics.auc" in desk.url


def test_bare_words_look_for_a_name(desk: Page) -> None:
    visit(desk, "/runs")
    desk.get_by_role("searchbox", name="Search runs").fill("try-14")
    expect(desk.get_by_text("11 runs")).to_be_visible()


def test_columns_are_chosen_once_and_remembered(desk: Page) -> None:
    visit(desk, "/runs")
    desk.locator("summary", has_text="Columns").click()
    desk.get_by_label("team", exact=True).check()
    expect(desk.get_by_role("columnheader", name="team")).to_be_visible()
    visit(desk, "/runs")
    expect(desk.get_by_role("columnheader", name="team")).to_be_visible()


def test_runs_are_grouped_and_a_group_opens(desk: Page) -> None:
    visit(desk, "/runs?group=params.optimizer")
    groups = desk.locator(".runs-group")
    expect(groups).to_have_count(2)
    expect(groups.first).to_contain_text("75 runs")
    groups.first.get_by_role("button").click()
    expect(desk.locator("tbody tr").nth(1)).to_contain_text("try-")
    expect(desk).to_have_url(re.compile("open="))


def test_chosen_runs_are_compared(desk: Page, office: Office) -> None:
    visit(desk, "/runs?runs.filter=try-14")
    for name in ("try-149", "try-148"):
        desk.get_by_label(f"Choose {name}").check()
    desk.get_by_role("link", name="Compare 2 chosen runs").click()
    settled(desk)
    expect(desk.get_by_role("img", name="loss")).to_be_visible()
    desk.get_by_role("slider").fill("0.5")
    desk.get_by_role("checkbox", name="Log scale").check()
    expect(desk).to_have_url(re.compile("scale=log"))
    desk.get_by_role("button", name="Differences").click()
    differences = desk.get_by_role("region", name="Differences")
    expect(differences).to_contain_text("optimizer")
    expect(differences).not_to_contain_text("team")


@pytest.mark.parametrize("view", ["parallel", "scatter"])
def test_many_runs_are_compared_in_one_picture(desk: Page, view: str) -> None:
    visit(desk, f"/runs/compare?view={view}")
    expect(desk.get_by_text(f"{RUNS} of {RUNS} runs")).to_be_visible()


def test_a_new_run_appears_and_its_curve_grows_without_a_reload(desk: Page, office: Office) -> None:
    visit(desk, "/runs")
    expect(desk.get_by_text("Live", exact=True)).to_be_visible()
    run = office.add("a new one")
    desk.get_by_role("link", name="a new one").click()
    settled(desk)
    loss = desk.locator(".figure", has_text="loss")
    expect(loss).to_contain_text("0.25")
    office.client.call("runs.log", run=run, metrics=[{"key": "loss", "value": 0.125, "step": 4}])
    expect(loss).to_contain_text("0.125")
    office.client.call("runs.finish", run=run)
    expect(desk.get_by_text("Finished")).to_be_visible()


def test_the_files_of_a_run_are_looked_at_in_place(desk: Page, office: Office) -> None:
    table = io.BytesIO()
    pl.DataFrame({"carrier": ["AA", "U, A"], "delays": [[1, 2], []]}).write_parquet(table)
    for path, content in {**FILES, "tables/rows.parquet": table.getvalue()}.items():
        put_artifact(office.house.tools(), office.ids[0], path, content)
    visit(desk, f"/runs/{office.ids[0]}")
    desk.get_by_role("button", name="rows.csv").click()
    expect(desk.get_by_role("cell", name="U, A")).to_be_visible()
    desk.get_by_role("button", name="rows.parquet").click()
    expect(desk.get_by_role("cell", name="[1, 2]")).to_be_visible()
    desk.get_by_role("button", name="config.json").click()
    expect(desk.locator(".file-text")).to_contain_text('"leaves": 31')
    desk.get_by_role("button", name="model.pkl").click()
    expect(desk.get_by_text("No preview")).to_be_visible()
    desk.get_by_role("button", name="report.html").click()
    expect(desk.frame_locator("iframe").locator("#said")).to_have_text("drawn in null")


def test_code_that_differs_is_shown_line_by_line(desk: Page, office: Office) -> None:
    one, other = office.ids[5:7]
    for run, rate in ((one, "0.1"), (other, "0.2")):
        put_artifact(office.house.tools(), run, "code/train.py", f"import numpy\nrate = {rate}\n".encode())
    visit(desk, f"/runs/compare?view=differences&runs={one.removeprefix('run_')},{other.removeprefix('run_')}")
    changed = desk.locator(".file-diff")
    expect(changed.locator('[data-sign="-"]')).to_contain_text("rate = 0.1")
    expect(changed.locator('[data-sign="+"]')).to_contain_text("rate = 0.2")


def test_an_experiment_shows_its_runs(desk: Page) -> None:
    visit(desk, "/experiments")
    desk.get_by_role("link", name="search").click()
    expect(desk.locator("h1")).to_have_text("search")
    expect(desk.get_by_role("region", name="Runs").locator("tbody tr", has_text="try-").first).to_be_visible()
