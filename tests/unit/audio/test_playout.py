"""The playout queue keeps audio whole, leads the ring a little, and knows what was played."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.audio.playout import PlayoutQueue, Segment, SegmentFinished, SegmentStarted

RATE = 8000
FRAME = 160


class PlainRing:
    """A ring whose clock a test turns by hand."""

    def __init__(self, capacity: int = 16_000) -> None:
        self.capacity = capacity
        self.queue = bytearray()
        self.played = bytearray()
        self.ticks = 0

    def write(self, pcm: bytes) -> int:
        taken = pcm[: max(2 * self.capacity - len(self.queue), 0)]
        self.queue += taken
        return len(taken)

    def queued_samples(self) -> int:
        return len(self.queue) // 2

    def flush(self) -> None:
        self.queue.clear()

    def tick(self, samples: int = FRAME) -> None:
        self.ticks += 1
        self.played += self.queue[: 2 * samples]
        del self.queue[: 2 * samples]


def numbers(first: int, count: int) -> bytes:
    return b"".join((n % 30_000).to_bytes(2, "little") for n in range(first, first + count))


def run(queue: PlayoutQueue, ring: PlainRing, ticks: int) -> list[tuple[int, str, str]]:
    seen = []
    for _ in range(ticks):
        ring.tick()
        for change in queue.advance(ring, ring.ticks * FRAME):
            at = change.at_samples if isinstance(change, SegmentStarted) else ring.ticks * FRAME
            seen.append((at, type(change).__name__, change.segment.segment_id))
        queue.write(ring)
    return seen


def test_the_ring_is_led_by_at_most_200_ms() -> None:
    queue, ring = PlayoutQueue(RATE), PlainRing()
    queue.open("a")
    queue.append("a", numbers(0, 80_000))
    queue.write(ring)
    assert ring.queued_samples() == 1600
    run(queue, ring, 10)
    assert ring.queued_samples() == 1600


def test_segments_are_played_one_after_the_other_whole_and_in_order() -> None:
    queue, ring = PlayoutQueue(RATE), PlainRing()
    for name, first in (("a", 0), ("b", 1000)):
        queue.open(name)
        queue.append(name, numbers(first, 1000))
        queue.close(name)
    queue.write(ring)
    seen = run(queue, ring, 20)
    assert bytes(ring.played) == numbers(0, 2000)
    assert seen == [
        (0, "SegmentStarted", "a"),
        (1120, "SegmentFinished", "a"),
        (1000, "SegmentStarted", "b"),
        (2080, "SegmentFinished", "b"),
    ]
    assert queue.is_empty


def test_a_segment_that_waits_for_audio_holds_back_what_comes_after_it() -> None:
    queue, ring = PlayoutQueue(RATE), PlainRing()
    queue.open("late")
    queue.open("next")
    queue.append("next", numbers(5000, 320))
    queue.close("next")
    assert queue.is_owed
    queue.write(ring)
    assert run(queue, ring, 5) == []
    queue.append("late", numbers(0, 320))
    queue.close("late")
    queue.write(ring)
    run(queue, ring, 10)
    assert bytes(ring.played) == numbers(0, 320) + numbers(5000, 320)
    assert not queue.is_owed


def test_an_empty_segment_ends_in_its_turn() -> None:
    queue, ring = PlayoutQueue(RATE), PlainRing()
    queue.open("a")
    queue.append("a", numbers(0, 320))
    queue.open("nothing")
    queue.close("nothing")
    queue.write(ring)
    assert [name for _, _, name in run(queue, ring, 5)] == ["a"]
    queue.close("a")
    assert [(k, n) for _, k, n in run(queue, ring, 1)] == [
        ("SegmentFinished", "a"),
        ("SegmentFinished", "nothing"),
    ]


def test_a_flush_says_how_much_of_each_segment_was_played() -> None:
    queue, ring = PlayoutQueue(RATE), PlainRing()
    for name in ("a", "b", "c"):
        queue.open(name)
        queue.append(name, numbers(0, 800))
        queue.close(name)
    queue.write(ring)
    run(queue, ring, 6)  # 960 samples: all of a, 160 of b
    cut = queue.flush(ring)
    assert [(s.segment_id, s.played_samples, s.written_samples) for s in cut] == [
        ("b", 160, 800),
        ("c", 0, 800),
    ]
    assert all(s.is_flushed and s.is_played for s in cut)
    assert queue.is_empty
    assert ring.queued_samples() == 0


def test_positions_are_true_after_a_flush() -> None:
    queue, ring = PlayoutQueue(RATE), PlainRing()
    queue.open("a")
    queue.append("a", numbers(0, 8000))
    queue.write(ring)
    run(queue, ring, 3)
    queue.flush(ring)
    segment = queue.open("b")
    queue.append("b", numbers(0, 800))
    queue.close("b")
    queue.write(ring)
    run(queue, ring, 2)
    assert segment.played_samples == 320
    assert segment.clock_of(0) == 3 * FRAME


def test_a_pause_moves_the_later_words_by_its_length() -> None:
    queue, ring = PlayoutQueue(RATE), PlainRing()
    segment = queue.open("a")
    queue.append("a", numbers(0, 3200))
    queue.close("a")
    queue.write(ring)
    run(queue, ring, 5)
    for _ in range(10):
        ring.tick(0)
        queue.advance(ring, ring.ticks * FRAME)
    run(queue, ring, 15)
    assert segment.clock_of(0) == 0
    assert segment.clock_of(799) == 799
    assert segment.clock_of(800) == 800 + 10 * FRAME
    assert segment.is_played


def test_audio_for_a_segment_that_is_gone_is_dropped_without_harm() -> None:
    queue, ring = PlayoutQueue(RATE), PlainRing()
    queue.open("a")
    queue.flush(ring)
    queue.append("a", numbers(0, 100))
    queue.close("a")
    assert queue.is_empty


def test_an_engine_gone_wild_is_bounded() -> None:
    queue = PlayoutQueue(RATE)
    queue.open("a")
    for _ in range(12):
        queue.append("a", bytes(2 * 60 * RATE))
    assert queue.dropped_samples == 2 * 60 * RATE
    assert queue.remaining_ms() == 600_000


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("owacpfk"), st.integers(1, 700)), max_size=60))
def test_whatever_happens_every_sample_is_played_at_most_once_and_in_order(
    steps: list[tuple[str, int]],
) -> None:
    queue, ring = PlayoutQueue(RATE), PlainRing(capacity=1000)
    live: list[Segment] = []
    made, given_out = 0, 0
    for kind, amount in steps:
        if kind == "o":
            live.append(queue.open(f"s{made}"))
            made += 1
        elif kind in "wa" and live and not live[-1].is_closed:
            queue.append(live[-1].segment_id, numbers(given_out, amount))
            given_out += amount
        elif kind == "c" and live:
            queue.close(live[-1].segment_id)
        elif kind == "f":
            queue.flush(ring)
        else:
            ring.tick(FRAME if kind == "p" else 7)
            queue.advance(ring, ring.ticks * FRAME)
            queue.write(ring)
    played = [
        int.from_bytes(ring.played[n : n + 2], "little") for n in range(0, len(ring.played), 2)
    ]
    assert played == sorted(set(played))
    queue.advance(ring, ring.ticks * FRAME)
    assert sum(segment.played_samples for segment in live) == len(played)
    assert all(isinstance(change, SegmentFinished) for change in queue.advance(ring, 0))
