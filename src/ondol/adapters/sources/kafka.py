"""Topics of Kafka, read from stored offsets up to where the topic ends now; no consumer group is joined."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import msgspec

from ondol.adapters.sources.secrets import resolved
from ondol.kernel.errors import Invalid, NotFound, Refused, Unavailable
from ondol.ports.sources import Piece, SourceRequest

MESSAGES_AT_ONCE = 10_000
_SECONDS = 15.0
_GATHER_SECONDS = 2.0
_UNREADABLE = "_unreadable"
"""The column of a value that is no JSON object: no contract knows it, so the row is refused, and shown."""


def read(request: SourceRequest) -> Iterator[Piece]:
    """At most `MESSAGES_AT_ONCE` values a piece. The position holds the next offset of every partition, so that whoever
    stores it together with the rows reads each message once, whatever dies in between."""
    try:
        import confluent_kafka
    except ModuleNotFoundError as error:
        raise Invalid("A Kafka source needs a driver.", hint="pip install 'ondol[kafka]'") from error
    how = request.how
    where = f"{how['brokers']}/{how['topic']}"
    options = {name: resolved(value, f"source.options: {name}") for name, value in how["options"].items()}
    settings = {
        "bootstrap.servers": how["brokers"],
        "group.id": "ondol",  # It must have one; none is joined, and no offset is stored with the broker.
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
        "socket.connection.setup.timeout.ms": 10_000,
        "log_level": 0,
    }
    try:
        consumer = confluent_kafka.Consumer({**options, **settings}, logger=_Silent())
    except confluent_kafka.KafkaException as error:
        raise Invalid(f"{where}: {error.args[0].str()}", hint="Look at `source.options`.") from error
    try:
        yield from _Topic(confluent_kafka, consumer, how["topic"], where).pieces(request.position)
    except confluent_kafka.KafkaException as error:
        raise Unavailable(
            f"{where} cannot be read now: {error.args[0].str()}", hint="Is the broker up? The next look goes on."
        ) from error
    finally:
        consumer.close()


class _Silent:
    """librdkafka would write to the console; what matters is raised."""

    def log(self, *_arguments: object) -> None:
        pass


class _Topic:
    def __init__(self, driver: Any, consumer: Any, topic: str, where: str) -> None:
        self._driver, self._consumer, self._topic, self._where = driver, consumer, topic, where

    def pieces(self, position: dict[str, Any]) -> Iterator[Piece]:
        offsets = dict(position.get("offsets", {}))
        ends: dict[str, int] = {}
        for partition in self._partitions():
            there = self._driver.TopicPartition(self._topic, partition)
            low, high = self._consumer.get_watermark_offsets(there, timeout=_SECONDS)
            ends[str(partition)] = high
            offsets[str(partition)] = self._start(partition, offsets.get(str(partition)), low, high)
        open_ones = {name for name, end in ends.items() if offsets[name] < end}
        self._consumer.assign(
            [self._driver.TopicPartition(self._topic, int(name), offsets[name]) for name in open_ones]
        )
        while open_ones:
            began = dict(offsets)
            rows = self._collected(offsets, open_ones, ends)
            if offsets == began and open_ones:
                raise Unavailable(
                    f"{self._where}: nothing came for {_SECONDS:.0f} s although there is more at "
                    f"{', '.join(f'{name}:{offsets[name]}' for name in sorted(open_ones))}.",
                    hint="The next look goes on from there.",
                )
            yield Piece(rows=rows, position={"offsets": dict(offsets)}, origin=self._origin(began, offsets))

    def _collected(self, offsets: dict[str, int], open_ones: set[str], ends: dict[str, int]) -> list[dict[str, Any]]:
        """Rows until there are enough, until the topic ends, or until it has been long enough since the first."""
        rows: list[dict[str, Any]] = []
        count, until = 0, time.monotonic() + _SECONDS
        while open_ones and count < MESSAGES_AT_ONCE and time.monotonic() < until:
            messages = self._consumer.consume(num_messages=min(1000, MESSAGES_AT_ONCE - count), timeout=0.05)
            if messages and not count:
                until = time.monotonic() + _GATHER_SECONDS
            count += len(messages)
            for message in messages:
                if row := self._taken(message, offsets, open_ones, ends):
                    rows.append(row)
        return rows

    def _partitions(self) -> list[int]:
        found = self._consumer.list_topics(self._topic, timeout=_SECONDS).topics[self._topic]
        if found.error is not None or not found.partitions:
            raise NotFound(f"{self._where}: there is no such topic.", hint="Look at `source.topic` of the dataset.")
        return sorted(found.partitions)

    def _start(self, partition: int, stored: int | None, low: int, high: int) -> int:
        if stored is None:
            return low
        if stored < low:
            raise Refused(
                f"{self._where}: the messages {stored} to {low - 1} of partition {partition} are gone; they were "
                "deleted before they were read.",
                hint="`ondol sources reset DATASET` goes on with what is left.",
                details={"partition": partition, "stored": stored, "low": low},
            )
        if stored > high:
            raise Refused(
                f"{self._where}: partition {partition} ends at {high}, and was read up to {stored}: it is another "
                "topic of the same name.",
                hint="`ondol sources reset DATASET` reads it from its beginning.",
                details={"partition": partition, "stored": stored, "high": high},
            )
        return stored

    def _taken(
        self, message: Any, offsets: dict[str, int], open_ones: set[str], ends: dict[str, int]
    ) -> dict[str, Any] | None:
        """The row of a message, with the offsets moved past it; None for a message without a value."""
        name, error = str(message.partition()), message.error()
        if error is not None:
            if error.code() != self._driver.KafkaError._PARTITION_EOF:
                raise self._driver.KafkaException(error)
            offsets[name] = max(offsets[name], message.offset())
            open_ones.discard(name)
            return None
        offsets[name] = message.offset() + 1
        if offsets[name] >= ends[name]:
            open_ones.discard(name)
        return None if message.value() is None else _row(message.value(), f"{name}:{message.offset()}")

    def _origin(self, began: dict[str, int], ended: dict[str, int]) -> str:
        parts = [f"{name}:{began[name]}-{end - 1}" for name, end in sorted(ended.items()) if end > began[name]]
        return f"{self._where} {', '.join(parts)}"


def _row(value: bytes, place: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = None
    if isinstance(found, dict):
        return found
    return {_UNREADABLE: f"{place} {value[:1000].decode(errors='replace')}"}
