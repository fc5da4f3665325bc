"""The Online port on a SQLite file, on LMDB and on Redis."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from ondol.adapters.online_lmdb import LmdbOnline
from ondol.adapters.online_redis import RedisOnline
from ondol.adapters.online_sqlite import SqliteOnline
from ondol.home import open_house
from ondol.kernel.config import Config
from ondol.kernel.errors import Invalid, Unavailable
from ondol.testing.online import OnlineSuite, Opener


class TestSqlite(OnlineSuite):
    @pytest.fixture
    def opener(self, tmp_path: Path) -> Opener:
        return functools.partial(SqliteOnline, tmp_path / "online.db")


class TestLmdb(OnlineSuite):
    @pytest.fixture
    def opener(self, tmp_path: Path) -> Opener:
        pytest.importorskip("lmdb")
        return functools.partial(LmdbOnline, tmp_path / "online.lmdb")


@pytest.mark.redis
class TestRedis(OnlineSuite):
    @pytest.fixture
    def opener(self, redis_url: str) -> Opener:
        return functools.partial(RedisOnline, redis_url)

    def test_houses_with_other_prefixes_share_a_server(self, redis_url):
        one, other = RedisOnline(redis_url), RedisOnline(f"{redis_url}-other")
        one.put("v", [("a", [(1, (1.0,))])], replace=True)
        assert other.get("v", ["a"]) == [[]]
        assert other.stamp() == 0


def test_a_server_that_is_not_there_is_said_with_its_address():
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:1 does not answer"):
        RedisOnline("redis://127.0.0.1:1/0").stamp()


@pytest.mark.parametrize(
    ("address", "kind"),
    [("", SqliteOnline), ("sqlite", SqliteOnline), ("lmdb", LmdbOnline), ("redis://127.0.0.1:1", RedisOnline)],
)
def test_the_store_is_chosen_by_its_address(tmp_path, address, kind):
    house = open_house(Config(home=str(tmp_path / "home"), online=address))
    assert type(house.tools().online) is kind
    house.close()


def test_other_stores_are_refused_with_what_there_is(tmp_path):
    with pytest.raises(Invalid, match="cassandra") as refused:
        open_house(Config(home=str(tmp_path / "home"), online="cassandra"))
    assert "lmdb" in refused.value.hint


def test_stores_lie_where_their_address_says(tmp_path):
    for scheme, name in (("sqlite", "o.db"), ("lmdb", "o.lmdb")):
        house = open_house(Config(home=str(tmp_path / scheme), online=f"{scheme}://{tmp_path / name}"))
        house.close()
        assert (tmp_path / name).exists()
