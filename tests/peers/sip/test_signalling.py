"""Corners of SIP that phones rarely show: late offers, INFO, TCP, a caller who falls silent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.peers.drivers.baresip import baresip
from tests.peers.drivers.sipp import (
    answered,
    digits_by_info,
    hung_up_on,
    late_offer,
    sipp,
)
from tests.peers.sip.conftest import CALLER_HZ, Edge, running_edge

from trunkline.domain.call import EndCause
from trunkline.domain.leg import LegDigit, LegEnded, LegMediaStarted

pytestmark = pytest.mark.peers


async def test_an_invite_without_an_offer_is_answered_with_ours(edge: Edge, tmp_path: Path) -> None:
    async with asyncio.TaskGroup() as tasks:
        calling = tasks.create_task(sipp(tmp_path, late_offer("100"), edge.endpoint.sip_port))
        line = await edge.next_line()
        await line.leg.answer()
        started = await line.wait_for(LegMediaStarted)
        assert started.codec == "PCMU/8000"
        await line.wait_for(LegEnded)
    run = calling.result()
    assert run.exit_status == 0, run.messages
    offer = run.response(200)
    assert all(name in offer for name in ("PCMU/8000", "PCMA/8000", "G722/8000", "opus/48000"))
    assert "m=text" not in offer


async def test_digits_in_info_are_digits_too(edge: Edge, tmp_path: Path) -> None:
    async with asyncio.TaskGroup() as tasks:
        calling = tasks.create_task(
            sipp(tmp_path, digits_by_info("100", "7#"), edge.endpoint.sip_port)
        )
        line = await edge.next_line()
        await line.leg.answer()
        await line.wait_for(LegEnded)
    assert calling.result().exit_status == 0, calling.result().messages
    assert line.of(LegDigit) == [LegDigit("7", 160), LegDigit("#", 160)]


async def test_a_call_whose_media_dies_is_ended_with_a_reason(tmp_path: Path) -> None:
    async with running_edge(media_timeout_s=1) as edge, asyncio.TaskGroup() as tasks:
        calling = tasks.create_task(sipp(tmp_path, hung_up_on("100"), edge.endpoint.sip_port))
        line = await edge.next_line()
        await line.leg.answer()
        ended = await line.wait_for(LegEnded)
        assert ended.cause is EndCause.MEDIA_TIMEOUT
        run = await calling
        assert run.exit_status == 0, run.messages
        assert 'Reason: Q.850;cause=102;text="media_timeout"' in run.messages


async def test_when_the_endpoint_stops_its_calls_are_really_ended(tmp_path: Path) -> None:
    async with asyncio.TaskGroup() as tasks:
        async with running_edge() as edge:
            calling = tasks.create_task(sipp(tmp_path, hung_up_on("100"), edge.endpoint.sip_port))
            line = await edge.next_line()
            await line.leg.answer()
            await line.wait_for(LegMediaStarted)
        assert line.ended.cause is EndCause.DRAINED
    assert calling.result().exit_status == 0, calling.result().messages


async def test_a_call_over_tcp_carries_the_same(
    edge: Edge, tmp_path: Path, caller_wav: Callable[[str], Path]
) -> None:
    async with baresip(
        tmp_path / "phone", caller_wav("PCMA"), codec="PCMA", transport="tcp"
    ) as phone:
        await phone.command("dial", f"{edge.uri()};transport=tcp")
        line = await edge.next_line()
        await line.leg.answer()
        line.listen()
        await phone.wait_for("CALL_ESTABLISHED")
        await line.until_heard(1.0)
        assert line.caller_spectrum(0.7).is_tone(CALLER_HZ)
        await line.leg.hang_up(EndCause.AGENT_HANGUP)
        await phone.wait_for("CALL_CLOSED")


async def test_many_short_calls_leave_nothing_behind(edge: Edge, tmp_path: Path) -> None:
    async def answer_all(count: int) -> None:
        for _ in range(count):
            line = await edge.next_line()
            await line.leg.answer()

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(answer_all(40))
        for batch in range(4):
            run = await sipp(
                tmp_path / str(batch),
                answered("100", hold_ms=20),
                edge.endpoint.sip_port,
                calls=10,
            )
            assert run.exit_status == 0, run.messages
    assert edge.endpoint.live_count == 0
