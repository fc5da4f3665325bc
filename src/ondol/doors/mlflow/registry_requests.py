"""What MLflow's clients ask of the registry. Missing text is empty: the endpoints say what they cannot do without."""

from __future__ import annotations

import msgspec


class Tag(msgspec.Struct, frozen=True, kw_only=True):
    key: str = ""
    value: str = ""


class Named(msgspec.Struct, frozen=True, kw_only=True):
    name: str = ""


class CreateModel(msgspec.Struct, frozen=True, kw_only=True):
    name: str = ""
    tags: list[Tag] = []
    description: str = ""


class RenameModel(msgspec.Struct, frozen=True, kw_only=True):
    name: str = ""
    new_name: str = ""


class DescribeModel(msgspec.Struct, frozen=True, kw_only=True):
    name: str = ""
    description: str = ""


class TagModel(msgspec.Struct, frozen=True, kw_only=True):
    name: str = ""
    key: str = ""
    value: str = ""


class SearchModels(msgspec.Struct, frozen=True, kw_only=True):
    filter: str = ""
    max_results: int = 100
    order_by: list[str] = []
    page_token: str = ""


class SearchVersions(msgspec.Struct, frozen=True, kw_only=True):
    filter: str = ""
    max_results: int = 10_000
    order_by: list[str] = []
    page_token: str = ""


class LatestVersions(msgspec.Struct, frozen=True, kw_only=True):
    name: str = ""
    stages: list[str] = []


class Alias(msgspec.Struct, frozen=True, kw_only=True):
    name: str = ""
    alias: str = ""
    version: str = ""


class CreateVersion(msgspec.Struct, frozen=True, kw_only=True):
    name: str = ""
    source: str = ""
    run_id: str = ""
    run_link: str = ""
    description: str = ""
    tags: list[Tag] = []
    model_id: str = ""


class Numbered(msgspec.Struct, frozen=True, kw_only=True):
    name: str = ""
    version: str = ""


class DescribeVersion(Numbered, frozen=True, kw_only=True):
    description: str = ""


class TagVersion(Numbered, frozen=True, kw_only=True):
    key: str = ""
    value: str = ""


class StageVersion(Numbered, frozen=True, kw_only=True):
    stage: str = ""
    archive_existing_versions: bool = False
