"""Searches answer what the grammar says, on every database: against a reference in plain Python."""

from __future__ import annotations

import contextlib
import fnmatch
import itertools
import math
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ondol.home import House, open_house
from ondol.kernel.config import Config
from ondol.kernel.errors import Invalid
from ondol.tracking.repo import search as compiled
from ondol.tracking.repo.tables import START
from ondol.tracking.rules.search import EXPERIMENTS, MODELS, RUNS, glob_of, parse_filter, parse_order
from ondol.tracking.service import wire
from ondol.tracking.types import DatasetInput, KeyValue, Point, SearchRuns, TrackedDataset
from tests.tracking.reference import PlainRun, like, matches, ordered

METRICS = ["auc", "loss/val", "a b"]
TEXT_KEYS = ["by", "model type", "mlflow.source.name"]
WORDS = ["", "a", "A", "ab", "aB%", "a_b", "10%", "[x]", "it's", 'say "x"', "a*", "?", "\\", "a\nb", "%"]
PATTERNS = ["%", "a%", "A_", "%b", "_", "a\\%", "[x]", "%*", "??", "", "a%b", "10\\%"]
STATUSES = ["RUNNING", "FINISHED", "KILLED"]
NUMERIC = ["=", "!=", "<", "<=", ">", ">="]
numbers = itertools.count(1)

values = st.one_of(st.integers(-2, 2).map(float), st.sampled_from([0.5, -1e300, math.nan, math.inf, -math.inf]))
texts = st.sampled_from(WORDS)
plain_runs = st.builds(
    PlainRun,
    id=st.just(""),
    name=st.sampled_from(["first", "Second", "a_b"]),
    status=st.sampled_from(STATUSES),
    person=st.sampled_from(["kim", "lee"]),
    start=st.integers(0, 3),
    end=st.one_of(st.none(), st.integers(0, 3)),
    metrics=st.dictionaries(st.sampled_from(METRICS), values),
    params=st.dictionaries(st.sampled_from(TEXT_KEYS), texts),
    tags=st.dictionaries(st.sampled_from(TEXT_KEYS), texts),
    datasets=st.lists(
        st.fixed_dictionaries(
            {
                "name": st.sampled_from(["train", "test"]),
                "digest": st.sampled_from(["d1", "d2"]),
                "context": st.sampled_from([None, "fit", "eval"]),
            }
        ),
        max_size=2,
        unique_by=lambda one: (one["name"], one["digest"]),
    ),
)


def quoted(text: str) -> st.SearchStrategy[str]:
    forms = ["'" + text.replace("'", "''") + "'"]
    if '"' not in text:
        forms.append(f'"{text}"')
    return st.sampled_from(forms)


@st.composite
def clauses(draw):
    """A clause as its text and as the reference takes it."""
    entity, key, names = draw(
        st.sampled_from(
            [("metrics", key, ["metrics", "metric"]) for key in METRICS]
            + [("params", key, ["params", "param", "parameter", "`params`"]) for key in TEXT_KEYS]
            + [("tags", key, ["tags", "tag"]) for key in [*TEXT_KEYS, "mlflow.runName"]]
            + [("attributes", key, ["attributes", "attr", "run", ""]) for key in ("status", "run_name", "user_id")]
            + [("attributes", key, ["attribute", ""]) for key in ("start_time", "end_time")]
            + [("datasets", key, ["datasets", "dataset"]) for key in ("name", "digest", "context")]
        )
    )
    plain = " " not in key and "/" not in key
    field = draw(st.sampled_from([f"`{key}`", f'"{key}"'] + [key] * plain))
    name = draw(st.sampled_from(names))
    left = f"{name}.{field}" if name else key
    if entity == "metrics" or key in ("start_time", "end_time"):
        how, value = draw(st.sampled_from(NUMERIC)), draw(st.sampled_from([-2, 0, 1, 0.5, -1.5, 1e300]))
        return f"{left} {how} {value!r}", (entity, key, how, value)
    choices = ["=", "!=", "LIKE", "ILIKE"]
    choices += ["IS NULL", "IS NOT NULL"] if entity in ("params", "tags") else ["IN", "NOT IN"]
    how = draw(st.sampled_from(choices))
    word = draw(st.sampled_from([how, how.lower()]))
    known = {"status": STATUSES, "user_id": ["kim"], "name": ["train"], "digest": ["d1"], "context": ["fit"]}
    pool = known.get(key, WORDS)
    if how.startswith("IS"):
        return f"{left} {word}", (entity, key, how, None)
    if how.endswith("IN"):
        items = draw(st.lists(st.sampled_from(pool), min_size=1, max_size=3))
        return f"{left} {word} ({', '.join(draw(quoted(item)) for item in items)})", (entity, key, how, items)
    value = draw(st.sampled_from(PATTERNS if how.endswith("LIKE") else pool))
    return f"{left}{' ' if how.isalpha() else ''}{word} {draw(quoted(value))}", (entity, key, how, value)


