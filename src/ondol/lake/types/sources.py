"""Sources: where the rows of a dataset come from, and how far they have been read."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec

FileFormat = Literal["csv", "parquet", "json", "text", "tree"]
TEXT_COLUMNS: dict[str, Literal["string", "integer", "timestamp"]] = {
    "path": "string",
    "digest": "string",
    "bytes": "integer",
    "modified_at": "timestamp",
    "text": "string",
}
"""Of a dataset of texts: a row is a content of a file, `digest` its SHA-256."""
Paging = Literal["", "next", "page", "cursor"]


class FileSource(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="files"):
    """Files below the project's folder, or at `s3://`, `gs://` or `az://`; `*` and `**` match several.

    Each content of each file is read once. `json` takes an array or one object a line; `text` gives a row a file.
    `tree` is a folder whose files (images, sounds) are versioned as they are, with an index of them. `watch`: a
    serving house lands a new file within two seconds.
    """

    format: FileFormat
    path: str
    watch: bool = False
    every: str = ""


class SqlSource(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="sql"):
    """A table of an SQL database, read in order of (`watermark`, the dataset's key).

    `url` is an SQLAlchemy address; a password stands in it as `env:NAME`. Rows younger than `lag` wait for the
    next look: transactions that began before them may not have ended. Without `watermark` the key alone must grow.
    """

    url: str
    table: str
    watermark: str = ""
    lag: str = ""
    every: str = ""


class HttpSource(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="http"):
    """A JSON API. `rows` is the path to the list (`"data.items"`; empty when the answer is the list).

    `paging`: `next` follows a link (at the path `next`, or the header `Link`), `page` counts a parameter up,
    `cursor` hands the value at the path `next` back as a parameter; `parameter` is its name. With `since`, a
    look that came to the end begins the next one with that parameter set to the newest `watermark`.
    Values of `headers` and `parameters` may be `env:NAME`.
    """

    url: str
    rows: str = ""
    paging: Paging = ""
    next: str = ""
    parameter: str = ""
    since: str = ""
    watermark: str = ""
    headers: dict[str, str] = {}
    parameters: dict[str, str] = {}
    every: str = ""


class KafkaSource(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="kafka"):
    """A topic whose values are JSON objects. `options` are those of librdkafka; their values may be `env:NAME`."""

    brokers: str
    topic: str
    options: dict[str, str] = {}
    every: str = ""


Source: TypeAlias = FileSource | SqlSource | HttpSource | KafkaSource


class SourceState(msgspec.Struct, frozen=True, kw_only=True):
    """How far a source has been read: `position` is where the next look begins, `error` how the last one ended."""

    dataset: str
    kind: str
    address: str
    """Without secrets."""
    position: dict[str, Any]
    looked_at: datetime | None
    error: str


class ListSources(msgspec.Struct, frozen=True, kw_only=True):
    pass


class GetSource(msgspec.Struct, frozen=True, kw_only=True):
    dataset: str


class ResetSource(msgspec.Struct, frozen=True, kw_only=True):
    """Read the source from its beginning again; rows whose keys have landed are dropped."""

    dataset: str


class SuggestDataset(msgspec.Struct, frozen=True, kw_only=True):
    dataset: str


class SuggestedDataset(msgspec.Struct, frozen=True, kw_only=True):
    """A first declaration, from `rows` rows; `python` are the lines for the project file."""

    name: str
    rows: int
    python: str
