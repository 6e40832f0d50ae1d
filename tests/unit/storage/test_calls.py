from __future__ import annotations

from datetime import timedelta

import pytest
from tests.unit.storage.facts import NOON, after, caller_turn, ended, started, whole_call

from trunkline.domain.call import CallState, EndCause
from trunkline.domain.errors import Invalid, NotFound
from trunkline.domain.events import CallEnded, CallStarted
from trunkline.domain.ids import CallId
from trunkline.storage.calls import CallRepository
from trunkline.storage.engine import Sessions
from trunkline.storage.journal import write_facts
from trunkline.storage.views import CallFilter, EndTally


def cid(number: int) -> CallId:
    return CallId(f"call_{number:03}")


async def listed(sessions: Sessions, where: CallFilter) -> set[str]:
    async with sessions.reading() as session:
        page = await CallRepository(session).list_calls(where)
    return {call.call_id for call in page.calls}


@pytest.fixture
async def five_calls(sessions: Sessions) -> None:
    await write_facts(
        sessions,
        [
            started(cid(1), after(0), caller_number="+4930111"),
            ended(cid(1), after(10)),
            started(cid(2), after(60), agent="clinic", caller_number="+4940222"),
            caller_turn("I need 100% Öl, my_account", cid(2)),
            started(cid(3), after(120), called_number="+4930999"),
            ended(cid(3), after(130), cause=EndCause.ENGINE_ERROR),
            started(cid(4), after(180)),
            caller_turn("What is my BALANCE please", cid(4)),
            started(cid(5), after(240)),
        ],
    )


@pytest.mark.usefixtures("five_calls")
@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (CallFilter(), {1, 2, 3, 4, 5}),
        (CallFilter(states=(CallState.ENDED,)), {1, 3}),
        (CallFilter(states=(CallState.INITIATED, CallState.ENDED)), {1, 2, 3, 4, 5}),
        (CallFilter(end_causes=(EndCause.ENGINE_ERROR,)), {3}),
        (CallFilter(agent="clinic"), {2}),
        (CallFilter(number="4930"), {1, 3, 4, 5}),
        (CallFilter(number="222"), {2}),
        (CallFilter(number="%"), set()),
        (CallFilter(since=after(60)), {2, 3, 4, 5}),
        (CallFilter(to=after(60)), {1}),
        (CallFilter(since=after(60), to=after(180)), {2, 3}),
        (CallFilter(text="balance"), {4}),
        (CallFilter(text="100%"), {2}),
        (CallFilter(text="my_account"), {2}),
        (CallFilter(text="my%account"), set()),
        (CallFilter(text="balance", agent="clinic"), set()),
        (CallFilter(owner="somebody else"), set()),
    ],
)
async def test_a_filter_finds_what_it_names(
    sessions: Sessions, where: CallFilter, expected: set[int]
) -> None:
    assert await listed(sessions, where) == {cid(number) for number in expected}


async def test_pages_follow_each_other_without_gap_or_repeat(sessions: Sessions) -> None:
    # Three calls to a second: the id decides within one.
    for number in range(20):
        await write_facts(sessions, [started(cid(number), NOON + timedelta(seconds=number // 3))])
    seen: list[str] = []
    cursor: str | None = None
    pages = 0
    while True:
        async with sessions.reading() as session:
            page = await CallRepository(session).list_calls(limit=7, cursor=cursor)
        seen += [call.call_id for call in page.calls]
        pages += 1
        # A call that comes in meanwhile does not move the pages.
        await write_facts(sessions, [started(CallId(f"call_new{pages}"), after(1000 + pages))])
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [cid(number) for number in reversed(range(20))]
    assert pages == 3


@pytest.mark.parametrize("cursor", ["x", "!!!", "bm90IGEgY3Vyc29y", "MjAyNi0xMS0yMVQxMjowMDowMHxh"])
async def test_a_foreign_cursor_is_refused(sessions: Sessions, cursor: str) -> None:
    async with sessions.reading() as session:
        with pytest.raises(Invalid) as refusal:
            await CallRepository(session).list_calls(cursor=cursor)
    assert refusal.value.param == "cursor"


@pytest.mark.parametrize("limit", [0, -1, 201])
async def test_a_page_has_a_sensible_size(sessions: Sessions, limit: int) -> None:
    async with sessions.reading() as session:
        with pytest.raises(Invalid):
            await CallRepository(session).list_calls(limit=limit)


@pytest.mark.usefixtures("five_calls")
async def test_live_calls_are_those_that_have_not_ended(sessions: Sessions) -> None:
    async with sessions.reading() as session:
        live = await CallRepository(session).live()
    assert [call.call_id for call in live] == [cid(2), cid(4), cid(5)]
    assert all(call.is_live for call in live)


async def test_an_unknown_call_is_not_found(sessions: Sessions) -> None:
    async with sessions.reading() as session:
        with pytest.raises(NotFound):
            await CallRepository(session).detail("call_nobody")


async def test_a_call_of_another_owner_is_not_found(sessions: Sessions) -> None:
    await write_facts(sessions, whole_call())
    async with sessions.reading() as session:
        with pytest.raises(NotFound):
            await CallRepository(session).detail(whole_call()[0].call_id, owner="other")


@pytest.mark.usefixtures("five_calls")
async def test_agents_are_listed_once(sessions: Sessions) -> None:
    async with sessions.reading() as session:
        assert await CallRepository(session).agents() == ("clinic", "energy")


async def test_ends_are_tallied_by_version_of_the_flow(sessions: Sessions) -> None:
    facts: list[CallStarted | CallEnded] = []
    for number, (version, cause) in enumerate(
        [("v1", EndCause.CALLER_HANGUP), ("v1", EndCause.CALLER_HANGUP), ("v2", None)]
    ):
        call_id = CallId(f"call_{number}")
        facts.append(started(call_id, after(number), flow_version=version))
        if cause:
            facts.append(ended(call_id, after(number + 30), cause))
    facts.append(started(CallId("call_early"), after(-60), flow_version="v1"))
    facts.append(started(CallId("call_other"), after(5), flow_version="v1", agent="another"))
    await write_facts(sessions, facts)
    async with sessions.reading() as session:
        found = await CallRepository(session).tally("energy", after(0))
    assert set(found) == {
        EndTally("v1", EndCause.CALLER_HANGUP, 2),
        EndTally("v2", None, 1),
    }
