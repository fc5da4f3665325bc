"""Traces of the MLflow protocol and OTLP, as a raw HTTP client sees them."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ondol.doors.server import build_app
from ondol.home import House, open_house
from ondol.kernel.config import Config
from tests.rooms import served

PREFIX = "/api/3.0/mlflow"
INVALID = (400, "INVALID_PARAMETER_VALUE")
MISSING = (404, "RESOURCE_DOES_NOT_EXIST")
SECOND = 1_000_000_000
BEGAN = 1_700_000_000 * SECOND
TRACE = "0" * 30 + "a1"
ID = f"tr-{TRACE}"
HEADERS = {"x-mlflow-experiment-id": "0"}


class Mlflow:
    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def send(self, method: str, path: str, /, **fields: Any) -> httpx.Response:
        how = {"params": fields} if method == "GET" else {"content": json.dumps(fields)}
        return self.http.request(method, f"{PREFIX}/{path}", **how)

    def ask(self, method: str, path: str, /, **fields: Any) -> dict[str, Any]:
        answer = self.send(method, path, **fields)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, method: str, path: str, /, **fields: Any) -> tuple[int, str]:
        answer = self.send(method, path, **fields)
        return answer.status_code, answer.json()["error_code"]

    def otlp(self, *spans: dict[str, Any], resource: Any = (), **headers: str) -> httpx.Response:
        groups = [{"resource": {"attributes": list(resource)}, "scopeSpans": [{"spans": list(spans)}]}]
        return self.export(json.dumps({"resourceSpans": groups}).encode(), **headers)

    def export(self, body: bytes, **headers: str) -> httpx.Response:
        sent = (
            HEADERS | {"content-type": "application/json"} | {name.replace("_", "-"): headers[name] for name in headers}
        )
        return self.http.post(
            "/v1/traces", content=body, headers={name: value for name, value in sent.items() if value}
        )

    def start(self, trace: str = ID, **fields: Any) -> dict[str, Any]:
        info = {
            "trace_id": trace,
            "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}},
            "request_time": "2024-05-06T07:08:09.123Z",
            "execution_duration": "1.250s",
            "state": "OK",
        } | fields
        return self.ask("POST", "traces", trace={"trace_info": info})["trace"]["trace_info"]

    def info(self, trace: str = ID) -> dict[str, Any]:
        return self.ask("GET", f"traces/{trace}")["trace"]["trace_info"]

    def get(self, trace: str = ID) -> dict[str, Any]:
        return self.ask("GET", "traces/get", trace_id=trace)["trace"]

    def found(self, text: str = "", **fields: Any) -> list[str]:
        place = [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}}]
        answer = self.ask("POST", "traces/search", locations=place, filter=text, **fields)
        return [one["trace_id"] for one in answer["traces"]]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def house(request, tmp_path) -> Iterator[House]:
    database = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    opened = open_house(Config(home=str(tmp_path / "home"), database=database))
    yield opened
    opened.close()


@pytest.fixture
def mlflow(house) -> Iterator[Mlflow]:
    with served(build_app(house)) as url, httpx.Client(base_url=url) as http:
        yield Mlflow(http)


def span(number: int = 1, parent: int = 0, trace: str = TRACE, **fields: Any) -> dict[str, Any]:
    found = {
        "traceId": trace,
        "spanId": f"{number:016x}",
        "name": f"span {number}",
        "startTimeUnixNano": str(BEGAN + number * SECOND),
        "endTimeUnixNano": str(BEGAN + (number + 1) * SECOND),
        "status": {"code": 1},
    }
    return found | ({"parentSpanId": f"{parent:016x}"} if parent else {}) | fields


def said(**values: Any) -> list[dict[str, Any]]:
    return [{"key": key.replace("__", "."), "value": value} for key, value in values.items()]


def test_a_trace_is_kept_as_its_client_sent_it(mlflow):
    sent = {
        "client_request_id": "c-1",
        "request_preview": "why?",
        "response_preview": "so",
        "trace_metadata": {"mlflow.trace.session": "s"},
        "tags": {"team": "ops"},
    }
    made = mlflow.start(**sent)
    place = f"mlflow-artifacts:/0/traces/{ID}/artifacts"
    assert made == sent | {
        "trace_id": ID,
        "trace_location": {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": "0"}},
        "request_time": "2024-05-06T07:08:09.123Z",
        "execution_duration": "1.250s",
        "state": "OK",
        "tags": {"team": "ops", "mlflow.artifactLocation": place},
        "assessments": [],
    }
    assert mlflow.info() == made
    assert mlflow.ask("POST", "traces/batchGetInfos", trace_ids=["tr-none", ID])["trace_infos"] == [made]
    assert mlflow.ask("POST", "traces/batchGetInfos", trace_ids=[ID], experiment_ids=[])["trace_infos"] == []


def test_what_is_no_trace_is_refused(mlflow):
    place = {"mlflow_experiment": {"experiment_id": "0"}}
    for wrong in (
        {"trace_id": ""},
        {"trace_id": "a" * 251},
        {"trace_id": "a\0b"},
        {"trace_location": {}},
        {"state": "GREAT"},
        {"request_time": "yesterday"},
        {"execution_duration": "long"},
        {"tags": {"a": 1}},
        {"assessments": [{"assessment_name": "x"}]},
    ):
        info = {"trace_id": ID, "trace_location": place} | wrong
        assert mlflow.refused("POST", "traces", trace={"trace_info": info}) == INVALID, wrong
    elsewhere = {"trace_id": ID, "trace_location": {"mlflow_experiment": {"experiment_id": "99"}}}
    assert mlflow.refused("POST", "traces", trace={"trace_info": elsewhere}) == MISSING
    assert mlflow.refused("POST", "traces") == INVALID
    assert mlflow.refused("GET", f"traces/{ID}") == MISSING
    assert mlflow.refused("GET", "traces/get", trace_id=ID) == MISSING
    assert mlflow.refused("POST", "traces/batchGet") == INVALID


def test_spans_begin_a_trace_and_end_it(mlflow):
    tool = said(mlflow__spanType={"stringValue": "TOOL"})
    service = said(service__name={"stringValue": "shop"}, telemetry__sdk__name={"stringValue": "otel"})
    assert mlflow.otlp(span(3, parent=2, attributes=tool), resource=service).content == b"{}"
    begun = mlflow.info()
    assert (begun["state"], begun["request_time"], begun["execution_duration"]) == (
        "IN_PROGRESS", "2023-11-14T22:13:23.000Z", "1.000s"
    )  # fmt: skip
    inputs = said(
        mlflow__spanInputs={"kvlistValue": {"values": said(q={"stringValue": "why?"})}},
        mlflow__traceTag__team={"stringValue": "ops"},
        session__id={"stringValue": "s-1"},
    )
    assert (
        mlflow.otlp(span(1, attributes=inputs, status={"code": "STATUS_CODE_ERROR"}), span(2, parent=1)).status_code
        == 200
    )
    ended = mlflow.info()
    assert (ended["state"], ended["request_time"], ended["execution_duration"]) == (
        "ERROR", "2023-11-14T22:13:21.000Z", "3.000s"
    )  # fmt: skip
    assert ended["request_preview"] == '{"q": "why?"}'
    assert ended["trace_metadata"] == {"mlflow.trace.session": "s-1"}
    assert ended["tags"] == {
        "mlflow.artifactLocation": f"mlflow-artifacts:/0/traces/{ID}/artifacts",
        "mlflow.trace.spansLocation": "TRACKING_STORE",
        "mlflow.traceName": "span 1",
        "service.name": "shop",
        "team": "ops",
    }
    spans = mlflow.get()["spans"]
    assert [one["name"] for one in spans] == ["span 1", "span 2", "span 3"]
    assert spans[0]["attributes"][0]["value"] == {
        "kvlist_value": {"values": [{"key": "q", "value": {"string_value": "why?"}}]}
    }
    assert mlflow.ask("GET", "traces/batchGet", trace_ids=[ID])["traces"] == [mlflow.get()]


def test_spans_that_come_late_do_not_change_what_the_client_said(mlflow):
    mlflow.otlp(span(2, parent=1))
    made = mlflow.start(tags={"mlflow.traceName": "named"}, trace_metadata={"mlflow.trace.tokenUsage": "{}"})
    used = said(gen_ai__usage__input_tokens={"intValue": "7"})
    mlflow.otlp(span(1, attributes=used))
    after = mlflow.info()
    assert after == made
    assert len(mlflow.get()["spans"]) == 2


def test_a_trace_is_whole_when_all_its_spans_are_there(mlflow):
    mlflow.start(trace_metadata={"mlflow.trace.sizeStats": '{"num_spans": 2}'})
    mlflow.otlp(span(1))
    assert mlflow.refused("GET", "traces/get", trace_id=ID) == MISSING
    partial = mlflow.ask("GET", "traces/get", trace_id=ID, allow_partial="true")
    assert len(partial["trace"]["spans"]) == 1
    mlflow.otlp(span(2, parent=1))
    mlflow.otlp(span(2, parent=1))
    assert len(mlflow.get()["spans"]) == 2


def test_tokens_are_counted_once(mlflow):
    half = {"values": said(input_tokens={"intValue": "3"}, output_tokens={"intValue": 1})}
    mlflow.otlp(span(2, parent=1, attributes=said(mlflow__chat__tokenUsage={"kvlistValue": half})))
    mlflow.otlp(span(3, parent=1, attributes=said(gen_ai__usage__input_tokens={"intValue": "4"})))
    counted = json.loads(mlflow.info()["trace_metadata"]["mlflow.trace.tokenUsage"])
    assert counted == {"input_tokens": 7, "output_tokens": 1, "total_tokens": 8}


def test_protocol_buffers_are_read(mlflow):
    # resource_spans { scope_spans { spans { trace_id span_id name start end attributes { a: -1 } status { OK } } } }
    value = bytes.fromhex("18ffffffffffffffffff01")
    attribute = b"\x0a\x01a\x12" + bytes([len(value)]) + value
    inside = (
        b"\x0a\x10" + bytes.fromhex(TRACE) + b"\x12\x08" + bytes(7) + b"\x01" + b"\x2a\x04root"
        + b"\x39" + BEGAN.to_bytes(8, "little") + b"\x41" + (BEGAN + SECOND).to_bytes(8, "little")
        + b"\x4a" + bytes([len(attribute)]) + attribute + b"\x7a\x02\x18\x01"
    )  # fmt: skip
    for _ in range(2):
        inside = b"\x12" + bytes([len(inside)]) + inside
    body = b"\x0a" + bytes([len(inside)]) + inside
    kind = "application/x-protobuf"
    answer = mlflow.export(body, content_type=kind)
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"", kind)
    (kept,) = mlflow.get()["spans"]
    assert (kept["name"], kept["attributes"]) == ("root", [{"key": "a", "value": {"int_value": -1}}])
    assert (kept["start_time_unix_nano"], kept["status"]) == (BEGAN, {"code": "STATUS_CODE_OK"})
    for packed, coding in (
        (gzip.compress(body), "gzip"),
        (zlib.compress(body), "deflate"),
        (zlib.compress(body)[2:-4], "deflate"),
    ):
        assert mlflow.export(packed, content_type=kind, content_encoding=coding).status_code == 200
    assert mlflow.export(body[:-3], content_type=kind).status_code == 400


def test_exports_that_cannot_be_taken_are_refused(mlflow, house):
    good = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span()]}]}]}).encode()
    assert mlflow.export(good, x_mlflow_experiment_id="").status_code == 400
    assert mlflow.export(good, x_mlflow_experiment_id="no").status_code == 400
    assert mlflow.export(good, x_mlflow_experiment_id="99").status_code == 404
    assert mlflow.export(good, content_type="text/plain").status_code == 400
    assert mlflow.export(good, content_encoding="gzip").status_code == 400
    assert mlflow.export(gzip.compress(good)[:-5], content_encoding="gzip").status_code == 400
    assert mlflow.export(good, content_encoding="br").status_code == 400
    bomb = gzip.compress(b" " * (house.config.body_limit_mb * 2**20 + 1))
    assert mlflow.export(bomb, content_encoding="gzip").status_code == 400
    for wrong in (b"", b"{}", b"[]", b"{", b'{"resourceSpans": 3}', b'{"resourceSpans": []}'):
        assert mlflow.export(wrong).status_code == 400, wrong
    for wrong in (
        {"traceId": ""},
        {"traceId": "zz"},
        {"spanId": "0" * 16},
        {"spanId": "1" * 18},
        {"startTimeUnixNano": str(2**63)},
        {"startTimeUnixNano": -1},
        {"name": 3},
        {"attributes": [{"key": "a", "value": {"intValue": "x"}}]},
        {"attributes": [{"key": "a", "value": {"intValue": 1, "boolValue": True}}]},
    ):
        assert mlflow.otlp(span() | wrong).status_code == 400, wrong
    assert mlflow.found() == []


def test_names_that_databases_refuse_are_kept_without_what_they_refuse(mlflow):
    odd = said(user__id={"stringValue": "a\0b"}, mlflow__traceTag__t={"stringValue": "\0"})
    assert mlflow.otlp(span(name="x\0y", attributes=odd)).status_code == 200
    info = mlflow.info()
    assert (info["tags"]["mlflow.traceName"], info["trace_metadata"]["mlflow.trace.user"]) == ("x\ufffdy", "a\ufffdb")
    assert mlflow.get()["spans"][0]["name"] == "x\0y"


def test_spans_in_a_file_are_read_back(mlflow):
    trace, identity = "oaKjpKWmp6ipqqusra6vsA==", "AQIDBAUGBwg="
    filed = {
        "trace_id": trace,
        "span_id": identity,
        "parent_span_id": None,
        "name": "root",
        "start_time_unix_nano": BEGAN,
        "end_time_unix_nano": BEGAN + SECOND,
        "events": [{"name": "e", "time_unix_nano": BEGAN, "attributes": {"n": 1}}],
        "status": {"code": "STATUS_CODE_OK", "message": ""},
        "attributes": {"mlflow.traceRequestId": f'"{ID}"', "mlflow.spanInputs": '{"q": [1, 2.5, null]}'},
        "links": [],
    }
    mlflow.start()
    where = f"/api/2.0/mlflow-artifacts/artifacts/0/traces/{ID}/artifacts/traces.json"
    mlflow.http.put(where, content=json.dumps({"spans": [filed]})).raise_for_status()
    (kept,) = mlflow.get()["spans"]
    assert (kept["trace_id"], kept["span_id"], kept["name"]) == (trace, identity, "root")
    read = mlflow.http.get("/ajax-api/2.0/mlflow/get-trace-artifact", params={"request_id": ID}).json()
    assert read == {"spans": [filed]}
    mlflow.http.put(where, content=b"no json").raise_for_status()
    assert mlflow.refused("GET", "traces/get", trace_id=ID) == MISSING
    assert mlflow.ask("POST", "traces/delete-traces", experiment_id="0", request_ids=[ID]) == {"traces_deleted": 1}
    assert mlflow.http.get(where).status_code == 404


def test_searches_find_what_they_name(mlflow):
    for number in range(1, 4):
        trace = f"{number:032x}"
        tag = said(mlflow__traceTag__team={"stringValue": "ops" if number < 3 else "web"})
        mlflow.otlp(span(number, trace=trace, attributes=tag, status={"code": 2 if number == 2 else 1}))
    one, two, three = (f"tr-{number:032x}" for number in range(1, 4))
    assert mlflow.found() == [three, two, one]
    assert mlflow.found(order_by=["timestamp_ms ASC"]) == [one, two, three]
    assert mlflow.found(order_by=["tags.team DESC", "attributes.name DESC"]) == [three, two, one]
    assert mlflow.found("attributes.status = 'error'") == [two]
    assert mlflow.found("trace.name IN ('span 1', 'span 3')") == [three, one]
    assert mlflow.found("tag.team = 'ops' AND span.status != 'ERROR'") == [one]
    assert mlflow.found("tags.nothing IS NULL AND tags.team IS NOT NULL AND tags.team LIKE 'w%'") == [three]
    assert mlflow.found(f"timestamp > {BEGAN // 1_000_000 + 1_000} AND execution_time = 1000") == [three, two]
    assert mlflow.found(f"end_time <= {BEGAN // 1_000_000 + 2_000}") == [one]
    assert mlflow.found("trace.text LIKE '%span 2%'") == [two]
    many = f"request_id IN ({','.join(['x'] * 10_001)})".replace("x", "'x'")
    foreign = ("run = 1", "metrics.a > 1", "span.color = 'a'", "feedback.a IN ('x')", "trace.text RLIKE 'a'", "a.")
    foreign += ("span.attributes. = 'a'", "span.attributes.a > 1", "tags.a RLIKE '(a+)+'", "tags.a RLIKE '['")
    for wrong in (many, "tags.a = 'x\0'", *foreign):
        place = [{"mlflow_experiment": {"experiment_id": "0"}}]
        assert mlflow.refused("POST", "traces/search", locations=place, filter=wrong) == INVALID, wrong
    for order in ("span.name", "text", "prompt", "feedback.a"):
        assert mlflow.refused("POST", "traces/search", locations=place, order_by=[order]) == INVALID, order
    assert mlflow.refused("POST", "traces/search", locations=place, max_results=501) == INVALID
    assert mlflow.refused("POST", "traces/search", locations=place * 10_001) == INVALID
    assert len(mlflow.ask("POST", "traces/search", locations=place * 10_000)["traces"]) == 3
    assert mlflow.refused("POST", "traces/search") == INVALID


def test_spans_are_found_by_what_programs_wrote_down_in_them(mlflow):
    values = {"model": {"stringValue": '"gpt \\"4\\""'}, "plain": {"stringValue": "a b"}, "n": {"intValue": "5"}}
    values |= {"mlflow__spanType": {"stringValue": '"LLM"'}, "yes": {"boolValue": True}, "x": {"doubleValue": 0.5}}
    mlflow.otlp(span(1, trace=f"{1:032x}", attributes=said(**values)), span(2, parent=1, trace=f"{1:032x}"))
    mlflow.otlp(span(1, trace=f"{2:032x}", attributes=said(model={"stringValue": '"other"'})))
    one, two = (f"tr-{number:032x}" for number in (1, 2))
    for text in (
        "model = 'gpt \"4\"'", "model LIKE 'gpt%'", "model ILIKE 'GPT%'", "`plain` = 'a b'", "n = '5'", "yes = 'true'",
        "x = '0.5'", "model RLIKE '^gpt .4'", "plain IN ('a b', 'c')",
    ):  # fmt: skip
        assert mlflow.found(f"span.attributes.{text}") == [one], text
    assert mlflow.found("span.attributes.model != 'other'") == [one]
    assert mlflow.found("span.attributes.model RLIKE 'o|p'") == [one, two]
    assert mlflow.found("span.attributes.mode = 'other'") == []
    assert mlflow.found("span.type = 'LLM' AND span.name RLIKE '^span [0-9]$'") == [one]


def test_a_page_shows_spans_as_a_tree_with_what_went_in_and_out(mlflow, house):
    inputs = said(mlflow__spanInputs={"stringValue": '{"q": 1}'}, mlflow__spanOutputs={"stringValue": '"so"'})
    event = {"name": "exception", "timeUnixNano": str(BEGAN), "attributes": said(why={"stringValue": "x"})}
    mlflow.otlp(
        span(4, parent=2), span(3, parent=1), span(2, parent=1), span(1, attributes=inputs, events=[event]),
        span(5, parent=9),
    )  # fmt: skip
    prompts = [{"name": "ask", "version": "2"}]
    mlflow.ask("POST", "traces/link-prompts", trace_id=ID, prompt_versions=prompts)
    assert mlflow.found("prompt = 'ask/2'") == [ID]
    found = house.call("traces.get", {"trace": ID})
    assert found.prompts == ["ask/2"]
    assert [one.name for one in found.spans] == ["span 1", "span 2", "span 4", "span 3", "span 5"]
    first = found.spans[0]
    assert (first.inputs, first.outputs, first.offset, first.attributes) == ('{"q": 1}', "so", 0.0, {})
    assert first.events == [{"name": "exception", "at": "2023-11-14T22:13:20.000Z", "why": "x"}]
    assert [one.offset for one in found.spans] == [0.0, 1000.0, 3000.0, 2000.0, 4000.0]
    assert house.call("traces.remove", {"experiment": "0", "traces": [ID]}).removed == 1
    assert mlflow.found() == []


def test_numbers_over_many_traces_are_those_of_a_plain_count(mlflow):
    for number in range(1, 6):
        usage = said(mlflow__chat__tokenUsage={"kvlistValue": {"values": said(input_tokens={"intValue": str(number)})}})
        other = span(9, parent=1, trace=f"{number:032x}", endTimeUnixNano=str(BEGAN + (9 + number) * SECOND))
        root = span(1, trace=f"{number:032x}", name="odd" if number % 2 else "even", attributes=usage)
        mlflow.otlp(root, other)
    began = BEGAN // 1_000_000

    def ask(view, metric, *kinds, **fields):
        asked = [{"aggregation_type": kind} for kind in kinds if kind != "P50"]
        asked += [{"aggregation_type": "PERCENTILE", "percentile_value": 50} for kind in kinds if kind == "P50"]
        fields = {"experiment_ids": ["0"], "view_type": view, "metric_name": metric, "aggregations": asked} | fields
        return [
            (one["dimensions"], one["values"]) for one in mlflow.ask("POST", "traces/metrics", **fields)["data_points"]
        ]

    assert ask("TRACES", "trace_count", "COUNT") == [({}, {"COUNT": 5.0})]
    named = ask("TRACES", "trace_count", "COUNT", dimensions=["trace_name"])
    assert named == [({"trace_name": "even"}, {"COUNT": 2.0}), ({"trace_name": "odd"}, {"COUNT": 3.0})]
    assert ask("TRACES", "input_tokens", "SUM", "P50") == [({}, {"SUM": 15.0, "P50.0": 3.0})]
    assert ask("TRACES", "latency", "AVG", "MAX", filters=["trace.status = 'OK'"]) == [
        ({}, {"AVG": 11000.0, "MAX": 13000.0})
    ]
    took = ask("SPANS", "latency", "MIN", "P50", filters=["span.name = 'span 9'"])
    assert took == [({}, {"MIN": 1000.0, "P50.0": 3000.0})]
    window = {"start_time_ms": began, "end_time_ms": began + 5_000, "time_interval_seconds": 60}
    (point,) = ask("TRACES", "trace_count", "COUNT", **window)
    assert point == ({"time_bucket": "2023-11-14T22:13:00+00:00"}, {"COUNT": 5.0})
    for number, value in ((1, 0.5), (2, 1.0)):
        given = {"assessment_name": "score", "source": {"source_type": "CODE"}, "feedback": {"value": value}}
        mlflow.ask("POST", f"traces/tr-{number:032x}/assessments", assessment=given)
    assert ask("ASSESSMENTS", "assessment_value", "AVG", dimensions=["assessment_name"]) == [
        ({"assessment_name": "score"}, {"AVG": 0.75})
    ]
    good = {"experiment_ids": ["0"], "view_type": "TRACES", "metric_name": "trace_count"}
    good |= {"aggregations": [{"aggregation_type": "COUNT"}]}
    for wrong in (
        {"view_type": "RUNS"}, {"metric_name": "cost"}, {"aggregations": []}, {"dimensions": ["span_name"]},
        {"filters": ["trace.color = 'x'"]}, {"filters": ["trace.status > 'x'"]}, {"filters": ["span.name = 'x'"]},
        {"time_interval_seconds": 5}, {"max_results": 0}, {"aggregations": [{"aggregation_type": "SUM"}]},
    ):  # fmt: skip
        assert mlflow.refused("POST", "traces/metrics", **(good | wrong)) == INVALID, wrong


def test_the_second_version_of_the_protocol_is_not_here(mlflow):
    gone = (404, "ENDPOINT_NOT_FOUND")
    assert mlflow.refused("POST", "traces", experiment_id="0", timestamp_ms=1) == gone
    assert mlflow.refused("PATCH", f"traces/{ID}", timestamp_ms=1, status="OK") == gone
    assert mlflow.refused("GET", f"traces/{ID}/info") == gone
    assert mlflow.refused("GET", "traces", experiment_ids="0") == gone


def test_traces_come_in_pages(mlflow):
    for number in range(1, 4):
        mlflow.otlp(span(number, trace=f"{number:032x}"))
    place = [{"mlflow_experiment": {"experiment_id": "0"}}]
    first = mlflow.ask("POST", "traces/search", locations=place, max_results=2)
    rest = mlflow.ask("POST", "traces/search", locations=place, max_results=2, page_token=first["next_page_token"])
    assert [len(first["traces"]), len(rest["traces"]), "next_page_token" in rest] == [2, 1, False]


def test_tags_are_set_and_deleted_but_those_of_the_server(mlflow):
    mlflow.start()
    mlflow.ask("PATCH", f"traces/{ID}/tags", key="a", value="b")
    assert mlflow.info()["tags"]["a"] == "b"
    mlflow.ask("DELETE", f"traces/{ID}/tags", key="a")
    assert mlflow.refused("DELETE", f"traces/{ID}/tags", key="a") == MISSING
    assert mlflow.refused("PATCH", f"traces/{ID}/tags", key="mlflow.trace.spansLocation", value="b") == INVALID
    assert mlflow.refused("PATCH", f"traces/{ID}/tags", key="", value="b") == INVALID
    assert mlflow.refused("PATCH", "traces/tr-none/tags", key="a", value="b") == MISSING


def test_traces_are_linked_to_runs_and_prompts(mlflow):
    run = mlflow.ask("POST", "runs/create", experiment_id="0")["run"]["info"]["run_id"]
    mlflow.start(trace_metadata={"mlflow.sourceRun": run})
    mlflow.otlp(span(1, trace="b" * 32), x_mlflow_run_id=run)
    mlflow.otlp(span(1, trace="c" * 32), x_mlflow_run_id="unknown")
    mlflow.otlp(span(1, trace="d" * 32))
    mlflow.ask("POST", "traces/link-to-run", trace_ids=[f"tr-{'d' * 32}", "tr-none"], run_id=run)
    assert sorted(mlflow.found(f"run_id = '{run}'")) == sorted([ID, f"tr-{'b' * 32}", f"tr-{'d' * 32}"])
    assert mlflow.refused("POST", "traces/link-to-run", trace_ids=[ID], run_id="none") == MISSING
    assert mlflow.refused("POST", "traces/link-to-run", trace_ids=[ID] * 101, run_id=run) == INVALID
    mlflow.ask("POST", "traces/link-prompts", trace_id=ID, prompt_versions=[{"name": "p", "version": "2"}])
    assert mlflow.found("prompt = 'p/2'") == [ID]


def test_traces_are_deleted_by_id_or_age(mlflow):
    for number in range(1, 4):
        mlflow.otlp(span(number, trace=f"{number:032x}"))
    before = BEGAN // 1_000_000 + 2_000
    path = "traces/delete-traces"
    for wrong in (
        {},
        {"max_timestamp_millis": 1, "request_ids": ["a"]},
        {"request_ids": ["a"], "max_traces": 1},
        {"max_timestamp_millis": 1, "max_traces": 0},
    ):
        assert mlflow.refused("POST", path, experiment_id="0", **wrong) == INVALID, wrong
    assert mlflow.ask("POST", path, experiment_id="0", request_ids=["tr-none"]) == {"traces_deleted": 0}
    gone = mlflow.ask("POST", path, experiment_id="0", max_timestamp_millis=before, max_traces=1)
    assert (gone, mlflow.found()) == ({"traces_deleted": 1}, [f"tr-{3:032x}", f"tr-{2:032x}"])
    gone = mlflow.ask("POST", path, experiment_id="0", max_timestamp_millis=before)
    assert (gone, mlflow.found()) == ({"traces_deleted": 1}, [f"tr-{3:032x}"])


FEEDBACK = {
    "assessment_name": "right",
    "source": {"source_type": "HUMAN", "source_id": "kim"},
    "feedback": {"value": True},
    "rationale": "it is",
}


def test_feedback_is_kept_changed_and_deleted(mlflow):
    mlflow.start()
    path = f"traces/{ID}/assessments"
    made = mlflow.ask("POST", path, assessment=FEEDBACK)["assessment"]
    assert made.items() >= FEEDBACK.items()
    assert (made["trace_id"], made["valid"], made["assessment_id"][:2]) == (ID, True, "a-")
    one = f"{path}/{made['assessment_id']}"
    assert mlflow.ask("GET", one)["assessment"] == made == mlflow.info()["assessments"][0]
    assert mlflow.found("feedback.right = 'true'") == [ID]
    change = {"feedback": {"value": 0.5}, "metadata": {"k": "v"}, "assessment_name": "score"}
    mask = "feedback,metadata,assessment_name"
    changed = mlflow.ask("PATCH", one, assessment=change, update_mask=mask)["assessment"]
    assert changed == made | change | {"last_update_time": changed["last_update_time"]}
    assert mlflow.found("feedback.score >= 0.5 AND feedback.score = 0.5") == [ID]
    over = mlflow.ask("POST", path, assessment=FEEDBACK | {"overrides": made["assessment_id"]})["assessment"]
    assert mlflow.ask("GET", one)["assessment"]["valid"] is False
    assert mlflow.found("feedback.score = 0.5") == []
    mlflow.ask("DELETE", f"{path}/{over['assessment_id']}")
    mlflow.ask("DELETE", f"{path}/{over['assessment_id']}")
    assert mlflow.ask("GET", one)["assessment"]["valid"] is True


def test_what_is_no_assessment_is_refused(mlflow):
    mlflow.start()
    path = f"traces/{ID}/assessments"
    for wrong in (
        {"assessment_name": ""},
        {"feedback": None},
        {"expectation": {"value": 1}},
        {"source": {"source_type": "ORACLE"}},
        {"assessment_id": "x" * 251},
        {"metadata": {"a": 1}},
    ):
        assert mlflow.refused("POST", path, assessment=FEEDBACK | wrong) == INVALID, wrong
    assert mlflow.refused("POST", path, assessment=FEEDBACK | {"overrides": "a-none"}) == MISSING
    assert mlflow.refused("POST", "traces/tr-none/assessments", assessment=FEEDBACK) == MISSING
    made = mlflow.ask("POST", path, assessment=FEEDBACK | {"assessment_id": "a-1"})["assessment"]
    assert mlflow.refused("POST", path, assessment=FEEDBACK | {"assessment_id": "a-1"}) == INVALID
    one = f"{path}/{made['assessment_id']}"
    for mask in ("expectation", "source", "feedback"):
        assert mlflow.refused("PATCH", one, assessment={"expectation": {"value": 1}}, update_mask=mask) == INVALID, mask
    assert mlflow.refused("GET", f"{path}/a-none") == MISSING
    assert mlflow.refused("GET", "traces/tr-none/assessments/a-1") == MISSING
    large = FEEDBACK | {"feedback": {"value": 10**400}}
    assert mlflow.send("POST", path, assessment=large).status_code in (200, 400)


def test_people_read_traces_too(mlflow, house):
    said_so = said(mlflow__spanInputs={"stringValue": "why?"})
    mlflow.otlp(span(1, attributes=said_so), span(2, parent=1))
    mlflow.otlp(span(3, trace="b" * 32))
    mlflow.ask("POST", f"traces/{ID}/assessments", assessment=FEEDBACK)
    page = mlflow.http.get("/v1/traces", params={"experiment": "Default", "limit": 1}).json()
    assert [one["name"] for one in page["items"]] == ["span 3"]
    rest = mlflow.http.get("/v1/traces", params={"limit": 1, "token": page["next_token"]}).json()
    assert ([one["id"] for one in rest["items"]], rest["next_token"]) == ([ID], None)
    assert [one.id for one in house.call("traces.list", {"filter": "span.name = 'span 2'"}).items] == [ID]
    found = house.call("traces.get", {"trace": ID})
    assert (found.name, found.state, found.milliseconds, found.request) == ("span 1", "OK", 2_000, '"why?"')
    assert [(one.name, one.parent, one.milliseconds) for one in found.spans] == [
        ("span 1", "", 1_000.0), ("span 2", f"{1:016x}", 1_000.0)
    ]  # fmt: skip
    assert (found.spans[0].inputs, found.spans[0].attributes) == ("why?", {})
    (opinion,) = found.assessments
    assert opinion | {"id": ""} == {
        "id": "", "kind": "feedback", "name": "right", "value": "true", "source": "kim", "rationale": "it is"
    }  # fmt: skip
    assert mlflow.http.get("/v1/traces/tr-none").status_code == 404
    assert mlflow.http.get("/v1/traces", params={"experiment": "none"}).status_code == 404
