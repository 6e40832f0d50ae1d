"""The playout queue: agent audio that waits for the ring, and how far each piece of it has come.

Agent audio arrives faster than real time and is kept whole here with its word marks; the ring gets
at most 200 ms ahead. Positions are sample counts. ``written - queued`` of the ring is the number of
the next sample to be played, flushes included, and that is the only thing read from it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from trunkline.domain.audio import SAMPLE_WIDTH_BYTES, WordMark

LEAD_MS: Final = 200
_LONGEST_QUEUE_MS: Final = 600_000


class Ring(Protocol):
    """The part of a leg that takes audio."""

    def write(self, pcm: bytes) -> int:
        """Returns the bytes accepted."""
        ...

    def queued_samples(self) -> int: ...

    def flush(self) -> None: ...


@dataclass(slots=True, eq=False)
class Segment:
    """One line or one engine item: audio in order, its marks, and its way through the ring."""

    segment_id: str
    marks: list[WordMark] = field(default_factory=list)
    received_samples: int = 0
    written_samples: int = 0
    played_samples: int = 0
    is_closed: bool = False
    is_flushed: bool = False
    _start: int = -1  # number of its first sample among all that the ring was ever given
    _chunks: deque[bytes] = field(default_factory=deque)
    # (sample of the segment, call clock minus that sample): one entry for each gap in its playing
    _spans: list[tuple[int, int]] = field(default_factory=list)

    @property
    def is_played(self) -> bool:
        """Nothing of it is still to come."""
        return self.is_flushed or (self.is_closed and self.played_samples >= self.received_samples)

    @property
    def has_started(self) -> bool:
        return self.played_samples > 0

    def clock_of(self, sample: int) -> int | None:
        """The call clock, in samples, at which this sample was played; None before it started."""
        shift = None
        for first, span_shift in self._spans:
            if shift is None or first <= sample:
                shift = span_shift
        return None if shift is None else sample + shift


@dataclass(frozen=True, slots=True)
class SegmentStarted:
    """``at_samples``: the call clock when its first sample was played."""

    segment: Segment
    at_samples: int


@dataclass(frozen=True, slots=True)
class SegmentFinished:
    """All of it was played."""

    segment: Segment


PlayoutChange: TypeAlias = SegmentStarted | SegmentFinished


class PlayoutQueue:
    """Segments in the order they were opened; one is played to its end before the next begins."""

    def __init__(self, rate_hz: int, *, lead_ms: int = LEAD_MS) -> None:
        self._rate_hz = rate_hz
        self._lead_samples = lead_ms * rate_hz // 1000
        self._limit_samples = _LONGEST_QUEUE_MS * rate_hz // 1000
        self._live: deque[Segment] = deque()
        self._by_id: dict[str, Segment] = {}
        self._written = 0  # samples the ring ever accepted
        self._held_samples = 0  # received and not yet written
        self.played_samples = 0  # of all segments ever, as of the last ``advance``
        self.dropped_samples = 0  # beyond ten minutes of queue: an engine gone wild

    @property
    def is_empty(self) -> bool:
        """Nothing is being played and nothing waits."""
        return not self._live

    @property
    def is_owed(self) -> bool:
        """Audio is promised that has not come: an open segment is next and has nothing to give."""
        if not self._live:
            return False
        waiting = next((s for s in self._live if not (s.is_closed and not s._chunks)), None)
        return waiting is not None and not waiting._chunks

    @property
    def has_more(self) -> bool:
        """Not everything that was promised is in the ring: what runs dry now, runs dry early."""
        return self._held_samples > 0 or any(not segment.is_closed for segment in self._live)

    @property
    def segments(self) -> Sequence[Segment]:
        return tuple(self._live)

    def remaining_ms(self) -> int:
        """Audio received and not yet played, as of the last ``advance``."""
        left = sum(s.received_samples - s.played_samples for s in self._live)
        return left * 1000 // self._rate_hz

    def open(self, segment_id: str) -> Segment:
        """Take a place in the queue; its audio may come later."""
        if segment_id in self._by_id:
            raise ValueError(f"segment {segment_id} is open already")
        segment = Segment(segment_id)
        self._live.append(segment)
        self._by_id[segment_id] = segment
        return segment

    def append(self, segment_id: str, pcm: bytes, marks: Iterable[WordMark] = ()) -> None:
        """Audio and marks for an open segment; for one that is gone, nothing happens."""
        segment = self._by_id.get(segment_id)
        if segment is None or segment.is_closed:
            return
        segment.marks.extend(marks)
        samples = len(pcm) // SAMPLE_WIDTH_BYTES
        if self._held_samples + samples > self._limit_samples:
            self.dropped_samples += samples
            return
        if samples:
            segment._chunks.append(pcm)
            segment.received_samples += samples
            self._held_samples += samples

    def close(self, segment_id: str) -> None:
        """No more audio will come for it."""
        segment = self._by_id.get(segment_id)
        if segment is not None:
            segment.is_closed = True

    def write(self, ring: Ring) -> None:
        """Top the ring up to its lead; what it does not take stays here."""
        if not self._held_samples:
            return
        room = self._lead_samples - ring.queued_samples()
        for segment in self._live:
            while segment._chunks and room > 0:
                room -= self._write_chunk(segment, ring, room)
                if segment._chunks and room > 0:
                    return  # the ring is full
            if segment._chunks or not segment.is_closed:
                return

    def _write_chunk(self, segment: Segment, ring: Ring, room: int) -> int:
        """Write as much of the first chunk as fits; returns the samples it used of the room."""
        chunk = segment._chunks.popleft()
        wanted = chunk[: room * SAMPLE_WIDTH_BYTES]
        accepted = ring.write(wanted)
        samples = accepted // SAMPLE_WIDTH_BYTES
        if segment._start < 0 and samples:
            segment._start = self._written
        self._written += samples
        self._held_samples -= samples
        segment.written_samples += samples
        if accepted < len(chunk):
            segment._chunks.appendleft(chunk[accepted:])
        return samples

    def advance(self, ring: Ring, clock_samples: int) -> list[PlayoutChange]:
        """What has happened in the ring by this moment of the call clock."""
        changes: list[PlayoutChange] = []
        if not self._live:
            return changes
        next_sample = self._written - ring.queued_samples()
        for segment in tuple(self._live):
            if segment._start >= 0:
                self._move(segment, next_sample, clock_samples, changes)
            if not segment.is_played:
                break
            self._forget(segment)
            changes.append(SegmentFinished(segment))
        return changes

    def _move(
        self, segment: Segment, next_sample: int, clock: int, changes: list[PlayoutChange]
    ) -> None:
        played = min(max(next_sample - segment._start, 0), segment.written_samples)
        if played == segment.played_samples:
            return
        before, segment.played_samples = segment.played_samples, played
        self.played_samples += played - before
        if before == 0:
            changes.append(SegmentStarted(segment, clock - played))
        # What follows it in the same tick makes the end of a segment look late, never its middle.
        late = next_sample - segment._start - played
        shift = clock - late - played
        tick = self._rate_hz // 50
        if not segment._spans or abs(shift - segment._spans[-1][1]) > tick:
            segment._spans.append((before, shift))

    def flush(self, ring: Ring) -> list[Segment]:
        """Drop everything; returns what was cut, oldest first, with ``played_samples`` final."""
        next_sample = self._written - ring.queued_samples()
        ring.flush()
        cut = list(self._live)
        for segment in cut:
            if segment._start >= 0:
                played = min(max(next_sample - segment._start, 0), segment.written_samples)
                segment.played_samples = max(segment.played_samples, played)
            segment.is_flushed = segment.is_closed = True
            segment._chunks.clear()
            self._forget(segment)
        self._held_samples = 0
        return cut

    def _forget(self, segment: Segment) -> None:
        self._live.remove(segment)
        del self._by_id[segment.segment_id]
