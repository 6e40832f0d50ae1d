"""Signalling over TLS and audio over SRTP, with a real softphone; and what is refused."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.peers.drivers.baresip import baresip
from tests.peers.drivers.certificates import CertificateAuthority, CertificateFiles
from tests.peers.drivers.sipp import invite, sipp
from tests.peers.drivers.tones import spectrum
from tests.peers.drivers.wire import entropy_bits, listening_in
from tests.peers.sip.conftest import AGENT_HZ, CALLER_HZ, Edge, running_edge

from trunkline.domain.call import EndCause
from trunkline.domain.leg import LegEnded, LegMediaStarted
from trunkline.domain.trunk import Srtp, Trunk, TrunkAuth
from trunkline.sip.config import Tls

pytestmark = pytest.mark.peers

CallerWav = Callable[[str], Path]
CARRIER = Trunk("carrier", TrunkAuth.SOURCE, sources=("127.0.0.0/8",), srtp=Srtp.REQUIRED)


@pytest.fixture
def authority(tmp_path: Path) -> CertificateAuthority:
    return CertificateAuthority(tmp_path / "authority")


def shown(files: CertificateFiles, authority: CertificateAuthority) -> Tls:
    return Tls(0, files.certificate, files.key, authority.ca_file)


def softphone(authority: CertificateAuthority, files: CertificateFiles) -> str:
    """Lines of baresip's configuration: SRTP, its own certificate, whom it trusts."""
    return (
        f"module srtp.so\nsip_certificate {files.joined}\nsip_cafile {authority.ca_file}\n"
        "sip_verify_server yes\n"
    )


def tls_uri(edge: Edge) -> str:
    return f"sip:100@127.0.0.1:{edge.endpoint.tls_port};transport=tls"


async def test_tones_pass_both_ways_and_nobody_on_the_line_hears_them(
    tmp_path: Path, caller_wav: CallerWav, authority: CertificateAuthority
) -> None:
    files = authority.issue()
    async with (
        running_edge(CARRIER, tls=shown(files, authority)) as edge,
        baresip(
            tmp_path / "phone",
            caller_wav("PCMU"),
            codec="PCMU",
            transport="tls",
            params=";mediaenc=srtp-mand",
            config=softphone(authority, authority.issue()),
        ) as phone,
        listening_in() as wire,
    ):
        await phone.command("dial", tls_uri(edge))
        line = await edge.next_line()
        line.listen()
        line.say(1.9)
        await line.leg.answer()
        await line.wait_for(LegMediaStarted)
        await line.until_heard(2.0)
        await line.leg.hang_up(EndCause.AGENT_HANGUP)
        await phone.wait_for("CALL_CLOSED")
        ports = phone.rtp_ports()
        assert len(ports) == 2, "each side named its own"
        for port in ports:
            assert len(wire.payloads(port)) > 80 * 160
            assert entropy_bits(wire.payloads(port)) > 7.9
            heard = spectrum(wire.as_ulaw(port), 8000)
            assert not heard.is_tone(CALLER_HZ)
            assert heard.purity < 0.2
    assert line.caller_spectrum(1.5).is_tone(CALLER_HZ)
    heard_there, rate = phone.heard()
    assert spectrum(heard_there[: int(1.8 * rate)].copy(), rate).is_tone(AGENT_HZ)


async def test_the_same_tones_lie_open_where_srtp_is_off(
    tmp_path: Path, caller_wav: CallerWav
) -> None:
    """What the measurement above would see if nothing were encrypted."""
    async with (
        running_edge(replace(CARRIER, srtp=Srtp.OFF)) as edge,
        baresip(tmp_path / "phone", caller_wav("PCMU"), codec="PCMU") as phone,
        listening_in() as wire,
    ):
        await phone.command("dial", edge.uri())
        line = await edge.next_line()
        line.listen()
        await line.leg.answer()
        await line.until_heard(1.2)
        await phone.command("hangup")
        await line.wait_for(LegEnded)
        ports = phone.rtp_ports()
        assert any(spectrum(wire.as_ulaw(port), 8000).is_tone(CALLER_HZ) for port in ports)
        assert all(entropy_bits(wire.payloads(port)) < 7 for port in ports)


@pytest.mark.parametrize("offer", ["srtp", "srtp-mand", ""])
async def test_an_optional_trunk_takes_what_is_offered(
    tmp_path: Path, caller_wav: CallerWav, offer: str
) -> None:
    async with (
        running_edge(replace(CARRIER, srtp=Srtp.OPTIONAL)) as edge,
        baresip(
            tmp_path / "phone",
            caller_wav("PCMU"),
            codec="PCMU",
            params=f";mediaenc={offer}" if offer else "",
            config="module srtp.so\n",
        ) as phone,
    ):
        await phone.command("dial", edge.uri())
        line = await edge.next_line()
        line.listen()
        await line.leg.answer()
        await line.until_heard(1.0)
        assert line.caller_spectrum(0.7).is_tone(CALLER_HZ)
        await phone.command("hangup")
        await line.wait_for(LegEnded)
    answer = next(m for m in phone.messages() if m.first_line.startswith("SIP/2.0 200"))
    assert ("a=crypto:" in answer.text) is bool(offer)


