"""Seals, production history, reviews, notes and pruning."""

from __future__ import annotations

from datetime import timedelta

import pytest
from click.testing import CliRunner

from ondol.doors.cli.main import root
from ondol.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Refused
from ondol.registry import service
from ondol.registry.repo.tables import versions
from ondol.registry.rules import seal
from ondol.registry.types.lifecycle import TrafficShare
from tests.registry.weights import declare, register, with_weights


def wait(house, **span):
    house.tools().clock.set(house.tools().now() + timedelta(**span))
    return house.tools().now()


def answer(house, shares, reason="by hand", evidence="", actor="kim", endpoint="late"):
    traffic = [
        TrafficShare(version=version.id, number=version.number, share=share, role=role)
        for version, share, role in shares
    ]
    with house.tools(actor).transaction(write=True) as tools:
        service.note_traffic(tools, "flight-delay", endpoint, traffic, reason=reason, evidence=evidence)
        return tools.now()


def two(house, **spec):
    declare(house, **spec)
    return [register(house, {"a": float(number)}, f"run_{number}") for number in range(2)]


# --- seals


def test_a_row_that_was_changed_is_not_loaded(house):
    declare(house)
    version = register(house, {"a": 1.0}, "run_1")
    assert service.load(with_weights(house.tools()), version.id)
    other = register(house, {"a": -1.0}, "run_2")
    with house.tools().transaction(write=True) as tools:
        stolen = {"files": version.files, "package": version.package}
        tools.connection.execute(versions.update().where(versions.c.id == other.id).values(**stolen))
    with pytest.raises(Refused, match="its seal is broken"):
        service.load(with_weights(house.tools()), other.id)


def test_a_seal_of_another_home_is_told_apart_from_a_broken_one(house):
    declare(house)
    version = register(house, {"a": 1.0}, "run_1")
    (key,) = (house.config.home_path / "keys").glob("*.key")
    assert key.stat().st_mode & 0o077 == 0
    moved = key.rename(key.with_suffix(".elsewhere"))
    with pytest.raises(Refused, match="does not have"):
        service.load(with_weights(house.tools()), version.id)
    moved.rename(key)
    assert service.load(with_weights(house.tools()), version.id)


def test_a_seal_covers_version_number_and_every_file():
    key = seal.new_key()
    made = seal.seal(key, "mv_1", "m", 1, {"a": "0" * 64})
    assert seal.holds(key, made, "mv_1", "m", 1, {"a": "0" * 64})
    for other in (("mv_2", "m", 1, {"a": "0" * 64}), ("mv_1", "n", 1, {"a": "0" * 64}),
                  ("mv_1", "m", 2, {"a": "0" * 64}), ("mv_1", "m", 1, {"a": "1" * 64}),
                  ("mv_1", "m", 1, {"b": "0" * 64}), ("mv_1", "m", 1, {})):  # fmt: skip
        assert not seal.holds(key, made, *other)
    assert not seal.holds(seal.new_key(), made, "mv_1", "m", 1, {"a": "0" * 64})


def test_equal_files_lie_in_one_folder(house):
    declare(house)
    one, other = register(house, {"a": 1.0}, "run_1"), register(house, {"a": 2.0}, "run_2")
    assert one.package.rpartition("/")[2] != other.package.rpartition("/")[2]
    again = register(house, {"a": 1.0}, "run_3")
    assert again.package.rpartition("/")[2] == one.package.rpartition("/")[2]


# --- production history


