"""Escalations and take-overs as rows: raised once, held by one, gone with their call."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Final

import orjson
import pytest
from sqlalchemy import select
from tests.unit.storage.facts import CALL, NOON, after, ended, started

from trunkline.domain.approval import Person, Role
from trunkline.domain.errors import Conflict, Forbidden, NotFound
from trunkline.domain.escalation import EscalationDeed, EscalationState, Urgency
from trunkline.domain.events import CallFact, EscalationRaised, TakeOverChanged
from trunkline.domain.take_over import TakeOverCause, TakeOverStage
from trunkline.storage.audit import Audit
from trunkline.storage.engine import Sessions
from trunkline.storage.escalations import Escalations
from trunkline.storage.journal import write_facts
from trunkline.storage.lost_edges import close_calls_of_lost_edges
from trunkline.storage.rows import OutboxRow
from trunkline.storage.take_overs import TakeOvers
from trunkline.storage.webhooks import WebhookRepository

RAISED: Final = EscalationRaised(
    CALL, after(4), 4000, "esc_one", "legal", "keyword", "high", "supervisor", "menu",
    "the caller said “lawyer”",
)  # fmt: skip
ANN: Final = Person("user:ann", Role.SUPERVISOR)
BEN: Final = Person("user:ben", Role.SUPERVISOR)
MANAGER: Final = Person("user:mia", Role.MANAGER)


async def do(
    sessions: Sessions, deed: EscalationDeed, person: Person, note: str = ""
) -> EscalationState:
    async with sessions.writing() as session:
        done = await Escalations(session).act(
            "esc_one", deed, person, after(9), via="dashboard", note=note
        )
    return done.escalation.state


async def test_it_is_kept_and_announced_once_however_often_the_call_tells(
    sessions: Sessions,
) -> None:
    async with sessions.writing() as session:
        await WebhookRepository(session).add(
            "https://example.org/hook", ["escalation.raised"], after(0)
        )
    await write_facts(sessions, [started(), RAISED])
    await write_facts(sessions, [RAISED])
    async with sessions.reading() as session:
        (one,) = await Escalations(session).list()
        (row,) = await session.scalars(select(OutboxRow))
    assert (one.rule, one.urgency, one.agent, one.is_call_live) == ("legal", "high", "energy", True)
    told = orjson.loads(row.body)
    assert told["type"] == "escalation.raised"
    assert (told["data"]["escalation_id"], told["data"]["why"]) == ("esc_one", RAISED.why)


async def test_two_of_one_call_are_both_announced(sessions: Sessions) -> None:
    async with sessions.writing() as session:
        await WebhookRepository(session).add(
            "https://example.org/hook", ["escalation.raised"], after(0)
        )
    second = replace(RAISED, escalation_id="esc_two", urgency="normal", at=after(1))
    await write_facts(sessions, [started(), second, RAISED])
    async with sessions.reading() as session:
        open_ones = await Escalations(session).list()
        assert len(list(await session.scalars(select(OutboxRow)))) == 2
    assert [one.escalation.escalation_id for one in open_ones] == ["esc_one", "esc_two"]


async def test_one_person_has_it_and_resolves_it_with_a_note(sessions: Sessions) -> None:
    await write_facts(sessions, [started(), RAISED])
    assert await do(sessions, EscalationDeed.ACKNOWLEDGE, ANN) is EscalationState.ACKNOWLEDGED
    await do(sessions, EscalationDeed.ACKNOWLEDGE, ANN)
    with pytest.raises(Conflict, match="user:ann has it"):
        await do(sessions, EscalationDeed.ACKNOWLEDGE, BEN)
    with pytest.raises(Conflict, match="user:ann has it"):
        await do(sessions, EscalationDeed.RELEASE, BEN)
    await do(sessions, EscalationDeed.RELEASE, MANAGER)
    await do(sessions, EscalationDeed.ACKNOWLEDGE, BEN)
    assert await do(sessions, EscalationDeed.RESOLVE, BEN, "called back") == "resolved"
    with pytest.raises(Conflict, match="resolved already"):
        await do(sessions, EscalationDeed.RESOLVE, BEN)
    async with sessions.reading() as session:
        assert await Escalations(session).list() == ()
        (one,) = await Escalations(session).list(is_open=False)
        links = await Audit(session).latest()
        assert await Audit(session).first_broken() is None
    assert (one.escalation.resolved_by, one.escalation.note) == ("user:ben", "called back")
    deeds = [link.action for link in reversed(links)]
    assert deeds == [
        "escalation.acknowledge", "escalation.release", "escalation.acknowledge",
        "escalation.resolve",
    ]  # fmt: skip


async def test_who_only_looks_takes_none_and_nobody_has_what_is_not_there(
    sessions: Sessions,
) -> None:
    await write_facts(sessions, [started(), RAISED])
    with pytest.raises(Forbidden):
        await do(sessions, EscalationDeed.ACKNOWLEDGE, Person("user:vic", Role.VIEWER))
    async with sessions.reading() as session:
        with pytest.raises(NotFound):
            await Escalations(session).get("esc_one", owner="other")


@pytest.mark.parametrize("how", ["ended", "edge lost", "raised behind the end"])
async def test_it_is_gone_with_its_call_and_may_be_followed_up(
    sessions: Sessions, how: str
) -> None:
    facts: list[CallFact] = [started(), RAISED]
    if how.startswith("raised"):
        facts.insert(1, ended())
    await write_facts(sessions, facts)
    if how == "ended":
        await write_facts(sessions, [ended()])
    elif how == "edge lost":
        async with sessions.writing() as session:
            await close_calls_of_lost_edges(session, {"edge_one": after(30)})
    async with sessions.reading() as session:
        one = await Escalations(session).get("esc_one")
    assert one.escalation.state is EscalationState.GONE
    assert await do(sessions, EscalationDeed.RESOLVE, ANN, "rang them") == "resolved"


async def test_somebody_outside_raises_one_of_a_live_call_only(sessions: Sessions) -> None:
    await write_facts(sessions, [started()])
    async with sessions.writing() as session:
        escalations = Escalations(session)
        made = await escalations.open_by_hand(
            CALL, "the contract ends today", Urgency.LOW, "crm", after(5), owner="house"
        )
        assert (made.kind, made.why, made.at_ms) == ("outside", "the contract ends today", 5000)
    await write_facts(sessions, [ended()])
    async with sessions.writing() as session:
        with pytest.raises(Conflict, match="over"):
            await Escalations(session).open_by_hand(
                CALL, "late", Urgency.LOW, "crm", after(25), owner="house"
            )


def news(
    take_over_id: str, stage: TakeOverStage, cause: str = "", at: float = 9
) -> TakeOverChanged:
    return TakeOverChanged(CALL, after(at), 0, take_over_id, "user:ann", stage.value, cause)


async def test_a_take_over_only_moves_forward_and_one_is_under_way_at_a_time(
    sessions: Sessions,
) -> None:
    await write_facts(sessions, [started()])
    async with sessions.writing() as session:
        asked = await TakeOvers(session).ask(CALL, "sip:ann@192.0.2.7", "user:ann", after(5))
        with pytest.raises(Conflict, match="user:ann is taking the call over"):
            await TakeOvers(session).ask(CALL, "sip:ben@192.0.2.8", "user:ben", after(6))
    stage = TakeOverStage
    for told in (stage.RINGING, stage.JOINED, stage.ANSWERED, stage.HANDED_BACK, stage.JOINED):
        await write_facts(sessions, [news(asked.take_over_id, told)])
    async with sessions.writing() as session:
        (one,) = await TakeOvers(session).of_call(CALL)
        assert (one.stage, one.joined_at) == (stage.HANDED_BACK, after(9))
        again = await TakeOvers(session).ask(CALL, "sip:ben@192.0.2.8", "user:ben", after(20))
        await TakeOvers(session).failed(again.take_over_id, TakeOverCause.EDGE_AWAY, after(21))
        links = await Audit(session).latest()
    assert "192.0.2" not in str(links), "nobody's phone is in the audit chain"
    assert links[0].action == "take_over.failed"


async def test_a_wish_that_no_edge_heard_of_stands_in_nobodys_way_for_long(
    sessions: Sessions,
) -> None:
    await write_facts(sessions, [started()])
    async with sessions.writing() as session:
        await TakeOvers(session).ask(CALL, "sip:ann@192.0.2.7", "user:ann", NOON)
        later = NOON + timedelta(seconds=40)
        await TakeOvers(session).ask(CALL, "sip:ben@192.0.2.8", "user:ben", later)
    await write_facts(sessions, [ended(at=after(60))])
    async with sessions.reading() as session:
        stages = {one.stage for one in await TakeOvers(session).of_call(CALL)}
    assert stages == {TakeOverStage.ENDED}
