"""What happens inside an answered call: digits, hold, transfer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.peers.drivers.baresip import Baresip, baresip
from tests.peers.drivers.tones import spectrum
from tests.peers.sip.conftest import AGENT_HZ, CALLER_HZ, Edge, Line

from trunkline.domain.call import EndCause
from trunkline.domain.leg import (
    LegDigit,
    LegEnded,
    LegHeld,
    LegMediaStarted,
    LegTransferProgress,
    LegUnheld,
)

pytestmark = pytest.mark.peers

CallerWav = Callable[[str], Path]


@asynccontextmanager
async def answered(
    edge: Edge, folder: Path, wav: Path, codec: str = "PCMU"
) -> AsyncIterator[tuple[Baresip, Line]]:
    async with baresip(folder / "phone", wav, codec=codec) as phone:
        await phone.command("dial", edge.uri())
        line = await edge.next_line()
        await line.leg.answer()
        await line.wait_for(LegMediaStarted)
        await phone.wait_for("CALL_ESTABLISHED")
        line.listen()
        yield phone, line


@pytest.mark.parametrize("codec", ["PCMU", "PCMA", "G722", "opus"])
async def test_digits_pass_both_ways(
    edge: Edge, tmp_path: Path, caller_wav: CallerWav, codec: str
) -> None:
    async with answered(edge, tmp_path, caller_wav(codec), codec) as (phone, line):
        await line.until_heard(0.2)
        for sent, digit in enumerate("42#"):
            await phone.command("sndcode", digit)
            await line.wait_for(LegDigit, count=sent + 1)
        assert [one.digit for one in line.of(LegDigit)] == list("42#")
        await line.leg.send_digits("19*0")
        await phone.wait_for("CALL_DTMF_START", count=4)
        assert phone.digits_heard() == "19*0"


async def test_a_caller_holds_and_resumes_and_is_heard_again(
    edge: Edge, tmp_path: Path, caller_wav: CallerWav
) -> None:
    async with answered(edge, tmp_path, caller_wav("PCMU")) as (phone, line):
        await phone.command("hold")
        await line.wait_for(LegHeld)
        held_at = len(line.heard)
        # The call's clock goes on while it is held: a pair for every tick.
        await line.until(lambda: len(line.heard) >= held_at + 25 * 640)
        await phone.command("resume")
        await line.wait_for(LegUnheld)
        resumed_at = len(line.heard)
        line.say(1.0)
        await line.until(lambda: len(line.heard) >= resumed_at + 60 * 640)
        assert line.caller_spectrum(0.8).is_tone(CALLER_HZ)
        # baresip's own file player stays silent after a hold, so what it was sent is judged here.
        assert line.leg.played_samples() == 8000
        _, sent = line.sides()
        assert spectrum(sent[-int(0.8 * 8000) * 2 :], 8000).is_tone(AGENT_HZ)
        await phone.command("hangup")
        await line.wait_for(LegEnded)
        assert line.leg.stats().tx_packets >= 60


async def test_the_agent_holds_and_resumes(
    edge: Edge, tmp_path: Path, caller_wav: CallerWav
) -> None:
    async with answered(edge, tmp_path, caller_wav("PCMU")) as (phone, line):
        await line.leg.hold()
        await line.leg.unhold()  # the answer to the first re-INVITE is not there yet
        await line.wait_for(LegMediaStarted, count=2)
        await phone.wait_for("CALL_REMOTE_SDP", count=3)
        resumed_at = len(line.heard)
        await line.until(lambda: len(line.heard) >= resumed_at + 60 * 640)
        assert line.caller_spectrum(0.8).is_tone(CALLER_HZ)
        assert not line.of(LegHeld)


async def test_a_transfer_is_followed_to_its_end_and_our_leg_let_go(
    edge: Edge, tmp_path: Path, caller_wav: CallerWav
) -> None:
    wav = caller_wav("PCMU")
    async with (
        baresip(tmp_path / "person", wav, user="person", codec="PCMU") as person,
        answered(edge, tmp_path, wav) as (phone, line),
    ):
        await line.leg.refer(person.uri)
        ended = await line.wait_for(LegEnded)
        assert ended.cause is EndCause.TRANSFERRED
        final = line.of(LegTransferProgress)[-1]
        assert (final.sip_status, final.is_final) == (200, True)
        await person.wait_for("CALL_ESTABLISHED")
        await phone.wait_for("CALL_ESTABLISHED", count=2)


async def test_a_failed_transfer_leaves_the_caller_with_the_agent(
    edge: Edge, tmp_path: Path, caller_wav: CallerWav
) -> None:
    wav = caller_wav("PCMU")
    async with (
        baresip(tmp_path / "person", wav, user="person", codec="PCMU", answers=False) as person,
        answered(edge, tmp_path, wav) as (_, line),
    ):
        await line.leg.refer(person.uri)
        await person.wait_for("CALL_INCOMING")
        await person.command("hangup")
        await line.until(lambda: any(p.is_final for p in line.of(LegTransferProgress)))
        final = line.of(LegTransferProgress)[-1]
        assert final.sip_status >= 400
        assert not line.of(LegEnded)
        mark = len(line.heard)
        await line.until(lambda: len(line.heard) >= mark + 60 * 640)
        assert edge.endpoint.live_count == 1
