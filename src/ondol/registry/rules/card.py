"""The card of a version: what a person must know before relying on it.

Follows Mitchell et al., "Model Cards for Model Reporting" (2019), with what the house knows by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from ondol.registry.rules import consent, mlmodel
from ondol.registry.types import GateRule, ModelSpec, Version

_GATE = {
    "at_least": "{metric} is at least {value:g}",
    "no_worse": "{metric} is no worse than the champion's by more than {value:g}",
    "better": "{metric} is better than the champion's with p < {value:g}",
}


def write_card(version: Version, spec: ModelSpec) -> str:
    """The card in Markdown."""
    parts = [
        f"# {version.model} {version.number}",
        spec.description or f"A {version.flavor} model.",
        _section("Use", _use(spec)),
        _section("Label and data", _data(version)),
        _section("Rows", _rows(version)),
        _section("Quality when it was registered", _table(("metric", "value"), _numbers(version.metrics))),
        _section("Gate", [f"- {rule_text(rule)}" for rule in spec.gate]),
        _section(f"Features ({len(version.features)})", _features(version)),
        _section("Parameters", _table(("parameter", "value"), version.params.items())),
        _section("How its parameters were found", _method(version)),
        _section("Made by", _origin(version)),
        _section("Environment", _table(("package", "version"), version.environment.items())),
        _section("Load it", _loading(version)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def rule_text(rule: GateRule) -> str:
    return _GATE[rule.kind].format(metric=rule.metric, value=rule.value)


def _section(title: str, lines: list[str]) -> str:
    return "\n".join([f"## {title}", "", *lines]) if lines else ""


def _use(spec: ModelSpec) -> list[str]:
    return [
        *_facts({"Intended use": spec.intended_use, "Limits": spec.limits, "Owner": spec.owner}),
        *([] if spec.intended_use else ["Nobody has written down what it is meant for (`intended_use`)."]),
    ]


def _data(version: Version) -> list[str]:
    facts = {
        "Label": version.label and f"`{version.label}`",
        "Training set": version.training_set and f"`{version.training_set}`",
        "Feature service": version.service and f"`{version.service}` ({version.service_hash[:8]})",
    }
    tables = [(f"`{table}`", str(number)) for table, number in sorted(version.tables.items())]
    return [*_facts(facts), *(["", *_table(("table", "version"), tables)] if tables else [])]


def _features(version: Version) -> list[str]:
    importance = version.signature.get("importance")
    if not isinstance(importance, Mapping) or not importance:
        return [f"- `{name}`" for name in version.features]
    rows = [(f"`{name}`", float(importance.get(name, 0))) for name in version.features]
    total = sum(value for _, value in rows) or 1.0
    return _table(
        ("feature", "importance"), [(name, f"{value / total:.1%}") for name, value in sorted(rows, key=lambda r: -r[1])]
    )


def _rows(version: Version) -> list[str]:
    rows = [
        (split.role, f"{split.rows:,}", split.rule, f"{_day(split.since)} to {_day(split.until)}")
        for split in version.evidence.splits
    ]
    lines = [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]
    return ["| used to | rows | which | time |", "|---|---|---|---|", *lines] if lines else []


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else "the beginning"


def _method(version: Version) -> list[str]:
    generation = version.evidence.generation
    ranges = ", ".join(f"{name} in {values}" for name, values in generation.ranges.items())
    again = generation.pipeline and f"`ondol reproduce {version.model} --version {version.number}`"
    return _facts(
        {
            "Framework": generation.framework,
            "Method": generation.method and f"{generation.method}, {generation.runs} run(s)",
            "Searched": ranges,
            "Pipeline": generation.pipeline and f"`{generation.pipeline}` of `{generation.entry}`",
            "Build it anew": again,
        }
    )


def _origin(version: Version) -> list[str]:
    return _facts(
        {
            "Version": f"`{version.id}`, registered {version.created_at:%Y-%m-%d %H:%M} UTC by {version.created_by}",
            "Format": consent.said(version.consent) if version.consent else "",
            "Run": version.run and f"`{version.run}`",
            "Code": version.code and f"`{version.code[:12]}`",
            "Commit": version.commit and f"`{version.commit}`",
            "Ancestry": f"`ondol lineage {version.id}`",
        }
    )


def _loading(version: Version) -> list[str]:
    files = [f"- `{name}` {sha}" for name, sha in sorted(version.files.items())]
    return [
        "```python",
        "from ondol.home import open_house",
        "from ondol.kernel.config import load_config",
        "from ondol.registry.service import load",
        "",
        f'predictor = load(open_house(load_config()).tools(), "{version.id}")',
        "scores = predictor.predict(rows)  # a Polars frame with the features above, one score a row",
        "```",
        "",
        *_by_mlflow(version),
        f"Files below `{version.package}` with their SHA-256, checked at every load:",
        "",
        *files,
    ]


def _by_mlflow(version: Version) -> list[str]:
    uri = f"models:/{version.model}/{version.number}"
    if version.flavor in mlmodel.READ_BY_MLFLOW:
        return [f"MLflow's clients load it too: `mlflow.{version.flavor}.load_model('{uri}')`.", ""]
    return [f"MLflow cannot load it: it knows no `{version.flavor}` models in this format.", ""]


def _facts(facts: Mapping[str, str]) -> list[str]:
    return [f"- {name}: {text}" for name, text in facts.items() if text]


def _numbers(values: Mapping[str, float]) -> list[tuple[str, str]]:
    return [(name, f"{value:.4g}") for name, value in sorted(values.items())]


def _table(head: tuple[str, str], rows: Iterable[tuple[str, Any]]) -> list[str]:
    lines = [f"| {_cell(name)} | {_cell(value)} |" for name, value in rows]
    return [f"| {head[0]} | {head[1]} |", "|---|---|", *lines] if lines else []


def _cell(value: Any) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
