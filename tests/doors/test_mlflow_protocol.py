"""The MLflow door itself: which addresses it answers, and how it refuses."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import msgspec
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from ondol.doors.guard import Guard
from ondol.doors.mlflow import PREFIXES, MlflowDoor
from ondol.doors.mlflow.protocol import MlflowError, endpoint, read_request
from ondol.doors.server import build_app
from ondol.kernel.errors import Conflict, Invalid, NotFound
from tests.rooms import served


@pytest.fixture
def http(house) -> Iterator[httpx.Client]:
    with served(build_app(house)) as url, httpx.Client(base_url=url) as client:
        yield client


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_prefix_answers_and_what_is_not_there_has_the_word_that_clients_fall_back_by(http, prefix):
    assert http.get(f"{prefix}/server-info").json()["store_type"] == "SqlStore"
    for method, path in [("GET", "nothing"), ("POST", "server-info"), ("PATCH", "nothing/there/tags")]:
        answer = http.request(method, f"{prefix}/{path}", json={})
        assert (answer.status_code, answer.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND")


def test_the_version_is_one_that_clients_know(http):
    assert http.get("/version").text.startswith("3.")
    assert http.get("/health").status_code == 200


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    count: int = 0
    value: float = 0.0
    names: list[str] = []


ECHO = endpoint("POST", "things/{name}/echo", lambda _, request: msgspec.to_builtins(request), Wanted, scope="read")
PLAIN = endpoint("POST", "echo", lambda _, request: msgspec.to_builtins(request), Wanted, scope="read")


def test_numbers_may_be_words_and_null_is_nothing():
    body = b'{"name": "a", "count": "7", "value": "NaN", "names": null, "unknown": 1}'
    found = read_request(PLAIN, body, {}, {})
    assert (found.name, found.count, found.names) == ("a", 7, [])
    assert found.value != found.value
    assert read_request(PLAIN, b'{"name": "a", "value": -Infinity}', {}, {}).value == float("-inf")
    assert read_request(PLAIN, b"", {"name": "a", "count": "3"}, {}).count == 3
    assert read_request(ECHO, b'{"count": 1}', {}, {"name": "b"}).name == "b"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"count": 1}', "Missing value for required parameter 'name'"),
        (b'{"name": 1}', "Invalid value for parameter 'name'"),
        (b'{"name": "a", "count": "many"}', "'count'"),
        (b"[1]", "not a JSON object"),
        (b"{", "not JSON"),
    ],
)
def test_a_wrong_request_is_told_where(body, words):
    with pytest.raises((Invalid, MlflowError), match=words):
        read_request(PLAIN, body, {}, {})


@pytest.mark.parametrize(
    ("error", "status", "word"),
    [
        (Invalid("no"), 400, "INVALID_PARAMETER_VALUE"),
        (Conflict("no"), 400, "INVALID_PARAMETER_VALUE"),
        (NotFound("no"), 404, "RESOURCE_DOES_NOT_EXIST"),
        (MlflowError("RESOURCE_ALREADY_EXISTS", "no"), 400, "RESOURCE_ALREADY_EXISTS"),
    ],
)
def test_errors_of_the_house_become_those_of_the_protocol(house, error, status, word):
    def refuse(*_):
        raise error

    door = MlflowDoor(house, Guard("127.0.0.1", lambda _: None), [endpoint("GET", "refuse", refuse, scope="read")])
    app = Starlette(routes=[Route("/{path:path}", door)])
    with served(app) as url:
        answer = httpx.get(f"{url}/refuse")
    assert answer.status_code == status
    assert answer.json() == {"error_code": word, "message": "no"}


def test_a_page_elsewhere_may_not_write(http):
    answer = http.post(
        "/api/2.0/mlflow/runs/create", json={"experiment_id": "0"}, headers={"Origin": "http://elsewhere.example"}
    )
    assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")
