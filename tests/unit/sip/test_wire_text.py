"""Bytes of strangers: what SWIG makes of them must go into JSON and into a database."""

from __future__ import annotations

import json

import pytest

from trunkline.sip.invite import read_invite
from trunkline.sip.wire_text import legible, one_line

LATIN_1 = b"caf\xe9\xff".decode("utf-8", "surrogateescape")
INVITE = (
    "INVITE sip:100@192.0.2.1 SIP/2.0\r\n"
    'From: "Jos\udce9" <sip:%00%0a%2B44\udcff@192.0.2.9>;tag=7\r\n'
    "To: <sip:100@192.0.2.1>\r\n"
    f"Call-ID: {LATIN_1}@192.0.2.9\r\n"
    f"X-Note: {LATIN_1}\r\n"
    "\r\n"
)


def test_an_invite_of_stray_bytes_can_be_written_down() -> None:
    invite = read_invite(INVITE, "192.0.2.9:5060")
    assert invite.sip_call_id == "caf\ufffd\ufffd@192.0.2.9"
    assert invite.caller_name == "Jos\ufffd"
    assert invite.caller_number == "\ufffd +44\ufffd"
    for text in (invite.sip_call_id, invite.caller_number, *invite.headers.values()):
        text.encode()  # no lone surrogate
        assert "\x00" not in text


def test_what_is_legible_stays_as_it_is() -> None:
    text = "Zürich\t—\r\n  «日本» 😀"
    assert legible(text) == text
    assert json.loads(json.dumps(legible(text))) == text


@pytest.mark.parametrize(
    ("given", "kept"), [("a\x00b", "a\ufffdb"), (" a\r\n b\t", "a b"), ("", "")]
)
def test_a_reason_is_one_line(given: str, kept: str) -> None:
    assert one_line(given) == kept