async def test_a_plain_offer_is_refused_where_srtp_is_required(tmp_path: Path) -> None:
    async with running_edge(CARRIER) as edge:
        with capture_logs() as logs:
            run = await sipp(tmp_path, invite("100", expect=488), edge.endpoint.sip_port)
        assert run.exit_status == 0, run.messages
        assert edge.arrivals.empty()
    (refusal,) = [one for one in logs if one["event"] == "INVITE refused by PJSIP"]
    assert "srtp is 'required'" in refusal["reason"]
    assert refusal["trunk"] == "carrier"


async def test_keys_are_in_no_log(tmp_path: Path, caller_wav: CallerWav) -> None:
    async with (
        running_edge(CARRIER, logs_messages=True) as edge,
        baresip(
            tmp_path / "phone",
            caller_wav("PCMU"),
            codec="PCMU",
            params=";mediaenc=srtp-mand",
            config="module srtp.so\n",
        ) as phone,
    ):
        with capture_logs() as logs:
            await phone.command("dial", edge.uri())
            line = await edge.next_line()
            await line.leg.answer()
            await phone.wait_for("CALL_ESTABLISHED")
            await line.leg.hang_up(EndCause.AGENT_HANGUP)
            await line.wait_for(LegEnded)
    keys = [
        part.split("|")[0].split()[0]
        for message in phone.messages()
        for part in message.text.split("inline:")[1:]
    ]
    assert len(keys) >= 2, "both sides told theirs"
    assert any("a=crypto" in str(one.get("pii_message")) for one in logs), "messages are logged"
    assert not any(key in str(one) for key in keys for one in logs)


@pytest.mark.parametrize(
    ("address", "days", "says"),
    [("127.0.0.1", -1, "expired"), ("127.0.0.9", 1, "identity"), ("127.0.0.1", 1, "")],
)
async def test_a_carriers_certificate_is_looked_at(
    tmp_path: Path,
    caller_wav: CallerWav,
    authority: CertificateAuthority,
    address: str,
    days: float,
    says: str,
) -> None:
    """Expired; for another address; and, so that this proves something, a good one."""
    files = authority.issue(address, days=days)
    ours = shown(authority.issue(), authority)
    async with (
        running_edge(CARRIER, tls=ours) as edge,
        baresip(
            tmp_path / "carrier",
            caller_wav("PCMU"),
            codec="PCMU",
            transport="tls",
            params=";mediaenc=srtp-mand",
            config=softphone(authority, files),
        ) as carrier,
    ):
        uri = f"sip:phone@127.0.0.1:{carrier.sip_port + 1};transport=tls"
        with capture_logs() as logs:
            leg = await edge.endpoint.place(uri, trunk=CARRIER)
            line = edge.follow(leg)
            if not says:
                line.listen()
                await carrier.wait_for("CALL_ESTABLISHED")
                await line.until_heard(1.0)
                assert line.caller_spectrum(0.7).is_tone(CALLER_HZ)
                await leg.hang_up(EndCause.AGENT_HANGUP)
            ended = await line.wait_for(LegEnded)
    problems = [one["problem"] for one in logs if "TLS certificate was refused" in one["event"]]
    if says:
        assert ended.cause is EndCause.TRUNK_ERROR
        assert any(says in problem.lower() for problem in problems), logs
    else:
        assert ended.cause is EndCause.AGENT_HANGUP
        assert not problems


async def greeted(port: int, authority: CertificateAuthority) -> str:
    """What a client that looks at certificates finds wrong with ours; empty when nothing."""
    context = ssl.create_default_context(cafile=str(authority.ca_file))
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    except ssl.SSLCertVerificationError as exc:
        return exc.verify_message
    writer.transport.abort()  # a SIP server waits for a request, not for a polite goodbye
    return ""


async def test_a_renewed_certificate_is_shown_and_calls_that_are_up_live_on(
    tmp_path: Path, caller_wav: CallerWav, authority: CertificateAuthority
) -> None:
    files = authority.issue(days=-1)
    async with (
        running_edge(CARRIER, tls=shown(files, authority)) as edge,
        baresip(
            tmp_path / "phone",
            caller_wav("PCMU"),
            codec="PCMU",
            transport="tls",
            params=";mediaenc=srtp-mand",
            config=softphone(authority, authority.issue()),
        ) as phone,
    ):
        port = edge.endpoint.tls_port
        assert "expired" in await greeted(port, authority)
        await phone.command("dial", tls_uri(edge))
        line = await edge.next_line()
        await line.leg.answer()
        await phone.wait_for("CALL_ESTABLISHED")
        authority.issue(into=files.certificate.parent)
        await edge.endpoint.renew_certificate()
        assert edge.endpoint.tls_port == port
        assert await greeted(port, authority) == ""
        await phone.command("hangup")
        assert (await line.wait_for(LegEnded)).cause is EndCause.CALLER_HANGUP
