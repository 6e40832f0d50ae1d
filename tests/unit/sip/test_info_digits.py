from __future__ import annotations

import pytest

from trunkline.sip.info_digits import digit_in_info


def info(body: str, kind: str = "application/dtmf") -> str:
    return f"INFO sip:a@h SIP/2.0\r\nContent-Type: {kind}\r\nCSeq: 2 INFO\r\n\r\n{body}"


@pytest.mark.parametrize(
    ("body", "digit"),
    [("5", "5"), ("#\r\n", "#"), ("11", "#"), ("d", "D"), ("Signal=7", "7"), ("16", ""), ("", "")],
)
def test_the_bare_key_is_read(body: str, digit: str) -> None:
    assert digit_in_info(info(body)) == digit


def test_other_bodies_and_requests_are_none() -> None:
    assert digit_in_info(info("Signal=5\r\nDuration=160", "application/dtmf-relay")) == ""
    assert digit_in_info(info("5").replace("INFO", "MESSAGE")) == ""
    assert digit_in_info(info("<5>" * 1000)) == ""
