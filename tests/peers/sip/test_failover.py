"""Trunks that fail: the next one takes the call, and OPTIONS tell which are down."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.peers.drivers.certificates import CertificateAuthority
from tests.peers.drivers.ports import free_port
from tests.peers.drivers.raw_sip import raw_caller
from tests.peers.drivers.sipp_callee import announcing, refusing, sipp_callee
from tests.peers.sip.conftest import Edge, running_edge

from trunkline.domain.call import EndCause
from trunkline.domain.dial_plan import DialPlan
from trunkline.domain.leg import LegAnswered, LegEnded
from trunkline.domain.outbound import OutboundRules, OutboundTrunk, host_and_port
from trunkline.domain.trunk import Trunk, TrunkAuth
from trunkline.sip.config import Tls
from trunkline.sip.switch import SipSwitch

pytestmark = pytest.mark.peers

NUMBER = "+441632960100"
PLAN = DialPlan(("+44",))


def trunk(name: str, port: int, more: str = "") -> Trunk:
    return Trunk(name, TrunkAuth.SOURCE, registrar=f"sip:127.0.0.1:{port}{more}")


def switch(edge: Edge, *trunks: Trunk) -> SipSwitch:
    told = tuple(OutboundTrunk(t.name, host_and_port(t.registrar)) for t in trunks)
    return SipSwitch(edge.endpoint, trunks, PLAN, OutboundRules(PLAN, told))


@pytest.mark.parametrize("fault", ["503", "refused", "silent"])
async def test_a_call_that_a_trunk_does_not_take_goes_over_the_next(
    edge: Edge, tmp_path: Path, fault: str
) -> None:
    async with AsyncExitStack() as stack:
        deaf = await stack.enter_async_context(raw_caller(edge.endpoint.sip_port))
        good_one = sipp_callee(tmp_path / "good", announcing(200))
        port = await stack.enter_async_context(good_one)
        good = trunk("good", port)
        if fault == "503":
            refuser = sipp_callee(tmp_path / "bad", refusing(503))
            bad = await stack.enter_async_context(refuser)
            leg = await switch(edge, trunk("bad", bad), good).place(NUMBER)
        elif fault == "refused":
            bad_trunk = trunk("bad", free_port(), ";transport=tcp")
            leg = await switch(edge, bad_trunk, good).place(NUMBER)
        else:
            leg = await switch(edge, trunk("bad", deaf.port), good).place(NUMBER)
            assert deaf.messages[0].startswith("INVITE"), "it was asked, and said nothing"
        assert leg.description.trunk == "good"
        line = edge.follow(leg)  # type: ignore[arg-type]
        await line.wait_for(LegAnswered)
        await leg.hang_up(EndCause.AGENT_HANGUP)
        await line.wait_for(LegEnded)


@pytest.mark.parametrize("fault", ["another name", "no TLS"])
async def test_a_trunk_that_tls_cannot_be_opened_to_is_passed_over(
    tmp_path: Path, fault: str
) -> None:
    """A certificate of somebody else, or a server that hangs up on us in the handshake."""
    authority = CertificateAuthority(tmp_path / "authority")
    ours, theirs = authority.issue(), authority.issue("127.0.0.9")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(theirs.certificate, theirs.key)
    asked: list[bytes] = []

    async def carrier(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if fault == "another name":
            asked.append(await reader.read(4000))
        writer.close()

    tls = context if fault == "another name" else None
    server = await asyncio.start_server(carrier, "127.0.0.1", 0, ssl=tls)
    bad = trunk("bad", server.sockets[0].getsockname()[1], ";transport=tls")
    async with (
        running_edge(tls=Tls(0, ours.certificate, ours.key, authority.ca_file)) as edge,
        sipp_callee(tmp_path / "good", announcing(200)) as port,
    ):
        with capture_logs() as logs:
            leg = await switch(edge, bad, trunk("good", port)).place(NUMBER)
        assert leg.description.trunk == "good"
        line = edge.follow(leg)  # type: ignore[arg-type]
        await line.wait_for(LegAnswered)
        await leg.hang_up(EndCause.AGENT_HANGUP)
        await line.wait_for(LegEnded)
    server.close()
    assert not any(b"INVITE" in each for each in asked), "nothing is told to a stranger"
    refused = [one for one in logs if "TLS certificate was refused" in one["event"]]
    assert bool(refused) is (fault == "another name")


async def test_busy_is_busy_over_every_trunk(edge: Edge, tmp_path: Path) -> None:
    async with (
        raw_caller(edge.endpoint.sip_port) as spare,
        sipp_callee(tmp_path / "busy", refusing(486)) as port,
    ):
        leg = await switch(edge, trunk("first", port), trunk("second", spare.port)).place(NUMBER)
        line = edge.follow(leg)  # type: ignore[arg-type]
        assert (await line.wait_for(LegEnded)).cause is EndCause.BUSY
        assert not spare.messages


async def test_options_tell_which_trunks_are_down_and_those_are_tried_last() -> None:
    async with AsyncExitStack() as stack:
        carrier = await stack.enter_async_context(raw_caller(0))
        watched = replace(trunk("watched", carrier.port), options_s=3600)
        other = trunk("other", free_port())
        edge = await stack.enter_async_context(running_edge(watched, other))
        carrier.sip_port = edge.endpoint.sip_port
        told, watch = switch(edge, watched, other), edge.endpoint.watch

        async def hears(status: str, times: int) -> None:
            carrier.options_status = status
            for _ in range(times):
                await watch.ask(watched)
                async with asyncio.timeout(10):
                    while watch.waits_for("watched"):
                        await asyncio.sleep(0.01)

        order = partial(told._in_order, watched, NUMBER, "")
        await hears("503 Service Unavailable", 3)
        assert not watch.is_up("watched")
        assert [t.name for t in order()] == ["other", "watched"]
        await hears("405 Method Not Allowed", 2)
        assert watch.is_up("watched")
        assert [t.name for t in order()] == ["watched", "other"]
        assert watch.is_up("other"), "one that is not asked is up"