def test_the_history_says_who_answered_then_put_there_by_whom_and_on_what_evidence(house):
    first, second = two(house)
    start = answer(house, [(first, 1.0, "champion")], reason="the first")
    canary = wait(house, days=10)
    answer(house, [(first, 0.9, "champion"), (second, 0.1, "canary")], "a canary", "canary_1", "robot")
    won = wait(house, days=10)
    answer(house, [(second, 1.0, "champion")], "promoted", "canary_1", "robot")
    wait(house, days=10)

    def at(moment):
        found = house.call("models.production", {"model": "flight-delay", "at": moment})
        return [(span.number, span.share, span.by, span.evidence) for span in found.answering]

    assert at(start - timedelta(seconds=1)) == []
    assert at(start) == at(canary - timedelta(seconds=1)) == [(1, 1.0, "kim", "")]
    assert at(canary) == [(1, 0.9, "robot", "canary_1"), (2, 0.1, "robot", "canary_1")]
    assert at(won) == at(won + timedelta(days=99)) == [(2, 1.0, "robot", "canary_1")]
    words = ["--home", str(house.config.home_path), "model", "history", "flight-delay", "--at"]
    runner = CliRunner(env={"ONDOL_DATABASE": house.config.database})
    said = runner.invoke(root, [*words, f"{canary + timedelta(hours=3):%Y-%m-%dT%H:%M}"]).stdout
    assert "version 2 answered 10% of late as canary" in said
    assert "put there by robot: a canary [canary_1]" in said
    assert "▒" in said
    assert "█" in said
    assert "no version answered then" in runner.invoke(root, [*words, "2012-01-01"]).stdout


def test_traffic_that_stays_as_it_is_leaves_its_span_open(house):
    first, second = two(house)
    start = answer(house, [(first, 1.0, "champion")])
    wait(house, days=1)
    answer(house, [(first, 1.0, "champion")], reason="again")
    found = house.call("models.production", {"model": "flight-delay"})
    assert [(span.since, span.until, span.reason) for span in found.spans] == [(start, None, "by hand")]
    answer(house, [(second, 1.0, "champion")], endpoint="other")
    only = house.call("models.production", {"model": "flight-delay", "endpoint": "other"})
    assert [span.number for span in only.answering] == [2]


# --- reviews


def ask(house, version, actor="ada"):
    return house.call("reviews.ask", {"version": version.id, "note": "please"}, actor=actor)


def decide(house, review, verdict, reason="", actor="kim"):
    return house.call("reviews.decide", {"review": review.id, "verdict": verdict, "reason": reason}, actor=actor)


def champion(house, version, actor="kim"):
    request = {"model": "flight-delay", "alias": "champion", "version": version.id}
    return house.call("aliases.point", request, actor=actor)


def test_a_model_that_wants_approval_gets_no_champion_and_no_traffic_without(house):
    first, second = two(house, approval=True)
    with pytest.raises(Refused, match="must be approved first") as caught:
        champion(house, first)
    assert caught.value.hint == f"ondol reviews ask {first.id}"
    with pytest.raises(Refused, match="must be approved first"):
        answer(house, [(first, 1.0, "champion")])
    ask(house, first)
    with pytest.raises(Refused, match="waits for its review"):
        champion(house, first)
    decide(house, ask(house, first), "approved")
    assert champion(house, first).number == 1
    answer(house, [(first, 1.0, "champion")])
    with pytest.raises(Refused, match="flight-delay 2 must be approved"):
        answer(house, [(first, 0.9, "champion"), (second, 0.1, "canary")])
    assert house.call("aliases.point", {"model": "flight-delay", "alias": "try", "version": second.id}).number == 2


def test_who_made_it_or_asked_does_not_decide_where_people_have_keys(house):
    declare(house)
    version = register(house, {"a": 1.0}, "run_1")
    review = ask(house, version, actor="ada")
    with pytest.raises(Forbidden, match="somebody else decides"):
        decide(house, review, "approved", actor="ada")
    assert decide(house, review, "approved", actor="kim").decided_by == "kim"
    alone = register(house, {"a": 2.0}, "run_2")
    assert decide(house, ask(house, alone, actor="local"), "approved", actor="local").status == "approved"


