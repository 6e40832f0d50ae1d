"""What SIPp is told when it may not call: each status from the wire."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.peers.drivers.sipp import GSM_AND_G729, SippRun, invite, options, sipp
from tests.peers.sip.conftest import Edge, running_edge

from trunkline.calls.headroom import Headroom, Reading
from trunkline.domain.call import EndCause
from trunkline.domain.trunk import NumberRoute, Trunk, TrunkAuth

pytestmark = pytest.mark.peers

FAR_AWAY = Trunk(name="carrier", auth=TrunkAuth.SOURCE, sources=("203.0.113.0/24",))


async def refused(edge: Edge, folder: Path, scenario: str) -> SippRun:
    run = await sipp(folder, scenario, edge.endpoint.sip_port)
    assert run.exit_status == 0, run.messages
    assert edge.arrivals.empty(), "a refused INVITE becomes no leg"
    return run


async def test_an_unknown_source_gets_403_and_no_hint(tmp_path: Path) -> None:
    async with running_edge(FAR_AWAY) as edge:
        for number in ("100", "999"):
            run = await refused(edge, tmp_path / number, invite(number, expect=403))
            assert not any(" 180 " in response[:20] for response in run.responses())
            assert not run.header("Reason", 403)


async def test_an_unknown_number_gets_404(edge: Edge, tmp_path: Path) -> None:
    await refused(edge, tmp_path, invite("999", expect=404))


async def test_at_capacity_a_call_gets_503_with_retry_after(tmp_path: Path) -> None:
    async with running_edge(max_calls=1) as edge:
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(
                sipp(
                    tmp_path / "first",
                    invite("100", expect=480, rings=True),
                    edge.endpoint.sip_port,
                )
            )
            line = await edge.next_line()
            run = await refused(edge, tmp_path / "second", invite("100", expect=503))
            assert int(run.header("Retry-After", 503)) > 0
            await line.leg.hang_up(EndCause.OPERATOR_HANGUP, sip_status=480)
        assert first.result().exit_status == 0
        assert edge.endpoint.live_count == 0


async def test_while_draining_a_call_gets_503_with_retry_after(edge: Edge, tmp_path: Path) -> None:
    edge.reception.takes_calls = False
    run = await refused(edge, tmp_path, invite("100", expect=503))
    assert int(run.header("Retry-After", 503)) > 0


async def test_a_trunk_at_its_own_limit_gets_503(tmp_path: Path) -> None:
    full = Trunk(name="small", auth=TrunkAuth.SOURCE, sources=("127.0.0.0/8",), max_calls=0)
    async with running_edge(full, routes=(NumberRoute("100", "energy"),)) as edge:
        await refused(edge, tmp_path, invite("100", expect=503))


@pytest.mark.parametrize("transport", ["u1", "t1"])
async def test_an_offer_without_a_codec_of_ours_gets_488(
    edge: Edge, tmp_path: Path, transport: str
) -> None:
    scenario = invite("100", expect=488, offer=GSM_AND_G729)
    run = await sipp(tmp_path, scenario, edge.endpoint.sip_port, transport=transport)
    assert run.exit_status == 0, run.messages
    assert edge.arrivals.empty()


@pytest.mark.parametrize("transport", ["u1", "t1"])
async def test_options_is_answered_with_200(edge: Edge, tmp_path: Path, transport: str) -> None:
    run = await sipp(tmp_path, options(), edge.endpoint.sip_port, transport=transport)
    assert run.exit_status == 0, run.messages
    assert "INVITE" in run.header("Allow", 200)


def full_house() -> Headroom:
    headroom = Headroom()
    for second in range(10):
        headroom.take(Reading(live=1, loop_lag_ms=900), float(second))
    assert not headroom.is_open
    return headroom


async def test_options_says_503_while_no_calls_are_taken(edge: Edge, tmp_path: Path) -> None:
    edge.reception.takes_calls = False
    await edge.endpoint.answer_options()
    run = await sipp(tmp_path / "1", options(503), edge.endpoint.sip_port)
    assert run.exit_status == 0, run.messages
    # Taking calls again does not make room where what is measured leaves none.
    edge.reception.headroom = full_house()
    edge.reception.takes_calls = True
    await edge.endpoint.answer_options()
    run = await sipp(tmp_path / "2", options(503), edge.endpoint.sip_port)
    assert run.exit_status == 0, run.messages
    edge.reception.headroom = Headroom()
    await edge.endpoint.answer_options()
    run = await sipp(tmp_path / "3", options(), edge.endpoint.sip_port)
    assert run.exit_status == 0, run.messages
    assert "application/sdp" in run.header("Accept", 200)


async def test_an_edge_that_starts_never_said_it_takes_calls(tmp_path: Path) -> None:
    """From its first socket on: nothing has told it to refuse."""
    async with running_edge(takes_calls=False) as edge:
        run = await sipp(tmp_path, options(503), edge.endpoint.sip_port)
        assert run.exit_status == 0, run.messages


async def test_a_known_trunk_that_floods_is_told_to_come_later(tmp_path: Path) -> None:
    eager = Trunk(
        name="eager",
        auth=TrunkAuth.SOURCE,
        sources=("127.0.0.0/8",),
        calls_per_second=0.1,
        calls_burst=2,
    )
    async with running_edge(eager) as edge:
        for n in range(2):
            await refused(edge, tmp_path / str(n), invite("999", expect=404))
        run = await refused(edge, tmp_path / "late", invite("100", expect=503))
        assert 1 <= int(run.header("Retry-After", 503)) <= 10


async def test_a_strangers_flood_is_refused_to_the_last_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    async with running_edge(FAR_AWAY) as edge:
        run = await sipp(tmp_path, invite("100", expect=403), edge.endpoint.sip_port, calls=60)
        assert run.exit_status == 0, run.messages
        assert edge.endpoint.live_count == 0
