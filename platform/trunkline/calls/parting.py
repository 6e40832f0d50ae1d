"""When a call is over: the goodbye's last word, an edge that stops, media that died."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trunkline.calls.house_lines import house_lines
from trunkline.domain.call import EndCause
from trunkline.flows.actions import HangUpReason, Say

if TYPE_CHECKING:
    from trunkline.calls.session import CallSession

HANG_UP_GRACE_MS: Final = 300  # for the far end's jitter buffer to play the last word
LONGEST_GOODBYE_MS: Final = 60_000
LONGEST_CLOSING_MS: Final = 8_000  # the edge stops ten seconds after its deadline, come what may
MEDIA_TIMEOUT_MS: Final = 60_000

_CAUSES: Final = {
    HangUpReason.FLOW_ERROR: EndCause.FLOW_ERROR,
    HangUpReason.ENGINE_ERROR: EndCause.ENGINE_ERROR,
}


class Parting:
    """Looked at ten times a second; asks for the call's end when its time has come."""

    def __init__(self, call: CallSession) -> None:
        self._call = call
        self._cause: EndCause | None = None
        self._reason = ""
        self._since_ms = 0.0
        self._longest_ms = LONGEST_GOODBYE_MS
        self._idle_since_ms: float | None = None
        self._media: tuple[int, float] = (-1, call.edge.clock.monotonic_ms())

    def hang_up(self, reason: HangUpReason) -> None:
        """The flow is over: say what is queued, then BYE."""
        self._begin(_CAUSES.get(reason, EndCause.AGENT_HANGUP), "", LONGEST_GOODBYE_MS)
        self._call.record.note("hang_up", reason=reason)

    def say_goodbye(self, cause: EndCause, reason: str) -> bool:
        """Tell the caller that it is over, and end when that is said; False: there are no words.

        No words for a caller who talks to a human, who is on hold, or who has heard a goodbye.
        """
        call = self._call
        line = house_lines(call.dialogue.agent.language).closing
        if (
            call.answered_at_ms is None
            or call.away.is_joined
            or call.dialogue.is_held
            or call.edge.cache.at_hand(call.dialogue.voice.line(line)) is None
        ):
            return False
        if self._cause is None:
            call.driver.is_over = True
            call.away.abandon()
            call.dialogue.stop_listening()
            call.dialogue.cut()
            call.dialogue.is_closing = True
            call.dialogue.say(Say("", line, is_fixed=True, is_interruptible=False))
        self._begin(cause, reason, LONGEST_CLOSING_MS)
        return True

    def _begin(self, cause: EndCause, reason: str, longest_ms: int) -> None:
        self._cause, self._reason, self._longest_ms = cause, reason, longest_ms
        self._since_ms = self._call.edge.clock.monotonic_ms()

    def tick(self, now_ms: float) -> None:
        self._look_at_goodbye(now_ms)
        self._look_at_media(now_ms)

    def _look_at_goodbye(self, now_ms: float) -> None:
        cause, call = self._cause, self._call
        if cause is None:
            return
        if not call.dialogue.speaker.is_idle:
            self._idle_since_ms = None
            if not call.dialogue.is_held and now_ms - self._since_ms < self._longest_ms:
                return
        elif self._idle_since_ms is None:
            self._idle_since_ms = now_ms
            return
        elif now_ms - self._idle_since_ms < HANG_UP_GRACE_MS:
            return
        call.ending.ask(cause, reason=self._reason)

    def _look_at_media(self, now_ms: float) -> None:
        call = self._call
        if call.answered_at_ms is None:
            return
        packets = call.leg.stats().rx_packets
        last, since_ms = self._media
        if packets != last or call.dialogue.is_held:
            self._media = (packets, now_ms)
        elif now_ms - since_ms >= MEDIA_TIMEOUT_MS:
            call.ending.ask(EndCause.MEDIA_TIMEOUT, reason="no audio came for a minute")
