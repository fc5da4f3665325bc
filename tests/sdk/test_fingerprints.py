"""The cache key of a step follows what the step computes, and nothing else."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ondol.sdk.fingerprints import code_digest, sha256, stable
from ondol.sdk.project_file import load_project

BASE = """
import math
import ondol as od
LIMIT = 3
NAMES = {"b", "a"}
class Scale:
    factor = 2
    def apply(self, x):
        return x * self.factor
def helper(x):
    return inner(x)
def inner(x):
    return x + LIMIT
@od.step
def step(x: int, y=1):
    "What it does."
    # a remark
    return [helper(x) + y + math.pi, Scale().apply(x), sorted(NAMES)]
def unrelated():
    return 1
"""

_numbers = itertools.count()


@pytest.fixture
def digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    monkeypatch.setattr(sys, "path", [*sys.path])

    def of(text: str) -> str:
        folder = tmp_path / str(next(_numbers))
        folder.mkdir()
        (folder / "project.py").write_text(text)
        module, _ = load_project(folder / "project.py", stay=True)
        return code_digest(module.step, folder)

    return of


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# a remark", "# another remark\n"),
        ('"What it does."', '"Says it better."'),
        ("(x: int, y=1)", "(x: float, y=1) -> list"),
        ("@od.step\n", "@od.step(retries=2)\n"),
        ("return 1\n", "return 2\n"),
        ("import ondol", "\n\nimport ondol"),
    ],
)
def test_what_changes_no_result_keeps_the_key(digest: Callable[[str], str], old: str, new: str) -> None:
    assert digest(BASE.replace(old, new)) == digest(BASE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 3", "LIMIT = 4"),
        ("y=1", "y=2"),
        ("return x + LIMIT", "return x - LIMIT"),
        ("factor = 2", "factor = 3"),
        ('{"b", "a"}', '{"b", "c"}'),
        ("+ math.pi", "- math.pi"),
    ],
)
def test_what_may_change_a_result_changes_the_key(digest: Callable[[str], str], old: str, new: str) -> None:
    assert digest(BASE.replace(old, new)) != digest(BASE)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(values, values)
def test_stable_text_tells_values_apart(left: Any, right: Any) -> None:
    alike = repr(left) == repr(right) or (left == right and type(left) is type(right))
    assert (stable(left) == stable(right)) == alike


@given(st.dictionaries(st.text(), st.integers()))
def test_the_order_of_a_dict_does_not_count(pairs: dict[str, int]) -> None:
    assert stable(pairs) == stable(dict(reversed(pairs.items())))


def test_the_borders_between_parts_count() -> None:
    assert sha256("ab", "c") != sha256("a", "bc")
