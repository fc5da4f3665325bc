"""`python -m ondol.runner.reproduce VERSION --home HOME`: train a version again, and print what came of it as JSON.

A process of its own, because it runs a person's code; and because the environment may be another one.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
from pathlib import Path

import msgspec

from ondol.home import House, open_house
from ondol.kernel.config import load_config
from ondol.kernel.errors import NotFound, OndolError
from ondol.project.types import Snapshot
from ondol.registry import service as registry
from ondol.registry.types import Version
from ondol.registry.types.lifecycle import Reproduction
from ondol.runner.code import warm_up, working_in
from ondol.sdk import evidence, replay


def main(arguments: list[str] | None = None) -> int:
    """0: it was trained again; whether it came out equal stands in the JSON. 1: it could not be."""
    parser = argparse.ArgumentParser(prog="python -m ondol.runner.reproduce")
    parser.add_argument("version")
    parser.add_argument("--home")
    given = parser.parse_args(arguments)
    house = open_house(load_config(home=given.home))
    try:
        # What the person's code prints must not come between the lines of the answer.
        with contextlib.redirect_stdout(sys.stderr):
            found = reproduce_version(house, given.version)
        print(msgspec.json.encode(found).decode())
    except OndolError as error:
        said = {"code": error.code, "message": error.message, "hint": error.hint}
        print(msgspec.json.encode({"error": said}).decode())
        return 1
    finally:
        house.close()
    return 0


def reproduce_version(house: House, identity: str) -> Reproduction:
    """Raises `NotFound` when the package holds no code, `Refused` for what the code raises."""
    version: Version = house.call("versions.get", {"version": identity})
    tools = house.tools()
    if evidence.CODE not in version.files:
        raise NotFound(
            f"The package of {version.model} {version.number} holds no code.",
            hint=f"ondol model show {version.model} --version {version.number}",
        )
    wanted = [name for name in (evidence.CODE, evidence.DEFINITIONS) if name in version.files]
    files = registry.read_package(tools, version, only=wanted)
    snapshot = msgspec.json.decode(files[evidence.CODE], type=Snapshot)
    definitions = msgspec.json.decode(files.get(evidence.DEFINITIONS, b"{}"), type=evidence.Definitions)
    with tempfile.TemporaryDirectory(prefix="ondol-reproduce-") as folder:
        root = Path(folder).resolve()
        for path, text in snapshot.files.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        warm_up(snapshot.files)
        with working_in("", root):
            return replay.reproduce(tools, version, definitions, root / snapshot.entry)


if __name__ == "__main__":
    sys.exit(main())
