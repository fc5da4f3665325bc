"""What never enters git."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Put together from pieces, so that this file does not hold what it looks for.
REGISTRY_HOSTS = re.compile(
    "|".join(
        ".".join(map(re.escape, pieces))
        for pieces in [
            ("py" + "pi", "org"),
            ("python" + "hosted", "org"),
            ("registry", "npm" + "js"),
            ("deb", "debian", "org"),
        ]
    )
)
MACHINE_PATHS = re.compile(
    "|".join("/" + path for path in ["wo" + "rk/", "ro" + "ot/", "fa" + "rm/", "opt/wh" + "eels", "tmp/scr" + "atch"])
)
LEFT_OPEN = re.compile("TO" + "DO|FIX" + "ME|XX" + "X|Not" + "Implemented" + "Error")


def _tracked(*patterns: str) -> list[Path]:
    answer = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, check=False)
    if answer.returncode:
        pytest.skip("not a git checkout")
    return [file for name in answer.stdout.split("\0") if name and (file := ROOT / name).is_file()]


def _hits(pattern: re.Pattern[str], files: list[Path]) -> list[str]:
    found = []
    for file in files:
        for number, line in enumerate(file.read_bytes().decode(errors="replace").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{file.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    return found


def test_no_package_registry_is_named():
    assert _hits(REGISTRY_HOSTS, _tracked()) == []


def test_no_path_of_somebodys_machine_is_named():
    assert _hits(MACHINE_PATHS, _tracked()) == []


def test_nothing_is_left_open_in_the_product():
    assert _hits(LEFT_OPEN, _tracked("src", "ui/src")) == []


def test_pinned_sets_have_a_hash_for_every_package_and_no_address():
    for file in (ROOT / "requirements").glob("*.txt"):
        text = file.read_text()
        pinned = [block for block in re.split(r"\n(?=\S)", text) if block.strip()]
        assert [block.split()[0] for block in pinned if "==" not in block or "--hash=sha256:" not in block] == [], file
        assert re.findall(r"https?:|file:|--(?:index|extra-index|find-links)\S*", text) == [], file


def test_the_lock_of_the_web_app_holds_names_versions_and_hashes_only():
    npmrc = (ROOT / "ui" / ".npmrc").read_text()
    assert "omit-lockfile-registry-resolved=true" in npmrc
    assert '"resolved"' not in (ROOT / "ui" / "package-lock.json").read_text()


def test_nothing_tracked_is_large():
    assert [f"{file} {size >> 10} kB" for file in _tracked() if (size := file.stat().st_size) > 1_000_000] == []
