"""Webhooks: what the registry does is told outside, signed, at least once, and only where it may be told."""

from __future__ import annotations

import socket
import time
from datetime import UTC, datetime

import msgspec
import pytest
import sqlalchemy as sa

from ondol import heartbeat
from ondol.adapters.courier_http import HttpCourier, networks
from ondol.events.rules import MAX_ATTEMPTS
from ondol.home import open_house, operation_of
from ondol.kernel.config import Config
from ondol.kernel.errors import Invalid, NotFound, Refused, Unavailable
from ondol.webhooks import rules
from ondol.webhooks.repo import webhooks as table
from tests.webhooks.receiver import Receiver, receiving

SECRET = "a secret of some length"
ALL = ["registered_model.created", "model_version.created", "model_version_tag.set", "model_version_tag.deleted"]
ALL += ["model_version_alias.created", "model_version_alias.deleted"]
PROMPTS = ["prompt.created", "prompt_version.created", "prompt_tag.set", "prompt_tag.deleted"]
PROMPTS += ["prompt_version_tag.set", "prompt_version_tag.deleted", "prompt_alias.created", "prompt_alias.deleted"]


@pytest.fixture
def receiver():
    with receiving() as found:
        yield found


def subscribe(house, receiver: Receiver, events=ALL, **more):
    return house.call("webhooks.create", {"name": "ci", "url": receiver.url, "events": events, **more})


def model(house, name="delay", **more):
    house.call("models.declare", {"spec": {"name": name}, "new": True, **more})


def link(house, name="delay", **more):
    return house.call("versions.link", {"model": name, "source": "s3://models/1", **more})


