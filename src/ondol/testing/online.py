"""What every `Online` adapter must do. To check yours:

    class TestMyOnline(OnlineSuite):
        @pytest.fixture
        def opener(self, tmp_path):
            return functools.partial(MyOnline, str(tmp_path / "online"))

`opener()` opens the same empty store each time it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ondol.ports.online import Online

Opener = Callable[[], Online]


class OnlineSuite:
    """Subclass it and give the fixture `opener`."""

    @pytest.fixture
    def opener(self) -> Opener:
        raise RuntimeError("a subclass of OnlineSuite must define the fixture `opener`")

    @pytest.fixture
    def online(self, opener: Opener) -> Iterator[Online]:
        opened = opener()
        yield opened
        opened.close()

    def test_steps_come_back_sorted_with_their_nulls(self, online: Online) -> None:
        assert online.put("v", [("UA|EWR", [(20, (2.5, None)), (10, (1.0, -0.0))])], replace=False) == 1
        assert online.get("v", ["UA|EWR"]) == [[(10, (1.0, -0.0)), (20, (2.5, None))]]

    def test_keys_are_answered_in_the_order_asked_and_unknown_ones_are_empty(self, online: Online) -> None:
        online.put("v", [("a", [(1, (1.0,))]), ("b", [(1, (2.0,))]), ("", [(1, (3.0,))])], replace=False)
        asked = ["b", "nobody", "a", "b", ""]
        assert online.get("v", asked) == [[(1, (2.0,))], [], [(1, (1.0,))], [(1, (2.0,))], [(1, (3.0,))]]
        assert online.get("v", []) == []
        assert online.get("unknown view", ["a"]) == [[]]

    def test_views_are_apart(self, online: Online) -> None:
        online.put("v", [("a", [(1, (1.0,))])], replace=False)
        online.put("w", [("a", [(1, (2.0,))])], replace=False)
        online.drop("v")
        assert online.get("v", ["a"]) == [[]]
        assert online.get("w", ["a"]) == [[(1, (2.0,))]]

    def test_merging_keeps_both_and_the_later_put_wins_at_one_instant(self, online: Online) -> None:
        online.put("v", [("a", [(10, (1.0,)), (30, (3.0,))])], replace=False)
        online.put("v", [("a", [(20, (2.0,)), (30, (9.0,))])], replace=False)
        assert online.get("v", ["a"]) == [[(10, (1.0,)), (20, (2.0,)), (30, (9.0,))]]

    def test_replacing_drops_what_the_key_had_and_touches_no_other_key(self, online: Online) -> None:
        online.put("v", [("a", [(10, (1.0,))]), ("b", [(10, (1.0,))])], replace=False)
        online.put("v", [("a", [(20, (2.0,))])], replace=True)
        assert online.get("v", ["a", "b"]) == [[(20, (2.0,))], [(10, (1.0,))]]

    def test_a_key_given_twice_in_one_put_is_one_key(self, online: Online) -> None:
        assert online.put("v", [("a", [(1, (1.0,))]), ("a", [(2, (2.0,))])], replace=True) == 1
        assert online.get("v", ["a"]) == [[(1, (1.0,)), (2, (2.0,))]]

    def test_instants_are_exact_to_the_microsecond_and_before_1970_too(self, online: Online) -> None:
        steps = [(-1, (1.0,)), (1_363_000_000_000_001, (2.0,)), (4_102_444_800_000_000, (3.0,))]
        online.put("v", [("a", steps)], replace=False)
        assert online.get("v", ["a"]) == [steps]

    def test_forgetting_keeps_the_step_in_force(self, online: Online) -> None:
        online.put("v", [("a", [(10, (1.0,)), (20, (2.0,)), (30, (3.0,))]), ("b", [(5, (0.0,))])], replace=False)
        assert online.forget_before("v", 25) == 1
        assert online.get("v", ["a", "b"]) == [[(20, (2.0,)), (30, (3.0,))], [(5, (0.0,))]]
        assert online.forget_before("v", 30) == 1
        assert online.forget_before("v", 10_000) == 0
        assert online.get("v", ["a"]) == [[(30, (3.0,))]]

    def test_the_revision_grows_with_every_put_and_never_returns(self, online: Online) -> None:
        assert online.revision("v") == 0
        seen = [online.revision("v")]
        for number in range(3):
            online.put("v", [("a", [(number, (1.0,))])], replace=False)
            seen.append(online.revision("v"))
        online.drop("v")
        online.put("v", [("a", [(9, (1.0,))])], replace=False)
        seen.append(online.revision("v"))
        assert seen == sorted(set(seen))
        assert online.revision("w") == 0

    def test_values_outlive_the_one_who_wrote_them(self, opener: Opener) -> None:
        first, second = opener(), opener()
        first.put("v", [("a", [(1, (1.0,))])], replace=False)
        first.close()
        assert second.get("v", ["a"]) == [[(1, (1.0,))]]
        second.close()

    def test_writers_at_once_lose_nothing(self, opener: Opener) -> None:
        stores = [opener() for _ in range(4)]

        def write(number: int) -> None:
            for step in range(10):
                stores[number].put("v", [("shared", [(number * 100 + step, (1.0,))])], replace=False)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, range(4)))
        assert len(stores[0].get("v", ["shared"])[0]) == 40
        assert stores[3].revision("v") == 40
        for store in stores:
            store.close()
