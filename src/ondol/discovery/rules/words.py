"""What of a text is looked for: words without their endings, and pairs of letters where languages glue words."""

from __future__ import annotations

import functools
import re

_WORD = re.compile(r"[0-9]+|[^\W\d_]+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_GLUED = re.compile("[\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7af]")
_EMPTY = frozenset(
    "a an and are as at be by for from has have how in into is it its of on or than that the their this to was".split()  # noqa: SIM905
    + "were what when which who with".split()  # noqa: SIM905
)
# Longer ones first. Not grammar: what is cut off must only be the same for the forms of one word.
_ENDINGS = tuple("ations ation ings ance ence als ing ers ies ed es al er ly s e".split())  # noqa: SIM905
_SHORTEST = 3


@functools.lru_cache(maxsize=100_000)
def words_of(text: str) -> tuple[str, ...]:
    """In their order, as often as they stand there: `carrier_late_7d` has the words carri, late, 7, d."""
    found: list[str] = []
    for word in _WORD.findall(_HUMP.sub(" ", text).lower()):
        if _GLUED.search(word):
            found += [word[place : place + 2] for place in range(len(word) - 1)] or [word]
        elif word not in _EMPTY:
            found.append(stem(word))
    return tuple(found)


def stem(word: str) -> str:
    """The word without its ending: late, lately and lates are one; arrives, arrival and arrived are one."""
    if word.endswith("y") and len(word) > _SHORTEST and word[-2] not in "aeiou":
        return word[:-1]
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST:
            return _undoubled(word.removesuffix(ending))
    return word


def _undoubled(word: str) -> str:
    """`delayed`, but also `stopp` of stopped."""
    return word[:-1] if len(word) > _SHORTEST and word[-1] == word[-2] and word[-1] not in "aeiouls" else word


def near(word: str, known: str) -> bool:
    """Whether `known` may be meant by somebody who wrote `word`: it begins with it, stands in it as one of two words
    written together, or one letter is wrong."""
    if len(word) >= _SHORTEST and known.startswith(word):
        return True
    if len(known) > _SHORTEST and (word.startswith(known) or word.endswith(known)):
        return True
    return len(word) > _SHORTEST and abs(len(word) - len(known)) <= 1 and _one_apart(word, known)


def _one_apart(first: str, second: str) -> bool:
    """One letter changed, left out, added, or two neighbours swapped."""
    head = 0
    while head < min(len(first), len(second)) and first[head] == second[head]:
        head += 1
    first, second = first[head:], second[head:]
    swapped = len(first) > 1 and first[:2] == second[1::-1] and first[2:] == second[2:]
    return swapped or first[1:] == second[1:] or first[1:] == second or first == second[1:]
