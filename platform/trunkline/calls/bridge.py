"""The bridge of one call: every 20 ms the caller's audio goes up, and the agent's comes down.

Called by the leg on the event loop; whatever happens in here must return at once and must not raise
into the leg.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from trunkline.audio.pcm import gain
from trunkline.audio.playout import PlayoutChange, PlayoutQueue
from trunkline.audio.recording import CallRecorder
from trunkline.audio.vad import EdgeVad, FrameVerdict
from trunkline.domain.audio import AudioFormat
from trunkline.domain.leg import Leg
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)

_ECHO_GAIN_DB: Final = -30.0
"""Of the agent's echo on its way to whoever listens: below what any detector takes for speech."""


class CallClock:
    """The call's own time, counted in samples of the leg: zero at the answer, negative before."""

    def __init__(self, audio_format: AudioFormat) -> None:
        self._rate_hz = audio_format.sample_rate_hz
        self.zero_samples = 0
        self.samples = 0

    def answered(self) -> None:
        self.zero_samples = self.samples

    @property
    def now_ms(self) -> int:
        return self.ms_of(self.samples)

    def ms_of(self, samples: int) -> int:
        return (samples - self.zero_samples) * 1000 // self._rate_hz

    def samples_at(self, ms: int) -> int:
        """Counted from the leg's first sample, as the recording counts them."""
        return max(ms * self._rate_hz // 1000 + self.zero_samples, 0)


class BridgeEnds(Protocol):
    """What the bridge tells the dialogue, in this order within one call of the sink."""

    def uplink(self, caller: bytes) -> None:
        """Caller audio, PCM16 at the leg's rate, whole frames; the agent's echo made faint."""
        ...

    def played(self, changes: list[PlayoutChange], moved_ms: int) -> None:
        """What became of the agent's audio, and how much of it was played since the last time."""
        ...

    def heard(self, verdict: FrameVerdict, at_ms: int) -> None: ...


class Beside(Protocol):
    """Another leg that the caller hears; ``calls.other_party.OtherParty`` is one."""

    def mix_into(self, pairs: bytes) -> bytes:
        """The pairs with the other party's voice in every agent frame."""
        ...


class Bridge:
    """The leg's audio sink; ``is_deaf`` while on hold: recorded, and silence sent up.

    ``beside`` is who else the caller hears, for the record. ``tap`` is given the caller's audio.
    ``mask`` is what the record gets instead of pairs, where the caller's side must not be kept.
    """

    def __init__(
        self,
        leg: Leg,
        clock: CallClock,
        playout: PlayoutQueue,
        ends: BridgeEnds,
        *,
        recorder: CallRecorder | None,
        fail: Callable[[Exception], None],
    ) -> None:
        self._leg = leg
        self._clock = clock
        self._playout = playout
        self._ends = ends
        self._recorder = recorder
        self._fail = fail
        self._vad = EdgeVad(leg.format)
        self._frame_bytes = leg.format.bytes_per_frame
        self._is_closed = False
        self._was_deaf = False
        self.is_deaf = False
        self.beside: Beside | None = None
        self.tap: Callable[[bytes], None] | None = None
        self.mask: Callable[[bytes], bytes] | None = None

    def __call__(self, pairs: bytes) -> None:
        if self._is_closed:
            return
        try:
            self._carry(pairs)
        except Exception as exc:  # a fault of ours ends this call, not the media loop of all calls
            self._is_closed = True
            self._fail(exc)

    def close(self) -> None:
        """Carry nothing more."""
        self._is_closed = True

    def _carry(self, pairs: bytes) -> None:
        if self._recorder is not None:
            kept = pairs if self.beside is None else self.beside.mix_into(pairs)
            self._recorder.write(kept if self.mask is None else self.mask(kept))
        size = self._frame_bytes
        frames = [
            (pairs[at : at + size], pairs[at + size : at + 2 * size])
            for at in range(0, len(pairs), 2 * size)
        ]
        caller_side = frames[0][0] if len(frames) == 1 else b"".join(c for c, _ in frames)
        if self.tap is not None:
            self.tap(caller_side)
        if self._was_deaf and not self.is_deaf:
            self._vad.forget()
        self._was_deaf = self.is_deaf
        verdicts, heard = [], []
        for caller, agent in frames:
            verdicts.append(self._vad.feed(caller, agent))
            heard.append(gain(caller, _ECHO_GAIN_DB) if self._vad.is_echo else caller)
        # On hold the line may carry music: recorded, but never taken for the caller's words.
        self._ends.uplink(bytes(len(caller_side)) if self.is_deaf else b"".join(heard))
        before = self._clock.samples
        self._clock.samples = before + len(frames) * size // 2
        played = self._playout.played_samples
        changes = self._playout.advance(self._leg, self._clock.samples)
        moved = self._playout.played_samples - played
        self._ends.played(changes, self._leg.format.samples_to_ms(moved))
        for number, verdict in enumerate(verdicts, start=1):
            if not self.is_deaf:
                self._ends.heard(verdict, self._clock.ms_of(before + number * size // 2))
        self._playout.write(self._leg)