@st.composite
def orders(draw):
    fields = [("metrics", key) for key in METRICS] + [("params", "by"), ("tags", "by"), ("tags", "mlflow.runName")]
    fields += [("attributes", key) for key in ("start_time", "end_time", "run_name", "status")]
    chosen = draw(st.lists(st.tuples(st.sampled_from(fields), st.booleans()), max_size=3, unique_by=lambda one: one[0]))
    words = [f"{entity}.`{key}` {'ASC' if up else 'desc'}" for (entity, key), up in chosen]
    return words, [(entity, key, up) for (entity, key), up in chosen]


def store(house: House, runs: list[PlainRun]) -> str:
    experiment = house.call("experiments.create", {"name": f"e{next(numbers)}"}).id
    with house.tools().transaction(write=True) as tools:
        for run in runs:
            made = wire.create(tools, experiment, name=run.name, person=run.person, started_ms=run.start, tags=[])
            run.id = made.id
            wire.update(tools, made.id, status=run.status.lower(), ended_ms=run.end, name="")
            wire.log(
                tools,
                made.id,
                points=[Point(key=key, value=value, timestamp=1) for key, value in run.metrics.items()],
                params=[KeyValue(key=key, value=value) for key, value in run.params.items()],
                tags=[KeyValue(key=key, value=value) for key, value in run.tags.items()],
            )
            wire.log_inputs(tools, made.id, [_input(**one) for one in run.datasets], [])
    return experiment


def _input(name: str, digest: str, context: str | None) -> DatasetInput:
    tags = [KeyValue(key="mlflow.data.context", value=context)] if context else []
    return DatasetInput(dataset=TrackedDataset(name=name, digest=digest, source_type="x", source="{}"), tags=tags)


def search(house: House, experiment: str, text: str, order_by: list[str], limit: int) -> list[str]:
    found, token = [], ""
    with house.tools().transaction(write=False) as tools:
        while True:
            request = SearchRuns(experiments=[experiment], filter=text, order_by=order_by, limit=limit, token=token)
            runs, token = wire.search(tools, request)
            found += [run.id for run in runs]
            if not token:
                return found


@pytest.fixture(scope="module")
def sqlite_house(tmp_path_factory) -> Iterator[House]:
    opened = open_house(Config(home=str(tmp_path_factory.mktemp("home"))))
    yield opened
    opened.close()


SEARCH = given(
    st.lists(plain_runs, max_size=8),
    st.lists(st.tuples(st.lists(clauses(), max_size=3), orders()), min_size=1, max_size=6),
    st.integers(1, 9),
)
SETTINGS = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


def check(house: House, runs, questions, limit) -> None:
    experiment = store(house, runs)
    for asked, (words, order) in questions:
        text = " AND ".join(said for said, _ in asked)
        expected = ordered([run for run in runs if matches(run, [clause for _, clause in asked])], order)
        assert search(house, experiment, text, words, limit) == expected, (text, words)


