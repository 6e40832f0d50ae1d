"""The clip a port plays when speech is owed and late: each agent's own "one moment, please"."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Final

from trunkline.calls.house_lines import house_lines
from trunkline.calls.service import RATES_HZ
from trunkline.calls.speaker import Voice
from trunkline.calls.speech_cache import SpeechCache
from trunkline.calls.speech_source import SpeechPiece, SpokenLine
from trunkline.domain.agent import AgentSpec
from trunkline.domain.errors import EngineError
from trunkline.runtime.logging import get_logger
from trunkline.runtime.settings import Settings
from trunkline.sip.endpoint import Endpoint

log = get_logger(__name__)

_SPEECH_MODEL: Final = "trunkline-tts"


class _NothingNew:
    """Clips are rendered with the agents' other lines; here they are only read."""

    async def speak(self, line: SpokenLine) -> AsyncIterator[SpeechPiece]:
        raise EngineError("clips are not rendered here", retryable=False)
        yield SpeechPiece(b"")


async def load_clips(settings: Settings, agents: Iterable[AgentSpec], endpoint: Endpoint) -> int:
    """Hand the rendered clips of all agents to the endpoint; returns how many there were."""
    cache = SpeechCache(settings.rendered_lines_dir, _NothingNew())
    loaded = 0
    for agent in agents:
        for rate_hz in RATES_HZ:
            text = house_lines(agent.language).one_moment
            line = await cache.find(Voice(agent, _SPEECH_MODEL, rate_hz).line(text))
            if line is None:
                log.warning("an agent has no clip for late speech", agent=agent.name)
                continue
            await endpoint.use_clip(agent.name, rate_hz, line.pcm)
            loaded += 1
    return loaded
