"""Where rows come from. `every="5m"`: so often a serving house looks; `ondol datasets refresh` looks at once."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, Literal, TypedDict, Unpack

from ondol.lake.types import FileSource, HttpSource, KafkaSource, Source, SqlSource
from ondol.lake.types.files import FILE_COLUMNS
from ondol.lake.types.sources import TEXT_COLUMNS, Paging
from ondol.sdk.collector import wrong

_FORMATS: dict[str, Literal["csv", "parquet", "json", "text"]] = {
    ".csv": "csv",
    ".gz": "csv",
    ".parquet": "parquet",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".txt": "text",
    ".md": "text",
}


def csv(path: str, *, watch: bool = False, every: str = "") -> Source:
    """CSV files below the project's folder, or at `s3://bucket/...`; `*` and `**` match several.

    `watch=True`: a serving house lands a new file within two seconds.
    """
    return FileSource(format="csv", path=path, watch=watch, every=every)


def json(path: str, *, watch: bool = False, every: str = "") -> Source:
    """JSON files: an array of objects, or one object a line; as in `csv`."""
    return FileSource(format="json", path=path, watch=watch, every=every)


def parquet(path: str, *, watch: bool = False, every: str = "") -> Source:
    """Parquet files; as in `csv`."""
    return FileSource(format="parquet", path=path, watch=watch, every=every)


def text(path: str, *, watch: bool = False, every: str = "") -> Source:
    """Text files, a row each: `path`, `digest`, `bytes`, `modified_at`, `text`; as in `csv`. Columns and key are known:
    `od.dataset("notes", source=od.text("notes/*.md"))`."""
    return FileSource(format="text", path=path, watch=watch, every=every)


def folder(path: str, *, watch: bool = False, every: str = "") -> Source:
    """A folder of images, sounds or whatever else, versioned as it is: the rows are an index of its files (size,
    hash, media type, width and height), their bytes are kept beside it. Columns and key are known:
    `od.dataset("photos", source=od.folder("photos"))`."""
    return FileSource(format="tree", path=path, watch=watch, every=every)


def fields_of(source: Source) -> dict[str, Any]:
    """What a dataset of such files need not say."""
    form = source.format if isinstance(source, FileSource) else ""
    if form == "text":
        return {"columns": dict(TEXT_COLUMNS), "key": ["path", "digest"], "time": "modified_at"}
    if isinstance(source, FileSource) and form == "tree":
        return {"columns": dict(FILE_COLUMNS), "key": ["path"], "files": source.path}
    return {}


def sql(url: str, *, table: str, watermark: str = "", lag: str = "", every: str = "") -> Source:
    """A table of an SQL database, in the order of `watermark` and the dataset's key.

    `url` is an SQLAlchemy address, its password `env:NAME`: `"postgresql://reader:env:PGPASSWORD@host/shop"`.
    Rows younger than `lag` (`"10s"`) wait: a transaction that began before them may not have ended. Without
    `watermark`, the key alone must grow with every row.
    """
    return SqlSource(url=url, table=table, watermark=watermark, lag=lag, every=every)


class HttpOptions(TypedDict, total=False):
    rows: str
    next: str
    page: str
    cursor: str
    since: str
    watermark: str
    headers: dict[str, str]
    parameters: dict[str, str]
    every: str


def http(url: str, **options: Unpack[HttpOptions]) -> Source:
    """A JSON API. `rows` is the path to the list of objects: `"data.items"`, empty when the answer is the list.

    Pages: `next` is the path of the link to the next one (`"Link"`: the header of that name); `page` the parameter
    that counts them; `cursor` the parameter that takes the value at the path `next`. They come in the order in which
    rows arrived, and the next look begins with the last one; or `since` is the parameter that takes the newest value
    of the column `watermark`, and the next look asks for what is newer. Secrets are `env:NAME`:
    `headers={"Authorization": "Bearer env:API_TOKEN"}`.
    """
    fields: dict[str, Any] = dict(options)
    page, cursor, link = fields.pop("page", ""), fields.pop("cursor", ""), fields.get("next", "")
    paging: Paging = "cursor" if cursor else "page" if page else "next" if link else ""
    if link == "Link":
        fields["next"] = ""
    return HttpSource(url=url, paging=paging, parameter=cursor or page, **fields)


def kafka(brokers: str, *, topic: str, every: str = "1s", options: dict[str, str] | None = None) -> Source:
    """A topic whose values are JSON objects. `options` are those of librdkafka, secrets among them `env:NAME`."""
    return KafkaSource(brokers=brokers, topic=topic, options=options or {}, every=every)


def from_path(path: str) -> Source:
    """The source that the suffix of the path names."""
    suffix = PurePosixPath(path.partition("?")[0]).suffix
    if suffix not in _FORMATS:
        raise wrong(
            f"{path!r} does not say what it is.", hint=f"Paths end in one of {', '.join(_FORMATS)}; or od.csv()."
        )
    return FileSource(format=_FORMATS[suffix], path=path)
