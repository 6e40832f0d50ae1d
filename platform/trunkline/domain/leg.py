"""One side of a call as the rest of the system sees it; ``sip.leg.SipLeg`` is one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from trunkline.domain.audio import AudioFormat
from trunkline.domain.call import Direction, EndCause
from trunkline.domain.ids import LegId


@dataclass(frozen=True, slots=True)
class LegDescription:
    """Who calls whom, over what; known when the INVITE has been accepted for a trunk.

    ``caller_asserted`` is the number a trusted trunk vouches for, ``diverted_from`` whom the call
    was for at first; ``headers`` are the trunk's chosen ones, named ``x_customer``.
    """

    leg_id: LegId
    direction: Direction
    trunk: str
    caller_number: str
    called_number: str
    caller_name: str = ""
    sip_call_id: str = ""
    caller_asserted: str = ""
    diverted_from: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LegRinging:
    """The far end of a leg that we placed is being alerted (180 or 183)."""


@dataclass(frozen=True, slots=True)
class LegAnswered:
    """The far end of a leg that we placed has answered (200); early media is no answer."""


@dataclass(frozen=True, slots=True)
class LegMediaStarted:
    """Media flows (or flows again after a re-INVITE); ``codec`` is e.g. ``PCMU/8000``."""

    codec: str


@dataclass(frozen=True, slots=True)
class LegHeld:
    """The far end put us on hold (re-INVITE with sendonly or inactive)."""


@dataclass(frozen=True, slots=True)
class LegUnheld:
    pass


@dataclass(frozen=True, slots=True)
class LegDigit:
    """One DTMF digit from the far end (RFC 4733): 0-9, *, #, A-D."""

    digit: str
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True)
class LegTransferProgress:
    """A NOTIFY of the REFER we sent (RFC 3515): SIP status of the transfer target."""

    sip_status: int
    reason: str
    is_final: bool


@dataclass(frozen=True, slots=True)
class SipStep:
    """One SIP message of a call: ``INVITE``, ``180 Ringing (INVITE)``; no numbers, no names.

    ``at_ms`` counts from the first; ``peer`` is the far end's ``host:port``.
    """

    at_ms: int
    is_ours: bool
    text: str
    peer: str = ""


@dataclass(frozen=True, slots=True)
class LegEnded:
    """The dialog is over; the last event of a leg, sent exactly once.

    ``signalling`` is its ladder; ``media_problem`` why no audio came, if it did not.
    """

    cause: EndCause
    sip_status: int | None = None
    reason: str = ""
    signalling: tuple[SipStep, ...] = ()
    media_problem: str = ""


LegEvent: TypeAlias = (
    LegRinging
    | LegAnswered
    | LegMediaStarted
    | LegHeld
    | LegUnheld
    | LegDigit
    | LegTransferProgress
    | LegEnded
)


@dataclass(frozen=True, slots=True)
class LegStats:
    """Counters of one leg; the media part comes from RTCP and the jitter buffer.

    ``tx_lost`` and ``tx_jitter_ms`` are what the far end reports of our audio; ``rx_strangers``
    counts packets from addresses that were not negotiated. ``mos`` is ``audio.quality``'s estimate
    of what came in, 0 without a packet.
    """

    rx_packets: int = 0
    rx_lost: int = 0
    rx_late: int = 0
    rx_strangers: int = 0
    rx_jitter_ms: float = 0.0
    tx_packets: int = 0
    rtt_ms: float = 0.0
    underruns: int = 0
    overruns: int = 0
    clips_played: int = 0
    tx_lost: int = 0
    tx_jitter_ms: float = 0.0
    mos: float = 0.0


class AudioSink(Protocol):
    """Takes pairs of frames: what the caller said and what was really sent in the same tick.

    ``pairs`` is a whole number of pairs; one pair is a caller frame then an agent frame, each
    ``leg.format.bytes_per_frame`` long. Called on the event loop; must not block.
    """

    def __call__(self, pairs: bytes) -> None: ...


class Leg(Protocol):
    """The caller's side of the bridge. All methods belong to the event loop's thread."""

    @property
    def description(self) -> LegDescription: ...

    @property
    def format(self) -> AudioFormat:
        """8 kHz for G.711, 24 kHz otherwise; fixed for the life of the leg."""
        ...

    @property
    def codec(self) -> str: ...

    def listen(self, sink: AudioSink) -> None:
        """Deliver audio from now on; pairs captured before are delivered first."""
        ...

    def events(self) -> AsyncIterator[LegEvent]:
        """Every event in order; ends after LegEnded. One reader."""
        ...

    async def ring(self) -> None:
        """Send 180."""
        ...

    async def answer(self) -> None:
        """Send 200 with our SDP."""
        ...

    async def hang_up(self, cause: EndCause, *, sip_status: int | None = None) -> None:
        """BYE, CANCEL or a final refusal, whichever the dialog needs; idempotent."""
        ...

    def write(self, pcm: bytes) -> int:
        """Queue agent audio in the ring; returns the bytes accepted (never blocks)."""
        ...

    def queued_samples(self) -> int:
        """Samples written and not yet played."""
        ...

    def played_samples(self) -> int:
        """Samples ever played of those written (comfort noise and clips do not count)."""
        ...

    def pause(self) -> None:
        """Fall silent at the next frame with a short fade, keeping what is queued."""
        ...

    def resume(self) -> None:
        """Go on where ``pause`` stopped: nothing lost, nothing repeated."""
        ...

    def flush(self) -> None:
        """Drop everything queued."""
        ...

    def owe_speech(self, owed: bool, *, clip_after_ms: int = 1500) -> None:
        """While speech is owed, the ring covers so much silence with its preloaded clip."""
        ...

    async def send_digits(self, digits: str) -> None:
        """RFC 4733 events, one after the other."""
        ...

    async def refer(self, target_uri: str) -> None:
        """Blind transfer (REFER); progress arrives as LegTransferProgress."""
        ...

    async def hold(self) -> None: ...

    async def unhold(self) -> None: ...

    def stats(self) -> LegStats: ...


LegAcceptor: TypeAlias = Callable[[Leg], None]
"""Given every admitted inbound leg, on the loop; must start its call and return at once."""
