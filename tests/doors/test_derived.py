"""An operation is declared once; every door opens by itself."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import msgspec
import pytest
from click.testing import CliRunner
from starlette.applications import Starlette

from ondol import catalog
from ondol.doors import openapi, rest
from ondol.doors.cli.derive import command_of
from ondol.doors.cli.target import Target
from ondol.doors.client import Client
from ondol.doors.guard import Guard
from ondol.home import House
from ondol.kernel.errors import Conflict, Invalid
from ondol.kernel.operation import Operation
from tests.rooms import served


class Warm(msgspec.Struct, frozen=True, kw_only=True):
    room: str
    degrees: float = 21.0


class Warmed(msgspec.Struct, frozen=True, kw_only=True):
    room: str
    degrees: float
    actor: str


def warm_room(tools, request):
    """Warm a room."""
    if request.degrees > 40:
        raise Conflict(f"{request.degrees} degrees are too hot.", hint="Ask for less.", details={"limit": 40})
    return Warmed(room=request.room, degrees=request.degrees, actor=tools.actor)


@pytest.fixture
def warming(monkeypatch: pytest.MonkeyPatch) -> Operation:
    found = Operation(
        name="rooms.warm", method="POST", path="/v1/rooms/{room}/warmth", scope="write",
        request=Warm, response=Warmed, function=warm_room,
    )  # fmt: skip
    monkeypatch.setitem(catalog.OPERATIONS, found.name, found)
    return found


@pytest.fixture
def client(house: House, warming: Operation) -> Iterator[Client]:
    app = Starlette(routes=rest.routes(house, Guard("127.0.0.1", lambda secret: None)))
    with served(app) as url, Client(url) as opened:
        yield opened


def test_rest_answers_a_new_operation(client: Client) -> None:
    answer = client.request("POST", "/v1/rooms/kitchen/warmth", content=b'{"degrees": 25}')
    assert answer.json() == {"room": "kitchen", "degrees": 25.0, "actor": "local"}


def test_rest_turns_our_errors_into_their_status_with_message_hint_and_details(client: Client) -> None:
    answer = httpx.post(f"{client.url}/v1/rooms/kitchen/warmth", json={"degrees": 50})
    assert answer.status_code == 409
    assert answer.json()["error"] == {
        "code": "conflict", "message": "50.0 degrees are too hot.", "hint": "Ask for less.", "details": {"limit": 40}
    }  # fmt: skip


@pytest.mark.parametrize(("body", "word"), [('{"degrees": "hot"}', "degrees"), ("[1]", "JSON object"), ("{", "JSON")])
def test_rest_names_what_is_wrong_with_a_request(client: Client, body: str, word: str) -> None:
    with pytest.raises(Invalid, match=word):
        client.request("POST", "/v1/rooms/kitchen/warmth", content=body)


def test_the_client_calls_a_new_operation_and_raises_the_same_error_class(client: Client) -> None:
    assert client.rooms.warm(room="hall", degrees=19) == Warmed(room="hall", degrees=19, actor="local")
    with pytest.raises(Conflict, match="too hot"):
        client.rooms.warm(room="hall", degrees=99)


def test_the_command_line_has_a_new_operation(house: House, warming: Operation) -> None:
    class Here(Target):
        def __init__(self) -> None:
            pass

        def call(self, found: Operation, fields: dict) -> object:
            return house.call(found, fields, actor="local")

    result = CliRunner().invoke(command_of(warming), ["bath", "--degrees", "24", "--json"], obj=Here())
    assert msgspec.json.decode(result.output) == {"room": "bath", "degrees": 24.0, "actor": "local"}
    assert "Warm a room." in CliRunner().invoke(command_of(warming), ["--help"]).output


def test_openapi_describes_a_new_operation(warming: Operation) -> None:
    document = openapi.document()
    entry = document["paths"]["/v1/rooms/{room}/warmth"]["post"]
    assert entry["summary"] == "Warm a room."
    assert entry["x-scope"] == "write"
    assert [parameter["name"] for parameter in entry["parameters"]] == ["room"]
    assert "degrees" in entry["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert "Warmed" in document["components"]["schemas"]


def test_every_operation_has_its_own_route_name_and_a_docstring() -> None:
    routes = [(found.method, found.path) for found in catalog.OPERATIONS.values()]
    assert len(routes) == len(set(routes))
    assert all(found.summary for found in catalog.OPERATIONS.values())
