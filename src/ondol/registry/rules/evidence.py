"""Which of the eight kinds of artefact a version holds, and what adds the missing ones."""

from __future__ import annotations

from collections.abc import Iterable

from ondol.registry.rules import consent
from ondol.registry.types import ModelSpec, Version
from ondol.registry.types.evidence import Kind, Split

LOCK = "lock.txt"
CODE = "code.json"
DEFINITIONS = "features.json"

_RETRAIN = "ondol run PIPELINE, with od.candidate(model, trained, scores) in it"


def kinds(version: Version, spec: ModelSpec) -> list[Kind]:
    """The eight, in the order in which a person asks for them."""
    return [
        _definition(version, spec),
        _parameters(version),
        _functions(version),
        _dependencies(version),
        _data(version),
        _generation(version),
        _experiment(version),
        _tags(version),
    ]


def _definition(version: Version, spec: ModelSpec) -> Kind:
    name = "definition"
    if not version.features:
        return _missing(name, "the package does not say which features it reads", _RETRAIN)
    if not version.label:
        return _missing(name, "nobody said what it predicts", "od.feature_service(..., label=...), and train on it")
    use = spec.intended_use or spec.description
    if not use:
        return _missing(name, "nobody wrote down what it is for", f"od.model({version.model!r}, intended_use=...)")
    return _there(name, f"{version.flavor}, {len(version.features)} features -> {version.label}; for: {use}")


def _parameters(version: Version) -> Kind:
    name = "parameters"
    if version.pruned_at:
        return _missing(name, f"pruned on {version.pruned_at:%Y-%m-%d}", f"ondol reproduce {version.model}")
    if not version.files:
        return _missing(name, f"kept elsewhere: {version.source}", _RETRAIN)
    weights = [file for file in version.files if file.startswith("model.")] or list(version.files)[:1]
    sealed = "sealed" if version.seal else "not sealed"
    pickled = f"; {consent.said(version.consent)}" if version.consent else ""
    return _there(name, f"{', '.join(weights)} (SHA-256 {version.files[weights[0]][:12]}), {sealed}{pickled}")


def _functions(version: Version) -> Kind:
    name = "functions"
    evidence = version.evidence
    if not evidence.featurise or DEFINITIONS not in version.files:
        why = f"only the hash of {version.service} is known" if version.service else "no feature service is named"
        return _missing(name, f"featurise: {why}", "train on od.training_set(SERVICE)")
    if not evidence.predict:
        return _missing(name, "predict: nobody said which function answers", _RETRAIN)
    service = f"{version.service}@{version.service_hash[:8]}"
    return _there(name, f"featurise: {service}, {_some(evidence.featurise)}; predict: {evidence.predict}")


def _dependencies(version: Version) -> Kind:
    name, environment = "dependencies", version.evidence.environment
    if not environment.packages or LOCK not in version.files:
        return _missing(name, "no lock of the packages was kept", _RETRAIN)
    hashed = sum(bool(pin.content) for pin in environment.packages.values())
    packages = f"{len(environment.packages)} packages locked, {hashed} with a hash"
    return _there(name, f"Python {environment.python}, {environment.platform}, {packages}")


def _data(version: Version) -> Kind:
    name, splits = "data", version.evidence.splits
    roles = {split.role for split in splits}
    if not version.tables:
        return _missing(name, "no table versions were recorded", "train on od.training_set(SERVICE)")
    if "train" not in roles:
        return _missing(name, "the rows it learned from were not recorded", "pass od.split's rows to the training step")
    if not roles & {"test", "validation"}:
        return _missing(name, "no rows were held back to judge it", "od.candidate(model, trained, scores)")
    tables = ", ".join(f"{table}@{number}" for table, number in sorted(version.tables.items()))
    return _there(name, f"{'; '.join(map(said, splits))}; from {tables}")


def said(split: Split) -> str:
    """`train 81,003 rows (all before the newest 14d)`."""
    return f"{split.role} {split.rows:,} rows" + (f" ({split.rule})" if split.rule else "")


def _generation(version: Version) -> Kind:
    name, generation = "generation", version.evidence.generation
    if not version.code or CODE not in version.files:
        return _missing(name, "the code that trained it was not kept", "ondol apply, then ondol run PIPELINE")
    if not generation.framework:
        return _missing(name, "the framework and the method were not recorded", _RETRAIN)
    runs = f"{generation.runs} run{'s' if generation.runs != 1 else ''}"
    searched = ", ".join(f"{key} in {value}" for key, value in generation.ranges.items()) or "nothing searched"
    chosen = ", ".join(f"{key}={value}" for key, value in generation.chosen.items())
    code = f"code {version.code[:12]}" + (f", commit {version.commit[:12]}" if version.commit else ", no git commit")
    return _there(name, f"{generation.framework}, {generation.method}, {runs}, {searched}; {chosen}; {code}")


def _experiment(version: Version) -> Kind:
    name = "experiment"
    if not version.run:
        return _missing(name, "it belongs to no run", _RETRAIN)
    if not version.metrics:
        return _missing(name, "it was registered without metrics", "od.candidate(model, trained, scores)")
    plots = [plot.rpartition("/")[2] for plot in version.evidence.plots]
    if not plots:
        return _missing(name, "no plots were drawn", "pass scores made on od.split's rows to od.candidate")
    metrics = ", ".join(f"{key} {value:.4g}" for key, value in sorted(version.metrics.items()))
    return _there(name, f"run {version.run}; {metrics}; {', '.join(plots)}")


def _tags(version: Version) -> Kind:
    if not version.tags:
        return _missing(
            "tags", "nobody tagged it", f'ondol versions annotate {version.id} --tags \'{{"team": "ops"}}\''
        )
    return _there("tags", ", ".join(f"{key}={value}" for key, value in sorted(version.tags.items())))


def _some(lines: Iterable[str]) -> str:
    return ", ".join(line.partition(":")[0] for line in lines)


def _there(name: str, summary: str) -> Kind:
    return Kind(name=name, present=True, summary=summary)


def _missing(name: str, why: str, add: str) -> Kind:
    return Kind(name=name, present=False, summary=why, add=add)
