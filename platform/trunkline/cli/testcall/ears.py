"""The test caller's ears: what the agent says, transcribed by a Realtime session of its own."""

from __future__ import annotations

import asyncio

from trunkline.audio.g711 import pcm_to_ulaw
from trunkline.cli.testcall.report import HeardLine
from trunkline.realtime.client import RealtimeClient
from trunkline.realtime.client_events import SessionUpdate
from trunkline.realtime.server_events import (
    InputSpeechStarted,
    InputSpeechStopped,
    TranscriptionCompleted,
    TranscriptionFailed,
)


class Ears:
    """Feed it the agent's audio; ``lines`` holds what was understood, on the session's audio clock.

    ``skew_ms`` is what lies between the start of the call and the first sample fed.
    """

    def __init__(self, client: RealtimeClient, rate_hz: int) -> None:
        self._client = client
        self._rate_hz = rate_hz
        self._spans: dict[str, list[int]] = {}
        self._settled = asyncio.Event()
        self._settled.set()
        self._waiting = 0
        self.lines: list[HeardLine] = []

    def configure(self) -> None:
        narrow = self._rate_hz == 8000
        form = {"type": "audio/pcmu"} if narrow else {"type": "audio/pcm", "rate": 24000}
        self._client.send(
            SessionUpdate(
                session={
                    "type": "realtime",
                    "output_modalities": ["text"],
                    "audio": {
                        "input": {
                            "format": form,
                            "transcription": {"model": "trunkline-asr", "language": "en"},
                            "turn_detection": {
                                "type": "server_vad",
                                "silence_duration_ms": 600,
                                "create_response": False,
                                "interrupt_response": False,
                            },
                        }
                    },
                }
            )
        )

    def feed(self, pcm: bytes) -> None:
        self._client.append_audio(pcm_to_ulaw(pcm) if self._rate_hz == 8000 else pcm)

    async def listen(self) -> None:
        """Collect lines until the session is closed."""
        async for event in self._client.events():
            match event:
                case InputSpeechStarted(item_id=item, audio_start_ms=start):
                    self._spans[item] = [start, start]
                    self._waiting += 1
                    self._settled.clear()
                case InputSpeechStopped(item_id=item, audio_end_ms=end):
                    self._spans.setdefault(item, [end, end])[1] = end
                case TranscriptionCompleted(item_id=item, transcript=text):
                    start, end = self._spans.get(item, [0, 0])
                    if text.strip():
                        self.lines.append(HeardLine(start, end, text.strip()))
                    self._one_less()
                case TranscriptionFailed():
                    self._one_less()
                case _:
                    pass

    def _one_less(self) -> None:
        self._waiting -= 1
        if self._waiting <= 0:
            self._settled.set()

    async def settle(self, deadline_s: float) -> bool:
        """Wait for transcripts that are under way; False when they did not come in time."""
        try:
            async with asyncio.timeout(deadline_s):
                await self._settled.wait()
        except TimeoutError:
            return False
        return True