def hurry(monkeypatch):
    """Retries wait for nothing."""
    before = heartbeat.delivery_rules.after_failure
    now = datetime(2000, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(heartbeat.delivery_rules, "after_failure", lambda one, error, wall: before(one, error, now))


def test_a_models_life_is_told_in_mlflows_words(house, receiver):
    subscribe(house, receiver, secret=SECRET)
    model(house, tags={"team": "ops"})
    version = link(house, run="run_1", tags={"a": "b"}, description="first")
    house.call("versions.annotate", {"version": version.id, "tags": {"k": "v"}})
    house.call("versions.annotate", {"version": version.id, "untag": ["k"]})
    house.call("aliases.point", {"model": "delay", "alias": "best", "version": version.id})
    house.call("aliases.remove", {"model": "delay", "alias": "best"})
    heartbeat.settle(house)
    created = {"source": "s3://models/1", "run_id": "run_1", "tags": {"a": "b"}, "description": "first"}
    assert receiver.told == [
        ("registered_model.created", {"name": "delay", "tags": {"team": "ops"}, "description": ""}),
        ("model_version.created", {"name": "delay", "version": "1", **created}),
        ("model_version_tag.set", {"name": "delay", "version": "1", "key": "k", "value": "v"}),
        ("model_version_tag.deleted", {"name": "delay", "version": "1", "key": "k"}),
        ("model_version_alias.created", {"name": "delay", "alias": "best", "version": "1"}),
        ("model_version_alias.deleted", {"name": "delay", "alias": "best"}),
    ]
    assert all(receiver.is_signed(number, SECRET) for number in range(6))
    assert not receiver.is_signed(0, "another secret")


def test_prompts_have_words_of_their_own(house, receiver):
    subscribe(house, receiver, [*PROMPTS, *ALL])
    mark = {"mlflow.prompt.is_prompt": "true", "_mlflow_prompt_type": "text"}
    model(house, "ask", tags={**mark, "team": "ops"})
    version = link(house, "ask", tags={**mark, "mlflow.prompt.text": "Hello {{name}}", "k": "v"})
    house.call("models.annotate", {"model": "ask", "tags": {"t": "1"}})
    house.call("models.annotate", {"model": "ask", "untag": ["t"]})
    house.call("versions.annotate", {"version": version.id, "tags": {"t": "1"}})
    house.call("versions.annotate", {"version": version.id, "untag": ["t"]})
    house.call("aliases.point", {"model": "ask", "alias": "live", "version": version.id})
    house.call("aliases.remove", {"model": "ask", "alias": "live"})
    heartbeat.settle(house)
    assert [what for what, _ in receiver.told] == PROMPTS
    assert receiver.told[0][1] == {"name": "ask", "tags": {"team": "ops"}, "description": ""}
    made = {"name": "ask", "version": "1", "template": "Hello {{name}}", "tags": {"k": "v"}, "description": None}
    assert receiver.told[1][1] == made


def test_a_change_that_was_rolled_back_is_not_told(house, receiver):
    subscribe(house, receiver)

    def declare(tools, request):
        found = house_operation.function(tools, request)
        raise RuntimeError(found.name)

    house_operation = operation_of("models.declare")
    broken = msgspec.structs.replace(house_operation, function=declare)
    with pytest.raises(RuntimeError, match="delay"):
        house.call(broken, {"spec": {"name": "delay"}})
    heartbeat.settle(house)
    assert receiver.seen == []


def test_a_message_comes_again_with_its_id_until_it_is_taken(house, receiver, monkeypatch):
    hurry(monkeypatch)
    hook = subscribe(house, receiver)
    receiver.answers = [503, 302, 500]
    model(house)
    heartbeat.settle(house)
    assert len(receiver.seen) == 4
    assert len({headers["x-mlflow-delivery-id"] for headers, _ in receiver.seen}) == 1
    found = house.call("webhooks.get", {"webhook": hook.id})
    assert (found.delivered, found.last_error) == (1, "")


def test_a_message_that_nobody_takes_is_a_dead_letter_that_can_be_sent_again(house, receiver, monkeypatch):
    hurry(monkeypatch)
    hook = subscribe(house, receiver)
    receiver.answers = [500] * MAX_ATTEMPTS
    model(house)
    heartbeat.settle(house)
    [dead] = house.call("events.dead")
    assert dead.reaction == "webhooks.reactions.bring_message"
    assert "answered 500" in dead.error
    assert "answered 500" in house.call("webhooks.get", {"webhook": hook.id}).last_error
    house.call("events.retry", {"event_id": dead.event_id, "reaction": dead.reaction})
    heartbeat.settle(house)
    assert house.call("events.dead") == []
    assert len({headers["x-mlflow-delivery-id"] for headers, _ in receiver.seen}) == 1


def test_a_receiver_that_hangs_holds_nobody_up(house, receiver):
    subscribe(house, receiver)
    receiver.hold.clear()
    beating = heartbeat.Heartbeat(house)
    beating.start()
    model(house)
    with receiving() as other:
        house.call("webhooks.create", {"name": "other", "url": other.url, "events": ["model_version.created"]})
        link(house)
        deadline = time.monotonic() + 4
        while not other.seen and time.monotonic() < deadline:
            time.sleep(0.01)
        assert other.told[0][0] == "model_version.created"
        assert receiver.seen == []
        receiver.hold.set()
        beating.stop()
    assert "registered_model.created" in dict(receiver.told)


def test_a_disabled_or_deleted_webhook_hears_nothing(house, receiver):
    hook = subscribe(house, receiver)
    house.call("webhooks.update", {"webhook": hook.id, "status": "DISABLED"})
    model(house, "one")
    heartbeat.settle(house)
    house.call("webhooks.update", {"webhook": hook.id, "status": "ACTIVE"})
    model(house, "two")
    house.call("webhooks.delete", {"webhook": hook.id})
    heartbeat.settle(house)
    assert receiver.seen == []
    assert house.call("events.dead") == []


def test_a_secret_is_never_shown_and_not_in_the_database(house, receiver):
    hook = subscribe(house, receiver, secret=SECRET)
    shown = (hook, house.call("webhooks.get", {"webhook": hook.id}), house.call("webhooks.list").items)
    assert SECRET not in str(shown)
    assert hook.signed
    with house.tools().transaction(write=False) as tools:
        kept = tools.connection.execute(sa.select(table.c.secret)).scalar_one()
    assert SECRET.encode().hex() not in kept
    assert SECRET not in kept
    house.call("webhooks.update", {"webhook": hook.id, "secret": ""})
    assert not house.call("webhooks.get", {"webhook": hook.id}).signed
    assert SECRET not in str(house.call("events.list", {"limit": 100}))


def test_a_secret_belongs_to_its_webhook_and_its_key():
    key, other = "ab" * 32, "cd" * 32
    for secret in ("s", "ü" * 100, "x" * 32):
        kept = rules.conceal(key, secret, "hook_1")
        assert rules.reveal(key, kept, "hook_1") == secret
        for wrong in ((other, kept, "hook_1"), (key, kept, "hook_2"), (key, kept[:-1] + "_", "hook_1")):
            with pytest.raises(Refused, match="not what was stored"):
                rules.reveal(*wrong)
    assert rules.conceal(key, "s", "hook_1") != rules.conceal(key, "s", "hook_1")


def test_a_test_sends_an_example_and_shows_the_answer(house, receiver):
    hook = subscribe(house, receiver, secret=SECRET)
    answer = house.call("webhooks.test", {"webhook": hook.id})
    assert (answer.success, answer.status, answer.text) == (True, 200, "ok")
    receiver.answers = [418]
    answer = house.call("webhooks.test", {"webhook": hook.id, "event": "model_version_tag.set"})
    assert (answer.success, answer.status) == (False, 418)
    assert receiver.told[1] == ("model_version_tag.set", rules.EXAMPLES["model_version_tag.set"])
    assert receiver.is_signed(1, SECRET)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"url": "http://192.0.2.1/"}, "scheme"),
        ({"url": "ftp://example.org/"}, "scheme"),
        ({"url": "https:///nowhere"}, "hostname"),
        ({"url": "https://169.254.169.254/latest"}, "non-public"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "non-public"),
        ({"url": "https://[64:ff9b::a00:1]/"}, "non-public"),
        ({"url": "https://0.0.0.0/"}, "non-public"),
        ({"url": "https://me:pass@127.0.0.1/"}, "password"),
        ({"url": "http://127.0.0.1:99999/"}, "Invalid webhook URL"),
        ({"url": "http://127.0.0.1/a b"}, "printable"),
        ({"url": "http://127.0.0.1/\r\nX: y"}, "Invalid webhook URL|printable"),
        ({"name": "-ci"}, "name"),
        ({"name": "a" * 64}, "name"),
        ({"events": []}, "non-empty"),
        ({"events": ["model_version.deleted"]}, "events"),
        ({"secret": "s" * 1001}, "secret"),
    ],
)
def test_what_no_webhook_may_be(house, fields, says):
    given = {"name": "ci", "url": "http://127.0.0.1:1/", "events": ALL} | fields
    with pytest.raises(Invalid, match=says):
        house.call("webhooks.create", given)
    assert house.call("webhooks.list").items == []


