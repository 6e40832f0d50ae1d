"""Edges are told of what is due: no more than may be up, and none of what is too late."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from tests.unit.storage.facts import NOON
from tests.unit.storage.test_placements import RULES, claim, look, order

from trunkline.domain.clock import SystemClock
from trunkline.domain.ids import CallId
from trunkline.domain.placement import PlacementOutcome
from trunkline.jobs.dialler import place_due_calls
from trunkline.storage.engine import Sessions


@dataclass
class At(SystemClock):
    seconds: float = 0

    def now(self):  # type: ignore[no-untyped-def]
        return NOON + timedelta(seconds=self.seconds)


@dataclass
class Told:
    is_away: bool = False
    told: list[CallId] = field(default_factory=list)

    async def place(self, placement_id: CallId) -> bool:
        if not self.is_away:
            self.told.append(placement_id)
        return not self.is_away


async def test_what_is_due_is_told_again_until_somebody_dials(sessions: Sessions) -> None:
    edges = Told()
    one = await order(sessions)
    later = await order(sessions, due_at=NOON + timedelta(minutes=5))
    assert await place_due_calls(sessions, edges, RULES, At()) == 1
    assert await place_due_calls(sessions, edges, RULES, At(1)) == 1
    assert await claim(sessions, one, at_s=1) is not None
    assert await place_due_calls(sessions, edges, RULES, At(2)) == 0
    assert await place_due_calls(sessions, edges, RULES, At(301)) == 1
    assert edges.told == [one.placement_id, one.placement_id, later.placement_id]


async def test_no_more_are_told_than_may_be_up(sessions: Sessions) -> None:
    edges = Told()
    placements = [await order(sessions) for _ in range(7)]
    assert await claim(sessions, placements[0]) is not None
    assert await place_due_calls(sessions, edges, RULES, At(1)) == 4


async def test_without_an_edge_orders_wait_and_then_expire(sessions: Sessions) -> None:
    edges = Told(is_away=True)
    one = await order(sessions, valid_s=60)
    assert await place_due_calls(sessions, edges, RULES, At(59)) == 0
    assert (await look(sessions, one.placement_id)).outcome is None
    edges.is_away = False
    await place_due_calls(sessions, edges, RULES, At(61))
    assert (await look(sessions, one.placement_id)).outcome is PlacementOutcome.EXPIRED
    assert await place_due_calls(sessions, edges, RULES, At(62)) == 0
