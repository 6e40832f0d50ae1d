from __future__ import annotations

import pytest

from trunkline.domain.call import Direction, EndCause
from trunkline.sip.causes import (
    FAREWELLS,
    Reason,
    end_cause,
    parse_reason,
    reason_header,
    reason_in,
)

IN, OUT = Direction.INBOUND, Direction.OUTBOUND


def test_every_cause_has_its_farewell() -> None:
    assert set(FAREWELLS) == set(EndCause)
    assert all(400 <= farewell.sip_status < 700 for farewell in FAREWELLS.values())
    assert all(0 < farewell.q850 < 128 for farewell in FAREWELLS.values())


@pytest.mark.parametrize("cause", list(EndCause))
def test_our_reason_header_can_be_read_back(cause: EndCause) -> None:
    reason = parse_reason(reason_header(cause))
    assert reason == Reason("Q.850", FAREWELLS[cause].q850, cause.value)


@pytest.mark.parametrize(
    ("direction", "was_answered", "status", "expected"),
    [
        (IN, True, 200, EndCause.CALLER_HANGUP),
        (OUT, True, 200, EndCause.CALLEE_HANGUP),
        (IN, True, 408, EndCause.TRUNK_ERROR),
        (IN, True, 481, EndCause.TRUNK_ERROR),
        (IN, False, 487, EndCause.CALLER_CANCELLED),
        (IN, False, 500, EndCause.TRUNK_ERROR),
        (IN, False, 488, EndCause.REJECTED),
        (OUT, False, 486, EndCause.BUSY),
        (OUT, False, 600, EndCause.BUSY),
        (OUT, False, 603, EndCause.REJECTED),
        (OUT, False, 403, EndCause.REJECTED),
        (OUT, False, 404, EndCause.UNREACHABLE),
        (OUT, False, 488, EndCause.UNREACHABLE),
        (OUT, False, 408, EndCause.NO_ANSWER),
        (OUT, False, 480, EndCause.NO_ANSWER),
        (OUT, False, 487, EndCause.NO_ANSWER),
        (OUT, False, 503, EndCause.TRUNK_ERROR),
    ],
)
def test_why_a_dialog_is_over(
    direction: Direction, was_answered: bool, status: int, expected: EndCause
) -> None:
    assert end_cause(direction, was_answered, status) is expected


def test_a_status_that_nobody_sent_is_the_trunks_fault() -> None:
    """PJSIP ends an INVITE without any answer with 408, and one it cannot send with 503."""
    assert end_cause(OUT, False, 408, is_our_own=True) is EndCause.TRUNK_ERROR
    assert end_cause(OUT, False, 503, is_our_own=True) is EndCause.TRUNK_ERROR


@pytest.mark.parametrize(
    ("q850", "expected"),
    [(17, EndCause.BUSY), (19, EndCause.NO_ANSWER), (1, EndCause.UNREACHABLE)],
)
def test_an_exchange_behind_a_gateway_says_why_nobody_answered(
    q850: int, expected: EndCause
) -> None:
    assert end_cause(OUT, False, 480, Reason("Q.850", q850)) is expected
    assert end_cause(IN, True, 200, Reason("Q.850", q850)) is EndCause.CALLER_HANGUP


def test_a_peers_q850_cause_says_more_than_its_status() -> None:
    assert end_cause(IN, True, 200, Reason("Q.850", 38)) is EndCause.TRUNK_ERROR
    assert end_cause(IN, True, 200, Reason("Q.850", 16)) is EndCause.CALLER_HANGUP
    assert end_cause(IN, True, 200, Reason("SIP", 38)) is EndCause.CALLER_HANGUP


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('Q.850;cause=16;text="Terminated"', Reason("Q.850", 16, "Terminated")),
        ("SIP ;cause=200 ;text=Call completed elsewhere",
         Reason("SIP", 200, "Call completed elsewhere")),
        ("q.850 ; cause = 31", Reason("Q.850", 31)),
        ("preemption;cause=1", None),
        ("Q.850", None),
        ("", None),
    ],
)  # fmt: skip
def test_reason_headers(value: str, expected: Reason | None) -> None:
    assert parse_reason(value) == expected


def test_the_reason_is_found_in_a_message_and_not_in_its_body() -> None:
    bye = "BYE sip:a@b SIP/2.0\r\nReason: Q.850;cause=27\r\nContent-Length: 0\r\n\r\n"
    assert reason_in(bye) == Reason("Q.850", 27)
    assert reason_in("BYE sip:a@b SIP/2.0\r\n\r\nReason: Q.850;cause=27") is None
    assert reason_in("") is None
