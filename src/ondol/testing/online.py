"""What every `Online` adapter must do. To check yours:

    class TestMyOnline(OnlineSuite):
        @pytest.fixture
        def opener(self, tmp_path):
            return functools.partial(MyOnline, str(tmp_path / "online"))

`opener()` opens the same empty store each time it is called. It is sent to other processes, so it must be
picklable, as a class or a `functools.partial` of one is.
"""

from __future__ import annotations

import itertools
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ondol.ports.online import Online, Step

Opener = Callable[[], Online]

_KEYS = [f"k{number}" for number in range(200)]
_WAIT_SECONDS = 60


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
        online.put("v@1/7d", [("a", [(1, (3.0,))])], replace=False)
        online.drop("v")
        assert online.get("v", ["a"]) == [[]]
        assert online.get("w", ["a"]) == [[(1, (2.0,))]]
        assert online.get("v@1/7d", ["a"]) == [[(1, (3.0,))]]

    def test_keys_are_any_text_of_any_length(self, online: Online) -> None:
        keys = ["서울", "a\0b", "x" * 5000, "x" * 4999 + "y", "x" * 480, "x" * 481, "\\|", "🛫"]
        online.put("v", [(key, [(number, (float(number),))]) for number, key in enumerate(keys)], replace=True)
        assert online.get("v", keys) == [[(number, (float(number),))] for number in range(len(keys))]
        assert online.forget_before("v", 100) == 0

    def test_merging_keeps_both_and_the_later_put_wins_at_one_instant(self, online: Online) -> None:
        online.put("v", [("a", [(10, (1.0,)), (30, (3.0,))])], replace=False)
        online.put("v", [("a", [(20, (2.0,)), (30, (9.0,))])], replace=False)
        assert online.get("v", ["a"]) == [[(10, (1.0,)), (20, (2.0,)), (30, (9.0,))]]

    def test_replacing_drops_what_the_key_had_and_touches_no_other_key(self, online: Online) -> None:
        online.put("v", [("a", [(10, (1.0,))]), ("b", [(10, (1.0,))])], replace=False)
        online.put("v", [("a", [(20, (2.0,))])], replace=True)
        assert online.get("v", ["a", "b"]) == [[(20, (2.0,))], [(10, (1.0,))]]

    def test_replacing_leaves_what_comes_after_an_instant(self, online: Online) -> None:
        stored = [(10, (1.0,)), (20, (2.0,)), (30, (3.0,)), (40, (4.0,))]
        online.put("v", [(key, stored) for key in ("a", "b", "c", "d")], replace=True)
        fresh = [(15, (9.0,)), (30, (9.0,))]
        assert online.put("v", [(key, fresh) for key in ("a", "b", "c", "new")], replace=True, after={
            "a": 20, "b": 40, "new": 0
        }) == 4  # fmt: skip
        expected = [[*fresh, (40, (4.0,))], fresh, fresh, stored, fresh]
        assert online.get("v", ["a", "b", "c", "d", "new"]) == expected

    def test_a_key_given_twice_in_one_put_is_one_key(self, online: Online) -> None:
        assert online.put("v", [("a", [(1, (1.0,))]), ("a", [(2, (2.0,))])], replace=True) == 1
        assert online.get("v", ["a"]) == [[(1, (1.0,)), (2, (2.0,))]]

    def test_instants_are_exact_to_the_microsecond_and_before_1970_too(self, online: Online) -> None:
        steps: list[Step] = [
            (-(1 << 62), (0.0,)), (-1, (1.0,)), (1_363_000_000_000_001, (2.0,)), (4_102_444_800_000_000, (3.0,))
        ]  # fmt: skip
        online.put("v", [("a", steps)], replace=False)
        assert online.get("v", ["a"]) == [steps]

    def test_nothing_expires_by_itself(self, online: Online) -> None:
        """How old a value may be is decided by who asks, at the moment that is asked about."""
        online.put("v", [("a", [(0, (1.0,))])], replace=False)
        time.sleep(0.01)
        assert online.get("v", ["a"]) == [[(0, (1.0,))]]

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

    def test_the_stamp_is_another_one_after_every_change_by_anybody(self, opener: Opener) -> None:
        mine, other = opener(), opener()
        seen = [mine.stamp()]
        assert mine.stamp() == seen[0]
        changes: list[Callable[[], object]] = [
            lambda: mine.put("v", [("a", [(1, (1.0,)), (2, (1.0,))])], replace=True),
            lambda: other.put("v", [("a", [(3, (1.0,))])], replace=False),
            lambda: other.forget_before("v", 3),
            lambda: mine.drop("v"),
            lambda: other.put("w", [("a", [(1, (1.0,))])], replace=False),
        ]
        for change in changes:
            change()
            seen.append(mine.stamp())
            assert mine.stamp() == seen[-1]
        assert all(before != after for before, after in itertools.pairwise(seen))
        mine.close()
        other.close()

    def test_notes_are_stored_with_their_put_and_go_with_their_view(self, opener: Opener) -> None:
        first, second = opener(), opener()
        assert first.notes("v") == {}
        first.put("v", [("a", [(1, (1.0,))])], replace=True, notes={"reached": "a"})
        assert second.notes("v") == {"reached": "a"}
        second.put("v", [("b", [(1, (1.0,))])], replace=False, notes={"by": "서울"})
        first.put("v", [], replace=True, notes={"reached": "the end"})
        assert second.notes("v") == {"reached": "the end", "by": "서울"}
        assert second.notes("w") == {}
        second.drop("v")
        assert first.notes("v") == {}
        first.close()
        second.close()

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

    def test_many_keys_go_in_and_come_out(self, online: Online) -> None:
        stairs = [(f"k{number}", [(1, (float(number), None)), (2, (0.5, 1.0))]) for number in range(20_000)]
        assert online.put("v", stairs, replace=True) == 20_000
        assert online.put("v", [(key, [(3, (1.0, 1.0))]) for key, _ in stairs], replace=False) == 20_000
        found = online.get("v", [key for key, _ in stairs])
        assert found == [[*steps, (3, (1.0, 1.0))] for _, steps in stairs]
        assert online.forget_before("v", 3) == 40_000
        assert online.get("v", ["k19999", "k20000"]) == [[(3, (1.0, 1.0))], []]

    def test_processes_read_whole_puts_while_another_one_writes(self, opener: Opener) -> None:
        online = opener()
        _write_round(online, 0)
        with _other("write", opener) as writer:
            readers = [_other("read", opener) for _ in range(2)]
            answers = [reader.communicate(timeout=_WAIT_SECONDS)[0] for reader in readers]
            # A writer that is killed leaves a whole put behind, and bars nobody.
            writer.send_signal(signal.SIGKILL)
        assert [answer.decode().split()[-1] for answer in answers] == ["whole", "whole"]
        rounds = _rounds(online)
        assert len(rounds) == 1
        assert online.notes("v") == {"round": str(rounds.pop())}
        assert _write_round(online, 1_000_000) == len(_KEYS)
        assert _rounds(online) == {1_000_000}
        online.close()


