"""What the operator configured for the voice that answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

VOICES: Final = ("alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse")


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """Name, voice and engine of an agent; ``flow_version`` is a content hash of its flow.

    ``model`` is the engine and ``fallback_model`` the one to turn to when it fails; empty names
    mean the installation's own.
    """

    name: str
    display_name: str
    language: str
    voice: str
    speed: float
    model: str
    flow_version: str
    fallback_model: str = ""
