"""The breaker by values: the caller brings the time."""

from __future__ import annotations

from trunkline.flows.tool_breaker import Breaker, BreakerState
from trunkline.flows.tools import BreakerPolicy

POLICY = BreakerPolicy(failures=3, open_ms=1000)


def opened(at_ms: float = 0) -> Breaker:
    breaker = Breaker(POLICY)
    for _ in range(POLICY.failures):
        assert breaker.admit(at_ms)
        breaker.failed(at_ms)
    return breaker


def test_failures_in_a_row_open_it_and_it_admits_nobody() -> None:
    breaker = opened()
    assert breaker.state(999) is BreakerState.OPEN
    assert not breaker.admit(999)
    assert breaker.retry_after_ms(400) == 600


def test_a_success_between_failures_keeps_it_closed() -> None:
    breaker = Breaker(POLICY)
    for _ in range(10):
        breaker.failed(0)
        breaker.failed(0)
        breaker.succeeded()
    assert breaker.state(0) is BreakerState.CLOSED


def test_half_open_admits_one_probe_at_a_time() -> None:
    breaker = opened()
    assert breaker.admit(1000)
    assert breaker.state(1000) is BreakerState.HALF_OPEN
    assert not breaker.admit(1000)


def test_a_probe_that_succeeds_closes_it() -> None:
    breaker = opened()
    assert breaker.admit(1000)
    breaker.succeeded()
    assert breaker.state(1000) is BreakerState.CLOSED
    assert breaker.admit(1000)


def test_a_probe_that_fails_opens_it_again_for_as_long() -> None:
    breaker = opened()
    assert breaker.admit(1000)
    breaker.failed(1500)
    assert not breaker.admit(2499)
    assert breaker.admit(2500)


def test_a_probe_that_the_call_gave_up_lets_another_probe() -> None:
    breaker = opened()
    assert breaker.admit(1000)
    breaker.abandoned()
    assert breaker.admit(1001)
