"""What the far end is told of a session and of one response (GA shape). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trunkline.domain.events import Json
from trunkline.model.engine import EngineConfig, HistoryItem, ItemRole
from trunkline.model.plain_tools import plain_realtime_tools
from trunkline.realtime.client_events import ResponseParams
from trunkline.realtime.items import (
    FunctionCallItem,
    FunctionCallOutputItem,
    Item,
    assistant_message,
    system_message,
    user_message,
)
from trunkline.realtime.session import (
    VOICES,
    PcmaFormat,
    PcmFormat,
    PcmuFormat,
    WireAudioFormat,
)
from trunkline.runtime.engine_settings import UpstreamSettings

_FORMATS: dict[str, type[PcmFormat] | type[PcmuFormat] | type[PcmaFormat]] = {
    "audio/pcm": PcmFormat,
    "audio/pcmu": PcmuFormat,
    "audio/pcma": PcmaFormat,
}
_FASTEST = 1.5  # the original service's limit; ours is 4
_OLD_VOICES = {"marin": "alloy", "cedar": "ash"}  # which the beta generation did not have
RESPONSE_TAG = "trunkline_response"
"""Metadata by which a response is known again; both generations echo it."""


@dataclass(frozen=True, slots=True)
class FarDialect:
    """What this far end understands."""

    settings: UpstreamSettings

    @property
    def audio_format(self) -> WireAudioFormat:
        return _FORMATS[self.settings.audio_format]()

    def session(self, config: EngineConfig) -> dict[str, Json]:
        """A whole ``session.update``. Turns are cut by us: the far end hears what it is given."""
        settings = self.settings
        audio_format = self.audio_format.model_dump()
        transcription: dict[str, Json] = {
            "model": settings.transcription_model,
            "language": config.language,
        }
        if config.transcription_prompt:
            transcription["prompt"] = config.transcription_prompt
        if config.keywords and settings.is_trunkline:
            transcription["keywords"] = list(config.keywords)
        output: dict[str, Json] = {"format": audio_format, "voice": self._voice(config)}
        if settings.is_trunkline:
            output["speed"] = config.speed
        elif settings.generation == "ga":
            output["speed"] = min(config.speed, _FASTEST)
        return {
            "type": "realtime",
            "instructions": config.instructions,
            "output_modalities": list(config.modalities),
            "tools": self._tools(config),
            "tool_choice": _choice(config),
            "max_output_tokens": config.max_output_tokens or "inf",
            "audio": {
                "input": {
                    "format": audio_format,
                    "transcription": transcription,
                    "turn_detection": None,
                },
                "output": output,
            },
        }

    def response(
        self,
        config: EngineConfig,
        of_session: EngineConfig,
        tag: str,
        context: Sequence[HistoryItem] | None,
    ) -> ResponseParams:
        """``context``: all that the response may know; None: the far end's conversation."""
        changed: dict[str, Any] = {"metadata": {RESPONSE_TAG: tag}}
        if config.instructions != of_session.instructions:
            changed["instructions"] = config.instructions
        if config.tools != of_session.tools:
            changed["tools"] = self._tools(config)
        if _choice(config) != _choice(of_session):
            changed["tool_choice"] = _choice(config)
        if config.modalities != of_session.modalities:
            changed["output_modalities"] = list(config.modalities)
        if config.max_output_tokens != of_session.max_output_tokens:
            changed["max_output_tokens"] = config.max_output_tokens or "inf"
        if config.voice != of_session.voice:
            voice = self._voice(config)
            known = voice if voice in VOICES else {"id": voice}
            changed["audio"] = {"output": {"voice": known}}
        if context is not None:
            changed |= {"conversation": "none", "input": items_of(context)}
        return ResponseParams.model_validate(changed)

    def _tools(self, config: EngineConfig) -> list[Json]:
        if self.settings.is_trunkline:
            return [dict(tool) for tool in config.tools]
        return plain_realtime_tools(config.tools)

    def _voice(self, config: EngineConfig) -> str:
        settings = self.settings
        if settings.generation == "beta" and not settings.is_trunkline:
            return settings.voices.get(config.voice, _OLD_VOICES.get(config.voice, config.voice))
        return settings.voices.get(config.voice, config.voice)


def items_of(history: Sequence[HistoryItem]) -> list[Item]:
    """As text. A result without its call, and what nobody understood, cannot be said."""
    called = {item.call_id for item in history if item.role is ItemRole.FUNCTION_CALL}
    found = (item_of(item, item.call_id) for item in history if _is_placed(item, called))
    return [item for item in found if item is not None]


def item_of(item: HistoryItem, call_id: str, item_id: str | None = None) -> Item | None:
    """None when there is nothing to say of it."""
    match item.role:
        case ItemRole.FUNCTION_CALL:
            return FunctionCallItem(
                id=item_id, name=item.name, call_id=call_id, arguments=item.arguments or "{}"
            )
        case ItemRole.FUNCTION_OUTPUT:
            return FunctionCallOutputItem(id=item_id, call_id=call_id, output=item.text)
    if not item.text.strip():
        return None
    match item.role:
        case ItemRole.USER:
            return user_message(item.text, item_id=item_id)
        case ItemRole.ASSISTANT:
            return assistant_message(item.text, item_id=item_id)
    return system_message(item.text, item_id=item_id)


def _is_placed(item: HistoryItem, called: set[str]) -> bool:
    return item.role is not ItemRole.FUNCTION_OUTPUT or item.call_id in called


def _choice(config: EngineConfig) -> Any:
    choice = config.tool_choice
    if not config.tools:
        return "auto"
    return dict(choice) if isinstance(choice, Mapping) else choice
