"""What people write finds what is meant."""

from __future__ import annotations

import pytest

from ondol.discovery.rules.ranking import Index
from ondol.discovery.rules.words import near, words_of

WEIGHTS = {"name": 4.0, "text": 1.0}
DOCUMENTS = [
    {"name": "carrier_late_7d", "text": "Share of the carrier's flights that arrived late, mean of arr_delay > 15"},
    {"name": "route_late_7d", "text": "Share of the flights of a route that arrived late, mean of arr_delay > 15"},
    {"name": "carrier", "text": "The airline, two letters"},
    {"name": "wind_speed", "text": "Wind at the airport of departure, miles per hour"},
    {"name": "arr_delay", "text": "Minutes between the planned and the real arrival at the gate"},
    {"name": "visib", "text": "시정: 공항에서 보이는 거리"},
    {"name": "late_share_ko", "text": "항공사의 지연 도착 비율 (7일)"},
]


def _names(text: str) -> list[str]:
    return [DOCUMENTS[number]["name"] for number, _, _ in Index(DOCUMENTS, WEIGHTS).search(text)]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("share of late arrivals of the carrier", "carrier_late_7d"),
        ("carrier late", "carrier_late_7d"),
        ("late arrivals of a route", "route_late_7d"),
        ("airline", "carrier"),
        ("windspeed", "wind_speed"),
        ("arrival delay", "arr_delay"),
        ("carier lat", "carrier_late_7d"),
        ("지연 도착 비율", "late_share_ko"),
        ("항공사 지연", "late_share_ko"),
        ("시정", "visib"),
    ],
)
def test_what_is_meant_comes_first(text: str, first: str):
    assert _names(text)[0] == first


def test_what_has_little_of_the_words_is_left_out():
    assert "visib" not in _names("share of late arrivals of the carrier")
    assert _names("xylophone") == []
    assert _names("") == []


@pytest.mark.parametrize(
    "forms",
    ["arrive arrives arrived arrival arrivals arriving", "late lates", "delay delays delayed", "stopped stops",
     "carrier carriers", "category categories", "model models"],
)  # fmt: skip
def test_forms_of_a_word_are_one(forms: str):
    assert len(set(words_of(forms))) == 1, words_of(forms)


def test_words_of_names():
    assert words_of("carrierLate_7d") == words_of("Carrier late 7 d")
    assert words_of("지연율") == ("지연", "연율")


@pytest.mark.parametrize(
    ("written", "meant", "is_near"),
    [
        ("carrir", "carrier", True), ("carreir", "carrier", True), ("carriers", "carrier", True),
        ("carr", "carrier", True), ("barrier", "carrier", True), ("carrot", "carrier", False), ("la", "late", False),
        ("rate", "late", True), ("rat", "late", False),
    ],
)  # fmt: skip
def test_near_words(written: str, meant: str, is_near: bool):
    assert near(written, meant) == is_near
