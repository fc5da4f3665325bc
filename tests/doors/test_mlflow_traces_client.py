"""MLflow's own client tracing into our server, in an environment of its own: `pytest --lanes=mlflow`."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest

from benchmarks.peers import Unavailable, environment
from ondol.doors.server import build_app
from ondol.tracking.rules import otlp
from tests.rooms import served

pytestmark = [pytest.mark.mlflow, pytest.mark.timeout(900)]

EXPECTED = {
    "spans": [["answer", "UNKNOWN", "OK"], ["think", "CHAIN", "OK"], ["look_up", "TOOL", "OK"]],
    "tree": [None, True, True],
    "values": [
        {"question": "why?"},
        "answer to why?",
        [{"key": "a", "rows": [1, 2.5, None, True, "ü"]}],
        2,
        0.5,
    ],
    "event": ["woke", {"n": 1}],
    "info": ["OK", '{"question": "why?"}', '"answer to why?"', True],
    "tags": ["ops", "answer", "TRACKING_STORE"],
    "where": True,
    "session": "s-1",
    "raises": ["ERROR", "exception"],
    "of the run": 1,
    "searches": [3, 1, 2, 2, 2, 1, 3, 1],
    "pages": [2, 1, None, True],
    "frame": ["trace_id", "trace", "client_request_id"],
    "wrong": "INVALID_PARAMETER_VALUE",
    "assessments": [["answer", {"text": "because", "n": [1, 2]}], ["right", True], ["score", 0.75]],
    "feedback": ["it is", "HUMAN", "kim", True],
    "judged": [1, 1, 0, 1],
    "changed": "so",
    "overridden": [False, True],
    "restored": True,
    "gone": "RESOURCE_DOES_NOT_EXIST",
    "tag": ["hand", False, "RESOURCE_DOES_NOT_EXIST"],
    "linked": 2,
    "deleted": 1,
    "missing": "RESOURCE_DOES_NOT_EXIST",
    "all deleted": 2,
}


def _story(tmp_path: Path, *arguments: str, **settings: str) -> str:
    try:
        python = environment("mlflow")
    except Unavailable as reason:
        pytest.skip(str(reason))
    answer = subprocess.run(
        [python, Path(__file__).with_name("mlflow_traces_story.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=os.environ | settings | {"HOME": str(tmp_path)},
    )
    assert answer.returncode == 0, answer.stderr[-6000:]
    return answer.stdout.splitlines()[-1]


def test_a_team_that_traces_its_calls_changes_nothing(house, tmp_path):
    with served(build_app(house)) as url:
        said = _story(tmp_path, MLFLOW_TRACKING_URI=url, MLFLOW_HTTP_REQUEST_MAX_RETRIES="0")
    assert json.loads(said) == EXPECTED


def test_messages_are_read_as_the_library_of_protocol_buffers_reads_them(tmp_path):
    for body, known, camel in json.loads(_story(tmp_path, "messages")):
        ours = otlp.read_protobuf(base64.b64decode(body))
        assert _told(ours) == _told(known)
        if all(span.get("trace_id") for span, _ in otlp.spans_of(ours)):
            assert _told(otlp.read_json(json.dumps(_hexadecimal(camel)).encode())) == _told(known)


def _told(message):
    """Without what Protocol Buffers leave out where they write JSON: zeros and empty texts, but in values; numbers of
    64 bits as texts; and without the scope, which we do not keep."""
    if isinstance(message, list):
        return [_told(one) for one in message]
    if not isinstance(message, dict):
        return message
    found = {}
    for key, value in message.items():
        if key == "scope" or (value in (0, "", "SPAN_KIND_UNSPECIFIED", "STATUS_CODE_UNSET") and key[-5:] != "value"):
            continue
        kept = _told(value)
        if key in ("int_value", "start_time_unix_nano", "end_time_unix_nano", "time_unix_nano"):
            kept = int(kept)
        found[key] = kept
    return {key: value for key, value in found.items() if value not in ({}, []) or key[-5:] == "value"}


def _hexadecimal(message):
    """OTLP's own JSON has hexadecimal ids."""
    if isinstance(message, list):
        return [_hexadecimal(one) for one in message]
    if not isinstance(message, dict):
        return message
    ids = ("traceId", "spanId", "parentSpanId")
    return {key: base64.b64decode(value).hex() if key in ids else _hexadecimal(value) for key, value in message.items()}
