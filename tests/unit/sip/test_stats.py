from __future__ import annotations

from trunkline.sip.stats import MediaCounters, RingCounters, SilenceWatch, leg_stats


def test_streams_of_one_call_add_up_and_the_latest_jitter_counts() -> None:
    first = MediaCounters(100, 2, 1, 4.0, 90, 30.0)
    second = MediaCounters(50, 1, 0, 6.0, 40, 0.0)
    assert first + second == MediaCounters(150, 3, 1, 6.0, 130, 30.0)


def test_an_empty_stream_does_not_wipe_out_what_was_measured() -> None:
    first = MediaCounters(100, 2, 1, 4.0, 90, 30.0)
    assert first + MediaCounters() == first


def test_pairs_nobody_listened_to_count_as_overruns() -> None:
    stats = leg_stats(MediaCounters(rx_packets=7), RingCounters(10, 3, 4, 1), 5)
    assert (stats.rx_packets, stats.underruns, stats.overruns, stats.clips_played) == (7, 3, 9, 1)


def test_media_that_stands_still_is_dead_after_the_timeout() -> None:
    watch = SilenceWatch(timeout_s=30)
    assert not watch.is_dead(10, 0.0, expects_media=True)
    assert not watch.is_dead(10, 29.9, expects_media=True)
    assert watch.is_dead(10, 30.0, expects_media=True)


def test_media_that_flows_is_alive() -> None:
    watch = SilenceWatch(timeout_s=30)
    assert not any(watch.is_dead(n, n * 29.0, expects_media=True) for n in range(20))


def test_silence_on_hold_is_not_counted() -> None:
    watch = SilenceWatch(timeout_s=30)
    watch.is_dead(10, 0.0, expects_media=True)
    assert not watch.is_dead(10, 100.0, expects_media=False)
    assert not watch.is_dead(10, 129.0, expects_media=True)
    assert watch.is_dead(10, 130.0, expects_media=True)


def test_a_call_that_never_had_media_dies_too() -> None:
    watch = SilenceWatch(timeout_s=30)
    assert not watch.is_dead(0, 5.0, expects_media=True)
    assert watch.is_dead(0, 35.0, expects_media=True)
