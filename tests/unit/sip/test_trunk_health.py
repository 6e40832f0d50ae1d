from __future__ import annotations

from trunkline.sip.trunk_health import TrunkHealth


def after(*statuses: int) -> TrunkHealth:
    health = TrunkHealth("carrier")
    for status in statuses:
        health = health.heard(status)
    return health


def test_a_trunk_is_up_until_it_has_failed_three_times_in_a_row() -> None:
    assert after().is_up
    assert after(408, 408).is_up
    assert after(408, 408, 200, 408, 408).is_up
    assert not after(200, 408, 503, 408).is_up


def test_it_is_up_again_when_it_has_answered_twice_in_a_row() -> None:
    assert not after(408, 408, 408, 200).is_up
    assert not after(408, 408, 408, 200, 408, 200).is_up
    assert after(408, 408, 408, 200, 200).is_up


def test_a_refusal_of_options_is_an_answer() -> None:
    assert after(408, 408, 408, 405, 403).is_up
    assert after(*[404] * 10).is_up
