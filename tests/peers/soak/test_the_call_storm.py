"""A slice of the storm of calls (tests/soak): each kind of fault once, by the day's seed.

It comes last of this package: what it kills stands in the house's log.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest
from tests.peers.drivers.installation import Installation
from tests.soak.call_reckoning import reckon, until_closed
from tests.soak.call_storm import Plan, storm, two_edges

pytestmark = [pytest.mark.peers, pytest.mark.timeout(240)]

# What the storm itself is held to needs a machine that does nothing else.
_MOST_SILENCE_S = 5.0

_SEED = int(os.environ.get("STORM_SEED", str(datetime.now(UTC).toordinal())))


async def test_a_slice_of_the_storm_of_calls_breaks_no_promise(house: Installation) -> None:
    plan = Plan(10, _SEED, at_once=6, speak=0.2, lasts_s=(7.0, 12.0), once_each=True)
    async with two_edges(house) as both:
        outcome = await storm(plan, house, both)
        await until_closed(outcome, 60)
        report = await reckon(outcome, _MOST_SILENCE_S)
    assert not report.broken, str(report)
    assert len(outcome.faults) == 7
    assert all(count == 1 for count in outcome.faults.values())
