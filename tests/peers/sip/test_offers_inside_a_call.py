"""Offers inside a call: other codecs, none that we know, holds in a loop, and two at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

import pytest
import pytest_asyncio
from tests.peers.drivers.raw_sip import RawCaller, response_to
from tests.peers.sip.conftest import CALLER_HZ, Edge, Line, running_edge
from tests.peers.sip.raw_calls import both_hear, nothing_stays, raw_call

from trunkline.domain.leg import LegEnded, LegHeld, LegMediaStarted, LegUnheld

pytestmark = [pytest.mark.peers, pytest.mark.asyncio(loop_scope="module")]

TURNS = 50


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge() -> AsyncIterator[Edge]:
    async with running_edge() as running:
        yield running


async def offer_again(
    caller: RawCaller, cseq: int, payloads: str = "0 101", *, way: str = "sendrecv", maps: str = ""
) -> str:
    """A re-INVITE with a session version of its own; the final answer, acknowledged."""
    body = caller.offer(payloads=payloads, **({"maps": maps} if maps else {}))
    body = body.replace("o=- 1 1", f"o=- 1 {cseq}") + f"a={way}\r\n"
    branch = f"again{cseq}{caller.tag}"  # PJSIP tells transactions by it alone
    caller.send(caller.request("INVITE", cseq, body=body, branch=branch))
    answer = await caller.answer(cseq)
    is_taken = answer.startswith("SIP/2.0 200")
    caller.send(caller.request("ACK", cseq, branch="" if is_taken else branch))
    return answer


async def goodbye(edge: Edge, caller: RawCaller, line: Line) -> None:
    assert (await caller.hang_up(500)).startswith("SIP/2.0 200")
    await line.wait_for(LegEnded)
    await nothing_stays(edge)


def _speaks(line: Line, codec: str) -> bool:
    return line.leg.codec == codec


async def test_a_codec_may_change_and_change_back(edge: Edge) -> None:
    async with raw_call(edge) as (caller, line):
        for cseq, payload in enumerate(("8", "0", "8", "0"), start=2):
            answer = await offer_again(caller, cseq, f"{payload} 101")
            assert answer.startswith("SIP/2.0 200")
            wanted = "PCMA/8000" if payload == "8" else "PCMU/8000"
            await line.until(partial(_speaks, line, wanted))
        await both_hear(caller, line)
        await goodbye(edge, caller, line)


async def test_an_offer_of_codecs_that_we_do_not_know_is_refused_and_the_call_goes_on(
    edge: Edge,
) -> None:
    async with raw_call(edge) as (caller, line):
        maps = "a=rtpmap:96 iLBC/8000\r\na=rtpmap:97 SILK/24000"
        answer = await offer_again(caller, 2, "96 97", maps=maps)
        assert answer.startswith("SIP/2.0 488"), answer
        assert len(line.of(LegMediaStarted)) == 1
        await both_hear(caller, line)
        await goodbye(edge, caller, line)


@pytest.mark.parametrize(
    "body",
    ["v=0\r\n", "<xml/>", "v=0\r\no=- 1 9 IN IP4 h\r\ns=-\r\nt=0 0\r\nm=audio 0 RTP/AVP 99\r\n"],
    ids=["head", "xml", "nowhere"],
)
async def test_an_offer_that_is_none_is_refused_and_the_call_goes_on(edge: Edge, body: str) -> None:
    async with raw_call(edge) as (caller, line):
        caller.send(caller.request("INVITE", 2, body=body, branch=f"none{caller.tag}"))
        answer = await caller.answer(2)
        assert answer[8:11] in ("400", "406", "415", "488"), answer
        caller.send(caller.request("ACK", 2, branch=f"none{caller.tag}"))
        await both_hear(caller, line)
        await goodbye(edge, caller, line)


async def test_fifty_holds_and_a_caller_who_is_still_heard(edge: Edge) -> None:
    async with raw_call(edge) as (caller, line):
        for turn in range(TURNS):
            way = "sendonly" if turn % 2 == 0 else "sendrecv"
            assert (await offer_again(caller, turn + 2, way=way)).startswith("SIP/2.0 200")
        await line.wait_for(LegUnheld, count=TURNS // 2)
        assert len(line.of(LegHeld)) == TURNS // 2
        await both_hear(caller, line)
        await goodbye(edge, caller, line)
        # Bounded, with the beginning and the end in it.
        steps = line.ended.signalling
        assert len(steps) <= 61
        assert steps[0].text == "INVITE"
        assert any(step.text == "BYE" for step in steps[-3:])


async def test_of_two_offers_that_cross_the_callers_is_refused_with_491(edge: Edge) -> None:
    """RFC 3261 §14.2: who has an offer of its own open answers the other's with 491."""
    async with raw_call(edge) as (caller, line):
        caller.send(caller.request("OPTIONS", 2))
        await caller.answer(2)  # the ACK was there before it: the call can be held
        await line.leg.hold()
        ours = await caller.heard("INVITE ")
        answer = await offer_again(caller, 3)
        assert answer.startswith("SIP/2.0 491"), answer
        caller.send(response_to(ours, "491 Request Pending"))
        await caller.heard("ACK ")
        await line.leg.unhold()
        again = await caller.heard(r"(?m)INVITE (?s:(?!a=inactive|a=sendonly).)*$")
        body = caller.offer().replace("o=- 1 1", "o=- 1 9")
        caller.send(
            response_to(again, "200 OK").replace(
                "Content-Length: 0\r\n\r\n",
                f"Contact: <sip:raw@127.0.0.1:{caller.port}>\r\nContent-Type: application/sdp\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}",
            )
        )
        await caller.heard("ACK ")
        await both_hear(caller, line, CALLER_HZ)
        await goodbye(edge, caller, line)
