from __future__ import annotations

from typing import Any

import pytest

from trunkline.domain.errors import ConfigError, TrunkError
from trunkline.domain.trunk import LOCAL_TRUNK, NumberRoute, Trunk, TrunkAuth
from trunkline.runtime.settings import (
    SAMPLE_NUMBERS,
    NumberSettings,
    Settings,
    TrunkSettings,
)
from trunkline.sip.account import Registration, registrar_host, registrar_uri, target_uri
from trunkline.sip.trunks import (
    configured_routes,
    configured_trunks,
    sip_host,
    with_registrar_sources,
)

CARRIER = TrunkSettings(name="carrier", auth="source", sources=("203.0.113.0/24",))
SIPGATE = TrunkSettings(
    name="registered", auth="register", registrar="sip:127.0.0.1:5070", username="acct7"
)


def settings(*trunks: TrunkSettings, **more: Any) -> Settings:
    return Settings(trunks=trunks, **more)


def test_the_local_trunk_goes_last_and_can_be_turned_off() -> None:
    assert [t.name for t in configured_trunks(settings(CARRIER))] == ["carrier", "local"]
    assert [t.name for t in configured_trunks(settings(CARRIER, local_trunk=False))] == ["carrier"]


@pytest.mark.parametrize(
    ("trunks", "says"),
    [
        ((CARRIER, CARRIER), "used twice"),
        ((TrunkSettings(name="local", auth="source", sources=("10.0.0.1",)),), "built-in"),
        ((TrunkSettings(name="t", auth="ldap"),), "'register' or 'source'"),
        ((TrunkSettings(name="t", auth="source"),), "needs sources"),
        ((TrunkSettings(name="t", auth="source", sources=("10.0.0.300",)),), "10.0.0.300"),
        ((TrunkSettings(name="t", auth="register", registrar="sip:x"),), "username"),
        ((TrunkSettings(name="t", auth="register", username="x"),), "registrar"),
    ],
)
def test_a_wrong_trunk_is_named_with_what_to_fix(
    trunks: tuple[TrunkSettings, ...], says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        configured_trunks(settings(*trunks))


def test_the_sample_numbers_are_on_the_local_trunk_unless_taken() -> None:
    trunks = (LOCAL_TRUNK,)
    samples = tuple(NumberRoute(number, one, "local") for number, one in SAMPLE_NUMBERS.items())
    assert configured_routes(settings(), trunks) == samples
    taken = settings(numbers=(NumberSettings(number="100", agent="mine"),))
    assert configured_routes(taken, trunks) == (NumberRoute("100", "mine"), *samples[1:])
    assert configured_routes(settings(local_trunk=False), ()) == ()


def test_numbers_are_normalised_and_their_trunk_must_exist() -> None:
    given = settings(CARRIER, numbers=(NumberSettings(number="+44 1632 960-100", agent="a"),))
    assert configured_routes(given, configured_trunks(given))[0].number == "+441632960100"
    wrong = settings(numbers=(NumberSettings(number="7", agent="a", trunk="nowhere"),))
    with pytest.raises(ConfigError, match="nowhere"):
        configured_routes(wrong, (LOCAL_TRUNK,))
    with pytest.raises(ConfigError, match="not a phone number"):
        configured_routes(settings(numbers=(NumberSettings(number="abc", agent="a"),)), ())


async def test_a_registrars_addresses_become_sources() -> None:
    carrier, registered, _ = await with_registrar_sources(
        configured_trunks(settings(CARRIER, SIPGATE))
    )
    assert carrier.sources == ("203.0.113.0/24",)
    assert registered.admits("127.0.0.1")


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("sip:example.com", "example.com"),
        ("sip:example.com:5070;transport=tcp", "example.com"),
        ("example.com:5070", "example.com"),
        ("sips:acct@example.com", "example.com"),
        ("sip:[2001:db8::1]:5060", "2001:db8::1"),
    ],
)
def test_the_host_of_a_registrar(uri: str, host: str) -> None:
    assert sip_host(uri) == host


def test_a_number_becomes_a_uri_at_the_trunks_registrar() -> None:
    trunk = Trunk("c", TrunkAuth.REGISTER, registrar="sip:sip.example.com:5070;transport=tcp")
    assert target_uri("+4416", trunk) == "sip:+4416@sip.example.com:5070;transport=tcp"
    assert target_uri("sip:a@b", trunk) == "sip:a@b"
    assert registrar_uri(Trunk("c", TrunkAuth.REGISTER, registrar="h:1")) == "sip:h:1"
    assert registrar_host(trunk) == "sip.example.com:5070"
    with pytest.raises(TrunkError, match="sip: URI"):
        target_uri("100", LOCAL_TRUNK)


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (Registration("c"), "not answered yet"),
        (Registration("c", sip_status=401), "password"),
        (Registration("c", sip_status=404), "username"),
        (Registration("c", sip_status=503), "reached"),
        (Registration("c", sip_status=500, reason="Oops"), "500 Oops"),
        (Registration("c", is_registered=True, sip_status=200), ""),
    ],
)
def test_a_failed_registration_says_what_to_do(state: Registration, says: str) -> None:
    assert says in state.problem
    assert bool(state.problem) is not state.is_registered