def test_a_rejection_and_a_wish_need_a_reason_and_are_final_for_their_review(house):
    declare(house)
    version = register(house, {"a": 1.0}, "run_1")
    review = ask(house, version)
    assert ask(house, version).id == review.id
    for verdict in ("changes_requested", "rejected"):
        with pytest.raises(Invalid, match="reason"):
            decide(house, review, verdict)
    sent_back = decide(house, review, "changes_requested", "No slices.")
    assert (sent_back.status, sent_back.reason, sent_back.asked_by) == ("changes_requested", "No slices.", "ada")
    with pytest.raises(Conflict):
        decide(house, review, "approved")
    again = ask(house, version)
    assert again.id != review.id
    decide(house, again, "rejected", "It harms.")
    listed = house.call("reviews.list", {"model": "flight-delay"})
    assert [found.status for found in listed] == ["rejected", "changes_requested"]
    assert [found.id for found in house.call("reviews.list", {"status": "rejected"})] == [again.id]
    decisions = [event.payload["verdict"] for event in house.call("events.list") if event.name == "ReviewDecided"]
    assert decisions == ["changes_requested", "rejected"]


# --- notes and removal


def test_notes_change_and_the_rest_stays(house):
    first, _ = two(house)
    noted = house.call("versions.annotate", {"version": first.id, "description": "d", "tags": {"a": "1", "b": "2"}})
    assert (noted.description, noted.tags, noted.files) == ("d", {"a": "1", "b": "2"}, first.files)
    noted = house.call("versions.annotate", {"version": first.id, "untag": ["a"]})
    assert (noted.description, noted.tags) == ("d", {"b": "2"})
    assert service.load(with_weights(house.tools()), first.id)


def test_what_answers_is_neither_removed_nor_renamed(house):
    first, second = two(house)
    answer(house, [(first, 1.0, "champion")])
    for operation, request in (
        ("versions.remove", {"version": first.id}),
        ("models.remove", {"model": "flight-delay"}),
        ("models.rename", {"model": "flight-delay", "to": "late"}),
    ):
        with pytest.raises(Conflict):
            house.call(operation, request)
    house.call("versions.remove", {"version": second.id})
    with pytest.raises(NotFound):
        house.call("versions.get", {"version": second.id})
    assert register(house, {"a": 9.0}, "run_1").number == 3


def test_a_model_of_a_project_file_keeps_its_name(house):
    declare(house, pipeline="training")
    with pytest.raises(Conflict, match="project file"):
        house.call("models.rename", {"model": "flight-delay", "to": "late"})


# --- pruning


def test_old_packages_go_and_what_is_needed_stays(house):
    declare(house)
    made = [register(house, {"a": float(number)}, f"run_{number}") for number in range(6)]
    answer(house, [(made[0], 1.0, "champion")])
    champion(house, made[1])
    ask(house, made[2])
    dry = house.call("models.prune", {"keep": 1, "dry_run": True})
    assert [line.number for line in dry.gone] == [5, 4]
    assert {line.number: line.kept_because for line in dry.kept} == {
        6: "one of the newest 1",
        3: "its review is open",
        2: "the alias champion points at it",
        1: "an endpoint answers with it",
    }
    assert dry.freed_bytes > 0
    assert service.load(with_weights(house.tools()), made[3].id)
    done = house.call("models.prune", {"keep": 1})
    assert (done.freed_bytes, [line.number for line in done.gone]) == (dry.freed_bytes, [5, 4])
    assert house.call("models.prune", {"keep": 1}).gone == []
    pruned = house.call("versions.get", {"version": made[4].id})
    assert pruned.pruned_at
    with pytest.raises(Refused, match="pruned"):
        service.read_package(house.tools(), pruned)
    kinds = house.call("models.evidence", {"model": "flight-delay", "reference": "5"}).kinds
    assert "pruned" in next(kind for kind in kinds if kind.name == "parameters").summary
    assert {blob.path.rpartition("/")[2] for blob in house.tools().blobs.list(pruned.package)} == {"ondol.json"}


