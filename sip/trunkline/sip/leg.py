"""SipLeg: the domain's Leg over one SIP dialog and its ring port."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from operator import methodcaller
from typing import Final, Protocol, TypeVar

import pjsua2 as pj

from trunkline.audio.key_tones import KeyListener
from trunkline.domain.audio import SAMPLE_WIDTH_BYTES, AudioFormat
from trunkline.domain.call import EndCause
from trunkline.domain.errors import Invalid, TrunkError
from trunkline.domain.leg import (
    AudioSink,
    LegDescription,
    LegDigit,
    LegEnded,
    LegEvent,
    LegMediaStarted,
    LegStats,
    LegTransferProgress,
)
from trunkline.runtime.logging import get_logger
from trunkline.sip.call import PjCall
from trunkline.sip.control_thread import ControlThread
from trunkline.sip.keys import KeyWay, KeyWays
from trunkline.sip.ring import RingPump
from trunkline.sip.stats import RingCounters, leg_stats

log = get_logger(__name__)

T = TypeVar("T")

_READ_BYTES: Final = 1 << 20  # more than a ring holds
_MAX_UNHEARD_MS: Final = 10_000
_MAX_EVENTS: Final = 1024
_DIGIT_MS: Final = 120
_DIGIT_GAP_MS: Final = 60
_DIGITS_AT_ONCE: Final = 16  # PJMEDIA's stream queues 32
_OFFER_TRIES: Final = 20
_OFFER_RETRY_S: Final = 0.2
_DIGITS: Final = frozenset("0123456789*#ABCD")


class Dialogs(Protocol):
    """What a leg needs of its endpoint."""

    @property
    def control(self) -> ControlThread: ...

    @property
    def pump(self) -> RingPump: ...

    def retire(self, call: PjCall, port: pj.RingAudioPort) -> None:
        """Take back the pj objects of a leg that is over, to be released on the control thread."""
        ...


class SipLeg:
    """All methods belong to the loop's thread; ``deliver`` alone may be called from any."""

    def __init__(
        self,
        dialogs: Dialogs,
        loop: asyncio.AbstractEventLoop,
        call: PjCall,
        port: pj.RingAudioPort,
        description: LegDescription,
        codec: str,
        sample_rate_hz: int,
    ) -> None:
        self._dialogs = dialogs
        self._loop = loop
        self._call: PjCall | None = call
        self._port: pj.RingAudioPort | None = port
        self._description = description
        self._codec = codec
        self._format = AudioFormat(sample_rate_hz)
        self._pair_bytes = 2 * self._format.bytes_per_frame
        self._sink: AudioSink | None = None
        self._unheard = bytearray()
        self._pairs_refused = 0
        self._events: deque[LegEvent] = deque()
        self._keys = KeyWays()
        self._listener = KeyListener(sample_rate_hz)
        self._has_event = asyncio.Event()
        self._has_news = asyncio.Event()  # the first event has come
        self._digits_lost = 0
        self._ended: LegEnded | None = None
        self._is_ending = False
        self._media_started = asyncio.Event()
        self._transfer: Callable[[], None] | None = None
        self._media = call.media
        self._ring = RingCounters()
        self._unplayed_samples = 0  # what the ring still held when the dialog ended

    @property
    def description(self) -> LegDescription:
        return self._description

    @property
    def format(self) -> AudioFormat:
        return self._format

    @property
    def codec(self) -> str:
        """Before media flows, the codec the answer will carry."""
        return self._codec

    @property
    def ended(self) -> LegEnded | None:
        return self._ended

    @property
    def is_answered(self) -> bool:
        return self._call is not None and self._call.is_answered

    # --- audio from the caller ---------------------------------------------------------------

    def listen(self, sink: AudioSink) -> None:
        self._sink = sink
        if self._unheard:
            pairs, self._unheard = bytes(self._unheard), bytearray()
            sink(pairs)

    def drain(self) -> None:
        """Called by the pump: hand on what the ring holds, or keep it until someone listens.

        Pairs from before the first media are no audio of the call and are dropped. Unheard pairs
        are bounded; those beyond are refused and counted, so that the call's beginning is kept.
        """
        if self._port is None or self._call is None:
            return
        pairs = self._port.read(_READ_BYTES)
        if not pairs or not self._call.is_media_up:
            return
        if self._call.hears_tones and self._keys.hears_tones:
            self._hear_keys(pairs)
        if self._sink is None:
            room = self._format.ms_to_samples(2 * _MAX_UNHEARD_MS) * SAMPLE_WIDTH_BYTES
            fits = max(0, room - len(self._unheard)) // self._pair_bytes * self._pair_bytes
            self._unheard += pairs[:fits]
            self._pairs_refused += max(0, len(pairs) - fits) // self._pair_bytes
            return
        try:
            self._sink(pairs)
        except Exception as exc:  # one call's sink must not silence the legs read after it
            log.error("audio sink failed", leg_id=self._description.leg_id, exc_info=exc)

    def _hear_keys(self, pairs: bytes) -> None:
        """Keys as tones in the caller's audio, where the offer knew no other way."""
        frame_bytes = self._pair_bytes // 2
        for at in range(0, len(pairs), self._pair_bytes):
            digit = self._listener.hear(pairs[at : at + frame_bytes])
            if digit:
                self._take(LegDigit(digit), KeyWay.TONE)

    # --- events ------------------------------------------------------------------------------

    def deliver(self, event: LegEvent) -> None:
        """Bring an event to the loop; from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._take, event)
        except RuntimeError:  # the loop has closed: nobody is left to tell
            return

    def _take(self, event: LegEvent, way: KeyWay = KeyWay.EVENT) -> None:
        if self._ended is not None:
            return
        if isinstance(event, LegDigit):
            way = way if event.duration_ms is None else KeyWay.INFO
            if not self._keys.counts(event.digit, way, round(self._loop.time() * 1000)):
                return
        self._has_news.set()
        match event:
            case LegMediaStarted(codec):
                self._codec = codec
                self._media_started.set()
            case LegEnded():
                self._wind_up(event)
            case LegTransferProgress(sip_status, _, True) if sip_status < 300:
                # The target has answered; our part of the call is done (RFC 3515 §2.4.5).
                self._end_now(EndCause.TRANSFERRED)
            case _:
                pass
        if len(self._events) >= _MAX_EVENTS and not isinstance(event, LegEnded):
            self._digits_lost += 1
            if self._digits_lost == 1:
                log.warning("leg events dropped", leg_id=self._description.leg_id)
            return
        self._events.append(event)
        self._has_event.set()

    def _wind_up(self, event: LegEnded) -> None:
        """The last pairs are handed on, the counters kept, and the pj objects given back."""
        self.drain()
        self._dialogs.pump.remove(self)
        self._ended = event
        call, port = self._call, self._port
        self._media_started.set()
        if call is None or port is None:
            return
        self._media = call.media
        self._ring = _ring_counters(port)
        self._unplayed_samples = self.queued_samples()
        self._call = self._port = None
        self._dialogs.retire(call, port)

    def let_go(self) -> None:
        """Forget the pj objects, on the control thread: PJSIP is about to be destroyed."""
        self._call = self._port = None

    async def events(self) -> AsyncIterator[LegEvent]:
        while True:
            while self._events:
                event = self._events.popleft()
                yield event
                if isinstance(event, LegEnded):
                    return
            if self._ended is not None:
                return
            self._has_event.clear()
            await self._has_event.wait()

    # --- signalling --------------------------------------------------------------------------

    async def ring(self) -> None:
        """180 has been sent on admission already; a second one is not."""
        await self._command(lambda call: call.ring())

    async def answer(self) -> None:
        await self._command(lambda call: call.accept())

    async def wait_for_media(self, deadline_s: float) -> None:
        """Wait until media flows; TrunkError when the call ends first or the deadline passes."""
        try:
            async with asyncio.timeout(deadline_s):
                await self._media_started.wait()
        except TimeoutError:
            raise TrunkError(f"no answer within {deadline_s:g} s", sip_status=408) from None
        if self._ended is not None:
            raise TrunkError(
                f"the call was refused: {self._ended.sip_status} {self._ended.reason}",
                sip_status=self._ended.sip_status,
            )

    @property
    def is_heard(self) -> bool:
        """The far end has sent something, a 100 at least."""
        return self._call is None or self._call.is_heard

    async def has_news(self, deadline_s: float) -> bool:
        """Whether an event has come, or comes in time; it stays to be read."""
        try:
            async with asyncio.timeout(deadline_s):
                await self._has_news.wait()
        except TimeoutError:
            return False
        return True

    async def hang_up(self, cause: EndCause, *, sip_status: int | None = None) -> None:
        call = self._call
        if call is None or call.is_over or self._is_ending:
            return
        self._is_ending = True
        await self._dialogs.control.run(lambda: call.end(cause, sip_status), is_owed=True)

    def give_up(self) -> None:
        """Nobody waits for this leg any more: CANCEL, or BYE. From any thread."""
        self._end_now(EndCause.AGENT_HANGUP)

    def _end_now(self, cause: EndCause) -> None:
        call = self._call
        if call is not None and not self._is_ending:
            self._is_ending = True
            self._dialogs.control.post(lambda: call.end(cause, None))

    async def refer(self, target_uri: str) -> None:
        await self._command(lambda call: call.refer(target_uri))

    async def join(self, other: SipLeg) -> None:
        """Let the two far ends hear each other until either leg is over."""
        theirs = other._call
        if theirs is None or theirs.is_over:
            raise TrunkError("the other leg is over", sip_status=487)
        await self._command(lambda call: call.join(theirs))

    async def hold(self) -> None:
        await self._offer(lambda call: call.hold_peer())

    async def unhold(self) -> None:
        await self._offer(lambda call: call.unhold_peer())

    async def _offer(self, work: Callable[[PjCall], bool]) -> None:
        """A re-INVITE, tried again while another offer is open in the dialog."""
        for _ in range(_OFFER_TRIES):
            if await self._command(work):
                return
            await asyncio.sleep(_OFFER_RETRY_S)
        raise TrunkError("the far end has not answered an earlier re-INVITE")

    async def send_digits(self, digits: str) -> None:
        wanted = digits.upper()
        if not wanted or not _DIGITS.issuperset(wanted):
            raise Invalid(f"not DTMF digits: {len(digits)} characters; use 0-9, *, #, A-D")
        for at in range(0, len(wanted), _DIGITS_AT_ONCE):
            few = wanted[at : at + _DIGITS_AT_ONCE]
            await self._command(methodcaller("dial_digits", few, _DIGIT_MS))
            await asyncio.sleep(len(few) * (_DIGIT_MS + _DIGIT_GAP_MS) / 1000)

    async def _command(self, work: Callable[[PjCall], T]) -> T:
        call = self._call
        if call is None or call.is_over:
            raise TrunkError("the call is over", sip_status=487)
        return await self._dialogs.control.run(lambda: work(call))

    # --- audio to the caller -----------------------------------------------------------------

    def write(self, pcm: bytes) -> int:
        return self._port.write(pcm) if self._port is not None else 0

    def queued_samples(self) -> int:
        """Written and not played; once the dialog is over, what will never be, until flushed."""
        if self._port is None:
            return self._unplayed_samples
        return self._port.txQueuedBytes() // SAMPLE_WIDTH_BYTES

    def played_samples(self) -> int:
        port = self._port
        played = port.txPlayedBytes() if port is not None else self._ring.played_bytes
        return played // SAMPLE_WIDTH_BYTES

    def pause(self) -> None:
        if self._port is not None:
            self._port.pause()

    def resume(self) -> None:
        if self._port is not None:
            self._port.resume()

    def flush(self) -> None:
        self._unplayed_samples = 0
        if self._port is not None:
            self._port.flush()

    def owe_speech(self, owed: bool, *, clip_after_ms: int = 1500) -> None:
        if self._port is not None:
            self._port.setClipAfter(clip_after_ms)
            self._port.setOwed(owed)

    def ring_counters(self) -> RingCounters | None:
        """None once the dialog is over."""
        return None if self._port is None else _ring_counters(self._port)

    def stats(self) -> LegStats:
        if self._call is not None and self._port is not None:
            self._media = self._call.media
            self._ring = _ring_counters(self._port)
        return leg_stats(self._media, self._ring, self._pairs_refused)


def _ring_counters(port: pj.RingAudioPort) -> RingCounters:
    stats = port.stats()
    return RingCounters(
        played_bytes=stats.playedBytes,
        underruns=stats.underruns,
        pairs_dropped=stats.pairsDropped,
        clips_played=stats.clipPlays,
        ticks=stats.ticks,
    )
