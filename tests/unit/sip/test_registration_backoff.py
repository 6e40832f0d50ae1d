from __future__ import annotations

import pytest

from trunkline.sip.account import retry_after_s
from trunkline.sip.registration_backoff import Backoff

BACKOFF = Backoff(first_s=4, most_s=300, account_s=60, account_most_s=1800)


def test_the_wait_doubles_with_each_failure_up_to_the_most() -> None:
    longest = [BACKOFF.wait_s(n, 503, chance=1) for n in range(1, 10)]
    assert longest == [4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert BACKOFF.wait_s(10_000, 503, chance=1) == 300


def test_the_wait_is_drawn_from_the_upper_half_of_the_bound() -> None:
    assert BACKOFF.wait_s(3, 408, chance=0) == 8
    assert BACKOFF.wait_s(3, 408, chance=0.5) == 12


@pytest.mark.parametrize("status", [401, 403, 404, 407])
def test_a_refusal_that_time_does_not_cure_is_tried_rarely(status: int) -> None:
    assert BACKOFF.wait_s(1, status, chance=1) == 60
    assert BACKOFF.wait_s(20, status, chance=1) == 1800


def test_a_retry_after_is_never_undercut_and_spread_above() -> None:
    assert BACKOFF.wait_s(1, 503, chance=0, retry_after_s=120) == 120
    assert BACKOFF.wait_s(1, 503, chance=1, retry_after_s=120) == pytest.approx(132)
    assert BACKOFF.wait_s(9, 503, chance=1, retry_after_s=5) == 300


def test_a_registrar_cannot_put_us_off_for_ever() -> None:
    assert BACKOFF.wait_s(1, 503, chance=0, retry_after_s=10**9) == 3600


@pytest.mark.parametrize(
    ("message", "seconds"),
    [
        ("SIP/2.0 503 No\r\nRetry-After: 120 (busy);duration=5\r\n\r\n", 120),
        ("SIP/2.0 503 No\r\nretry-after :7\r\n\r\n", 7),
        ("SIP/2.0 503 No\r\n\r\nRetry-After: 9\r\n", 0),
        ("SIP/2.0 503 No\r\nRetry-After: soon\r\n\r\n", 0),
        ("", 0),
    ],
)
def test_a_retry_after_is_read_from_the_head_of_a_response(message: str, seconds: int) -> None:
    assert retry_after_s(message) == seconds
