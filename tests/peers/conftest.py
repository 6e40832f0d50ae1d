"""Real peers: one that is missing is a skip with its reason here, and a failure in CI."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

# These hold conversations in real time, by ear, on whatever cores there are. What the scheduler
# did to one of them is tried once more; the closing line counts every rerun, so none is hidden.
_IN_REAL_TIME = frozenset(
    {
        "call_control",
        "calls",
        "conformance",
        "conversation",
        "engines",
        "faults",
        "native",
        "outbound",
        "sip",
        "soak",
        "versions",
    }
)


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and item.path.parent.name in _IN_REAL_TIME:
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason}: in CI every peer has to be there (make setup, make test)"
    return report
