"""A slice of the approvals storm (tests/soak): every kind of fault once, on one database a day."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.soak.approval_report import report_of
from tests.soak.approval_storm import Plan

pytestmark = [pytest.mark.peers, pytest.mark.timeout(300)]

# Two databases by turns, so that either is met within two days; a failure names seed and database.
_DAY = datetime.now(UTC).toordinal()
_DATABASE = os.environ.get("STORM_DATABASE", ("sqlite", "postgresql")[_DAY % 2])
_SEED = int(os.environ.get("STORM_SEED", str(_DAY)))


async def test_a_slice_of_the_storm_breaks_no_promise(tmp_path: Path) -> None:
    plan = Plan(
        60, _SEED, at_once=30, edges=2, once_each=True, leases_end=True, settle_within_s=120
    )
    report = await report_of(plan, _DATABASE, tmp_path)
    assert not report.broken, f"{_DATABASE}, seed {_SEED}\n{report}"
    assert all(count == 1 for count in report.outcome.faults.values())
    assert len(report.outcome.faults) >= 7
