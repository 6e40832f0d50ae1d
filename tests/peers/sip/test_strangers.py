"""RTP from where nobody negotiated it, and silence whose cause is named."""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.peers.drivers.raw_sip import RawCaller, RtpSender, raw_caller
from tests.peers.drivers.tones import tone
from tests.peers.sip.conftest import CALLER_HZ, Edge, Line, running_edge

from trunkline.domain.call import EndCause
from trunkline.domain.leg import LegEnded, LegMediaStarted
from trunkline.domain.trunk import Srtp, Trunk, TrunkAuth

pytestmark = pytest.mark.peers

STRANGER_HZ = 600.0


@asynccontextmanager
async def call(edge: Edge) -> AsyncIterator[tuple[RawCaller, Line]]:
    async with raw_caller(edge.endpoint.sip_port) as caller:
        await caller.invite()
        line = await edge.next_line()
        line.listen()
        await line.leg.answer()
        await caller.confirm()
        await line.wait_for(LegMediaStarted)
        yield caller, line


async def flood(port: int, stop: asyncio.Event) -> RtpSender:
    """A stranger's voice, five times as fast as a call's."""
    stranger = RtpSender()
    pcm = tone(STRANGER_HZ, 8000, 1)
    while not stop.is_set():
        for at in range(0, 5 * 320, 320):
            stranger.send(port, stranger.packet(pcm[at : at + 160]))
            stranger.timestamp += 160
        await asyncio.sleep(0.02)
    return stranger


async def test_a_stranger_is_neither_heard_nor_spoken_to(edge: Edge) -> None:
    async with call(edge) as (caller, line):
        await caller.rtp.say(caller.media_port, tone(CALLER_HZ, 8000, 0.2))
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            flooding = tasks.create_task(flood(caller.media_port, stop))
            await caller.rtp.say(caller.media_port, tone(CALLER_HZ, 8000, 1.5))
            stop.set()
        assert line.caller_spectrum(1.0).is_tone(CALLER_HZ)
        assert flooding.result().received() == 0, "the agent's audio does not go to the stranger"
        assert caller.rtp.received() > 40
        flooding.result().socket.close()
        await caller.hang_up()
        await line.wait_for(LegEnded)
    stats = line.leg.stats()
    assert stats.rx_strangers > 100
    assert stats.rx_packets < 110


async def test_a_caller_behind_nat_is_learned_once(edge: Edge) -> None:
    """Their SDP names an address that nothing comes from; the first to speak is theirs."""
    async with call(edge) as (caller, line):
        mapped, late = RtpSender(), RtpSender()
        await mapped.say(caller.media_port, tone(CALLER_HZ, 8000, 0.4))
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            flooding = tasks.create_task(flood(caller.media_port, stop))
            mapped.received()
            await mapped.say(caller.media_port, tone(CALLER_HZ, 8000, 1.2))
            stop.set()
        assert line.caller_spectrum(0.9).is_tone(CALLER_HZ)
        assert mapped.received() > 40, "what we say goes to where they speak from"
        assert flooding.result().received() == 0
        for one in (mapped, late, flooding.result()):
            one.socket.close()
        await caller.hang_up()
        await line.wait_for(LegEnded)


async def test_the_negotiated_address_takes_its_place_back(edge: Edge) -> None:
    async with call(edge) as (caller, line):
        early = RtpSender()
        await early.say(caller.media_port, tone(STRANGER_HZ, 8000, 0.2))
        await caller.rtp.say(caller.media_port, tone(CALLER_HZ, 8000, 1.2))
        assert line.caller_spectrum(0.8).is_tone(CALLER_HZ)
        early.socket.close()
        await caller.hang_up()
        await line.wait_for(LegEnded)


