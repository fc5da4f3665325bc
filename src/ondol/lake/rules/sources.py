"""Whether a source is declared in a way that can work, and what may be told of it."""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath
from urllib.parse import parse_qsl, urlsplit

import msgspec

from ondol.kernel.errors import Invalid
from ondol.kernel.spans import parse_duration
from ondol.lake.types import DatasetSpec, FileSource, HttpSource, KafkaSource, Source, SqlSource

_SECRET = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*")
_OBJECT_STORES = ("s3", "s3a", "gs", "az", "abfs", "abfss")
_SECRET_NAMES = re.compile(r"secret|password|token|authorization|api.?key|sas", re.IGNORECASE)
_TABLE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*){0,2}")
_BROKERS = re.compile(r"[A-Za-z0-9._\[\]:-]+:\d+(,[A-Za-z0-9._\[\]:-]+:\d+)*")


def is_secret(value: str) -> bool:
    return bool(_SECRET.fullmatch(value))


def check_source(spec: DatasetSpec, source: Source) -> None:
    """Raises `Invalid` naming the field and what would be right."""
    if source.every:
        parse_duration(source.every)
    if isinstance(source, FileSource):
        _check_files(spec, source)
    elif isinstance(source, SqlSource):
        _check_sql(spec, source)
    elif isinstance(source, HttpSource):
        _check_http(spec, source)
    else:
        _check_kafka(source)


def _check_files(spec: DatasetSpec, source: FileSource) -> None:
    parts = urlsplit(source.path)
    if source.format == "tree" and (parts.scheme or re.search(r"[*?\[]", source.path) or spec.files != source.path):
        raise Invalid(
            f"source.path: {source.path!r} must be a folder below the project's, without * or ?, and `files` the same.",
            hint='source=od.folder("photos")',
        )
    if parts.scheme in _OBJECT_STORES:
        if not parts.netloc or not parts.path.strip("/"):
            raise Invalid(f"source.path: {source.path!r} needs a bucket and a path.", hint="s3://bucket/flights/*.csv")
        for name, value in parse_qsl(parts.query):
            _check_secret(f"source.path: {name}", name, value)
        return
    path = PurePosixPath(source.path)
    if path.is_absolute() or ".." in path.parts or not source.path or "://" in source.path:
        raise Invalid(f"source.path: {source.path!r} must lie below the project's folder.")


def _check_sql(spec: DatasetSpec, source: SqlSource) -> None:
    if is_secret(source.url):
        pass
    elif not (parts := urlsplit(source.url)).scheme:
        raise Invalid("source.url: it needs a scheme.", hint="postgresql://reader:env:PASSWORD@host/database")
    elif (password := _password(source.url)) and not is_secret(password):
        raise Invalid(
            "source.url: a password must not stand in the declaration.",
            hint=f"Write {parts.scheme}://user:env:NAME@{parts.hostname or ''}/..., and set the variable NAME "
            "where the house runs.",
        )
    if not _TABLE.fullmatch(source.table):
        raise Invalid(f"source.table: {source.table!r} is no table; write orders or schema.orders.")
    if source.watermark and source.watermark not in spec.columns:
        raise Invalid(f"source.watermark: the dataset {spec.name!r} has no column {source.watermark!r}.")
    if not spec.key:
        raise Invalid("source: a table is read in the order of its key.", hint='key="order_id"')
    if source.lag:
        parse_duration(source.lag)
        if spec.columns.get(source.watermark) != "timestamp":
            raise Invalid("source.lag: it needs a `watermark` that is a timestamp.")


def _password(url: str) -> str:
    """What stands between the user's colon and the last @ of the address."""
    authority = re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]
    user, at, _host = authority.rpartition("@")
    return user.partition(":")[2] if at else ""


def _check_http(spec: DatasetSpec, source: HttpSource) -> None:
    parts = urlsplit(source.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Invalid("source.url: it must be an http or https address.", hint="https://api.example.com/orders")
    if parts.username or parts.password:
        raise Invalid("source.url: a password must not stand in the address.", hint='headers={"Authorization": ...}')
    for name, value in [*parse_qsl(parts.query), *source.headers.items(), *source.parameters.items()]:
        _check_secret(f"source: {name}", name, value)
    for name, value in source.headers.items():
        if re.search(r"[\r\n]", name + value):
            raise Invalid(f"source.headers: {name!r} holds a line break.")
    if source.paging in ("page", "cursor") and not source.parameter:
        raise Invalid(f"source.parameter: paging by {source.paging} needs the parameter's name.")
    if source.paging == "cursor" and not source.next:
        raise Invalid('source.next: paging by cursor needs the path of the next one, like "meta.next".')
    if source.since and source.watermark not in spec.columns:
        raise Invalid("source.watermark: `since` needs the column whose newest value is sent.")
    if not spec.key:
        raise Invalid("source: rows of an API are told apart by their key.", hint='key="id"')


def _check_secret(field: str, name: str, value: str) -> None:
    word = value.rpartition(" ")[2]
    if _SECRET_NAMES.search(name) and not is_secret(word):
        raise Invalid(
            f"{field}: a secret must not stand in the declaration.",
            hint='Write "env:NAME" ("Bearer env:NAME"), and set the variable NAME where the house runs.',
        )


def _check_kafka(source: KafkaSource) -> None:
    if not _BROKERS.fullmatch(source.brokers):
        raise Invalid(f"source.brokers: {source.brokers!r} is not host:port[,host:port].")
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,249}", source.topic):
        raise Invalid(f"source.topic: {source.topic!r} is no name of a topic.")
    for name, value in source.options.items():
        _check_secret(f"source.options: {name}", name, value)


def address_of(source: Source) -> str:
    """Where it is, for people, without the part where secrets may stand."""
    if isinstance(source, FileSource):
        return source.path.partition("?")[0] if "://" in source.path else source.path
    if isinstance(source, KafkaSource):
        return f"{source.brokers}/{source.topic}"
    parts = urlsplit(source.url)
    host = parts.netloc.rpartition("@")[2]
    place = source.url if is_secret(source.url) else f"{parts.scheme}://{host}{parts.path}"
    return f"{place} {source.table}" if isinstance(source, SqlSource) else place


def identity_of(source: Source) -> str:
    """Changes when a position in the source would mean something else."""
    how = {
        name: getattr(source, name)
        for name in source.__struct_fields__
        if name not in ("every", "watch", "lag", "headers", "options", "brokers")
    }
    content = msgspec.json.encode([type(source).__name__, sorted(how.items())])
    return hashlib.sha256(content).hexdigest()[:12]
