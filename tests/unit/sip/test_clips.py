"""What covers late speech is there once its words are rendered, and again when they change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.fakes.speech import FakeSpeech

from trunkline.calls.house_lines import house_lines
from trunkline.calls.service import RATES_HZ
from trunkline.calls.speaker import Voice
from trunkline.calls.speech_cache import SpeechCache
from trunkline.domain.agent import AgentSpec
from trunkline.sip.clips import Clips, clip_texts

AGENT: Final = AgentSpec("energy", "Energy", "en", "alloy", 1.0, "", "f1")


async def render(folder: Path, agent: AgentSpec, texts: tuple[str, ...]) -> None:
    voices = [Voice(agent, "trunkline-tts", rate_hz) for rate_hz in RATES_HZ]
    cache = SpeechCache(folder, FakeSpeech())
    await cache.prefetch(voice.line(text) for voice in voices for text in texts)


class Endpoint:
    def __init__(self) -> None:
        self.used: dict[tuple[str, int], list[bytes]] = {}

    async def use_clip(self, agent: str, sample_rate_hz: int, pcm: bytes) -> None:
        self.used.setdefault((agent, sample_rate_hz), []).append(pcm)


async def test_a_clip_is_used_once_its_words_are_rendered_however_late(tmp_path: Path) -> None:
    endpoint, texts = Endpoint(), clip_texts(house_lines("en"))
    late = Clips(SpeechCache(tmp_path, FakeSpeech()), lambda: [AGENT], endpoint.use_clip)
    assert await late.load() == len(RATES_HZ)
    assert endpoint.used == {}
    await render(tmp_path, AGENT, texts[:1])
    assert await late.load() == len(RATES_HZ)
    await render(tmp_path, AGENT, texts)
    assert await late.load() == 0
    assert await late.load() == 0
    for rate_hz in RATES_HZ:
        half, whole = endpoint.used["energy", rate_hz]
        assert len(whole) > len(half) > 0


async def test_a_clip_follows_its_agents_voice(tmp_path: Path) -> None:
    endpoint, agents = Endpoint(), [AGENT]
    late = Clips(SpeechCache(tmp_path, FakeSpeech()), lambda: agents, endpoint.use_clip)
    await render(tmp_path, AGENT, clip_texts(house_lines("en")))
    await late.load()
    agents[0] = replace(AGENT, voice="verse")
    assert await late.load() == len(RATES_HZ)
    await render(tmp_path, agents[0], clip_texts(house_lines("en")))
    assert await late.load() == 0
    assert len(endpoint.used["energy", 8000]) == 2