async def test_a_phone_whose_nat_gives_it_another_port_goes_on_being_heard(edge: Edge) -> None:
    """The same source (SSRC, next sequence numbers) from elsewhere, after half a second of nothing.

    RFC 3550 §8.2 tells sources by their SSRC, not by address; RFC 4961 has us answer to where they
    speak from.
    """
    async with call(edge) as (caller, line):
        phone = RtpSender()
        await phone.say(caller.media_port, tone(CALLER_HZ, 8000, 0.4))
        guess = RtpSender(seq=phone.seq, timestamp=phone.timestamp)
        moved = RtpSender(ssrc=phone.ssrc, seq=phone.seq, timestamp=phone.timestamp)
        late = RtpSender(ssrc=phone.ssrc, seq=phone.seq - 200, timestamp=phone.timestamp)
        for seconds in (0.3, 0.5):  # at first the old port may still be the one
            await guess.say(caller.media_port, tone(STRANGER_HZ, 8000, seconds))
        await late.say(caller.media_port, tone(STRANGER_HZ, 8000, 0.2))
        moved.received()
        await moved.say(caller.media_port, tone(CALLER_HZ, 8000, 1.2))
        assert line.caller_spectrum(0.8).is_tone(CALLER_HZ)
        assert moved.received() > 40, "what we say follows them"
        assert guess.received() == late.received() == 0
        await guess.say(caller.media_port, tone(STRANGER_HZ, 8000, 0.2))
        assert guess.received() == 0
        for one in (phone, guess, moved, late):
            one.socket.close()
        await caller.hang_up()
        await line.wait_for(LegEnded)
    assert line.leg.stats().rx_strangers >= 50


async def test_nobody_takes_the_place_of_a_phone_that_still_speaks(edge: Edge) -> None:
    """Even who has read its packets: while they come, the address stays."""
    async with call(edge) as (caller, line):
        await caller.rtp.say(caller.media_port, tone(CALLER_HZ, 8000, 0.2))
        thief = RtpSender(ssrc=caller.rtp.ssrc)
        for _ in range(30):
            thief.seq, thief.timestamp = caller.rtp.seq + 5, caller.rtp.timestamp
            await caller.rtp.say(caller.media_port, tone(CALLER_HZ, 8000, 0.04))
            await thief.say(caller.media_port, tone(STRANGER_HZ, 8000, 0.02))
        assert thief.received() == 0
        thief.socket.close()
        await caller.hang_up()
        await line.wait_for(LegEnded)


@pytest.mark.parametrize("case", ["nothing", "payload", "stopped"])
async def test_silence_has_its_likely_cause_in_the_calls_record(case: str) -> None:
    async with running_edge(media_timeout_s=2) as edge, call(edge) as (caller, line):
        if case == "payload":
            caller.rtp.payload_type = 18
        if case != "nothing":
            await caller.rtp.say(caller.media_port, tone(CALLER_HZ, 8000, 0.3))
        ended = await line.wait_for(LegEnded)
    says = {"nothing": "not one packet came", "payload": "payload", "stopped": "stopped"}
    assert says[case] in ended.media_problem
    texts = [step.text for step in ended.signalling]
    assert texts[0] == "INVITE"
    assert "200 OK (INVITE)" in texts
    assert texts[-1] == "BYE"


async def test_audio_whose_keys_do_not_fit_is_told_from_silence() -> None:
    """SRTP was agreed on, and what comes cannot be authenticated: here it is not even encrypted."""
    lab = Trunk("lab", TrunkAuth.SOURCE, sources=("127.0.0.0/8",), srtp=Srtp.OPTIONAL)
    async with (
        running_edge(lab, media_timeout_s=2) as edge,
        raw_caller(edge.endpoint.sip_port) as caller,
    ):
        key = base64.b64encode(secrets.token_bytes(30)).decode()
        offer = caller.offer().replace("RTP/AVP", "RTP/SAVP")
        offer += f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}\r\n"
        await caller.invite(offer=offer)
        line = await edge.next_line()
        await line.leg.answer()
        assert "RTP/SAVP" in await caller.confirm()
        await line.wait_for(LegMediaStarted)
        await caller.rtp.say(caller.media_port, tone(CALLER_HZ, 8000, 0.3))
        ended = await line.wait_for(LegEnded)
    assert "SRTP keys do not fit" in ended.media_problem
    assert ended.cause is EndCause.MEDIA_TIMEOUT
    assert key not in str(ended.signalling)


async def test_audio_that_stops_with_a_reinvite_is_told_so() -> None:
    async with running_edge(media_timeout_s=2) as edge, call(edge) as (caller, line):
        await caller.rtp.say(caller.media_port, tone(CALLER_HZ, 8000, 0.3))
        elsewhere = RtpSender()
        body = caller.offer().replace("o=- 1 1", "o=- 1 2")
        body = body.replace(f"m=audio {caller.rtp.port}", f"m=audio {elsewhere.port}")
        caller.send(caller.request("INVITE", 2, body=body))
        assert (await caller.answer(2)).startswith("SIP/2.0 200")
        caller.send(caller.request("ACK", 2))
        ended = await line.wait_for(LegEnded)
        elsewhere.socket.close()
    assert "stopped with a re-INVITE" in ended.media_problem
