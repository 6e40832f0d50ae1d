from __future__ import annotations

from trunkline.domain.trunk import Trunk, TrunkAuth
from trunkline.sip.rate_limit import Allowance, LineQuota, SourceLimiter, TrunkLimiter

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


def test_a_source_that_goes_on_is_told_of_once_a_minute() -> None:
    limiter = SourceLimiter(per_second=1, burst=1)
    told = [limiter.ask("203.0.113.1", at / 10).value for at in range(1200)]
    assert told.count(FIRST.value) == 2


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


def trunk(name: str = "carrier", *, per_second: float = 2, burst: int = 3) -> Trunk:
    return Trunk(name, TrunkAuth.SOURCE, calls_per_second=per_second, calls_burst=burst)


def test_a_trunk_may_bring_its_burst_and_then_so_many_a_second() -> None:
    limiter = TrunkLimiter()
    assert [limiter.wait_s(trunk(), 10.0) for _ in range(5)] == [0, 0, 0, 1, 1]
    assert [limiter.wait_s(trunk(), 11.0) for _ in range(3)] == [0, 0, 1]


def test_a_slow_trunk_is_told_how_long_to_wait() -> None:
    limiter = TrunkLimiter()
    slow = trunk(per_second=0.1, burst=1)
    assert [limiter.wait_s(slow, 0.0), limiter.wait_s(slow, 4.0)] == [0, 6]


def test_one_trunks_flood_leaves_another_its_own_allowance() -> None:
    limiter = TrunkLimiter()
    for _ in range(50):
        limiter.wait_s(trunk(), 0.0)
    assert limiter.wait_s(trunk("other"), 0.0) == 0


def test_a_trunk_whose_limits_were_changed_has_the_new_ones() -> None:
    limiter = TrunkLimiter()
    assert [limiter.wait_s(trunk(burst=1), 0.0) for _ in range(2)] == [0, 1]
    assert limiter.wait_s(trunk(burst=5), 0.0) == 0


def test_a_log_has_few_lines_of_a_flood_and_their_number() -> None:
    quota = LineQuota()
    lines = [quota.ask("carrier", at / 100) for at in range(1101)]
    told = [left_out for left_out in lines if left_out is not None]
    assert len(told) == 22
    assert sum(told) > 900
