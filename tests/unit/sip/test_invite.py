from __future__ import annotations

import pytest

from trunkline.domain.trunk import LOCAL_TRUNK, Trunk, TrunkAuth
from trunkline.sip.invite import (
    called_number,
    name_and_uri,
    read_invite,
    split_address,
    uri_user,
)

MESSAGE = (
    "INVITE sip:100@192.0.2.1:5060;transport=udp SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK1\r\n"
    'From: "Doe, Jane" <sip:+441632960001@192.0.2.9>;tag=77\r\n'
    "To: <sip:+441632960100@192.0.2.1>\r\n"
    "Call-ID: abc@192.0.2.9\r\n"
    "CSeq: 1 INVITE\r\n"
    "X-Account: 42\r\n"
    "Diversion: <sip:200@192.0.2.9>\r\n"
    "  ;reason=unconditional\r\n"
    "Content-Type: application/sdp\r\n"
    "Content-Length: 5\r\n"
    "\r\n"
    "v=0\r\n"
)
REGISTERED = Trunk(name="carrier", auth=TrunkAuth.REGISTER, username="acct7")


def test_an_invite_says_who_calls_whom() -> None:
    invite = read_invite(MESSAGE, "192.0.2.9:5060")
    assert (invite.source_ip, invite.source_port) == ("192.0.2.9", 5060)
    assert invite.called_user == "100"
    assert invite.to_user == "+441632960100"
    assert invite.caller_number == "+441632960001"
    assert invite.caller_name == "Doe, Jane"
    assert invite.sip_call_id == "abc@192.0.2.9"
    assert invite.sdp == "v=0\n"


def test_chosen_headers_are_kept_and_folded_lines_joined() -> None:
    headers = read_invite(MESSAGE, "192.0.2.9:5060").headers
    assert dict(headers) == {
        "X-Account": "42",
        "Diversion": "<sip:200@192.0.2.9> ;reason=unconditional",
    }


def test_compact_header_names_are_understood() -> None:
    message = "INVITE sip:100@h SIP/2.0\nf: <sip:5@h>;tag=1\nt: sip:100@h\ni: 9@h\n\n"
    invite = read_invite(message, "192.0.2.9:5060")
    assert (invite.caller_number, invite.to_user, invite.sip_call_id) == ("5", "100", "9@h")


def test_an_invite_without_a_body_has_no_sdp() -> None:
    assert read_invite("INVITE sip:100@h SIP/2.0\nTo: sip:100@h\n\n", "192.0.2.9:1").sdp == ""


def test_a_header_flood_is_bounded() -> None:
    flood = "".join(f"X-{n}: {'y' * 5000}\n" for n in range(500))
    headers = read_invite(f"INVITE sip:1@h SIP/2.0\n{flood}\n", "192.0.2.9:1").headers
    assert len(headers) == 32
    assert all(len(value) == 512 for value in headers.values())


def test_nothing_at_all_is_read_as_nothing() -> None:
    invite = read_invite("", "")
    assert (invite.called_user, invite.caller_number, invite.source_ip) == ("", "", "")


@pytest.mark.parametrize(
    ("uri", "user"),
    [
        ("sip:100@192.0.2.1", "100"),
        ("sips:100:pw@192.0.2.1;transport=tls", "100"),
        ("sip:+44%20163@host", "+44 163"),
        ("sip:100;phone-context=x@host", "100"),
        ("tel:+441632960001;ext=4", "+441632960001"),
        ("SIP:Bob@host", "Bob"),
        ("sip:192.0.2.1", ""),
        ("mailto:x@y", ""),
        ("", ""),
    ],
)
def test_the_user_part_of_a_uri(uri: str, user: str) -> None:
    assert uri_user(uri) == user


@pytest.mark.parametrize(
    ("value", "name", "uri"),
    [
        ('"A \\"B\\" C" <sip:1@h>;tag=2', 'A "B" C', "sip:1@h"),
        ("Alice <sip:1@h>", "Alice", "sip:1@h"),
        ("<sip:1@h;x=y>;tag=2", "", "sip:1@h;x=y"),
        ("sip:1@h;tag=2", "", "sip:1@h"),
    ],
)
def test_name_and_uri_of_a_from_header(value: str, name: str, uri: str) -> None:
    assert name_and_uri(value) == (name, uri)


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [
        ("127.0.0.1:5060", "127.0.0.1", 5060),
        ("127.0.0.1", "127.0.0.1", 0),
        ("[::1]:5062", "::1", 5062),
        ("::1", "::1", 0),
    ],
)
def test_source_addresses(address: str, host: str, port: int) -> None:
    assert split_address(address) == (host, port)


def test_a_registrar_calls_our_contact_and_the_number_is_in_to() -> None:
    invite = read_invite(MESSAGE.replace("sip:100@", "sip:acct7@"), "192.0.2.9:5060")
    assert called_number(invite, REGISTERED) == "+441632960100"


def test_a_number_in_the_request_uri_wins_elsewhere() -> None:
    invite = read_invite(MESSAGE, "192.0.2.9:5060")
    assert called_number(invite, REGISTERED) == "100"
    assert called_number(invite, LOCAL_TRUNK) == "100"
    assert called_number(invite, None) == "100"
