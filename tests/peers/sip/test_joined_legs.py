"""Two phones joined in the media bridge: a caller that came in and a human whom we called."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.peers.drivers.baresip import SOURCE_RATE_HZ, Baresip, baresip
from tests.peers.drivers.tones import spectrum, tone, write_wav
from tests.peers.sip.conftest import CALLER_HZ, Edge, Line

from trunkline.domain.call import EndCause
from trunkline.domain.dial_plan import DialPlan
from trunkline.domain.errors import Forbidden, TrunkError
from trunkline.domain.leg import LegAnswered, LegEnded, LegHeld, LegMediaStarted, LegRinging
from trunkline.sip.switch import SipSwitch

pytestmark = [pytest.mark.peers, pytest.mark.timeout(60)]

HUMAN_HZ = 700.0


@asynccontextmanager
async def phone_at(
    folder: Path, hz: float, *, answers: bool = True, codec: str = "PCMU"
) -> AsyncIterator[Baresip]:
    folder.mkdir()
    rate = SOURCE_RATE_HZ[codec]
    wav = write_wav(folder / "tone.wav", tone(hz, rate, 40), rate)
    async with baresip(folder / "phone", wav, codec=codec, answers=answers) as phone:
        yield phone


@asynccontextmanager
async def joined(
    edge: Edge, folder: Path, codec: str
) -> AsyncIterator[tuple[Baresip, Line, Baresip, Line]]:
    """The human answers in ``codec``; the caller speaks G.711."""
    switch = SipSwitch(edge.endpoint, (), DialPlan())
    async with (
        phone_at(folder / "caller", CALLER_HZ) as caller,
        phone_at(folder / "human", HUMAN_HZ, codec=codec) as human,
    ):
        await caller.command("dial", edge.uri())
        ours = await edge.next_line()
        await ours.leg.answer()
        await ours.wait_for(LegMediaStarted)
        leg = await switch.place(human.uri, sample_rate_hz=8000)
        theirs = edge.follow(leg)  # type: ignore[arg-type]
        await theirs.wait_for(LegAnswered)
        await theirs.wait_for(LegMediaStarted)
        ours.listen()
        theirs.listen()
        await switch.join(ours.leg, leg)
        yield caller, ours, human, theirs


def hears(phone: Baresip, hz: float, last_s: float = 1.0) -> bool:
    samples, rate = phone.heard()
    return spectrum(samples[-int(last_s * rate) :], rate).is_tone(hz)


@pytest.mark.parametrize("codec", ["PCMU", "G722"])
async def test_joined_phones_hear_each_other_and_both_rings_go_on(
    edge: Edge, tmp_path: Path, codec: str
) -> None:
    async with joined(edge, tmp_path, codec) as (caller, ours, human, theirs):
        await ours.until_heard(3)
        await theirs.until_heard(3)
        assert hears(caller, HUMAN_HZ)
        assert hears(human, CALLER_HZ)
        assert ours.caller_spectrum(1).is_tone(CALLER_HZ)
        assert theirs.caller_spectrum(1).is_tone(HUMAN_HZ)
        await human.command("hangup")
        ended = await theirs.wait_for(LegEnded)
        assert ended.cause is EndCause.CALLEE_HANGUP
        await ours.leg.hang_up(EndCause.TRANSFERRED)
        await caller.wait_for("CALL_CLOSED")


async def test_joined_phones_hear_each_other_again_after_a_hold(edge: Edge, tmp_path: Path) -> None:
    async with joined(edge, tmp_path, "PCMU") as (caller, ours, human, theirs):
        await ours.until_heard(1)
        await human.command("hold")
        await theirs.wait_for(LegHeld)
        await human.command("resume")
        await theirs.wait_for(LegMediaStarted, count=3)
        before = len(theirs.heard)
        await theirs.until(lambda: len(theirs.heard) > before + 2 * 2 * 8000 * 2)
        assert hears(caller, HUMAN_HZ)


async def test_a_busy_human_is_told_as_the_final_status(edge: Edge, tmp_path: Path) -> None:
    switch = SipSwitch(edge.endpoint, (), DialPlan())
    async with phone_at(tmp_path / "human", HUMAN_HZ, answers=False) as human:
        leg = await switch.place(human.uri)
        line = edge.follow(leg)  # type: ignore[arg-type]
        await line.wait_for(LegRinging)
        await human.command("hangup")
        ended = await line.wait_for(LegEnded)
    assert ended.sip_status == 486
    assert not line.of(LegAnswered)


async def test_a_phone_that_rings_is_cancelled(edge: Edge, tmp_path: Path) -> None:
    switch = SipSwitch(edge.endpoint, (), DialPlan())
    async with phone_at(tmp_path / "human", HUMAN_HZ, answers=False) as human:
        leg = await switch.place(human.uri)
        line = edge.follow(leg)  # type: ignore[arg-type]
        await line.wait_for(LegRinging)
        await leg.hang_up(EndCause.AGENT_HANGUP)
        assert (await line.wait_for(LegEnded)).sip_status == 487
        async with asyncio.timeout(5):  # the phone writes its trace a moment later
            while not any(m.first_line.startswith("CANCEL ") for m in human.messages()):
                await asyncio.sleep(0.05)


async def test_a_number_needs_a_prefix_and_a_trunk(edge: Edge) -> None:
    with pytest.raises(TrunkError, match="no trunk"):
        await SipSwitch(edge.endpoint, (), DialPlan(("+44",))).place("+44207946000")
    with pytest.raises(Forbidden):
        DialPlan(("+44",)).check("+90012345", leads_outside=True)


async def test_a_call_that_nobody_waits_for_any_more_is_taken_back(
    edge: Edge, tmp_path: Path
) -> None:
    switch = SipSwitch(edge.endpoint, (), DialPlan())
    async with phone_at(tmp_path / "human", HUMAN_HZ, answers=False) as human:
        for turns in range(12):
            placing = asyncio.ensure_future(switch.place(human.uri))
            for _ in range(turns):
                await asyncio.sleep(0)
            placing.cancel()
            await asyncio.wait([placing])
            if not placing.cancelled():
                await placing.result().hang_up(EndCause.AGENT_HANGUP)
        async with asyncio.timeout(10):
            while edge.endpoint.live_count:
                await asyncio.sleep(0.05)
