"""What the open network sends: messages that are none, and requests out of their order."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from tests.peers.drivers.raw_sip import RawCaller, raw_caller, response_to
from tests.peers.drivers.sipp import invite, options, sipp
from tests.peers.drivers.tones import tone
from tests.peers.sip.conftest import CALLER_HZ, Edge, Line

from trunkline.domain.call import EndCause
from trunkline.domain.errors import TrunkError
from trunkline.domain.leg import (
    LegDigit,
    LegEnded,
    LegHeld,
    LegMediaStarted,
    LegTransferProgress,
    LegUnheld,
)

pytestmark = pytest.mark.peers

_HEAD = "Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK{n}\r\nFrom: <sip:a@b>;tag=1\r\n"
# After RFC 4475 §3.1.2 and §3.3, and worse.
TORTURE = (
    b"",
    b"\r\n\r\n\r\n",
    b"\x00" * 1500,
    bytes(range(256)) * 5,
    b"INVITE",
    b"INVITE sip:100@h SIP/7.0\r\n\r\n",
    b"INVITE sip:100@h SIP/2.0\r\n\r\n",
    b"INVITE <sip:100@h> SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nContent-Length: 9999\r\n\r\nv=0",
    b"INVITE sip:100@h SIP/2.0\r\nContent-Length: -9\r\nCSeq: 36893488147419103232 INVITE\r\n\r\n",
    b"SIP/2.0 99999 Never\r\nVia: SIP/2.0/UDP h\r\nCSeq: 1 INVITE\r\n\r\n",
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=none\r\nCSeq: 1 INVITE\r\n\r\n",
    ("NEWMETHOD sip:x SIP/2.0\r\n" + _HEAD + "CSeq: 1 NEWMETHOD\r\n\r\n").encode(),
    ("OPTIONS sip:" + "a" * 3000 + "@h SIP/2.0\r\n" + _HEAD + "\r\n").encode(),
    ("INVITE sip:%00%0d%0a@h SIP/2.0\r\n" + _HEAD + "To: <sip:\xff>\r\n\r\n").encode("latin-1"),
    ("INVITE sip:1@h SIP/2.0\r\n" + _HEAD + "X: " + "y" * 9000 + "\r\n\r\n").encode(),
    ("INVITE sip:1@h SIP/2.0\r\n" + _HEAD * 200 + "\r\n").encode(),
    b"REGISTER sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;;,;,,\r\nFrom: \xe2\x80\xae\r\n\r\n",
)
SDP = (
    "v=0",
    "v=0\r\n" * 500,
    "m=audio 0 RTP/AVP\r\n",
    "v=0\r\no=- 1 1 IN IP4 999.1.1.1\r\ns=-\r\nc=IN IP4 no\r\nt=0 0\r\nm=audio 99999 RTP/AVP 0",
    "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP " + "0 " * 400 + "\r\n",
    "v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 9 RTP/AVP 31\r\n",
    "<xml/>",
    "\x00\x01\x02",
)


@asynccontextmanager
async def call(edge: Edge, *, headers: str = "") -> AsyncIterator[tuple[RawCaller, Line]]:
    async with raw_caller(edge.endpoint.sip_port) as caller:
        await caller.invite(headers=headers)
        line = await edge.next_line()
        line.listen()
        await line.leg.answer()
        await caller.confirm()
        await line.wait_for(LegMediaStarted)
        yield caller, line


async def is_well(edge: Edge, folder: Path) -> None:
    run = await sipp(folder, options(), edge.endpoint.sip_port)
    assert run.exit_status == 0, run.messages


async def test_torture_and_garbage_leave_the_edge_and_its_calls_well(
    edge: Edge, tmp_path: Path
) -> None:
    async with call(edge) as (caller, line):
        async with raw_caller(edge.endpoint.sip_port) as other:
            for message in TORTURE:
                other.send(message)
            for body in SDP:
                other.call_id += "x"
                other.send(other.request("INVITE", 1, body=body))
                answer = await other.answer(1)
                assert re.match(r"SIP/2\.0 (4\d\d|5\d\d|606)", answer), (body, answer)
                other.messages.clear()
        await is_well(edge, tmp_path)
        await caller.rtp.say(caller.media_port, tone(CALLER_HZ, 8000, 0.6))
        assert line.caller_spectrum(0.4).is_tone(CALLER_HZ)
        assert (await caller.hang_up()).startswith("SIP/2.0 200")
        await line.wait_for(LegEnded)
    assert edge.arrivals.empty()
    assert edge.endpoint.live_count == 0


async def test_a_flood_of_invites_from_a_known_source_harms_no_call(
    edge: Edge, tmp_path: Path
) -> None:
    async with call(edge) as (caller, line):
        run = await sipp(tmp_path, invite("999", expect=404), edge.endpoint.sip_port, calls=100)
        assert run.exit_status == 0, run.messages
        await caller.rtp.say(caller.media_port, tone(CALLER_HZ, 8000, 0.6))
        assert line.caller_spectrum(0.4).is_tone(CALLER_HZ)
        await caller.hang_up()
        await line.wait_for(LegEnded)
    assert edge.endpoint.live_count == 0


async def test_a_storm_of_registrations_goes_unanswered_and_harms_no_call(
    edge: Edge, tmp_path: Path
) -> None:
    """We are no registrar: not a byte goes back to whoever may not be where it says."""
    async with call(edge) as (caller, line):
        async with raw_caller(edge.endpoint.sip_port) as stranger:
            for n in range(1, 301):
                stranger.call_id += "x"
                stranger.send(stranger.request("REGISTER", n, headers="Expires: 300"))
            await is_well(edge, tmp_path)
            assert not stranger.messages
        await caller.rtp.say(caller.media_port, tone(CALLER_HZ, 8000, 0.6))
        assert line.caller_spectrum(0.4).is_tone(CALLER_HZ)
        await caller.hang_up()
        await line.wait_for(LegEnded)


async def _answer(line: Line) -> None:
    with suppress(TrunkError):  # it has been cancelled
        await line.leg.answer()


async def test_cancel_races_the_answer(edge: Edge) -> None:
    """Whichever wins, the dialog ends and nothing stays."""
    for turn in range(5):
        async with raw_caller(edge.endpoint.sip_port) as caller:
            request = caller.request("INVITE", 1, body=caller.offer(), branch=f"race{turn}")
            caller.send(request)
            line = await edge.next_line()
            cancel = re.sub(r"CSeq: 1 INVITE", "CSeq: 1 CANCEL", request.split("Content-Type")[0])
            edge.tasks.start(_answer(line), "answer")
            caller.send(cancel.replace("INVITE sip", "CANCEL sip") + "Content-Length: 0\r\n\r\n")
            answer = await caller.heard(r"(?m)SIP/2\.0 (200|487)(?s:.*?)^CSeq: 1 INVITE")
            caller.to_tag = re.search(r"^To:.*;tag=(\S+)", answer, re.M)[1]  # type: ignore[index]
            caller.send(
                caller.request("ACK", 1, branch=f"race{turn}" if "487" in answer[:12] else "")
            )
            if answer.startswith("SIP/2.0 200"):
                await caller.hang_up()
            await line.wait_for(LegEnded)
    assert edge.endpoint.live_count == 0


async def test_bye_before_the_ack_ends_the_call(edge: Edge) -> None:
    async with raw_caller(edge.endpoint.sip_port) as caller:
        await caller.invite()
        line = await edge.next_line()
        await line.leg.answer()
        response = await caller.answer(1)
        caller.to_tag = re.search(r"^To:.*;tag=(\S+)", response, re.M)[1]  # type: ignore[index]
        await caller.hang_up(2)
        assert (await line.wait_for(LegEnded)).cause is EndCause.CALLER_HANGUP


async def test_a_loop_of_holds_and_a_change_of_codec_are_followed(edge: Edge) -> None:
    async with call(edge) as (caller, line):
        for turn in range(6):
            way = "sendonly" if turn % 2 == 0 else "sendrecv"
            offer = caller.offer(payloads="8 101") + f"a={way}\r\n"
            offer = offer.replace("o=- 1 1", f"o=- 1 {turn + 2}")
            caller.send(caller.request("INVITE", turn + 2, body=offer))
            assert (await caller.answer(turn + 2)).startswith("SIP/2.0 200")
            caller.send(caller.request("ACK", turn + 2))
        await line.wait_for(LegUnheld, count=3)
        assert len(line.of(LegHeld)) == 3
        assert line.of(LegMediaStarted)[-1].codec == "PCMA/8000"
        await caller.hang_up()
        await line.wait_for(LegEnded)


def events(caller: RawCaller, code: int, *, ends: int, starts: int = 3) -> list[bytes]:
    """An RFC 4733 event without a marker: ``starts`` packets, and ``ends`` with the end bit."""
    packets = []
    for n in range(starts + ends):
        end = 0x80 if n >= starts else 0
        body = bytes([code, end | 10]) + (160 * (min(n, starts) + 1)).to_bytes(2, "big")
        packets.append(caller.rtp.packet(body, payload_type=101))
        caller.rtp.seq += 1
    caller.rtp.timestamp += 1600
    return packets


async def test_keys_count_once_without_a_marker_and_with_ends_lost_or_doubled(edge: Edge) -> None:
    async with call(edge) as (caller, line):
        await caller.rtp.say(caller.media_port, tone(CALLER_HZ, 8000, 0.1))
        for code, ends in ((1, 3), (2, 0), (2, 5), (11, 1)):
            for packet in events(caller, code, ends=ends):
                caller.rtp.socket.sendto(packet, ("127.0.0.1", caller.media_port))
            await caller.rtp.say(caller.media_port, tone(CALLER_HZ, 8000, 0.1))
        await line.wait_for(LegDigit, count=4)
        for packet in [p for _ in range(100) for p in events(caller, 5, ends=3)]:
            caller.rtp.socket.sendto(packet, ("127.0.0.1", caller.media_port))
        await caller.hang_up()
        await line.wait_for(LegEnded)
    assert "".join(one.digit for one in line.of(LegDigit))[:4] == "122#"


async def test_keys_come_as_tones_where_nothing_else_was_offered(edge: Edge) -> None:
    async with raw_caller(edge.endpoint.sip_port) as caller:
        await caller.invite(offer=caller.offer(payloads="0", maps=""))
        line = await edge.next_line()
        line.listen()
        await line.leg.answer()
        await caller.confirm()
        await line.wait_for(LegMediaStarted)
        for low, high in ((697, 1209), (941, 1477)):
            one, other = tone(low, 8000, 0.1, 6000), tone(high, 8000, 0.1, 6000)
            both = bytearray()
            for at in range(0, len(one), 2):
                sample = int.from_bytes(one[at : at + 2], "little", signed=True)
                sample += int.from_bytes(other[at : at + 2], "little", signed=True)
                both += sample.to_bytes(2, "little", signed=True)
            await caller.rtp.say(caller.media_port, bytes(both) + bytes(1600))
        await line.wait_for(LegDigit, count=2)
        info = caller.request("INFO", 2, body="5", kind="application/dtmf")
        caller.send(info)
        await line.wait_for(LegDigit, count=3)
        await caller.hang_up()
        await line.wait_for(LegEnded)
    assert "".join(one.digit for one in line.of(LegDigit)) == "1#5"


@pytest.mark.parametrize("answer", ["202 then 486", "202 alone", "405", "603"])
async def test_a_refer_that_fails_leaves_the_caller_with_the_agent(edge: Edge, answer: str) -> None:
    async with call(edge) as (caller, line):
        await line.leg.refer("sip:anna@127.0.0.1:9")
        refer = await caller.heard("REFER ")
        if not answer.startswith("202"):
            caller.send(response_to(refer, f"{answer} No"))
            await line.wait_for(LegTransferProgress)
            assert line.of(LegTransferProgress)[-1].sip_status == int(answer)
        else:
            caller.send(response_to(refer, "202 Accepted"))
        if answer.endswith("486"):
            caller.send(
                caller.request(
                    "NOTIFY",
                    2,
                    body="SIP/2.0 486 Busy Here\r\n",
                    kind="message/sipfrag;version=2.0",
                    headers="Event: refer\nSubscription-State: terminated;reason=noresource",
                )
            )
            await line.until(lambda: any(p.is_final for p in line.of(LegTransferProgress)))
            assert line.of(LegTransferProgress)[-1].sip_status == 486
        await caller.rtp.say(caller.media_port, tone(CALLER_HZ, 8000, 0.6))
        assert line.caller_spectrum(0.4).is_tone(CALLER_HZ)
        assert not line.of(LegEnded)
        await caller.hang_up()
        await line.wait_for(LegEnded)


async def test_a_session_timer_that_is_too_short_is_refused_with_ours(edge: Edge) -> None:
    async with raw_caller(edge.endpoint.sip_port) as caller:
        await caller.invite(headers="Supported: timer\nSession-Expires: 30\nMin-SE: 30")
        answer = await caller.answer(1)
        assert answer.startswith("SIP/2.0 422")
        assert int(re.search(r"^Min-SE: (\d+)", answer, re.M)[1]) >= 90  # type: ignore[index]


@pytest.mark.parametrize("refresher", ["uac", "uas"])
async def test_either_side_may_refresh_the_session(edge: Edge, refresher: str) -> None:
    wish = f"Supported: timer\nSession-Expires: 90;refresher={refresher}"
    async with call(edge, headers=wish) as (caller, line):
        answer = await caller.answer(1)
        assert f"refresher={refresher}" in answer
        if refresher == "uac":
            caller.send(caller.request("UPDATE", 2, headers=wish))
            assert (await caller.answer(2)).startswith("SIP/2.0 200")
        await caller.hang_up()
        await line.wait_for(LegEnded)
