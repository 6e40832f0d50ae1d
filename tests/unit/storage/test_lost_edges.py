from __future__ import annotations

import pytest
from tests.unit.storage.facts import after, answered, caller_turn, ended, started, whole_call

from trunkline.domain.call import CallState, EndCause
from trunkline.domain.ids import CallId
from trunkline.storage.calls import CallRepository
from trunkline.storage.engine import Sessions
from trunkline.storage.journal import write_facts
from trunkline.storage.lost_edges import (
    close_calls_never_started,
    close_calls_of_lost_edges,
    edges_with_live_calls,
)
from trunkline.storage.outbox import Outbox
from trunkline.storage.views import CallSummary
from trunkline.storage.webhooks import WebhookRepository

ONE, TWO, THREE = CallId("call_one"), CallId("call_two"), CallId("call_three")


@pytest.fixture
async def two_edges(sessions: Sessions) -> None:
    await write_facts(
        sessions,
        [
            started(ONE, edge_id="edge_a"),
            answered(ONE, after(1)),
            started(TWO, edge_id="edge_b"),
            *whole_call(THREE),
        ],
    )


async def summary(sessions: Sessions, call_id: CallId) -> CallSummary:
    async with sessions.reading() as session:
        return await CallRepository(session).summary(call_id)


@pytest.mark.usefixtures("two_edges")
async def test_only_the_lost_edges_live_calls_are_closed(sessions: Sessions) -> None:
    async with sessions.reading() as session:
        assert await edges_with_live_calls(session) == {"edge_a", "edge_b"}
    async with sessions.writing() as session:
        closed = await close_calls_of_lost_edges(
            session, {"edge_a": after(31), "edge_one": after(31)}
        )
    assert closed == (ONE,)
    lost = await summary(sessions, ONE)
    assert lost.state is CallState.ENDED
    assert lost.end_cause is EndCause.EDGE_LOST
    assert lost.ended_at == after(31)
    assert lost.duration_ms == 30_000
    assert (await summary(sessions, TWO)).is_live
    assert (await summary(sessions, THREE)).end_cause is EndCause.CALLER_HANGUP
    async with sessions.writing() as session:
        assert await close_calls_of_lost_edges(session, {"edge_a": after(60)}) == ()


@pytest.mark.usefixtures("two_edges")
async def test_an_edge_that_was_only_silent_tells_the_true_end(sessions: Sessions) -> None:
    async with sessions.writing() as session:
        await close_calls_of_lost_edges(session, {"edge_a": after(31)})
    await write_facts(sessions, [ended(ONE, after(50))])
    assert (await summary(sessions, ONE)).end_cause is EndCause.CALLER_HANGUP
    assert (await summary(sessions, ONE)).ended_at == after(50)


@pytest.mark.usefixtures("two_edges")
async def test_the_loss_is_announced_once(sessions: Sessions) -> None:
    async with sessions.writing() as session:
        await WebhookRepository(session).add("https://example.org/", ["call.ended"], after(0))
    async with sessions.writing() as session:
        await close_calls_of_lost_edges(session, {"edge_a": after(31)})
    await write_facts(sessions, [ended(ONE, after(50))])
    async with sessions.writing() as session:
        (row,) = await Outbox(session).claim(after(100))
    assert '"end_cause":"edge_lost"' in row.body


async def test_stray_facts_do_not_make_a_call_that_lives_for_ever(sessions: Sessions) -> None:
    stray = CallId("call_stray")
    await write_facts(sessions, [caller_turn("hello", stray, at=after(10))])
    async with sessions.writing() as session:
        assert await close_calls_never_started(session, after(10)) == ()
        assert await close_calls_never_started(session, after(11)) == (stray,)
    assert (await summary(sessions, stray)).end_cause is EndCause.EDGE_LOST
