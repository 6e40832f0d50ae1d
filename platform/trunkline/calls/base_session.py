"""The session object a call's Realtime session begins with; each step of the flow changes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from trunkline.calls.backchannels import keywords
from trunkline.domain.events import Json
from trunkline.flows.flow import Flow

PREFIX_PADDING_MS: Final = 300


def turn_detection(hangover_ms: int) -> dict[str, Json]:
    """The server only cuts, commits and transcribes; the edge alone decides (design, part 2)."""
    return {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": PREFIX_PADDING_MS,
        "silence_duration_ms": hangover_ms,
        "create_response": False,
        "interrupt_response": False,
    }


def base_session(flow: Flow, audio_format: Mapping[str, Json]) -> dict[str, Json]:
    """``audio_format`` as the wire has it, both ways.

    What the flow's escalation rules wait for is expected by the recogniser, too.
    """
    agent = flow.agent
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
                    "keywords": [*keywords(agent.language), *flow.escalation.phrases()],
                },
            },
            "output": {
                "format": dict(audio_format),
                "voice": agent.voice,
                "speed": agent.speed,
            },
        },
    }
