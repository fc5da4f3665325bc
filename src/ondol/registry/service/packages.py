"""Packages: written once, named by their content, checked byte by byte whenever they are read."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection
from typing import Any, Final

from ondol.kernel.errors import Invalid, NotFound, Refused, Unavailable
from ondol.ports.runtime import Predictor, Runtime
from ondol.ports.tools import Tools
from ondol.registry.rules import consent, mlmodel, names, package
from ondol.registry.service import keys
from ondol.registry.service.look import version_of
from ondol.registry.types import About, Manifest, Package, RegisterVersion, Version

LOADED_LIMIT: Final = 16

_loaded: OrderedDict[tuple[str, str], Predictor] = OrderedDict()
_loaded_lock = threading.Lock()


def write_package(tools: Tools, folder: str, model: Any, about: About) -> Package:
    """Write a model object as a package into a folder below `folder` (`models/...`) that is named by its content.

    Raises `Invalid` when no runtime of this house recognises the object.
    """
    names.check_folder(folder)
    runtime = next((one for one in tools.runtimes if one.recognises(model)), None)
    if runtime is None:
        raise Invalid(
            f"No runtime of this house knows models of {type(model).__module__}.{type(model).__qualname__}.",
            hint=f"It knows {', '.join(one.flavor for one in tools.runtimes) or 'none'}.",
        )
    signature = runtime.signature(model)
    manifest = Manifest(
        format=package.FORMAT,
        flavor=runtime.flavor,
        features=signature["features"],
        label=about.label,
        service=about.service,
        service_hash=about.service_hash,
        signature=signature,
    )
    files = {
        **mlmodel.write(runtime.flavor, signature, about.environment, at=tools.now(), run=about.run),
        **about.files,
        **runtime.dump(model),
    }
    return write_files(tools, folder, manifest, files)


def write_files(tools: Tools, folder: str, manifest: Manifest, files: dict[str, bytes]) -> Package:
    """Put the files of a package into a folder that is named by its content."""
    files = {**files, package.MANIFEST: package.write_manifest(manifest)}
    digests = {name: package.digest(content) for name, content in files.items()}
    target = f"{folder}/{package.address(digests)}"
    for name, content in files.items():
        tools.blobs.put(f"{target}/{name}", content)
    return Package(folder=target, files=digests, manifest=manifest)


def load(tools: Tools, version: str) -> Predictor:
    """The predictor of a version; kept in memory for the next call (the last 16, for the whole process).

    Raises `Refused` when a byte of the package differs from what was registered, or
    the record itself does; `Unavailable` when no runtime here can read it.
    """
    key = (tools.blobs.url, version)
    with _loaded_lock:
        if found := _loaded.get(key):
            _loaded.move_to_end(key)
            return found
    with tools.transaction(write=False) as inner:
        registered = version_of(inner, version)
    files = read_package(tools, registered)
    manifest = package.read_manifest(files.pop(package.MANIFEST))
    if manifest.flavor == consent.FLAVOR:
        _check_consent(tools, registered)
    predictor = runtime_of(tools, manifest.flavor).load(files)
    with _loaded_lock:
        _loaded[key] = predictor
        while len(_loaded) > LOADED_LIMIT:
            _loaded.popitem(last=False)
    return predictor


def _check_consent(tools: Tools, version: Version) -> None:
    """`Refused` for a pickle that nobody has answered for, or that somebody did for other bytes."""
    given = version.consent
    if given and consent.holds(keys.key_named(tools, given.code.partition(":")[0]), version, given):
        return
    raise Refused(
        f"{version.model} {version.number} is a pickle: reading it runs what is in it, and nobody has consented.",
        hint=f"Read where it comes from, then ondol versions adopt {version.id} --trust-pickle --reason WHY",
    )


def read_package(tools: Tools, version: Version, *, only: Collection[str] = ()) -> dict[str, bytes]:
    """The files of a version's package, after checking its seal and every byte. `Refused` says what is wrong.

    `only`: these files; code, definitions and lock are there also when the model itself was pruned.
    """
    name = f"{version.model} {version.number}"
    if version.pruned_at and not only:
        raise Refused(
            f"The files of {name} were pruned on {version.pruned_at:%Y-%m-%d}.",
            hint=f"Build it anew: ondol reproduce {version.model} --version {version.number}",
        )
    if not version.files:
        raise Refused(
            f"The files of {name} lie elsewhere, at {version.source}.",
            hint=f"ondol versions adopt {version.id}, or load it with MLflow's client.",
        )
    keys.check(tools, version)
    wanted = {name: sha for name, sha in version.files.items() if not only or name in only}
    files = read_files(tools, version.package, wanted)
    if wrong := package.altered(wanted, files):
        raise Refused(
            f"The package of {name} is not what was registered: {', '.join(wrong)}.",
            hint=f"Restore {version.package} from a backup, or register the model again.",
            details={"files": wrong},
        )
    return files


def read_files(tools: Tools, folder: str, files: dict[str, str]) -> dict[str, bytes]:
    """The files that are there."""
    found = {}
    for name in files:
        try:
            found[name] = tools.blobs.get(f"{folder}/{name}")
        except NotFound:
            continue
    return found


def checked_manifest(request: RegisterVersion, files: dict[str, bytes]) -> Manifest:
    """What the package of a registration says of itself, when it is what the request says."""
    if package.MANIFEST not in request.files:
        raise Invalid(f"The package has no {package.MANIFEST}.", hint="Write it with `ondol.sdk`, which adds one.")
    if wrong := package.altered(request.files, files):
        raise Refused(
            f"The files below {request.package} are not those of the request: {', '.join(wrong)}.",
            hint="Put the files first, then register them with their SHA-256.",
            details={"files": wrong},
        )
    manifest = package.read_manifest(files[package.MANIFEST])
    if manifest.flavor == consent.FLAVOR:
        raise Refused("A pickle is not registered.", hint="Link it, then adopt it with `trust_pickle`.")
    if manifest.flavor != request.flavor:
        raise Invalid(f"The package holds a {manifest.flavor!r} model, not a {request.flavor!r} one.")
    if request.features and request.features != manifest.features:
        raise Invalid(
            "The features of the request are not those of the package.",
            hint=f"The package reads {', '.join(manifest.features[:20])}.",
        )
    return manifest


def runtime_of(tools: Tools, flavor: str) -> Runtime:
    """What reads models of this kind; `Unavailable` says how to install it."""
    if found := next((one for one in tools.runtimes if one.flavor == flavor), None):
        return found
    raise Unavailable(f"This house has no runtime for {flavor!r} models.", hint=package.how_to_install(flavor))
