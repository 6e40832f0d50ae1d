from __future__ import annotations

import pytest

from trunkline.domain.errors import ConfigError
from trunkline.sip.front import SipFront, sip_front, source_of

INNER = "10.0.0.10:5070"
FRONT = SipFront(INNER, "203.0.113.7", 5060, 5061, "edge-2")


def message(*headers: str, body: str = "") -> str:
    return "\r\n".join(["INVITE sip:100@x SIP/2.0", "Via: SIP/2.0/UDP x", *headers, "", body])


def test_the_front_is_believed_about_where_a_message_began() -> None:
    told = message("X-Trunkline-Source: 198.51.100.4:5061;transport=tls")
    assert source_of(FRONT, told, INNER) == "198.51.100.4:5061"
    told = message("x-trunkline-SOURCE :[2001:db8::4]:5060;transport=udp ")
    assert source_of(FRONT, told, INNER) == "[2001:db8::4]:5060"


@pytest.mark.parametrize("source", ["10.0.0.10:5071", "10.0.0.11:5070", "198.51.100.4:5060"])
def test_nobody_else_is(source: str) -> None:
    told = message("X-Trunkline-Source: 203.0.113.9:5060;transport=udp")
    assert source_of(FRONT, told, source) == source
    assert source_of(None, told, INNER) == INNER


@pytest.mark.parametrize(
    "headers",
    [
        [],
        ["X-Trunkline-Source:"],
        ["X-Trunkline-Source: 203.0.113.9"],
        ["X-Trunkline-Source: carrier.example:5060;transport=udp"],
        ["X-Trunkline-Source: 203.0.113.9:5060;transport=udp, 1"],
        ["X-Trunkline-Source: 203.0.113.9:5060;transport=udp"] * 2,
        ["X-Trunkline-Sources: 203.0.113.9:5060;transport=udp"],
    ],
)
def test_a_message_of_which_the_front_says_nothing_plain_is_a_strangers(headers: list[str]) -> None:
    assert source_of(FRONT, message(*headers), INNER) == ""


def test_a_body_tells_nothing_of_its_source() -> None:
    told = message(body="X-Trunkline-Source: 203.0.113.9:5060;transport=udp")
    assert source_of(FRONT, told, INNER) == ""


def test_contact_is_the_fronts_and_names_the_edge() -> None:
    assert FRONT.contact("acct") == "<sip:acct@203.0.113.7:5060;edge=edge-2>"
    assert (
        FRONT.contact("acct", transport="tls")
        == "<sip:acct@203.0.113.7:5061;transport=tls;edge=edge-2>"
    )
    assert FRONT.contact("acct", names_edge=False) == "<sip:acct@203.0.113.7:5060>"


def settings(
    inner: str = INNER, address: str = "203.0.113.7:5060", edge: str = "e"
) -> SipFront | None:
    return sip_front(inner=inner, address=address, own_host="192.0.2.2", tls_port=0, edge=edge)


def test_an_edge_without_a_front_has_none() -> None:
    assert settings(inner="") is None


def test_a_front_on_this_machine_is_known_by_its_port() -> None:
    front = settings(address=":5060")
    assert front is not None
    assert (front.host, front.port) == ("192.0.2.2", 5060)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"inner": "front:5070"}, "TRUNKLINE_FRONT_INNER"),
        ({"inner": "10.0.0.10"}, "TRUNKLINE_FRONT_INNER"),
        ({"edge": ""}, "TRUNKLINE_EDGE_NAME"),
        ({"address": ""}, "TRUNKLINE_FRONT_ADDRESS"),
        ({"address": "203.0.113.7"}, "TRUNKLINE_FRONT_ADDRESS"),
    ],
)
def test_what_is_wrong_is_named(wrong: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        settings(**wrong)