def test_a_webhook_that_is_not_there(house):
    for operation in ("get", "update", "delete", "test"):
        with pytest.raises(NotFound, match="hook_9"):
            house.call(f"webhooks.{operation}", {"webhook": "hook_9"})


def test_the_address_is_checked_on_the_socket_that_is_used(monkeypatch):
    """A name that resolves to a public address when it is checked, and to loopback a moment later, finds nothing."""
    with receiving() as receiver:
        host = "rebinding.example"
        port = int(receiver.url.split(":")[2].partition("/")[0])
        real = socket.getaddrinfo
        answers = iter(["8.8.8.8", "127.0.0.1"])
        monkeypatch.setattr(socket, "getaddrinfo", lambda name, *rest, **more: real(next(answers), *rest, **more))
        courier = HttpCourier()
        courier.check(f"https://{host}:{port}/")
        with pytest.raises(Invalid, match=r"resolves to 127\.0\.0\.1"):
            courier.post(f"https://{host}:{port}/", b"{}", {})
        assert receiver.seen == []


def test_nobody_answers():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    with pytest.raises(Unavailable, match="ConnectionRefused"):
        HttpCourier(networks("127.0.0.0/8")).post(f"http://127.0.0.1:{port}/", b"{}", {})
    with pytest.raises(Invalid, match="no network"):
        networks("10.0.0.1/8")


def test_the_id_of_a_message_is_that_of_the_change_and_the_webhook():
    assert rules.delivery_id("hook_1", "chg_1") == rules.delivery_id("hook_1", "chg_1")
    assert rules.delivery_id("hook_1", "chg_1") != rules.delivery_id("hook_2", "chg_1")


@pytest.mark.postgres
def test_postgres_keeps_webhooks_too(postgres_url, tmp_path, receiver):
    house = open_house(Config(home=str(tmp_path / "home"), database=postgres_url, clock="2013-04-01"))
    hook = subscribe(house, receiver, secret=SECRET)
    other = subscribe(house, receiver, ["prompt.created"])
    page = house.call("webhooks.list", {"limit": 1})
    rest = house.call("webhooks.list", {"limit": 1, "token": page.next_token})
    assert ([one.id for one in page.items], [one.id for one in rest.items]) == ([other.id], [hook.id])
    assert rest.next_token is None
    model(house)
    link(house)
    heartbeat.settle(house)
    assert [what for what, _ in receiver.told] == ["registered_model.created", "model_version.created"]
    assert receiver.is_signed(1, SECRET)
    assert house.call("webhooks.get", {"webhook": hook.id}).delivered == 2
    house.close()
