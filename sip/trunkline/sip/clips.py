"""What a port plays by itself when speech is owed and late: each agent's own words for it.

The ring plays a clip once. A loop that stands still for longer than its first words last must not
leave the caller in silence, so a clip goes on: words, a pause, other words, a longer pause.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Final

import numpy as np

from trunkline.calls.house_lines import HouseLines, house_lines
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
PAUSES_MS: Final = (1300, 3000)
_PAUSE_DBFS: Final = -62.0  # as the ring's own comfort noise


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
            voice = Voice(agent, _SPEECH_MODEL, rate_hz)
            spoken = [
                line.pcm
                for text in clip_texts(house_lines(agent.language))
                if (line := await cache.find(voice.line(text))) is not None
            ]
            if not spoken:
                log.warning("an agent has no clip for late speech", agent=agent.name)
                continue
            await endpoint.use_clip(agent.name, rate_hz, joined(spoken, rate_hz))
            loaded += 1
    return loaded


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
