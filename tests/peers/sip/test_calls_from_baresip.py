"""Calls from a real softphone: answered, heard both ways, ended from either side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.peers.drivers.baresip import baresip
from tests.peers.drivers.tones import spectrum
from tests.peers.sip.conftest import AGENT_HZ, CALLER_HZ, Edge

from trunkline.domain.call import Direction, EndCause
from trunkline.domain.leg import LegEnded, LegMediaStarted

pytestmark = pytest.mark.peers

CODECS = {"PCMU": "PCMU/8000", "PCMA": "PCMA/8000", "G722": "G722/16000", "opus": "opus/48000"}


@pytest.mark.parametrize("codec", CODECS)
async def test_tones_pass_both_ways(
    edge: Edge, tmp_path: Path, caller_wav: Callable[[str], Path], codec: str
) -> None:
    async with baresip(tmp_path / "phone", caller_wav(codec), codec=codec) as phone:
        await phone.command("dial", edge.uri())
        line = await edge.next_line()
        leg = line.leg
        assert leg.codec == CODECS[codec], "the codec is known before the answer"
        assert leg.format.sample_rate_hz == (8000 if codec.startswith("PCM") else 24000)
        line.listen()
        line.say(1.9)
        await leg.answer()
        started = await line.wait_for(LegMediaStarted)
        assert started.codec == CODECS[codec]
        await line.until_heard(2.0)
        await phone.command("hangup")
        await line.wait_for(LegEnded)
    assert line.caller_spectrum(1.5).is_tone(CALLER_HZ)
    heard, rate = phone.heard()
    assert spectrum(heard[: int(1.8 * rate)].copy(), rate).is_tone(AGENT_HZ)
    assert spectrum(line.sides()[1], leg.format.sample_rate_hz).is_tone(AGENT_HZ)
    assert leg.played_samples() == int(1.9 * leg.format.sample_rate_hz)
    assert leg.queued_samples() == 0
    stats = leg.stats()
    assert stats.rx_packets > 90
    assert stats.tx_packets > 90
    assert stats.rx_lost == 0


async def test_a_leg_knows_who_calls_whom(
    edge: Edge, tmp_path: Path, caller_wav: Callable[[str], Path]
) -> None:
    async with baresip(tmp_path / "phone", caller_wav("PCMU"), user="4711", codec="PCMU") as phone:
        await phone.command("dial", edge.uri())
        line = await edge.next_line()
        description = line.leg.description
        assert (description.caller_number, description.called_number) == ("4711", "100")
        assert description.direction is Direction.INBOUND
        assert description.trunk == "local"
        assert line.agent == "energy"
        assert description.sip_call_id
        await phone.wait_for("CALL_RINGING")


async def test_audio_from_before_anyone_listens_is_kept(
    edge: Edge, tmp_path: Path, caller_wav: Callable[[str], Path]
) -> None:
    async with baresip(tmp_path / "phone", caller_wav("PCMU"), codec="PCMU") as phone:
        await phone.command("dial", edge.uri())
        line = await edge.next_line()
        await line.leg.answer()
        await line.wait_for(LegMediaStarted)
        await phone.wait_for("CALL_ESTABLISHED")
        # The tone's own beginning comes after the answer, so it is in what nobody heard yet.
        line.leg.drain()
        before = line.leg.stats().overruns
        line.listen()
        await line.until_heard(1.0)
        assert before == line.leg.stats().overruns == 0
        pairs = len(line.heard) // (2 * line.leg.format.bytes_per_frame)
        caller, _ = line.sides()
        assert pairs >= 50
        assert spectrum(caller, 8000).is_tone(CALLER_HZ)


async def test_the_callers_bye_ends_the_leg(
    edge: Edge, tmp_path: Path, caller_wav: Callable[[str], Path]
) -> None:
    async with baresip(tmp_path / "phone", caller_wav("PCMU"), codec="PCMU") as phone:
        await phone.command("dial", edge.uri())
        line = await edge.next_line()
        await line.leg.answer()
        await phone.wait_for("CALL_ESTABLISHED")
        await phone.command("hangup")
        ended = await line.wait_for(LegEnded)
        assert ended.cause is EndCause.CALLER_HANGUP
        assert edge.endpoint.live_count == 0


async def test_what_was_queued_when_the_caller_hung_up_was_never_played(
    edge: Edge, tmp_path: Path, caller_wav: Callable[[str], Path]
) -> None:
    async with baresip(tmp_path / "phone", caller_wav("PCMU"), codec="PCMU") as phone:
        await phone.command("dial", edge.uri())
        line = await edge.next_line()
        await line.leg.answer()
        await line.wait_for(LegMediaStarted)
        line.listen()
        line.say(1.9)
        await line.until_heard(0.5)
        await phone.command("hangup")
        await line.wait_for(LegEnded)
    left = line.leg.queued_samples()
    assert left > 0.5 * 8000
    assert line.leg.played_samples() + left == int(1.9 * 8000)
    line.leg.flush()
    assert line.leg.queued_samples() == 0


async def test_our_bye_reaches_the_caller(
    edge: Edge, tmp_path: Path, caller_wav: Callable[[str], Path]
) -> None:
    async with baresip(tmp_path / "phone", caller_wav("PCMU"), codec="PCMU") as phone:
        await phone.command("dial", edge.uri())
        line = await edge.next_line()
        await line.leg.answer()
        await phone.wait_for("CALL_ESTABLISHED")
        await line.leg.hang_up(EndCause.AGENT_HANGUP)
        await line.leg.hang_up(EndCause.OPERATOR_HANGUP)
        assert (await line.wait_for(LegEnded)).cause is EndCause.AGENT_HANGUP
        await phone.wait_for("CALL_CLOSED")
        assert len(line.of(LegEnded)) == 1


async def test_a_caller_who_gives_up_while_it_rings_has_cancelled(
    edge: Edge, tmp_path: Path, caller_wav: Callable[[str], Path]
) -> None:
    async with baresip(tmp_path / "phone", caller_wav("PCMU"), codec="PCMU") as phone:
        await phone.command("dial", edge.uri())
        line = await edge.next_line()
        await phone.wait_for("CALL_RINGING")
        await phone.command("hangup")
        ended = await line.wait_for(LegEnded)
        assert ended.cause is EndCause.CALLER_CANCELLED
        assert ended.sip_status == 487


async def test_a_call_refused_while_it_rings_tells_the_caller_why(
    edge: Edge, tmp_path: Path, caller_wav: Callable[[str], Path]
) -> None:
    async with baresip(tmp_path / "phone", caller_wav("PCMU"), codec="PCMU") as phone:
        await phone.command("dial", edge.uri())
        line = await edge.next_line()
        await line.leg.hang_up(EndCause.ENGINE_ERROR)
        closed = await phone.wait_for("CALL_CLOSED")
        assert "503" in closed["param"]
        assert line.ended.cause is EndCause.ENGINE_ERROR
