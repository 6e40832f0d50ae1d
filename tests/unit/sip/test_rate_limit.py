from __future__ import annotations

from trunkline.sip.rate_limit import Allowance, SourceLimiter

ALLOWED, FIRST, LIMITED = Allowance.ALLOWED, Allowance.LIMITED_FIRST, Allowance.LIMITED


def test_a_burst_passes_and_then_the_source_is_limited() -> None:
    limiter = SourceLimiter(per_second=1, burst=3)
    asked = [limiter.ask("203.0.113.1", 0.0) for _ in range(6)]
    assert asked == [ALLOWED, ALLOWED, ALLOWED, FIRST, LIMITED, LIMITED]


def test_tokens_come_back_with_time_and_no_further_than_the_burst() -> None:
    limiter = SourceLimiter(per_second=2, burst=2)
    for _ in range(4):
        limiter.ask("203.0.113.1", 0.0)
    assert limiter.ask("203.0.113.1", 0.4) is LIMITED
    assert limiter.ask("203.0.113.1", 0.6) is ALLOWED
    assert [limiter.ask("203.0.113.1", 1000.0) for _ in range(3)] == [ALLOWED, ALLOWED, FIRST]


def test_one_source_does_not_use_up_anothers_allowance() -> None:
    limiter = SourceLimiter(per_second=1, burst=1)
    limiter.ask("203.0.113.1", 0.0)
    assert limiter.ask("203.0.113.1", 0.0) is FIRST
    assert limiter.ask("203.0.113.2", 0.0) is ALLOWED


def test_the_table_is_bounded_and_forgets_the_longest_unseen() -> None:
    limiter = SourceLimiter(per_second=0.001, burst=1, max_sources=2)
    limiter.ask("a", 0.0)
    limiter.ask("b", 1.0)
    limiter.ask("a", 2.0)
    limiter.ask("c", 3.0)
    assert len(limiter) == 2
    assert limiter.ask("a", 4.0) is LIMITED
    assert limiter.ask("b", 5.0) is ALLOWED


def test_a_clock_that_stands_still_gives_no_tokens() -> None:
    limiter = SourceLimiter(per_second=100, burst=1)
    limiter.ask("a", 10.0)
    assert limiter.ask("a", 9.0) is FIRST
