"""A registering trunk against a real registrar, and calls that come through it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.peers.drivers.baresip import baresip
from tests.peers.drivers.kamailio import Kamailio, kamailio
from tests.peers.drivers.registrar import RefusingRegistrar, refusing_registrar
from tests.peers.sip.conftest import CALLER_HZ, Edge, running_edge

from trunkline.domain.call import EndCause
from trunkline.domain.leg import LegEnded
from trunkline.domain.trunk import NumberRoute, Trunk, TrunkAuth
from trunkline.sip.account import Registration
from trunkline.sip.registration_backoff import Backoff
from trunkline.sip.trunk_readings import trunk_readings
from trunkline.sip.trunks import with_registrar_sources

pytestmark = pytest.mark.peers

NUMBER = "+441632960100"


async def trunk_at(proxy: Kamailio, *, password: str = "", transport: str = "") -> Trunk:
    trunk = Trunk(
        name="carrier",
        auth=TrunkAuth.REGISTER,
        registrar=f"sip:127.0.0.1:{proxy.port}{transport}",
        username=proxy.user,
        password=password or proxy.password,
    )
    return (await with_registrar_sources([trunk]))[0]


async def registration(edge: Edge, *, answered: bool = True) -> Registration:
    async with asyncio.timeout(10):
        while True:
            (state,) = edge.endpoint.registrations()
            if state.sip_status or not answered:
                return state
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("transport", ["", ";transport=tcp"])
async def test_a_number_rings_through_the_registrar(
    tmp_path: Path, caller_wav: Callable[[str], Path], transport: str
) -> None:
    async with kamailio(tmp_path / "proxy") as proxy:
        trunk = await trunk_at(proxy, transport=transport)
        async with running_edge(trunk, routes=(NumberRoute(NUMBER, "energy", "carrier"),)) as edge:
            state = await registration(edge)
            assert state.is_registered, state
            assert state.expires_s > 0
            assert state.problem == ""
            async with baresip(tmp_path / "phone", caller_wav("PCMU"), codec="PCMU") as phone:
                await phone.command("dial", f"sip:{NUMBER}@127.0.0.1:{proxy.port}")
                line = await edge.next_line()
                description = line.leg.description
                assert description.trunk == "carrier"
                assert description.called_number == NUMBER
                await line.leg.answer()
                line.listen()
                await phone.wait_for("CALL_ESTABLISHED")
                await line.until_heard(1.0)
                assert line.caller_spectrum(0.7).is_tone(CALLER_HZ)
                (told,) = trunk_readings(edge.endpoint, [trunk])
                assert (told.name, told.is_registered, told.calls_up) == ("carrier", True, 1)
                assert told.calls_taken >= 1
                assert proxy.password not in repr(told)
                await line.leg.hang_up(EndCause.AGENT_HANGUP)
                await line.wait_for(LegEnded)
                await phone.wait_for("CALL_CLOSED")
        assert "expires 0" in proxy.log.lower(), "the edge unregisters when it stops"


async def test_a_call_is_placed_over_the_trunk_with_its_credentials(
    tmp_path: Path, caller_wav: Callable[[str], Path]
) -> None:
    """Kamailio sends every number to the account, so our own edge answers its own call."""
    async with kamailio(tmp_path / "proxy") as proxy:
        trunk = await trunk_at(proxy)
        async with running_edge(trunk, routes=(NumberRoute(NUMBER, "energy"),)) as edge:
            assert (await registration(edge)).is_registered
            placed = edge.follow(await edge.endpoint.place(NUMBER, trunk=trunk))
            line = await edge.next_line()
            assert line.leg.description.caller_number == proxy.user
            await line.leg.answer()
            await placed.leg.wait_for_media(5)
            line.say(1.0, 700)
            placed.listen()
            await placed.until_heard(0.9)
            assert placed.caller_spectrum(0.6).is_tone(700)
            await placed.leg.hang_up(EndCause.OPERATOR_HANGUP)
            assert (await line.wait_for(LegEnded)).cause is EndCause.CALLER_HANGUP


async def test_a_wrong_password_is_seen_and_said_plainly(tmp_path: Path) -> None:
    async with kamailio(tmp_path / "proxy") as proxy:
        trunk = await trunk_at(proxy, password="wrong")
        async with running_edge(trunk) as edge:
            state = await registration(edge)
            assert not state.is_registered
            assert state.sip_status in (401, 403)
            assert "password" in state.problem
            told = edge.endpoint.trunk_states()["carrier"]
            assert told == {"is_registered": False, "problem": state.problem}


def refused_by(registrar: RefusingRegistrar) -> Trunk:
    return Trunk(
        name="carrier",
        auth=TrunkAuth.REGISTER,
        registrar=f"sip:127.0.0.1:{registrar.port}",
        username="acct7",
        password="secret",
    )


async def registered(edge: Edge) -> Registration:
    async with asyncio.timeout(15):
        while not edge.endpoint.registrations()[0].is_registered:
            await asyncio.sleep(0.02)
    return edge.endpoint.registrations()[0]


async def test_a_registrar_that_refuses_is_asked_ever_later_until_it_does_not() -> None:
    """A 403 among them: PJSIP by itself would never ask again after that."""
    refusals = ["503 Busy", "500 Oops", "403 No", "480 Later", "503 Busy"]
    async with refusing_registrar(*refusals) as registrar:
        backoff = Backoff(first_s=0.1, most_s=1.0, account_s=0.4)
        async with running_edge(refused_by(registrar), backoff=backoff) as edge:
            assert (await registered(edge)).expires_s > 0
            asked = registrar.asked_s
            # A wait is at least half of its bound: no earlier is what matters.
            for wait, least in zip(
                (later - earlier for earlier, later in itertools.pairwise(asked[:6])),
                (0.05, 0.1, 0.5, 0.4, 0.5),
                strict=True,
            ):
                assert wait >= least
            assert len(asked) <= 7  # one more, when PJSIP finds its contact rewritten


async def test_a_registrars_retry_after_is_waited_for() -> None:
    async with refusing_registrar("503 Busy\nRetry-After: 2") as registrar:
        backoff = Backoff(first_s=0.1)
        async with running_edge(refused_by(registrar), backoff=backoff) as edge:
            state = await registration(edge)
            assert state.retry_after_s == 2
            await registered(edge)
            assert registrar.asked_s[1] - registrar.asked_s[0] >= 2
