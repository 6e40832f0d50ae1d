from __future__ import annotations

from trunkline.dashboard.login_limits import Limit, LoginLimits

LIMITS = (Limit(failures=3, window_s=60), Limit(failures=5, window_s=60))


def failed(
    limits: LoginLimits, times: int, username: str = "sue", source: str = "192.0.2.1"
) -> None:
    for second in range(times):
        limits.failed(username, source, float(second))


def test_an_account_waits_after_its_failures_until_the_first_of_them_is_old() -> None:
    limits = LoginLimits(*LIMITS)
    failed(limits, 2)
    assert limits.wait_s("sue", "192.0.2.1", 2) == 0
    failed(limits, 1)
    assert limits.wait_s("sue", "192.0.2.1", 10) == 50
    assert limits.wait_s("sue", "192.0.2.1", 61) == 0


def test_a_name_written_otherwise_is_the_same_account() -> None:
    limits = LoginLimits(*LIMITS)
    failed(limits, 3)
    assert limits.wait_s(" SUE", "192.0.2.1", 3) > 0


def test_a_stranger_elsewhere_cannot_lock_the_operator_out() -> None:
    limits = LoginLimits(*LIMITS)
    failed(limits, 3, source="198.51.100.9")
    assert limits.wait_s("sue", "192.0.2.1", 3) == 0


def test_a_source_that_tries_many_names_waits() -> None:
    limits = LoginLimits(*LIMITS)
    for number in range(5):
        limits.failed(f"user{number}", "192.0.2.1", 0)
    assert limits.wait_s("somebody", "192.0.2.1", 1) > 0
    assert limits.wait_s("somebody", "192.0.2.2", 1) == 0


def test_a_success_clears_the_account() -> None:
    limits = LoginLimits(*LIMITS)
    failed(limits, 3)
    limits.succeeded("sue", "192.0.2.1")
    assert limits.wait_s("sue", "192.0.2.1", 3) == 0


def test_ever_new_names_do_not_grow_the_table_without_end() -> None:
    limits = LoginLimits(*LIMITS)
    for number in range(6000):
        limits.failed(f"user{number}", f"source{number}", 0)
    assert len(limits._failures) <= 4096
