"""Dead processes come back, slower each time, and calmly after a stable life."""

from __future__ import annotations

from trunkline.cli.restarts import RestartPolicy


def test_the_pause_doubles_up_to_its_limit() -> None:
    policy = RestartPolicy(first_s=1, longest_s=5)
    assert [policy.delay_s(lived_s=0.1) for _ in range(5)] == [1, 2, 4, 5, 5]


def test_a_stable_life_forgets_the_past() -> None:
    policy = RestartPolicy(first_s=1, longest_s=5, stable_s=30)
    for _ in range(4):
        policy.delay_s(lived_s=0.1)
    assert policy.delay_s(lived_s=31) == 1
