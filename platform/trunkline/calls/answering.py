"""Who took the call, and when a machine is ready to record: heard through the bridge's tap."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from trunkline.audio.answerer import AnswererDetector, TakenBy
from trunkline.calls.turn_events import Suspended
from trunkline.flows.actions import Answerer, BeepHeard, VoicemailDetected
from trunkline.runtime.telemetry import ANSWERED_BY

if TYPE_CHECKING:
    from trunkline.calls.session import CallSession

_LOOK_S: Final = 0.1
_FRESH_BEEP_MS: Final = (
    3000  # a beep this recent, nothing said since, is the one that is waited for
)
_LONGEST_MS: Final = 180_000
_NO_BEEP_MS: Final = 5000  # so long a silence behind a greeting: this machine does not beep

ANSWERERS: Final = {
    TakenBy.HUMAN: Answerer.HUMAN,
    TakenBy.MACHINE: Answerer.MACHINE,
    None: Answerer.UNKNOWN,
}


class Answering:
    """One call's; both acts tell the flow, once, at the latest when their wait is over."""

    def __init__(self, call: CallSession) -> None:
        self._call = call
        self._detector: AnswererDetector | None = None
        self._frame_bytes = call.leg.format.bytes_per_frame

    def listen(self) -> AnswererDetector:
        """Hear the far end from now on, from nothing."""
        detector = self._detector = AnswererDetector(self._call.leg.format)
        size = self._frame_bytes

        def tap(caller: bytes) -> None:
            for at in range(0, len(caller), size):
                detector.feed(caller[at : at + size])
            if detector.now_ms > _LONGEST_MS and self._detector is detector:
                self._stop()  # the flow has gone on without a beep

        self._call.bridge.tap = tap
        return detector

    async def detect(self, wait_ms: int) -> None:
        detector = self.listen()
        await self._until(lambda: detector.taken_by is not None, wait_ms)
        kind = ANSWERERS[detector.decide()]
        ANSWERED_BY.labels(answerer=kind.value).inc()
        self._call.record.note("answerer", answerer=kind, after_ms=detector.now_ms)
        if kind is not Answerer.MACHINE:
            self._stop()
        self._over(VoicemailDetected(kind))

    async def await_beep(self, max_ms: int) -> None:
        detector = self._detector or self.listen()
        known = detector.beep
        if known is not None and not _is_fresh(detector):
            known = None
        before = None if known is not None else detector.beep
        since_ms = detector.now_ms

        def is_settled() -> bool:
            if detector.beep is not before:
                return True
            silence_ms = min(detector.silence_ms, detector.now_ms - since_ms)
            return detector.has_heard_voice and silence_ms >= _NO_BEEP_MS

        await self._until(is_settled, max_ms)
        was_heard = detector.beep is not before
        self._call.record.note("beep", was_heard=was_heard, after_ms=detector.now_ms - since_ms)
        self._stop()
        self._over(BeepHeard(was_heard))

    async def _until(self, holds: Callable[[], bool], deadline_ms: int) -> None:
        try:
            async with asyncio.timeout(deadline_ms / 1000):
                while not holds():  # noqa: ASYNC110  frames tell nobody
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            pass

    def _stop(self) -> None:
        self._detector, self._call.bridge.tap = None, None

    def _over(self, event: VoicemailDetected | BeepHeard) -> None:
        call = self._call
        # Whoever said hello, or recited a greeting, has not had a turn that wants an answer.
        call.dialogue.tell(Suspended(call.call_clock.now_ms))
        call.driver.handle(event)


def _is_fresh(detector: AnswererDetector) -> bool:
    beep = detector.beep
    if beep is None:
        return False
    ended_ms = beep.at_ms + beep.length_ms
    age_ms = detector.now_ms - ended_ms
    return age_ms <= _FRESH_BEEP_MS and (
        not detector.has_heard_voice or detector.silence_ms >= age_ms
    )
