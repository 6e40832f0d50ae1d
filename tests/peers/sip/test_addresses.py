"""Where we say we are: in Contact and in SDP."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.peers.drivers.baresip import baresip
from tests.peers.drivers.certificates import CertificateAuthority
from tests.peers.drivers.sipp import answered, sipp
from tests.peers.sip.conftest import Edge, running_edge

from trunkline.domain.leg import LegEnded
from trunkline.sip.config import Tls

pytestmark = pytest.mark.peers


async def answer_one(edge: Edge, folder: Path) -> str:
    """Answer a call from SIPp; the 200, whole."""
    async with asyncio.TaskGroup() as tasks:
        calling = tasks.create_task(sipp(folder, answered("100"), edge.endpoint.sip_port))
        line = await edge.next_line()
        await line.leg.answer()
        await line.wait_for(LegEnded)
    run = calling.result()
    assert run.exit_status == 0, run.messages
    return run.response(200)


def addresses(response: str) -> tuple[str, str]:
    """Host of the Contact, and the connection address of the SDP."""
    contact = re.search(r"^Contact: <sip:[^@]*@([^:>;]+)", response, re.MULTILINE)
    connection = re.search(r"^c=IN IP4 (\S+)", response, re.MULTILINE)
    assert contact, response
    assert connection, response
    return contact[1], connection[1]


async def test_bound_to_every_address_we_name_the_one_the_packets_leave_from(
    tmp_path: Path,
) -> None:
    async with running_edge(bind_address="0.0.0.0") as edge:
        assert addresses(await answer_one(edge, tmp_path)) == ("127.0.0.1", "127.0.0.1")


async def test_a_public_address_stands_in_contact_and_sdp(tmp_path: Path) -> None:
    async with running_edge(bind_address="0.0.0.0", public_address="203.0.113.9") as edge:
        response = await answer_one(edge, tmp_path)
        assert addresses(response) == ("203.0.113.9", "203.0.113.9")


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_a_public_address_stands_there_over_tcp_and_tls_too(
    tmp_path: Path, caller_wav: Callable[[str], Path], transport: str
) -> None:
    authority = CertificateAuthority(tmp_path / "authority")
    files = authority.issue()
    async with (
        running_edge(
            bind_address="0.0.0.0",
            public_address="203.0.113.9",
            tls=Tls(0, files.certificate, files.key, authority.ca_file),
        ) as edge,
        baresip(
            tmp_path / "phone",
            caller_wav("PCMU"),
            codec="PCMU",
            transport=transport,
            config=f"sip_certificate {authority.issue().joined}\n",
        ) as phone,
    ):
        port = edge.endpoint.tls_port if transport == "tls" else edge.endpoint.sip_port
        await phone.command("dial", f"sip:100@127.0.0.1:{port};transport={transport}")
        line = await edge.next_line()
        await line.leg.answer()
        await phone.wait_for("CALL_RINGING")
        async with asyncio.timeout(5):
            while not (found := [m for m in phone.messages() if m.first_line == "SIP/2.0 200 OK"]):
                await asyncio.sleep(0.02)
        assert addresses(found[0].text) == ("203.0.113.9", "203.0.113.9")


async def test_rtp_ports_lie_in_their_range_and_differ_from_call_to_call(
    edge: Edge, tmp_path: Path
) -> None:
    ports = []
    for n in range(3):
        response = await answer_one(edge, tmp_path / str(n))
        found = re.search(r"^m=audio (\d+) ", response, re.MULTILINE)
        assert found
        ports.append(int(found[1]))
    assert len(set(ports)) == 3
    assert max(ports) - min(ports) <= 40
    assert all(port % 2 == 0 for port in ports)
