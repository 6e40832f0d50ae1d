"""A caller hangs up in every state a call can be in; each time once, and nothing stays."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_asyncio
from tests.peers.drivers.raw_sip import RawCaller, raw_caller, response_to
from tests.peers.sip.conftest import Edge, Line, running_edge
from tests.peers.sip.raw_calls import both_hear, nothing_stays, raw_call

from trunkline.domain.call import EndCause
from trunkline.domain.errors import TrunkError
from trunkline.domain.leg import LegEnded, LegHeld

pytestmark = [pytest.mark.peers, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge() -> AsyncIterator[Edge]:
    async with running_edge(max_calls=30) as running:
        yield running


async def over(edge: Edge, line: Line, cause: EndCause = EndCause.CALLER_HANGUP) -> None:
    assert (await line.wait_for(LegEnded)).cause is cause
    await nothing_stays(edge)
    assert len(line.of(LegEnded)) == 1


def cancel_of(invite: str) -> str:
    """The CANCEL of a request (RFC 3261 §9.1): its Via, From, To, Call-ID and number."""
    head = invite.split("Content-Type")[0].replace("INVITE sip", "CANCEL sip", 1)
    return re.sub(r"CSeq: (\d+) INVITE", r"CSeq: \1 CANCEL", head) + "Content-Length: 0\r\n\r\n"


async def ringing(caller: RawCaller, edge: Edge) -> tuple[str, Line]:
    request = caller.request("INVITE", 1, body=caller.offer(), branch=f"ringing{caller.tag}")
    caller.send(request)
    line = await edge.next_line()
    early = await caller.heard(r"SIP/2\.0 180")
    caller.to_tag = re.search(r"^To:.*;tag=(\S+)", early, re.M)[1]  # type: ignore[index]
    return request, line


async def test_while_it_rings_by_cancel(edge: Edge) -> None:
    async with raw_caller(edge.endpoint.sip_port) as caller:
        request, line = await ringing(caller, edge)
        caller.send(cancel_of(request))
        await caller.heard(r"(?m)SIP/2\.0 200 (?s:.*?)^CSeq: 1 CANCEL")
        await caller.heard(r"(?m)SIP/2\.0 487 (?s:.*?)^CSeq: 1 INVITE")
        caller.send(caller.request("ACK", 1, branch=f"ringing{caller.tag}"))
        await over(edge, line, EndCause.CALLER_CANCELLED)
        with pytest.raises(TrunkError):
            await line.leg.answer()


async def test_while_it_rings_by_bye_in_the_early_dialog(edge: Edge) -> None:
    """Allowed to the caller (RFC 3261 §15); the INVITE is then answered 487."""
    async with raw_caller(edge.endpoint.sip_port) as caller:
        _, line = await ringing(caller, edge)
        caller.send(caller.request("BYE", 2))
        await caller.heard(r"(?m)SIP/2\.0 200 (?s:.*?)^CSeq: 2 BYE")
        await caller.heard(r"(?m)SIP/2\.0 4\d\d (?s:.*?)^CSeq: 1 INVITE")
        caller.send(caller.request("ACK", 1, branch=f"ringing{caller.tag}"))
        await line.wait_for(LegEnded)
        await nothing_stays(edge)


async def test_a_cancel_that_comes_after_the_200_changes_nothing(edge: Edge) -> None:
    async with raw_caller(edge.endpoint.sip_port) as caller:
        request, line = await ringing(caller, edge)
        line.listen()
        await line.leg.answer()
        await caller.answer(1)
        caller.send(cancel_of(request))
        await caller.confirm()
        await both_hear(caller, line)
        assert not line.of(LegEnded)
        await caller.hang_up()
        await over(edge, line)


async def test_while_the_caller_holds(edge: Edge) -> None:
    async with raw_call(edge) as (caller, line):
        caller.send(caller.request("INVITE", 2, body=caller.offer() + "a=sendonly\r\n"))
        await caller.answer(2)
        caller.send(caller.request("ACK", 2))
        await line.wait_for(LegHeld)
        await caller.hang_up()
        await over(edge, line)


async def test_while_our_reinvite_is_open(edge: Edge) -> None:
    async with raw_call(edge) as (caller, line):
        await line.leg.hold()
        offer = await caller.heard("INVITE ")
        await caller.hang_up()
        caller.send(response_to(offer, "487 Request Terminated"))
        await over(edge, line)


async def test_together_with_the_callers_own_reinvite(edge: Edge) -> None:
    for first, second in (("INVITE", "BYE"), ("BYE", "INVITE")):
        async with raw_call(edge) as (caller, line):
            bodies = {"INVITE": caller.offer().replace("o=- 1 1", "o=- 1 2"), "BYE": ""}
            for cseq, method in enumerate((first, second), start=2):
                caller.send(caller.request(method, cseq, body=bodies[method]))
            bye = 3 if second == "BYE" else 2
            assert (await caller.answer(bye)).startswith("SIP/2.0 200")
            await over(edge, line)


async def test_while_a_transfer_is_under_way(edge: Edge) -> None:
    async with raw_call(edge) as (caller, line):
        await line.leg.refer("sip:anna@127.0.0.1:9")
        refer = await caller.heard("REFER ")
        caller.send(response_to(refer, "202 Accepted"))
        await caller.hang_up()
        await over(edge, line)


async def test_before_the_refer_is_answered(edge: Edge) -> None:
    async with raw_call(edge) as (caller, line):
        await line.leg.refer("sip:anna@127.0.0.1:9")
        await caller.heard("REFER ")
        await caller.hang_up()
        await over(edge, line)


async def test_in_the_same_moment_as_we(edge: Edge) -> None:
    async with raw_call(edge) as (caller, line):
        caller.send(caller.request("BYE", 2))
        with suppress(TrunkError):
            await line.leg.hang_up(EndCause.AGENT_HANGUP)
        await caller.heard(r"(?m)SIP/2\.0 (200|481) (?s:.*?)^CSeq: 2 BYE")
        for message in [one for one in caller.messages if one.startswith("BYE ")]:
            caller.send(response_to(message, "200 OK"))
        ended = await line.wait_for(LegEnded)
        assert ended.cause in (EndCause.CALLER_HANGUP, EndCause.AGENT_HANGUP)
        await nothing_stays(edge)
        assert len(line.of(LegEnded)) == 1


async def test_twice_is_once(edge: Edge) -> None:
    async with raw_call(edge) as (caller, line):
        bye = caller.request("BYE", 2)
        for _ in range(3):
            caller.send(bye)
        assert (await caller.answer(2)).startswith("SIP/2.0 200")
        assert (await caller.hang_up(3))[8:11] in ("200", "481")
        await over(edge, line)


async def test_while_another_is_talking_who_hears_nothing_of_it(edge: Edge) -> None:
    async with raw_call(edge) as (healthy, line):

        async def come_and_go() -> None:
            async with raw_call(edge) as (caller, _):
                await caller.hang_up()

        async with asyncio.TaskGroup() as tasks:
            for _ in range(8):
                tasks.create_task(come_and_go())
            tasks.create_task(both_hear(healthy, line))
        await both_hear(healthy, line)
        await healthy.hang_up()
        await over(edge, line)
