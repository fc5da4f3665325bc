"""Which of many short texts is meant: BM25 over fields, as Robertson and Zaragoza describe it (2009, BM25F)."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from ondol.discovery.rules.words import near, words_of

_SATURATION = 1.2
_LENGTH = 0.4
_NEAR = 0.5
"""What a word that is only near the one asked for counts."""


class Index:
    """The words of documents, each a mapping of field to text; `weights` say what a word counts in a field."""

    def __init__(self, documents: Sequence[Mapping[str, str]], weights: Mapping[str, float]) -> None:
        self._places: dict[str, dict[int, float]] = defaultdict(dict)
        self._lengths: list[float] = []
        for number, document in enumerate(documents):
            counted: Counter[str] = Counter()
            length = 0.0
            for field, text in document.items():
                words = words_of(text)
                length += len(words)
                for word in words:
                    counted[word] += weights[field]  # type: ignore[assignment]
            for word, weight in counted.items():
                self._places[word][number] = weight
            self._lengths.append(length)
        self._mean = sum(self._lengths) / len(self._lengths) if self._lengths else 1.0

    def search(self, text: str) -> list[tuple[int, float, list[str]]]:
        """Number of a document, its score, and which of its words were asked for; the best first.

        A document must have the most of the words that any document has, or nearly (half of them).
        """
        asked = list(dict.fromkeys(words_of(text)))
        scores: dict[int, float] = defaultdict(float)
        matched: dict[int, dict[str, str]] = defaultdict(dict)
        for word in asked:
            for number, (score, known) in self._of_word(word).items():
                scores[number] += score
                matched[number][word] = known
        found = [
            (number, score * (len(matched[number]) / len(asked)) ** 2, list(matched[number].values()))
            for number, score in scores.items()
        ]
        most = max((len(words) for _, _, words in found), default=0)
        kept = [each for each in found if 2 * len(each[2]) >= most]
        return sorted(kept, key=lambda each: (-each[1], each[0]))

    def _of_word(self, word: str) -> dict[int, tuple[float, str]]:
        """The best of the word itself and the words near it, for each document that has one of them."""
        best: dict[int, tuple[float, str]] = {}
        meant = [(word, 1.0)] if word in self._places else []
        meant += [(known, _NEAR) for known in self._places if known != word and near(word, known)]
        for known, worth in meant:
            places = self._places[known]
            rare = math.log(1 + (len(self._lengths) - len(places) + 0.5) / (len(places) + 0.5))
            for number, weight in places.items():
                norm = 1 - _LENGTH + _LENGTH * self._lengths[number] / self._mean
                score = worth * rare * weight * (_SATURATION + 1) / (weight + _SATURATION * norm)
                if score > best.get(number, (0.0, ""))[0]:
                    best[number] = (score, known)
        return best
