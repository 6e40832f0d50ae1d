"""The local ears and voices of one model server, shared by all its cascades.

Recogniser processes and voices are made once, whoever uses them; they start with their first engine
and end with the last.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from functools import cached_property

from trunkline.model.cascade.ear_tuning import EarTuning
from trunkline.model.cascade.ports import Recognizer, RecognizerSession, Synthesizer
from trunkline.model.cascade.recogniser import LocalRecogniser
from trunkline.model.cascade.synthesiser import FliteSynthesiser
from trunkline.model.engine import EngineConfig, SpeechDelta
from trunkline.runtime.settings import Settings


class SharedRecognizer:
    def __init__(self, inner: Recognizer) -> None:
        self._inner = inner
        self._users = 0
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        async with self._starting:
            if not self._users:
                await self._inner.start()
            self._users += 1

    def open(self, config: EngineConfig) -> RecognizerSession:
        return self._inner.open(config)

    async def aclose(self) -> None:
        self._users -= 1
        if self._users <= 0:
            await self._inner.aclose()


class SharedVoice:
    def __init__(self, inner: Synthesizer) -> None:
        self._inner = inner
        self._users = 0
        self._starting = asyncio.Lock()

    @property
    def output_rate_hz(self) -> int:
        return self._inner.output_rate_hz

    def synthesise(self, text: str, *, voice: str, speed: float) -> AsyncGenerator[SpeechDelta]:
        return self._inner.synthesise(text, voice=voice, speed=speed)

    async def warm_up(self) -> None:
        async with self._starting:
            if not self._users:
                await self._inner.warm_up()
            self._users += 1

    async def aclose(self) -> None:
        self._users -= 1
        if self._users <= 0:
            await self._inner.aclose()


class LocalPorts:
    """Each is made when it is first wanted; ConfigError, naming the package, when a speech library
    is missing."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @cached_property
    def ears(self) -> SharedRecognizer:
        settings = self._settings
        tuning = EarTuning(settings.asr_telephone_transform, settings.asr_noise_suppression)
        return SharedRecognizer(LocalRecogniser(settings.asr_workers, tuning))

    @cached_property
    def voice(self) -> SharedVoice:
        return SharedVoice(FliteSynthesiser())