def _other(task: str, opener: Opener) -> subprocess.Popen[bytes]:
    """A process of its own that writes until it is killed, or reads until it has seen several puts."""
    command = [sys.executable, "-c", "from ondol.testing.online import _in_process; _in_process()", task]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=dict(os.environ))
    assert process.stdin is not None
    process.stdin.write(pickle.dumps(opener))
    process.stdin.close()
    process.stdin = None
    return process


def _in_process() -> None:
    online: Online = pickle.load(sys.stdin.buffer)()
    if sys.argv[1] == "write":
        number = 0
        while True:
            number += 1
            _write_round(online, number)
    seen: set[Any] = set()
    until = time.monotonic() + _WAIT_SECONDS / 2
    while len(seen) < 5 and time.monotonic() < until:
        rounds = _rounds(online)
        if len(rounds) != 1:
            sys.exit(f"torn: {rounds}")
        seen |= rounds
    print("whole" if len(seen) >= 5 else f"saw {len(seen)} puts")


def _write_round(online: Online, number: int) -> int:
    return online.put(
        "v", [(key, [(number, (float(number),))]) for key in _KEYS], replace=True, notes={"round": str(number)}
    )


def _rounds(online: Online) -> set[int]:
    """The numbers of the puts that one read saw."""
    return {steps[-1][0] for steps in online.get("v", _KEYS)}
