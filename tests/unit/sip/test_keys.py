from __future__ import annotations

from trunkline.sip.keys import KeyWay, KeyWays


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
