"""What the calls of one edge process share: clock, sinks, caches, tools, and a way to an engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from trunkline.audio.disk_writer import Disk
from trunkline.calls.background_tools import RunsTools
from trunkline.calls.engine_link import Connector
from trunkline.calls.publish import FactSink
from trunkline.calls.queue_board import QueueBoard
from trunkline.calls.speech_cache import SpeechCache
from trunkline.calls.switch import SwitchBoard
from trunkline.domain.agent import AgentSpec
from trunkline.domain.clock import Clock
from trunkline.flows.guard.shelf import GuardShelf, shipped_shelf

SPEECH_MODEL: Final = "trunkline-tts"
"""What lines are rendered with, and so part of their address in the cache."""


@dataclass(frozen=True, slots=True)
class Edge:
    """``recordings_dir`` lies below ``data_dir``; recordings are named relative to the latter.

    ``engine`` serves agents that name none; ``fallback_engine`` (empty: the same again) is tried
    when an engine cannot be had or is lost. ``speech_model`` renders the lines, except for agents
    of ``speech_engines``, whose engine has a voice of its own. ``is_durable``: a worker reads the
    facts, and runs what is to outlive its call.
    """

    edge_id: str
    clock: Clock
    connect: Connector
    cache: SpeechCache
    sink: FactSink
    disk: Disk
    tools: RunsTools
    data_dir: Path
    recordings_dir: Path
    engine: str
    fallback_engine: str = ""
    speech_model: str = SPEECH_MODEL
    speech_engines: frozenset[str] = frozenset()
    is_recording: bool = True
    is_durable: bool = False
    switch: SwitchBoard = field(default_factory=SwitchBoard)
    queues: QueueBoard = field(default_factory=QueueBoard)
    guards: GuardShelf = field(default_factory=shipped_shelf)

    def speech_model_of(self, agent: AgentSpec) -> str:
        """What the agent's lines are rendered with: the voice that also answers."""
        engine = agent.model or self.engine
        return engine if engine in self.speech_engines else self.speech_model

    def engines_of(self, agent: AgentSpec) -> tuple[str, ...]:
        """The engines to try for an agent, in order."""
        first = agent.model or self.engine
        return tuple(dict.fromkeys((first, agent.fallback_model or self.fallback_engine or first)))
