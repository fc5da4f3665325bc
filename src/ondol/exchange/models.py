"""Take over logged and registered models, with the numbers, aliases and stages that people know them by."""

from __future__ import annotations

import msgspec

from ondol.doors.client import Client
from ondol.exchange.copying import FILES, Report, copy_files
from ondol.exchange.source import Source, SourceExperiment, SourceModel, SourceRegistered, SourceRun, SourceVersion
from ondol.kernel.errors import NotFound, OndolError

_PROXY = "mlflow-artifacts:"
_IMPORTED = "ondol.imported_from"


class Places:
    """Where what lay at an address of the source lies here: of every run, and of every logged model."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def note_run(self, here: str, run: SourceRun) -> None:
        """`here` is the id of its experiment in the house."""
        self._note(run.artifacts, f"runs:/{run.id}", f"{_PROXY}/{here}/{run.id}/artifacts")

    def note_model(self, here: str, model: SourceModel) -> None:
        self._note(model.artifacts, f"models:/{model.id}", f"{_PROXY}/{here}/models/{model.id}/artifacts")

    def _note(self, artifacts: str, other: str, new: str) -> None:
        self.known |= {artifacts.rstrip("/"): new, other: new}


def take_logged(source: Source, client: Client, experiment: SourceExperiment, places: Places, report: Report) -> None:
    """The models that runs of this experiment have logged, with their files."""
    for model in source.models(experiment):
        try:
            made = client.call(
                "logged_models.import",
                model=model.id,
                experiment=experiment.name,
                name=model.name,
                created_ms=model.created_ms,
                kind=model.kind,
                status=model.status,
                source_run=model.source_run,
                deleted_ms=model.created_ms if model.deleted else None,
                params=model.params,
                tags=model.tags,
            )
            places.note_model(made.experiment_id, model)
            place = f"{made.experiment_id}/models/{model.id}/artifacts"
            copy_files(source, client, model.artifacts, place, (_here(client, place), report))
            report.logged_models += 1
        except OndolError as error:
            report.problems.append(f"logged model {model.id}: {error.message}")


def take_registered(source: Source, client: Client, places: Places, report: Report) -> None:
    """Registered models and their versions. A model of this name that did not come from there is left alone."""
    for model in source.registered():
        try:
            _take_model(source, client, model, places.known, report)
        except OndolError as error:
            report.problems.append(f"model {model.name}: {error.message}")


def _take_model(
    source: Source, client: Client, model: SourceRegistered, places: dict[str, str], report: Report
) -> None:
    note = {_IMPORTED: source.where}
    try:
        known = client.call("models.get", model=model.name)
    except NotFound:
        spec = {"name": model.name, "description": model.description}
        known = client.call("models.declare", spec=spec, tags=model.tags | note)
        report.models += 1
    if known.tags.get(_IMPORTED) != source.where:
        report.problems.append(f"model {model.name}: there is one of this name here already")
        return
    ids = {}
    for version in model.versions:
        try:
            found = client.call("versions.find", model=model.name, reference=str(version.number))
        except NotFound:
            found = _link(client, model.name, version, places)
            report.versions += 1
        ids[version.number] = found.id
    for alias, number in model.aliases.items():
        if number in ids and known.aliases.get(alias) != ids[number]:
            client.call("aliases.point", model=model.name, alias=alias, version=ids[number], reason="taken over")


def _link(client: Client, model: str, version: SourceVersion, places: dict[str, str]) -> object:
    location = _location(version, places)
    logged = version.source.startswith("models:/m-")
    made = client.call(
        "versions.link",
        model=model,
        number=version.number,
        source=version.source if logged or not location else location,
        location=location if logged else "",
        folder=_folder(location),
        run=version.run,
        run_link=version.run_link,
        description=version.description,
        tags=version.tags,
    )
    if version.stage not in ("None", ""):
        client.call("versions.stage", version=made.id, stage=version.stage)
    return made


def _location(version: SourceVersion, places: dict[str, str]) -> str:
    """The address here of a version's files; empty when they lie where no run or logged model of the source has any."""
    for address in (version.artifacts, version.source):
        path, rest = address.rstrip("/"), ""
        while path:
            if path in places:
                return f"{places[path]}/{rest}".rstrip("/")
            path, slash, last = path.rpartition("/")
            rest = f"{last}/{rest}".rstrip("/")
            if not slash:
                break
    return ""


def _folder(location: str) -> str:
    """Where the proxy keeps it among the blobs, as `versions.link` wants to know."""
    parts = location.removeprefix(f"{_PROXY}/").split("/")
    if not location or len(parts) < 3:
        return ""
    return "/".join(["mlflow", *parts]) if parts[1] == "models" else "/".join(["runs", *parts[1:]])


def _here(client: Client, place: str) -> dict[str, int]:
    """Paths and sizes of the files below a folder of our proxy."""
    found: dict[str, int] = {}
    folders = [""]
    while folders:
        folder = folders.pop()
        query = f"{FILES}?path={place}/{folder}".rstrip("/")
        for one in msgspec.json.decode(client.request("GET", query).data).get("files", []):
            path = f"{folder}/{one['path'].rpartition('/')[2]}".lstrip("/")
            if one.get("is_dir"):
                folders.append(path)
            else:
                found[path] = int(one.get("file_size") or 0)
    return found
