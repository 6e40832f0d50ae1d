"""Two hundred calls while everything is killed: who is on another edge hears no hole in it."""

from __future__ import annotations

import pytest
from tests.peers.drivers.installation import running
from tests.soak.call_reckoning import reckon, until_closed
from tests.soak.call_storm import Plan, storm, two_edges

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]

_CLOSED_S = 120.0


async def test_a_storm_of_kills_costs_no_call_storm_its_promises(
    tmp_path_factory: pytest.TempPathFactory,
    pytestconfig: pytest.Config,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plan = Plan(
        pytestconfig.getoption("--calls"),
        pytestconfig.getoption("--seed"),
        at_once=pytestconfig.getoption("--at-once"),
        minutes=pytestconfig.getoption("--minutes"),
    )
    with running(tmp_path_factory.mktemp("tl") / "var") as installation:
        async with two_edges(installation) as house:
            outcome = await storm(plan, installation, house)
            await until_closed(outcome, _CLOSED_S)
            report = await reckon(outcome)
    with capsys.disabled():
        print(f"\n{report}", flush=True)  # noqa: T201
    assert not report.broken
