"""The house rules that the import contracts cannot say."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path

import grimp
import msgspec
import pytest

import ondol

SOURCE = Path(ondol.__file__).parent
NOT_ROOMS = {"adapters", "demo", "doors", "exchange", "kernel", "ports", "runner", "sdk", "testing", "ui"}
ROOMS = sorted(folder.parent.name for folder in SOURCE.glob("*/__init__.py") if folder.parent.name not in NOT_ROOMS)
FILES = sorted(SOURCE.rglob("*.py"))
DOORWAYS = (["service"], ["types"])


def test_a_file_has_at_most_400_lines():
    long = {
        str(file.relative_to(SOURCE)): lines for file in FILES if (lines := len(file.read_text().splitlines())) > 400
    }
    assert long == {}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_at_most_12_files(room):
    assert len([file for file in (SOURCE / room).glob("*.py") if file.name != "__init__.py"]) <= 12


def test_rooms_meet_only_through_services_and_types():
    graph = grimp.build_graph("ondol", cache_dir=None)
    wrong = []
    for importer in graph.modules:
        here = importer.split(".")[1:2]
        for imported in graph.find_modules_directly_imported_by(importer):
            there, *file = imported.split(".")[1:] or [""]
            if here and {*here, there} <= set(ROOMS) and here != [there] and file[:1] not in DOORWAYS:
                wrong.append(f"{importer} -> {imported}")
    assert wrong == []


def _structs(base=msgspec.Struct):
    for struct in base.__subclasses__():
        if struct.__module__.startswith("ondol."):
            yield struct
        yield from _structs(struct)


@pytest.fixture(scope="module")
def structs() -> list[type[msgspec.Struct]]:
    for module in pkgutil.walk_packages(ondol.__path__, "ondol."):
        if not module.name.endswith("__main__") and not module.name.startswith("ondol.adapters"):
            importlib.import_module(module.name)
    return list(_structs())


def test_a_struct_has_a_name_of_its_own_because_doors_know_it_by_that(structs):
    places: dict[str, list[str]] = {}
    for struct in structs:
        if "types" in struct.__module__.split(".") or "kernel" in struct.__module__:
            places.setdefault(struct.__name__, []).append(struct.__module__)
    assert {name: modules for name, modules in places.items() if len(modules) > 1} == {}


def test_structs_are_frozen_and_take_keywords_only(structs):
    wrong = [
        f"{struct.__module__}.{struct.__name__}"
        for struct in structs
        if not struct.__struct_config__.frozen
        or {field.kind for field in inspect.signature(struct).parameters.values()} - {inspect.Parameter.KEYWORD_ONLY}
    ]
    assert wrong == []


def test_events_and_records_live_in_types():
    for room in ROOMS:
        module = importlib.import_module(f"ondol.{room}.types")
        assert any(isinstance(value, type) and issubclass(value, msgspec.Struct) for value in vars(module).values()), (
            room
        )


def test_an_operation_says_what_it_does():
    from ondol.catalog import OPERATIONS

    assert [name for name, operation in OPERATIONS.items() if not inspect.getdoc(operation.function)] == []


def test_the_front_door_has_at_most_60_names_and_each_opens():
    assert len(ondol.__all__) <= 60
    for name in ondol.__all__:
        assert getattr(ondol, name) is not None


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_in_one_sentence_what_it_is_for(room):
    module = importlib.import_module(f"ondol.{room}")
    types = importlib.import_module(f"ondol.{room}.types")
    assert inspect.getdoc(module) or inspect.getdoc(types)


def test_the_contributing_guide_names_every_room():
    guide = (SOURCE.parents[1] / "CONTRIBUTING.md").read_text()
    assert [room for room in ROOMS if f"`{room}`" not in guide] == []