def test_a_package_that_two_versions_share_stays_with_the_one_that_is_needed(house):
    from tests.registry.weights import Weights, pack, registration

    declare(house)
    package = pack(house, Weights({"a": 1.0}))
    old = house.call("versions.register", registration(package, "k1"))
    new = house.call("versions.register", registration(package, "k2"))
    assert old.package == new.package
    house.call("models.prune", {"keep": 1})
    assert service.load(with_weights(house.tools()), new.id)


def test_a_version_from_which_others_were_made_keeps_its_files(house):
    from ondol.lineage import service as lineage
    from ondol.lineage.types import Edge, Node

    old, new = two(house)
    with house.tools().transaction(write=True) as tools:
        endpoint = Node(id="endpoint:late", kind="endpoint", title="late")
        lineage.record(
            tools, nodes=[endpoint], edges=[Edge(made="endpoint:late", origin=old.id, relation="answers_with")]
        )
    assert [line.number for line in house.call("models.prune", {"keep": 1, "dry_run": True}).gone] == [1]
    with house.tools().transaction(write=True) as tools:
        lineage.record(tools, edges=[Edge(made=new.id, origin=old.id, relation="distilled_from")])
    kept = house.call("models.prune", {"keep": 1, "dry_run": True}).kept
    assert {line.number: line.kept_because for line in kept}[1] == "other things were made from it"


def test_folders_that_nobody_registered_go_after_a_day(house, monkeypatch):
    from ondol.registry.rules import retention
    from tests.registry.weights import Weights, pack

    declare(house)
    version = register(house, {"a": 1.0}, "run_1")
    loose = pack(house, Weights({"a": 5.0}))
    assert house.call("models.prune", {"keep": 1}).orphans == []
    monkeypatch.setattr(retention, "GRACE", timedelta())
    assert house.call("models.prune", {"keep": 1, "dry_run": True}).orphans == [loose.folder]
    house.call("models.prune", {"keep": 1})
    assert list(house.tools().blobs.list(loose.folder)) == []
    assert service.load(with_weights(house.tools()), version.id)
    with pytest.raises(Invalid):
        house.call("models.prune", {"keep": 0})


def test_an_unknown_moment_or_model_is_the_askers_mistake(house):
    declare(house)
    with pytest.raises(Invalid):
        house.call("models.production", {"model": "flight-delay", "at": "noon"})
    with pytest.raises(NotFound):
        house.call("models.production", {"model": "x"})


def test_no_endpoint_gets_a_version_without_files(house):
    old, _ = two(house)
    linked = house.call("versions.link", {"model": "flight-delay", "source": "s3://bucket/model"})
    with pytest.raises(Refused, match="lie elsewhere"):
        answer(house, [(linked, 1.0, "champion")])
    with pytest.raises(Refused, match="lie elsewhere"):
        service.load(house.tools(), linked.id)
    house.call("models.prune", {"keep": 1})
    with pytest.raises(Refused, match="pruned"):
        answer(house, [(old, 1.0, "champion")])


def test_many_hands_at_once_make_one_model_distinct_numbers_and_one_pointing_alias(house):
    from concurrent.futures import ThreadPoolExecutor

    def create(_):
        try:
            return house.call("models.declare", {"spec": {"name": "flight-delay"}, "new": True}).name
        except Conflict:
            return ""

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(create, range(6))) == [""] * 5 + ["flight-delay"]
        link = {"model": "flight-delay", "source": "s3://bucket/m"}
        linked = list(pool.map(lambda _: house.call("versions.link", link), range(12)))
        assert sorted(version.number for version in linked) == list(range(1, 13))

        def point_and_note(version):
            house.call("aliases.point", {"model": "flight-delay", "alias": "best", "version": version.id})
            house.call("versions.annotate", {"version": linked[0].id, "tags": {"by": str(version.number)}})

        list(pool.map(point_and_note, linked))
    spans = house.call("aliases.history", {"model": "flight-delay"})
    assert [span.until is None for span in spans].count(True) == 1
    assert len(spans) == 12
    assert set(house.call("versions.get", {"version": linked[0].id}).tags) == {"by"}