@pytest.fixture(params=["few", "many"])
def counted(request, monkeypatch) -> None:
    """A search begins with what chooses few runs, or walks along what is sorted by; "many" takes all for many."""
    if request.param == "many":
        monkeypatch.setattr(compiled, "COUNTED", dict.fromkeys(compiled.COUNTED, 0))


@pytest.mark.usefixtures("counted")
@SETTINGS
@SEARCH
def test_a_search_answers_what_the_reference_answers(sqlite_house, runs, questions, limit):
    check(sqlite_house, runs, questions, limit)


@pytest.mark.parametrize("length", [START - 1, START, START + 1, 5_000])
def test_long_values_that_begin_alike_are_told_apart(sqlite_house, length):
    experiment = sqlite_house.call("experiments.create", {"name": f"e{next(numbers)}"}).id
    with sqlite_house.tools().transaction(write=True) as tools:
        made = []
        for end in "ab":
            run = wire.create(tools, experiment, name="x", person="", started_ms=1, tags=[])
            entry = [KeyValue(key="k", value="ä" * (length - 1) + end)]
            wire.log(tools, run.id, params=entry, tags=entry)
            made.append(run.id)
    for entity in ("params", "tags"):
        text = f"{entity}.k = '{'ä' * (length - 1)}b'"
        assert search(sqlite_house, experiment, text, [], 5) == made[1:]


@pytest.fixture
def postgres_house(postgres_url, tmp_path) -> Iterator[House]:
    opened = open_house(Config(home=str(tmp_path), database=postgres_url))
    yield opened
    opened.close()


@pytest.mark.postgres
@pytest.mark.usefixtures("counted")
@SETTINGS
@SEARCH
def test_a_search_answers_the_same_on_postgres(postgres_house, runs, questions, limit):
    check(postgres_house, runs, questions, limit)


@pytest.mark.postgres
def test_a_house_without_runs_has_none_to_list_on_postgres(postgres_house):
    assert postgres_house.call("runs.list").items == []
    assert postgres_house.call("runs.search").items == []


@given(st.text(alphabet="ab%_*?[]\\'", max_size=6), st.sampled_from(PATTERNS))
def test_a_glob_matches_what_like_matches(text, pattern):
    assert fnmatch.fnmatchcase(text, glob_of(pattern)) == like(text, pattern, case=True)


@pytest.mark.parametrize(
    "wrong",
    [
        "metrics.auc >", "metrics.auc = 'a'", "foo.x = 1", "nothing = 'x'", "metrics.a = 1 OR metrics.b = 2",
        "params.x = 5", "params.x = `y`", "metrics.x = 1x", "attributes.run_id IN ()", "params.x == 'a'",
        "params.x = 'a", "metrics.x LIKE 'a'", "metrics.a = 1 metrics.b = 2", "(metrics.a = 1)", "AND", "metrics.a",
        "datasets.size = 'x'", "params.x IN ('a')", "attributes.start_time LIKE '1%'", "metrics.x IS NULL",
        "attributes.run_id IN ('a' 'b')", "metrics.x > 1 AND", "; DROP TABLE runs", "params.'x' = 'a'",
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_the_askers_mistake(wrong):
    with pytest.raises(Invalid):
        parse_filter(wrong, RUNS)


@given(st.text(max_size=40))
def test_no_text_breaks_the_parser(text):
    for grammar in (RUNS, EXPERIMENTS, MODELS):
        for parse in (parse_filter, lambda said, known: parse_order([said], known)):
            with contextlib.suppress(Invalid):
                parse(text, grammar)


@pytest.mark.parametrize("wrong", ["metrics.x sideways", "metrics.x ASC DESC", "datasets.name", "", "nothing"])
def test_an_order_that_cannot_be_read_is_the_askers_mistake(wrong):
    with pytest.raises(Invalid):
        parse_order([wrong], RUNS)


def test_a_field_is_sorted_by_once():
    with pytest.raises(Invalid, match="duplicate"):
        parse_order(["start_time", "attributes.start_time DESC"], RUNS)
