"""Lanes: the default run needs only what pip installs; a lane starts the service it needs.

`--lanes=all` (or `CI=true`) runs every lane, `--lanes=s3,postgres` these two. A lane whose service is
missing is skipped with its reason on a desk, and is an error under CI=true.
"""

from __future__ import annotations

import importlib.util
import os

import pytest

LANES = ("postgres", "mariadb", "redis", "kafka", "s3", "browser", "packaging", "mlflow", "spark", "walk")
PREPARED_ONCE = ("browser", "mlflow", "packaging", "spark")
IN_CI = os.environ.get("CI", "").lower() in ("1", "true")

pytest_plugins = [name for name in ("tests.rooms", "tests.services") if importlib.util.find_spec(name)]


def pytest_addoption(parser: pytest.Parser) -> None:
    default = "all" if IN_CI else ""
    parser.addoption("--lanes", default=default, help=f"all, or some of {','.join(LANES)}; without it: none")


def _chosen(config: pytest.Config) -> set[str]:
    text = config.getoption("--lanes")
    chosen = set(LANES) if text == "all" else {word for word in text.split(",") if word}
    if unknown := chosen - set(LANES):
        raise pytest.UsageError(f"--lanes: no lane is called {sorted(unknown)}; there are {', '.join(LANES)}")
    return chosen


def _lanes(item: pytest.Item) -> set[str]:
    return {mark.name for mark in item.iter_markers()} & set(LANES)


def pytest_report_header(config: pytest.Config) -> str:
    return f"lanes: {', '.join(sorted(_chosen(config))) or 'none (--lanes=all runs ' + ', '.join(LANES) + ')'}"


# First: xdist reads the groups in its own hook of the same name.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    chosen = _chosen(config)
    left_out = [item for item in items if not _lanes(item) <= chosen]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if _lanes(item) <= chosen]
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))


def _group(item: pytest.Item) -> str:
    """What one process must run: the tests of a file, and of a lane that prepares something large once."""
    return next(iter(sorted(_lanes(item) & set(PREPARED_ONCE))), item.location[0])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    report = yield
    if IN_CI and report.skipped and _lanes(item) and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"CI must be able to run the lane {sorted(_lanes(item))}: {report.longrepr}"
    return report
