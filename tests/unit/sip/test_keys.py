from __future__ import annotations

from trunkline.sip.keys import KeyQuota, KeyWay, KeyWays


def counted(*presses: tuple[str, KeyWay, int]) -> str:
    ways = KeyWays()
    return "".join(digit for digit, way, at in presses if ways.counts(digit, way, at))


def test_a_phone_that_sends_events_and_info_is_counted_once() -> None:
    both = [("1", KeyWay.EVENT, 0), ("1", KeyWay.INFO, 5), ("1", KeyWay.INFO, 900)]
    assert counted(*both, ("2", KeyWay.EVENT, 950), ("2", KeyWay.INFO, 960)) == "12"
    assert counted(("1", KeyWay.INFO, 0), ("1", KeyWay.EVENT, 5), ("2", KeyWay.INFO, 9)) == "12"


def test_tones_count_until_another_way_shows() -> None:
    assert counted(("1", KeyWay.TONE, 0), ("1", KeyWay.TONE, 300)) == "11"
    assert counted(("1", KeyWay.TONE, 0), ("1", KeyWay.INFO, 80), ("2", KeyWay.TONE, 500)) == "1"
    assert counted(("1", KeyWay.TONE, 0), ("1", KeyWay.INFO, 2000)) == "11"


def test_a_number_and_a_pin_are_told_as_fast_as_an_autodialler_sends_them() -> None:
    quota = KeyQuota()
    assert all(quota.allows(press / 10) for press in range(200))
    assert quota.dropped == 0


def test_a_flood_of_keys_is_cut_to_what_could_be_pressed_and_counted() -> None:
    quota = KeyQuota()
    told = sum(quota.allows(press / 1000) for press in range(2000))
    assert 60 <= told <= 72
    assert quota.dropped == 2000 - told
