"""Topics of a real Kafka broker: every message once, from stored offsets."""

from __future__ import annotations

import itertools
import json
from typing import Any

import msgspec
import pytest

import ondol as od
from ondol.adapters.sources import kafka
from ondol.kernel.errors import Invalid, NotFound, Refused
from ondol.lake import service
from ondol.lake.types import GetSource, RefreshDataset, RefreshReport, ResetSource
from tests.lake.shore import FLIGHTS, Lake, flight

_numbers = itertools.count(1)


class Topic:
    def __init__(self, brokers: str, partitions: int = 2) -> None:
        from confluent_kafka import Producer
        from confluent_kafka.admin import AdminClient, NewTopic

        self.brokers, self.name = brokers, f"flights-{next(_numbers)}"
        settings = {"bootstrap.servers": brokers, "log_level": 0}
        admin = AdminClient(settings)
        admin.create_topics([NewTopic(self.name, partitions, 1)])[self.name].result(30)
        self._producer = Producer({**settings, "linger.ms": 0})

    def send(self, *values: Any, partition: int = 0) -> None:
        for value in values:
            content = value if isinstance(value, bytes) else None if value is None else json.dumps(value).encode()
            self._producer.produce(self.name, content, partition=partition)
        assert self._producer.flush(30) == 0


def declare(lake: Lake, brokers: str, topic: str, **changes: Any) -> None:
    lake.declare(msgspec.structs.replace(FLIGHTS, contract=[], source=od.kafka(brokers, topic=topic), **changes))


def refresh(lake: Lake) -> RefreshReport:
    return lake.call(service.refresh_dataset, RefreshDataset(dataset="flights"))


def arrived(lake: Lake) -> list[str]:
    return sorted(lake.tools.tables.scan("bronze/flights").collect()["flight_id"].to_list())


@pytest.mark.kafka
def test_every_message_arrives_once_and_offsets_are_stored_with_the_rows(lake: Lake, kafka_brokers: str, monkeypatch):
    monkeypatch.setattr(kafka, "MESSAGES_AT_ONCE", 7)
    topic = Topic(kafka_brokers)
    declare(lake, kafka_brokers, topic.name)
    assert refresh(lake).batches == []
    topic.send(*(flight(number) for number in range(10)))
    topic.send(*(flight(number) for number in range(10, 15)), partition=1)
    first = refresh(lake)
    assert sum(batch.landed_rows for batch in first.batches) == 15
    assert len(first.batches) >= 2
    state = lake.call(service.get_source, GetSource(dataset="flights"))
    assert state.position == {"offsets": {"0": 10, "1": 5}}
    assert refresh(lake).batches == []
    topic.send(flight(20), None, flight(21), partition=1)
    (batch,) = refresh(lake).batches
    assert (batch.rows, batch.origin) == (2, f"{kafka_brokers}/{topic.name} 1:5-7")
    assert arrived(lake) == sorted(f"f{number}" for number in [*range(15), 20, 21])


@pytest.mark.kafka
def test_a_value_that_is_no_object_waits_in_quarantine_and_blocks_nobody(lake: Lake, kafka_brokers: str):
    topic = Topic(kafka_brokers)
    declare(lake, kafka_brokers, topic.name, on_violation="go_on")
    topic.send(flight(1), b"{not json", [1, 2], flight(2))
    (batch,) = refresh(lake).batches
    assert (batch.landed_rows, batch.refused_rows) == (2, 2)
    assert batch.violations[0].sample[0]["_unreadable"] == "0:1 {not json"
    assert refresh(lake).batches == []


@pytest.mark.kafka
def test_offsets_that_are_gone_are_told_and_a_reset_goes_on(lake: Lake, kafka_brokers: str, monkeypatch):
    topic, other = Topic(kafka_brokers), Topic(kafka_brokers)
    declare(lake, kafka_brokers, topic.name)
    topic.send(*(flight(number) for number in range(5)))
    refresh(lake)
    other.send(flight(7))
    read = kafka._Topic.__init__

    def of_the_other(self: Any, driver: Any, consumer: Any, _name: str, where: str) -> None:
        read(self, driver, consumer, other.name, where)

    # The topic was deleted and made anew.
    monkeypatch.setattr(kafka._Topic, "__init__", of_the_other)
    with pytest.raises(Refused, match=r"partition 0 was read up to 5, and has 0 to 0") as caught:
        refresh(lake)
    assert caught.value.hint.startswith("`ondol sources reset")
    lake.call(service.reset_source, ResetSource(dataset="flights"))
    assert refresh(lake).batches[0].landed_rows == 1


@pytest.mark.kafka
def test_a_topic_that_is_not_there_is_told(lake: Lake, kafka_brokers: str):
    declare(lake, kafka_brokers, "nothing-here")
    with pytest.raises(NotFound, match=r"flights: .*nothing-here: there is no such topic"):
        refresh(lake)


@pytest.mark.parametrize(
    ("brokers", "topic", "options", "told"),
    [
        ("kafka", "t", {}, "is not host:port"),
        ("h:1", "a b", {}, "is no name of a topic"),
        ("h:1", "t", {"sasl.password": "word"}, "a secret must not stand in the declaration"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused(
    lake: Lake, brokers: str, topic: str, options: dict[str, str], told: str
):
    with pytest.raises(Invalid, match=told):
        lake.declare(msgspec.structs.replace(FLIGHTS, source=od.kafka(brokers, topic=topic, options=options)))
