"""Keys, what they open, and the audit."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from ondol.access import rules, service
from ondol.access.types import SCOPES, Actor, CreateKey, ListAudit, ListKeys, RevokeKey
from ondol.kernel.errors import Forbidden, Invalid, NotFound, Unauthenticated


def create(house, name="kim", scope="write"):
    return house.call(service.create_key, CreateKey(name=name, scope=scope))


def test_a_key_opens_the_doors_until_it_is_revoked(house):
    made = create(house)
    assert service.authenticate(house.tools(), made.secret) == Actor(name="kim", scope="write")
    revoked = house.call(service.revoke_key, RevokeKey(key=made.key.id))
    assert revoked.revoked_at is not None
    with pytest.raises(Unauthenticated):
        service.authenticate(house.tools(), made.secret)
    assert house.call(service.revoke_key, RevokeKey(key=made.key.id)) == revoked
    assert house.call(service.list_keys, ListKeys()) == [revoked]


@pytest.mark.parametrize("secret", ["", "ondol_", "ondol_wrong", "Bearer x", "비밀"])
def test_an_unknown_secret_opens_nothing(house, secret):
    create(house)
    with pytest.raises(Unauthenticated):
        service.authenticate(house.tools(), secret)


def test_the_token_of_the_settings_makes_the_first_key(house):
    tools = house.tools()
    tools = replace(tools, config=type(tools.config)(home=tools.config.home, token="first"))
    assert service.authenticate(tools, "first") == Actor(name="token", scope="admin")
    for wrong in ("", "firs", "first "):
        with pytest.raises(Unauthenticated):
            service.authenticate(tools, wrong)


def test_secrets_are_long_differ_and_are_not_kept(house):
    secrets = {create(house).secret for _ in range(20)}
    assert len(secrets) == 20
    assert all(secret.startswith("ondol_") and len(secret) == 49 for secret in secrets)
    kept = b"".join(file.read_bytes() for file in house.tools().config.home_path.rglob("ondol.db*"))
    assert kept
    for secret in secrets:
        assert secret.encode() not in kept
        assert secret.removeprefix("ondol_").encode() not in kept


def test_each_scope_includes_those_before_it():
    for mine, needed in itertools.product(SCOPES, SCOPES):
        actor = Actor(name="kim", scope=mine)
        if SCOPES.index(mine) >= SCOPES.index(needed):
            service.allow(actor, needed)
        else:
            with pytest.raises(Forbidden, match=needed):
                service.allow(actor, needed)


def test_the_audit_says_who_did_what_newest_first(house):
    with house.tools().transaction(write=True) as tools:
        service.record_audit(tools, "kim", "aliases.point", "flight-delay")
        service.record_audit(tools, "x" * 300, "models.declare", "y" * 300)
    newest, oldest = house.call(service.list_audit, ListAudit())
    assert (oldest.actor, oldest.operation, oldest.subject) == ("kim", "aliases.point", "flight-delay")
    assert (len(newest.actor), len(newest.subject)) == (200, 200)
    assert house.call(service.list_audit, ListAudit(limit=1)) == [newest]
    with pytest.raises(Invalid):
        house.call(service.list_audit, ListAudit(limit=0))


def test_a_key_needs_a_name_and_revoking_needs_a_key(house):
    for name in ("", "a b", "x" * 101, "--scope"):
        with pytest.raises(Invalid):
            create(house, name=name)
    with pytest.raises(NotFound):
        house.call(service.revoke_key, RevokeKey(key="key_x"))


def test_a_hash_is_the_same_for_the_same_secret_only():
    assert rules.hash_of("a") == rules.hash_of("a") != rules.hash_of("b")
    assert rules.same("a", "a")
    assert not rules.same("a", "é")
