"""Which models, versions and aliases are taken."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

from ondol.kernel.errors import Invalid
from ondol.registry.types import GateRule, ModelSpec, RegisterVersion

GATE_METRICS: Final = ("auc", "log_loss", "brier")

_NAME = re.compile(r"[^/:\x00-\x1f\x7f]{1,256}")
_ALIAS = re.compile(r"[A-Za-z0-9_-]{1,255}")
_RESERVED = re.compile(r"latest|v?\d+", re.IGNORECASE)
_FOLDER = re.compile(r"models(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}){1,3}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._/-]{0,199}")


def check_spec(spec: ModelSpec) -> None:
    """`Invalid` for a name or a gate that could not be kept to."""
    check_model_name(spec.name)
    for rule in spec.gate:
        _check_rule(rule)


def check_model_name(name: str) -> None:
    """The names that MLflow's clients may give: they are no paths, and `models:/NAME/1` can be told apart."""
    if not _NAME.fullmatch(name) or name.strip() != name or name in (".", ".."):
        raise Invalid(
            f"Invalid model name {name[:80]!r}.",
            hint="Use 1 to 256 letters, without '/', ':' and control characters: flight-delay.",
        )


def check_tags(tags: Mapping[str, str]) -> None:
    for key, value in tags.items():
        if not 1 <= len(key) <= 250 or not key.strip():
            raise Invalid(f"The tag {key[:80]!r} has {len(key)} characters; 1 to 250.")
        if len(value) > 100_000:
            raise Invalid(f"The value of the tag {key!r} has {len(value):,} characters; 100,000 at most.")


def _check_rule(rule: GateRule) -> None:
    if rule.metric not in GATE_METRICS:
        raise Invalid(f"The gate names the metric {rule.metric!r}.", hint=f"It knows {', '.join(GATE_METRICS)}.")
    if rule.kind == "at_least" and rule.metric != "auc":
        raise Invalid(f"The gate asks {rule.metric} to be at least {rule.value}, but less is better there.",
                      hint="Use no_worse(...), or at_least('auc', ...).")  # fmt: skip
    if rule.kind == "better" and rule.metric != "auc":
        raise Invalid(f"The gate asks for a significantly better {rule.metric}.", hint="better('auc', ...) is tested.")
    if not math.isfinite(rule.value) or rule.value < 0 or (rule.kind == "better" and not 0 < rule.value < 1):
        raise Invalid(f"The gate's {rule.kind}({rule.metric!r}) has the value {rule.value}.",
                      hint="A limit or margin is 0 or more; a p-value lies between 0 and 1.")  # fmt: skip


def check_alias(alias: str) -> None:
    """No version number is an alias, and neither is `latest`, which every model has."""
    if not _ALIAS.fullmatch(alias):
        raise Invalid(f"Invalid alias name {alias[:80]!r}.", hint="Use 1 to 255 letters, digits, '-' and '_'.")
    if _RESERVED.fullmatch(alias):
        raise Invalid(f"The alias name {alias!r} is reserved.", hint="It names a version already. Choose another.")


def check_registration(request: RegisterVersion) -> None:
    """`Invalid` for a registration that names no package of ours, or metrics that are no numbers."""
    check_folder(request.package)
    check_tags(request.tags)
    if not 1 <= len(request.key) <= 200:
        raise Invalid(f"`key` has {len(request.key)} characters; 1 to 200.", hint="Give the id of the run, say.")
    if not request.files:
        raise Invalid("The package has no files.", hint="Put them among the blobs and name their SHA-256.")
    for name, digest in request.files.items():
        if not _FILE.fullmatch(name) or {"", ".", ".."} & set(name.split("/")):
            raise Invalid(f"{name[:80]!r} is no name for a file of a package.")
        if not _SHA256.fullmatch(digest):
            raise Invalid(f"The SHA-256 of {name!r} is not 64 small hexadecimal digits.")
    odd = sorted(key for key, value in request.metrics.items() if not math.isfinite(value))
    if odd:
        raise Invalid(f"{', '.join(odd)} of this model is not a finite number.", hint="Leave it out, or train again.")


def check_linked_folder(folder: str) -> None:
    """Where clients keep files of models among the blobs: of a run, or behind the artifact proxy."""
    parts = folder.split("/")
    if folder and (parts[0] not in ("runs", "mlflow") or len(parts) < 3 or {"", ".", ".."} & set(parts)):
        raise Invalid(
            f"{folder[:120]!r} is no folder that a client keeps a model in.", hint="Leave it out: `source` says it."
        )


def check_folder(folder: str) -> None:
    if not _FOLDER.fullmatch(folder):
        raise Invalid(
            f"{folder[:120]!r} is no folder for a package.",
            hint="Packages lie below models/: models/flight-delay/run_1.",
        )
