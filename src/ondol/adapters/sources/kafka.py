"""Topics of Kafka, read from stored offsets up to where the topic ends now; no consumer group is joined."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import msgspec

from ondol.adapters.sources.secrets import resolved
from ondol.kernel.errors import Invalid, NotFound, OndolError, Refused, Unavailable
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
        "fetch.wait.max.ms": 50,
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
        offsets: dict[str, int] = dict(position.get("offsets", {}))
        open_ones = {str(partition) for partition in self._partitions()}
        beginning = self._driver.OFFSET_BEGINNING
        self._consumer.assign(
            [self._driver.TopicPartition(self._topic, int(name), offsets.get(name, beginning)) for name in open_ones]
        )
        while open_ones:
            began = dict(offsets)
            rows = self._collected(offsets, open_ones)
            if offsets == began and open_ones:
                raise self._stuck(offsets, sorted(open_ones))
            yield Piece(rows=rows, position={"offsets": dict(offsets)}, origin=self._origin(began, offsets))

    def _collected(self, offsets: dict[str, int], open_ones: set[str]) -> list[dict[str, Any]]:
        """Rows until there are enough, until the topic ends, or until it has been long enough since the first."""
        rows: list[dict[str, Any]] = []
        count, until = 0, time.monotonic() + _SECONDS
        while open_ones and count < MESSAGES_AT_ONCE and time.monotonic() < until:
            messages = self._consumer.consume(num_messages=min(1000, MESSAGES_AT_ONCE - count), timeout=0.05)
            if messages and not count:
                until = time.monotonic() + _GATHER_SECONDS
            count += len(messages)
            for message in messages:
                if row := self._taken(message, offsets, open_ones):
                    rows.append(row)
        return rows

    def _partitions(self) -> list[int]:
        found = self._consumer.list_topics(self._topic, timeout=_SECONDS).topics[self._topic]
        if found.error is not None or not found.partitions:
            raise NotFound(f"{self._where}: there is no such topic.", hint="Look at `source.topic` of the dataset.")
        return sorted(found.partitions)

    def _taken(self, message: Any, offsets: dict[str, int], open_ones: set[str]) -> dict[str, Any] | None:
        """The row of a message, with the offsets moved past it; None for a message without a value."""
        name, error, driver = str(message.partition()), message.error(), self._driver
        if error is not None:
            if error.code() in (driver.KafkaError._AUTO_OFFSET_RESET, driver.KafkaError.OFFSET_OUT_OF_RANGE):
                raise self._gone(name, offsets.get(name, 0))
            if error.code() != driver.KafkaError._PARTITION_EOF:
                raise driver.KafkaException(error)
            offsets[name] = max(offsets.get(name, 0), message.offset())
            open_ones.discard(name)
            return None
        offsets[name] = message.offset() + 1
        return None if message.value() is None else _row(message.value(), f"{name}:{message.offset()}")

    def _stuck(self, offsets: dict[str, int], names: list[str]) -> OndolError:
        """Why nothing comes: some brokers give no error for an offset behind the end."""
        for name in names:
            low, high = self._bounds(name)
            if not low <= offsets.get(name, low) <= high:
                return self._gone(name, offsets[name])
        return Unavailable(
            f"{self._where}: nothing came of the partitions {', '.join(names)}.",
            hint="Is the broker up? The next look goes on from there.",
        )

    def _bounds(self, name: str) -> tuple[int, int]:
        there = self._driver.TopicPartition(self._topic, int(name))
        low, high = self._consumer.get_watermark_offsets(there, timeout=_SECONDS)
        return low, high

    def _gone(self, name: str, stored: int) -> Refused:
        """The messages that come next are not there: deleted before they were read, or the topic is another one."""
        low, high = self._bounds(name)
        return Refused(
            f"{self._where}: partition {name} was read up to {stored}, and has {low} to {high - 1}: messages were "
            "deleted before they were read, or it is another topic of the same name.",
            hint="`ondol sources reset DATASET` goes on with what is there.",
            details={"partition": name, "stored": stored, "low": low, "high": high},
        )

    def _origin(self, began: dict[str, int], ended: dict[str, int]) -> str:
        parts = [f"{name}:{began.get(name, 0)}-{end - 1}" for name, end in sorted(ended.items())]
        return f"{self._where} {', '.join(part for part in parts if not _empty(part))}"


def _empty(part: str) -> bool:
    first, last = part.partition(":")[2].split("-", 1)
    return int(last) < int(first)


def _row(value: bytes, place: str) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = None
    if isinstance(found, dict):
        return found
    return {_UNREADABLE: f"{place} {value[:1000].decode(errors='replace')}"}
