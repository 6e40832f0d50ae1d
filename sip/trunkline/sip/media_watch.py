"""A call's RTP over its life: counters summed over streams, silence noticed, its cause named."""

from __future__ import annotations

from typing import Final

import pjsua2 as pj

from trunkline.runtime.logging import get_logger
from trunkline.runtime.telemetry import MEDIA_PROBLEMS
from trunkline.sip.media_faults import NOTICED_AFTER_S, MediaEvidence, likely_cause
from trunkline.sip.stats import MediaCounters, SilenceWatch

log = get_logger(__name__)

_ENCRYPTED: Final = pj.PJMEDIA_TP_PROFILE_SRTP


class MediaWatch:
    """``stream_ends`` comes inside PJSIP's callback, all else on the control thread."""

    def __init__(self, call: pj.Call) -> None:
        self._call = call
        self._finished = MediaCounters()
        self._live = MediaCounters()
        self._dead: SilenceWatch | None = None
        self._quiet = SilenceWatch(NOTICED_AFTER_S)
        self.problem = ""

    @property
    def counters(self) -> MediaCounters:
        return self._finished + self._live

    def begin(self, timeout_s: float) -> None:
        self._dead = SilenceWatch(timeout_s)
        self._quiet = SilenceWatch(min(NOTICED_AFTER_S, timeout_s / 2))

    def stream_ends(self, index: int) -> None:
        self._finished = self._finished + self._read(index)
        self._live = MediaCounters()

    def look(self, now_s: float, *, expects_media: bool) -> bool:
        """True when RTP has failed to come for the call's timeout."""
        if self._dead is None:
            return False
        if self._call.hasMedia():
            self._live = self._read(0)
        packets = self.counters.rx_audible
        if self._quiet.is_dead(packets, now_s, expects_media=expects_media) and not self.problem:
            self._say_why()
        return self._dead.is_dead(packets, now_s, expects_media=expects_media)

    def _say_why(self) -> None:
        transport = self._call.getMedTransportInfo(0)
        stream = self._call.getStreamInfo(0)
        self.problem = likely_cause(
            MediaEvidence(
                packets=self._live.rx_audible,
                before=self._finished.rx_audible,
                strangers=self._live.rx_strangers,
                misfits=self._live.rx_misfits,
                came_from=transport.srcRtpName,
                negotiated=stream.remoteRtpAddress,
                ours=transport.localRtpName,
                is_encrypted=bool(stream.proto & _ENCRYPTED),
            )
        )
        MEDIA_PROBLEMS.inc()
        log.warning("no audio comes from the far end", likely_cause=self.problem)

    def _read(self, index: int) -> MediaCounters:
        stat = self._call.getStreamStat(index)
        rx, tx = stat.rtcp.rxStat, stat.rtcp.txStat
        # ``strangers`` and ``misfits`` are our patch's: it may not fit a pjproject to come.
        return MediaCounters(
            rx_packets=rx.pkt,
            rx_lost=rx.loss,
            rx_discarded=rx.discard,
            rx_jitter_ms=rx.jitterUsec.mean / 1000,
            tx_packets=tx.pkt,
            rtt_ms=stat.rtcp.rttUsec.mean / 1000,
            rx_strangers=getattr(rx, "strangers", 0),
            rx_misfits=getattr(rx, "misfits", 0),
            tx_lost=tx.loss,
            tx_jitter_ms=tx.jitterUsec.mean / 1000,
        )
