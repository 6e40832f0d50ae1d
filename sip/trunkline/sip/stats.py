"""Media counters of a leg, summed over the streams that re-INVITEs made anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trunkline.audio.quality import mean_opinion
from trunkline.domain.leg import LegStats

MEDIA_POLL_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class MediaCounters:
    """One RTP stream, or a sum of them; jitter and round trip are the latest known."""

    rx_packets: int = 0
    rx_lost: int = 0
    rx_discarded: int = 0
    rx_jitter_ms: float = 0.0
    tx_packets: int = 0
    rtt_ms: float = 0.0
    rx_strangers: int = 0
    rx_misfits: int = 0
    tx_lost: int = 0
    tx_jitter_ms: float = 0.0

    def __add__(self, later: MediaCounters) -> MediaCounters:
        return MediaCounters(
            rx_packets=self.rx_packets + later.rx_packets,
            rx_lost=self.rx_lost + later.rx_lost,
            rx_discarded=self.rx_discarded + later.rx_discarded,
            rx_jitter_ms=later.rx_jitter_ms if later.rx_packets else self.rx_jitter_ms,
            tx_packets=self.tx_packets + later.tx_packets,
            rtt_ms=later.rtt_ms or self.rtt_ms,
            rx_strangers=self.rx_strangers + later.rx_strangers,
            rx_misfits=self.rx_misfits + later.rx_misfits,
            tx_lost=self.tx_lost + later.tx_lost,
            tx_jitter_ms=later.tx_jitter_ms or self.tx_jitter_ms,
        )

    @property
    def rx_audible(self) -> int:
        """Packets that could be played."""
        return self.rx_packets - self.rx_misfits

    @property
    def mos(self) -> float:
        """What came in, as a person would have judged it; 0 without a packet."""
        if not self.rx_packets:
            return 0.0
        missed = self.rx_lost + self.rx_discarded
        share = missed / (self.rx_packets + self.rx_lost)
        return round(mean_opinion(share, self.rx_jitter_ms, self.rtt_ms), 2)


@dataclass(frozen=True, slots=True)
class RingCounters:
    """The ring port's side: bytes played of those written, and what went wrong.

    ``ticks``: frames of the media clock since the port was made.
    """

    played_bytes: int = 0
    underruns: int = 0
    pairs_dropped: int = 0
    clips_played: int = 0
    ticks: int = 0


def leg_stats(media: MediaCounters, ring: RingCounters, pairs_refused: int) -> LegStats:
    """``pairs_refused``: pairs captured before anyone listened, beyond the bound."""
    return LegStats(
        rx_packets=media.rx_packets,
        rx_lost=media.rx_lost,
        rx_late=media.rx_discarded,
        rx_strangers=media.rx_strangers,
        rx_jitter_ms=media.rx_jitter_ms,
        tx_packets=media.tx_packets,
        rtt_ms=media.rtt_ms,
        underruns=ring.underruns,
        overruns=ring.pairs_dropped + pairs_refused,
        clips_played=ring.clips_played,
        tx_lost=media.tx_lost,
        tx_jitter_ms=media.tx_jitter_ms,
        mos=media.mos,
    )


class SilenceWatch:
    """Notices that no RTP has come for too long. Fed with counts and times; has no clock."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._packets = -1
        self._since_s = 0.0

    def is_dead(self, rx_packets: int, now_s: float, *, expects_media: bool) -> bool:
        """True once ``rx_packets`` has stood still for the timeout while media was expected."""
        if rx_packets != self._packets or not expects_media:
            self._packets = rx_packets
            self._since_s = now_s
            return False
        return now_s - self._since_s >= self._timeout_s
