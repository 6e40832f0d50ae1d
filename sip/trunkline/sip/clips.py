"""What a port plays by itself when speech is owed and late: each agent's own words for it.

The ring plays a clip once. A loop that stands still for longer than its first words last must not
leave the caller in silence, so a clip goes on: words, a pause, other words, a longer pause.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Final

import numpy as np

from trunkline.calls.house_lines import HouseLines, house_lines
from trunkline.calls.service import RATES_HZ
from trunkline.calls.speaker import Voice
from trunkline.calls.speech_cache import SpeechCache
from trunkline.calls.speech_source import SpeechPiece, SpokenLine
from trunkline.domain.agent import AgentSpec
from trunkline.domain.errors import EngineError
from trunkline.runtime.settings import Settings
from trunkline.sip.endpoint import Endpoint

_SOON_S: Final = 5.0
_LATER_S: Final = 60.0
_SPEECH_MODEL: Final = "trunkline-tts"
PAUSES_MS: Final = (1300, 3000)
_PAUSE_DBFS: Final = -62.0  # as the ring's own comfort noise


class _NothingNew:
    """Clips are rendered with the agents' other lines; here they are only read."""

    async def speak(self, line: SpokenLine) -> AsyncIterator[SpeechPiece]:
        raise EngineError("clips are not rendered here", retryable=False)
        yield SpeechPiece(b"")


class Clips:
    """Hands agents' rendered clips to the endpoint: at once those there are, others as they come.

    An edge may take calls before its lines are rendered, and flows change while it runs.
    """

    def __init__(
        self,
        cache: SpeechCache,
        agents: Callable[[], Iterable[AgentSpec]],
        use: Callable[[str, int, bytes], Awaitable[None]],
    ) -> None:
        self._cache = cache
        self._agents = agents
        self._use = use
        self._loaded: dict[tuple[str, int], tuple[AgentSpec, int]] = {}

    async def load(self) -> int:
        """How many clips are still without some of their words."""
        missing = 0
        for agent in self._agents():
            texts = clip_texts(house_lines(agent.language))
            for rate_hz in RATES_HZ:
                missing += await self._load(agent, rate_hz, texts) < len(texts)
        return missing

    async def keep(self) -> None:
        """For as long as the edge runs."""
        while True:
            missing = await self.load()
            await asyncio.sleep(_SOON_S if missing else _LATER_S)

    async def _load(self, agent: AgentSpec, rate_hz: int, texts: Sequence[str]) -> int:
        """How many of its words the agent's clip has."""
        before, has = self._loaded.get((agent.name, rate_hz), (None, 0))
        if before == agent and has == len(texts):
            return has
        voice = Voice(agent, _SPEECH_MODEL, rate_hz)
        lines = [await self._cache.find(voice.line(text)) for text in texts]
        spoken = [line.pcm for line in lines if line is not None]
        if spoken and (before, has) != (agent, len(spoken)):
            await self._use(agent.name, rate_hz, joined(spoken, rate_hz))
            self._loaded[agent.name, rate_hz] = (agent, len(spoken))
        return len(spoken)


def clips(
    settings: Settings, agents: Callable[[], Iterable[AgentSpec]], endpoint: Endpoint
) -> Clips:
    return Clips(SpeechCache(settings.rendered_lines_dir, _NothingNew()), agents, endpoint.use_clip)


def clip_texts(lines: HouseLines) -> tuple[str, ...]:
    """In order; a pause stands between each and the next."""
    return (lines.one_moment, lines.still_here, lines.one_moment)


def joined(spoken: list[bytes], rate_hz: int) -> bytes:
    """PCM16 of all, a pause of quiet noise between each and the next."""
    sound = spoken[0]
    for pause_ms, words in zip(PAUSES_MS, spoken[1:], strict=False):
        sound += _quiet(rate_hz * pause_ms // 1000) + words
    return sound


def _quiet(samples: int) -> bytes:
    level = 32768 * 10 ** (_PAUSE_DBFS / 20)
    noise = np.random.default_rng(samples).standard_normal(samples) * level
    return np.rint(noise).astype("<i2").tobytes()
