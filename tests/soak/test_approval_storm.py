"""Ten thousand approvals while everything is killed: one effect for each grant, none without."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.soak.approval_report import report_of
from tests.soak.approval_storm import Plan

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_a_storm_of_approvals_breaks_no_promise(
    database: str, tmp_path: Path, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    approvals = pytestconfig.getoption("--approvals")
    plan = Plan(
        approvals,
        pytestconfig.getoption("--seed"),
        calm=min(100, approvals // 10),
        minutes=pytestconfig.getoption("--minutes"),
    )
    with capsys.disabled():
        print(f"\n{database}, seed {plan.seed}", flush=True)  # noqa: T201
        report = await report_of(plan, database, tmp_path)
        print(report, flush=True)  # noqa: T201
    assert not report.broken
