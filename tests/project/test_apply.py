"""Plan says what apply will do; apply does it at once or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ondol.home import House
from ondol.kernel.errors import Invalid, NotFound, OndolError
from ondol.project import rules
from ondol.project.types import Plan
from ondol.sdk.template import new_project
from tests.projects import apply, fields


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    new_project(tmp_path / "shop")
    return tmp_path / "shop"


def edit(folder: Path, old: str, new: str) -> None:
    file = folder / "project.py"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def changed(plan: Plan) -> dict[str, Any]:
    return {
        f"{change.kind} {change.name}": [difference.field for difference in change.differences]
        for change in plan.changes
        if change.action != "keep"
    }


def test_a_new_project_is_created_and_applying_it_again_changes_nothing(house: House, folder: Path) -> None:
    planned = house.call("project.plan", fields(folder))
    assert {change.action for change in planned.changes} == {"create"}
    assert house.call("datasets.list") == []
    assert apply(house, folder) == planned
    assert [each.name for each in house.call("views.list")] == ["category", "customer"]
    assert changed(apply(house, folder)) == {}
    names = [event.name for event in house.call("events.list")]
    assert names.count("ProjectApplied") <= 1
    project = house.call("project.get")
    assert (project.name, project.entry, project.root) == ("shop", "project.py", str(folder))


def test_a_difference_names_the_field_and_only_that_is_changed(house: House, folder: Path) -> None:
    apply(house, folder)
    edit(folder, 'od.between("price", 0, 10_000)', 'od.between("price", 0, 500)')
    edit(folder, 'every="1d"', 'every="2d"')
    assert changed(house.call("project.plan", fields(folder))) == {
        "code shop": ["hash"],
        "dataset orders": ["contract"],
        "pipeline training": ["code"],
        "monitor returns": ["every"],
    }
    apply(house, folder)
    assert house.call("monitors.get", {"endpoint": "returns"}).spec.every == "2d"
    assert changed(house.call("project.plan", fields(folder))) == {}


def test_what_is_no_longer_declared_is_named_and_left_alone(house: House, folder: Path) -> None:
    apply(house, folder)
    text = (folder / "project.py").read_text()
    (folder / "project.py").write_text(text[: text.index("live = ")])
    plan = apply(house, folder)
    assert plan.undeclared == ["endpoint returns", "monitor returns"]
    assert house.call("endpoints.get", {"endpoint": "returns"}).name == "returns"


def test_a_declaration_that_a_room_refuses_leaves_nothing_behind(house: House, folder: Path) -> None:
    edit(folder, "label=LABEL", 'label="nonsense("')
    with pytest.raises(OndolError):
        apply(house, folder)
    assert house.call("datasets.list") == []
    with pytest.raises(NotFound):
        house.call("project.get")


def test_files_outside_of_the_project_are_refused(house: House, folder: Path) -> None:
    request = fields(folder)
    with pytest.raises(Invalid, match="not a path below"):
        house.call("project.plan", {**request, "files": {**request["files"], "../x.py": ""}})
    with pytest.raises(Invalid, match="not among"):
        house.call("project.plan", {**request, "entry": "other.py"})


def test_the_code_is_kept_by_its_hash_and_known_to_the_lineage(house: House, folder: Path) -> None:
    plan = apply(house, folder)
    assert b"od.pipeline" in house.tools().blobs.get(f"code/{plan.code}/snapshot.json")
    node = house.call("lineage", {"id": f"code:{plan.code[:12]}"}).nodes[0]
    assert (node.kind, node.facts["entry"]) == ("code", "project.py")


def test_the_libraries_of_a_project_are_those_that_are_neither_its_own_nor_pythons() -> None:
    files = {
        "project.py": "import os\nimport lightgbm as lgb\nfrom sklearn.svm import SVC\nimport parts.text\nimport tools",
        "parts/text.py": "from . import words\nimport polars.selectors",
        "tools.py": "this is not Python",
    }
    assert rules.libraries(files) == ["lightgbm", "polars", "sklearn"]
