"""What a caller heard, judged from RTP at the caller's own socket: silence, stalls, speech.

Silence is time in which the caller had nothing to do but listen and heard nothing louder than
comfort noise. Planned is the caller's own move alone: from the agent's last sound before it to its
end, and after spoken words the pause by which the agent knows that they are over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.rtp_caller import SPEECH_DBFS, Packet

PACKET_S: Final = 0.02
HANGOVER_S: Final = 0.7
"""The longest that the sample agent waits to see whether words go on."""
_WORD_GAP_S: Final = 0.4


@dataclass(frozen=True, slots=True)
class Stretch:
    """perf_counter seconds."""

    begin: float
    end: float

    @property
    def length(self) -> float:
        return self.end - self.begin


def loud(packets: Iterable[Packet]) -> list[float]:
    return [packet.at for packet in packets if packet.dbfs > SPEECH_DBFS]


def silences(
    heard: Sequence[float], moves: Sequence[Stretch], begin: float, end: float
) -> list[Stretch]:
    """What lies between packets with speech and the caller's moves, from ``begin`` to ``end``."""
    filled = sorted([*((at, at + PACKET_S) for at in heard), *((m.begin, m.end) for m in moves)])
    found, quiet_since = [], begin
    for first, last in filled:
        if first >= end:
            break
        if first > quiet_since:
            found.append(Stretch(quiet_since, first))
        quiet_since = max(quiet_since, last)
    if end > quiet_since:
        found.append(Stretch(quiet_since, end))
    return found


def speeches(heard: Sequence[float]) -> list[Stretch]:
    """Stretches of speech, pauses between words included."""
    found: list[Stretch] = []
    for at in sorted(heard):
        if found and at - found[-1].end < _WORD_GAP_S:
            found[-1] = Stretch(found[-1].begin, at + PACKET_S)
        else:
            found.append(Stretch(at, at + PACKET_S))
    return found


def longest_stall(packets: Sequence[Packet], begin: float, end: float) -> float:
    """The longest time without any packet at all, comfort noise included."""
    times = [begin, *(packet.at for packet in packets if begin < packet.at < end), end]
    return max(later - earlier for earlier, later in zip(times, times[1:], strict=False))


def untold(
    spoken: Sequence[Stretch], turns: Sequence[Stretch], *, at_least_s: float
) -> list[Stretch]:
    """Speech that was heard for so long and of which more than half stands in no turn."""
    found = []
    for one in spoken:
        told = sum(max(0.0, min(one.end, turn.end) - max(one.begin, turn.begin)) for turn in turns)
        if one.length >= at_least_s and told < one.length / 2:
            found.append(one)
    return found
