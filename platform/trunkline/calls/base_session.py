"""The session object a call's Realtime session begins with; each step of the flow changes it."""

from __future__ import annotations

from collections.abc import Mapping

from trunkline.calls.backchannels import keywords
from trunkline.calls.dialogue import turn_detection
from trunkline.domain.events import Json
from trunkline.flows.flow import Flow


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
