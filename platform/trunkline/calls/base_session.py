"""The session object a call's Realtime session begins with; each step of the flow changes it."""

from __future__ import annotations

from collections.abc import Mapping

from trunkline.calls.backchannels import keywords
from trunkline.calls.dialogue import turn_detection
from trunkline.domain.agent import AgentSpec
from trunkline.domain.events import Json


def base_session(agent: AgentSpec, audio_format: Mapping[str, Json]) -> dict[str, Json]:
    """``audio_format`` as the wire has it, both ways."""
    return {
        "type": "realtime",
        "output_modalities": ["audio"],
        "audio": {
            "input": {
                "format": dict(audio_format),
                "turn_detection": turn_detection(500),
                "transcription": {
                    "model": "trunkline-asr",
                    "language": agent.language,
                    "keywords": list(keywords(agent.language)),
                },
            },
            "output": {
                "format": dict(audio_format),
                "voice": agent.voice,
                "speed": agent.speed,
            },
        },
    }
