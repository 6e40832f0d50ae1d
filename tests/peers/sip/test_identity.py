"""Who is calling, as trusted trunks say and as we say to them."""

from __future__ import annotations

import asyncio
import re

import pytest
from tests.peers.drivers.raw_sip import raw_caller, response_to
from tests.peers.sip.conftest import running_edge

from trunkline.domain.leg import LegEnded
from trunkline.domain.trunk import Trunk, TrunkAuth

pytestmark = pytest.mark.peers

SAID = (
    "P-Asserted-Identity: <sip:+441632960001@carrier>\n"
    "Diversion: <sip:+441632960002@carrier>;reason=no-answer\n"
    "X-Customer: 42\nX-Other: 43"
)


@pytest.mark.parametrize("is_trusted", [True, False])
async def test_what_a_trunk_asserts_reaches_the_leg_when_it_is_trusted(is_trusted: bool) -> None:
    carrier = Trunk(
        "carrier",
        TrunkAuth.SOURCE,
        sources=("127.0.0.0/8",),
        is_trusted=is_trusted,
        headers=("x-customer",),
    )
    async with running_edge(carrier) as edge, raw_caller(edge.endpoint.sip_port) as caller:
        await caller.invite(headers=SAID)
        line = await edge.next_line()
        about = line.leg.description
        assert about.trunk == "carrier"
        if is_trusted:
            assert (about.caller_asserted, about.diverted_from) == (
                "+441632960001",
                "+441632960002",
            )
            assert dict(about.headers) == {"x_customer": "42"}
        else:
            assert (about.caller_asserted, about.diverted_from, dict(about.headers)) == ("", "", {})


@pytest.mark.parametrize("is_trusted", [True, False])
async def test_a_caller_id_is_asserted_to_trusted_trunks_and_preferred_to_others(
    is_trusted: bool,
) -> None:
    async with raw_caller(0) as carrier:
        trunk = Trunk(
            "carrier",
            TrunkAuth.SOURCE,
            registrar=f"sip:127.0.0.1:{carrier.port}",
            is_trusted=is_trusted,
        )
        async with running_edge(trunk) as edge:
            carrier.sip_port = edge.endpoint.sip_port
            leg = await edge.endpoint.place("+4416", trunk=trunk, caller_id="+441632960000")
            line = edge.follow(leg)
            invite = await carrier.heard("INVITE ")
            kind = "P-Asserted-Identity" if is_trusted else "P-Preferred-Identity"
            other = "P-Preferred-Identity" if is_trusted else "P-Asserted-Identity"
            assert f"{kind}: <sip:+441632960000@" in invite
            assert other not in invite
            assert re.search(r"^From: <?sip:\+441632960000@", invite, re.M)
            carrier.send(response_to(invite, "486 Busy Here"))
            async with asyncio.timeout(10):
                await line.wait_for(LegEnded)
