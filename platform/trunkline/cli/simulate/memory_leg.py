"""What legs without a network share: who calls whom, events in order, an end that comes once.

``text_leg.TextLeg`` counts its ring in samples; the tests' fake keeps every frame.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from trunkline.domain.audio import AudioFormat
from trunkline.domain.errors import TrunkError
from trunkline.domain.leg import AudioSink, LegDescription, LegEnded, LegEvent

_MOST_EVENTS: Final = 1000


class MemoryLeg:
    """The part of the domain's Leg that no simulation and no test does differently."""

    def __init__(self, description: LegDescription, rate_hz: int, codec: str) -> None:
        self._format = AudioFormat(rate_hz)
        self._codec = codec
        self._description = description
        self._events: asyncio.Queue[LegEvent] = asyncio.Queue(_MOST_EVENTS)
        self._sink: AudioSink | None = None
        self._caller = bytearray()
        self._is_paused = False
        self._ticker: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()
        self.ended: LegEnded | None = None
        self.referred_to: list[str] = []
        self.digits_sent: list[str] = []

    @property
    def description(self) -> LegDescription:
        return self._description

    @property
    def format(self) -> AudioFormat:
        return self._format

    @property
    def codec(self) -> str:
        return self._codec

    def say(self, pcm: bytes) -> None:
        """Queue caller audio; silence is sent when there is none."""
        self._caller += pcm

    def listen(self, sink: AudioSink) -> None:
        self._sink = sink

    async def events(self) -> AsyncIterator[LegEvent]:
        while True:
            event = await self._events.get()
            yield event
            if isinstance(event, LegEnded):
                return

    async def send_digits(self, digits: str) -> None:
        self._must_live()
        self.digits_sent.append(digits)

    async def refer(self, target_uri: str) -> None:
        self._must_live()
        self.referred_to.append(target_uri)

    async def hold(self) -> None:
        self._must_live()

    async def unhold(self) -> None:
        self._must_live()

    def _must_live(self) -> None:
        if self.ended is not None:
            raise TrunkError("the call is over", sip_status=487)

    def _put(self, event: LegEvent) -> None:
        if self.ended is None:
            self._events.put_nowait(event)

    def _end(self, event: LegEnded) -> None:
        if self.ended is None:
            self._events.put_nowait(event)
            self.ended = event
            self._stop()

    def _stop(self) -> None:
        """No frame comes any more; whoever waits for one is woken."""
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None
        self._changed.set()
