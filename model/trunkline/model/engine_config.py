"""The session object as an engine needs it, and what one response changes in it. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

from trunkline.model.endpointing import EndpointingConfig
from trunkline.model.engine import EngineConfig
from trunkline.realtime.client_events import ResponseParams
from trunkline.realtime.session import (
    MaxTokens,
    NoiseReduction,
    PcmFormat,
    Reasoning,
    SemanticVad,
    ServerVad,
    Session,
    WireAudioFormat,
    voice_name,
)
from trunkline.realtime.tools import NamedFunction, NamedMcp, ToolChoice, tool_documents

# semantic_vad: how long a pause ends a turn that looks finished, and one that does not
# (contract 7: at most 8, 4 and 2 s).
_EAGERNESS_MS = {
    "low": (1000, 8000),
    "medium": (600, 4000),
    "auto": (600, 4000),
    "high": (400, 2000),
}


# "Yes" and nothing else, to a question that wanted no more: nobody goes on after so long.
ANSWER_SILENCE_MS: Final = 400


def engine_config(session: Session) -> EngineConfig:
    heard = session.audio.input.transcription
    languages = (heard.languages or ()) if heard else ()
    return EngineConfig(
        model=session.model,
        instructions=session.instructions,
        voice=voice_name(session.audio.output.voice),
        speed=session.audio.output.speed,
        language=(heard.language if heard else None) or (languages[0] if languages else "en"),
        tools=tool_documents(session.tools),
        tool_choice=_choice(session.tool_choice),
        modalities=session.output_modalities,
        max_output_tokens=_limit(session.max_output_tokens),
        transcription_prompt=(heard.prompt if heard else None) or "",
        keywords=(heard.keywords if heard else None) or (),
        is_narrowband=not isinstance(session.audio.input.format, PcmFormat),
        reasoning_effort=_effort(session.reasoning),
    )


def response_config(session: Session, params: ResponseParams) -> EngineConfig:
    """The session's configuration with one response's own values in place of it."""
    config = engine_config(session)
    if params.instructions is not None:
        config = replace(config, instructions=params.instructions)
    if params.tools is not None:
        config = replace(config, tools=tool_documents(params.tools))
    if params.tool_choice is not None:
        config = replace(config, tool_choice=_choice(params.tool_choice))
    if params.output_modalities is not None:
        config = replace(config, modalities=params.output_modalities)
    if params.max_output_tokens is not None:
        config = replace(config, max_output_tokens=_limit(params.max_output_tokens))
    if params.reasoning is not None:
        config = replace(config, reasoning_effort=_effort(params.reasoning))
    if params.audio is not None and params.audio.output.voice is not None:
        config = replace(config, voice=voice_name(params.audio.output.voice))
    return config


def response_format(session: Session, params: ResponseParams) -> WireAudioFormat:
    own = params.audio.output.format if params.audio is not None else None
    return own or session.audio.output.format


def response_limit(session: Session, params: ResponseParams) -> int | Literal["inf"]:
    return (
        session.max_output_tokens if params.max_output_tokens is None else params.max_output_tokens
    )


def endpointing_config(
    detection: ServerVad | SemanticVad, *, foresees: bool = False, has_own_ears: bool = False
) -> EndpointingConfig:
    """``has_own_ears``: a client of ours, which takes our own word for when a turn is over."""
    match detection:
        case ServerVad():
            return EndpointingConfig(
                threshold=detection.threshold,
                prefix_ms=detection.prefix_padding_ms,
                silence_ms=detection.silence_duration_ms,
                longest_silence_ms=detection.silence_duration_ms,
                idle_timeout_ms=detection.idle_timeout_ms,
                foresees=foresees,
                answer_silence_ms=ANSWER_SILENCE_MS if has_own_ears else 10_000,
            )
        case SemanticVad():
            silence_ms, longest_ms = _EAGERNESS_MS[detection.eagerness]
            return EndpointingConfig(
                silence_ms=silence_ms, longest_silence_ms=longest_ms, foresees=foresees
            )


def _choice(choice: ToolChoice) -> str | dict[str, str]:
    """What the engine is told until the tools of MCP servers are known."""
    if isinstance(choice, NamedMcp):
        return "auto"
    return choice.model_dump() if isinstance(choice, NamedFunction) else choice


# How far noise is turned down at full strength: a microphone at the mouth has little of it, and
# every dB costs some of the voice.
_REDUCTION_DB = {"near_field": 12.0, "far_field": 24.0}
_USUAL_STRENGTH = 0.75


def reduction_db(reduction: NoiseReduction | None) -> float:
    """0 without noise reduction."""
    if reduction is None:
        return 0.0
    strength = _USUAL_STRENGTH if reduction.strength is None else reduction.strength
    return _REDUCTION_DB[reduction.type] * strength


def _effort(reasoning: Reasoning | None) -> str:
    return (reasoning.effort if reasoning is not None else None) or ""


def _limit(limit: MaxTokens) -> int | None:
    return None if limit == "inf" else limit
