"""The request log: what was answered is never lost, and stands in the lake once."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from ondol.home import House
from ondol.kernel.ids import new_id
from ondol.serving import repo, rules
from ondol.serving.plane import capture, log
from ondol.serving.types import Request, Route

MOMENT = datetime(2013, 6, 1, tzinfo=UTC)
ALWAYS = (MOMENT - timedelta(days=1), MOMENT + timedelta(days=1))


def record(rows: int = 2, **features: list[float | None]) -> capture.Record:
    request = Request(
        id=new_id("req"), endpoint="delay", version="mv_1", number=1, role="champion",
        rows=rows, at=MOMENT, latency_ms=1.5, status=200,
    )  # fmt: skip
    columns = {"flight": [f"f{n}" for n in range(rows)], "departs": [MOMENT] * rows, **features}
    return capture.Record(request=request, columns=columns | {"score": [0.5] * rows})


def write(house: House, *records: capture.Record) -> capture.SegmentWriter:
    writer = capture.SegmentWriter(house.config.home_path)
    for one in records:
        writer.append(one)
    return writer


def test_rows_can_be_read_before_and_after_they_are_drained(house: House) -> None:
    writer = write(house, record(2, temp=[1.0, None]), record(1, temp=[3.0]))
    before = log.read(house.tools(), "delay", *ALWAYS)
    writer.rotate()
    assert log.drain(house.tools()) == 2
    after = log.read(house.tools(), "delay", *ALWAYS)
    assert before["temp"].to_list() == [1.0, None, 3.0]
    assert before.select(sorted(before.columns)).equals(after.select(sorted(before.columns)))
    with house.tools().transaction(write=False) as tools:
        assert [request.rows for request in repo.select_requests_since(tools.connection, "delay", None)] == [2, 1]


def test_draining_twice_writes_once(house: House) -> None:
    writer = write(house, record())
    writer.rotate()
    (segment,) = capture.segments(house.config.home_path)
    content = segment.read_bytes()
    log.drain(house.tools())
    segment.write_bytes(content)
    log.drain(house.tools())
    assert house.tools().tables.scan("log/delay").collect().height == 2


def test_a_segment_in_use_is_left_alone(house: House) -> None:
    writer = write(house, record())
    assert log.drain(house.tools()) == 0
    assert len(capture.segments(house.config.home_path)) == 1
    writer.rotate()


def test_two_drainers_at_once_move_each_row_once(house: House) -> None:
    for _ in range(5):
        write(house, record()).rotate()
    threads = [threading.Thread(target=log.drain, args=(house.tools(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert house.tools().tables.scan("log/delay").collect().height == 10


def test_features_that_come_and_go_are_null_where_they_were_not(house: House) -> None:
    writer = write(house, record(1, temp=[1.0]))
    writer.rotate()
    log.drain(house.tools())
    writer.append(record(1, wind=[2.0]))
    rows = log.read(house.tools(), "delay", *ALWAYS)
    assert rows.select("temp", "wind").rows() == [(1.0, None), (None, 2.0)]
    writer.rotate()


WRITER = """
import sys, os, signal
sys.path.insert(0, {root!r})
from pathlib import Path
from tests.serving.test_request_log import record
from ondol.serving.plane.capture import SegmentWriter
writer = SegmentWriter(Path({home!r}))
for n in range(10_000):
    one = record()
    writer.append(one)
    print(one.request.id, flush=True)
"""


def test_a_killed_server_loses_no_request_that_was_answered(house: House) -> None:
    root = str(Path(__file__).parents[2])
    program = WRITER.format(home=str(house.config.home_path), root=root)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        answered = [process.stdout.readline().strip() for _ in range(50)]
        process.kill()
        answered += process.stdout.read().split("\n")[:-1]
    log.drain(house.tools())
    stored = house.tools().tables.scan("log/delay").select(pl.col("request_id").unique()).collect()["request_id"]
    assert set(answered) <= set(stored)
    assert capture.segments(house.config.home_path) == []


def test_a_record_cut_in_half_is_skipped(house: House) -> None:
    writer = write(house, record(), record())
    writer.rotate()
    (segment,) = capture.segments(house.config.home_path)
    segment.write_bytes(segment.read_bytes()[:-7])
    assert log.drain(house.tools()) == 1


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=5), st.floats(0, 1, exclude_max=True))
def test_every_draw_has_a_route_and_shares_are_slices(weights: list[float], draw: float) -> None:
    shares = {f"mv_{n}": weight / sum(weights) for n, weight in enumerate(weights)}
    routes: list[Route] = rules.routes_of(shares, dict.fromkeys(shares, 1))
    assert routes[0].role == "champion"
    assert [route.share for route in routes] == sorted(shares.values(), reverse=True)
    chosen = routes.index(rules.choose(routes, draw))
    below = sum(route.share for route in routes[:chosen])
    assert below <= draw + 1e-9
    assert draw < below + routes[chosen].share + 1e-9


@given(st.floats(0, 1, exclude_max=True), st.integers(20, 500))
def test_a_canary_gets_its_share_and_no_more_by_luck(start: float, requests: int) -> None:
    traffic = rules.routes_of({"mv_old": 0.9, "mv_new": 0.1}, {"mv_old": 1, "mv_new": 2})
    chosen = [rules.choose(traffic, rules.even_draw(start, number)).role for number in range(requests)]
    assert abs(chosen.count("canary") - 0.1 * requests) <= 3
