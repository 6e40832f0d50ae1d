"""The session object (contract 3.1) and how an update changes it (3.3); pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from trunkline.domain.errors import ProtocolError
from trunkline.domain.events import Json
from trunkline.realtime.complaints import complaint
from trunkline.realtime.items import MAX_TEXT_CHARS

VOICES: tuple[str, ...] = (
    "alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar",
)  # fmt: skip
DEFAULT_INSTRUCTIONS = (
    "You are a helpful voice agent on the telephone. Speak naturally, keep every answer short, and "
    "say plainly when you cannot do something."
)
MIN_SPEED, MAX_SPEED = 0.25, 4.0
MAX_TOOLS = 256


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PcmFormat(_Config):
    type: Literal["audio/pcm"] = "audio/pcm"
    rate: Literal[24000] = 24000


class PcmuFormat(_Config):
    type: Literal["audio/pcmu"] = "audio/pcmu"


class PcmaFormat(_Config):
    type: Literal["audio/pcma"] = "audio/pcma"


WireAudioFormat: TypeAlias = Annotated[
    PcmFormat | PcmuFormat | PcmaFormat, Field(discriminator="type")
]


def format_rate_hz(audio_format: WireAudioFormat) -> int:
    """24,000 for PCM, 8,000 for G.711."""
    return 24000 if isinstance(audio_format, PcmFormat) else 8000


class ServerVad(_Config):
    """Published session dumps show 200 ms of silence and the guide says 500; we take 500."""

    type: Literal["server_vad"] = "server_vad"
    threshold: float = Field(default=0.5, ge=0.0, le=1.0)
    prefix_padding_ms: int = Field(default=300, ge=0, le=5000)
    silence_duration_ms: int = Field(default=500, ge=0, le=10000)
    idle_timeout_ms: Annotated[int, Field(ge=5000, le=30000)] | None = None
    create_response: bool = True
    interrupt_response: bool = True


class SemanticVad(_Config):
    type: Literal["semantic_vad"] = "semantic_vad"
    eagerness: Literal["low", "medium", "high", "auto"] = "auto"
    create_response: bool = True
    interrupt_response: bool = True


TurnDetection: TypeAlias = Annotated[ServerVad | SemanticVad, Field(discriminator="type")]


class Transcription(_Config):
    model: str = "whisper-1"
    language: str | None = None
    prompt: Annotated[str, Field(max_length=16384)] | None = None
    languages: tuple[str, ...] | None = None
    keywords: Annotated[tuple[str, ...], Field(max_length=1000)] | None = None
    delay: str | None = None


class NoiseReduction(_Config):
    type: Literal["near_field", "far_field"]
    strength: float | None = None


class AudioInput(_Config):
    format: WireAudioFormat = PcmFormat()
    transcription: Transcription | None = None
    noise_reduction: NoiseReduction | None = None
    turn_detection: TurnDetection | None = ServerVad()


class CustomVoice(_Config):
    id: str


Voice: TypeAlias = Literal[
    "alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"
]


class AudioOutput(_Config):
    format: WireAudioFormat = PcmFormat()
    voice: Voice | CustomVoice = "marin"
    speed: float = Field(default=1.0, ge=MIN_SPEED, le=MAX_SPEED)


class SessionAudio(_Config):
    input: AudioInput = AudioInput()
    output: AudioOutput = AudioOutput()


class FunctionTool(BaseModel):
    """A flat function tool. ``x-trunkline`` and whatever else a client adds is kept and echoed."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: Literal["function"] = "function"
    name: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$")
    description: str = Field(default="", max_length=MAX_TEXT_CHARS)
    parameters: dict[str, Json] = Field(
        default_factory=lambda: {"type": "object", "properties": {}}
    )


class NamedFunction(_Config):
    type: Literal["function"] = "function"
    name: str


ToolChoice: TypeAlias = Literal["none", "auto", "required"] | NamedFunction
OutputModalities: TypeAlias = tuple[Literal["audio", "text"]]
MaxTokens: TypeAlias = Annotated[int, Field(ge=1, le=4096)] | Literal["inf"]


class Tracing(_Config):
    workflow_name: str | None = None
    group_id: str | None = None
    metadata: dict[str, Json] | None = None


class RetentionRatio(_Config):
    type: Literal["retention_ratio"]
    retention_ratio: float = Field(ge=0.0, le=1.0)
    token_limits: dict[str, int] | None = None


class PromptReference(_Config):
    id: str
    version: str | None = None
    variables: dict[str, Json] | None = None


class Reasoning(_Config):
    effort: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None


class Session(_Config):
    """The whole effective configuration; every field is emitted, nulls included."""

    type: Literal["realtime"] = "realtime"
    object: Literal["realtime.session"] = "realtime.session"
    id: str
    model: str
    expires_at: int
    output_modalities: OutputModalities = ("audio",)
    instructions: str = Field(default=DEFAULT_INSTRUCTIONS, max_length=MAX_TEXT_CHARS)
    tools: Annotated[tuple[FunctionTool, ...], Field(max_length=MAX_TOOLS)] = ()
    tool_choice: ToolChoice = "auto"
    max_output_tokens: MaxTokens = "inf"
    tracing: Literal["auto"] | Tracing | None = None
    truncation: Literal["auto", "disabled"] | RetentionRatio = "auto"
    prompt: PromptReference | None = None
    include: tuple[Literal["item.input_audio_transcription.logprobs"], ...] | None = None
    parallel_tool_calls: bool | None = None
    reasoning: Reasoning | None = None
    audio: SessionAudio = SessionAudio()

    @model_validator(mode="after")
    def _names_a_tool(self) -> Session:
        names = [tool.name for tool in self.tools]
        if len(set(names)) != len(names):
            raise ValueError("two tools have the same name")
        return self


_SERVER_FIELDS = frozenset({"id", "object", "expires_at", "model"})
_MERGED = ("input", "output")
_session: TypeAdapter[Session] = TypeAdapter(Session)


def updated(
    session: Session, update: Mapping[str, Json], *, has_spoken: bool, is_responding: bool
) -> Session:
    """The session after a ``session.update``; raises ProtocolError and changes nothing otherwise.

    ``has_spoken``: assistant audio exists, so the voice is fixed. ``is_responding``: so is speed.
    """
    if not isinstance(update, Mapping):
        raise ProtocolError("session must be an object.", code="invalid_type", param="session")
    if "type" not in update:
        raise ProtocolError(
            "Missing required parameter: 'session.type'.",
            code="missing_required_parameter",
            param="session.type",
        )
    document = _merged(session.model_dump(mode="json"), update)
    try:
        result = _session.validate_python(document)
    except ValidationError as exc:
        code, message, param = complaint(exc, document, root="session")
        raise ProtocolError(message, code=code, param=param) from None
    _refuse_forbidden_change(session, result, has_spoken=has_spoken, is_responding=is_responding)
    return result


def _merged(document: dict[str, Any], update: Mapping[str, Json]) -> dict[str, Any]:
    for key, value in update.items():
        if key in _SERVER_FIELDS:
            continue  # clients repeat the whole session; these are ours
        if key != "audio" or not isinstance(value, Mapping):
            document[key] = value
            continue
        for side, settings in value.items():
            if side in _MERGED and isinstance(settings, Mapping):
                _merge_side(document["audio"][side], settings)
            else:
                document["audio"][side] = settings
    return document


def _merge_side(side: dict[str, Any], settings: Mapping[str, Json]) -> None:
    """A present sub-object replaces the old one; without a type it keeps the old one's type, so
    that sending only a threshold never turns detection off or into something else."""
    for key, value in settings.items():
        if key == "turn_detection" and isinstance(value, Mapping) and "type" not in value:
            kind = (side.get(key) or {}).get("type", "server_vad")
            side[key] = {"type": kind, **value}
        else:
            side[key] = value


def _refuse_forbidden_change(
    old: Session, new: Session, *, has_spoken: bool, is_responding: bool
) -> None:
    before, after = old.audio.output, new.audio.output
    if has_spoken and after.voice != before.voice:
        raise ProtocolError(
            "Cannot update a conversation's voice if assistant audio is present.",
            code="cannot_update_voice",
            param="session.audio.output.voice",
        )
    if is_responding and after.speed != before.speed:
        raise ProtocolError(
            "The speed can only be changed between turns.",
            code="invalid_value",
            param="session.audio.output.speed",
        )
    if old.tracing is not None and new.tracing is not None and old.tracing != new.tracing:
        raise ProtocolError(
            "Tracing cannot be changed once it is enabled.",
            code="invalid_value",
            param="session.tracing",
        )


def voice_name(voice: Voice | CustomVoice) -> str:
    return voice.id if isinstance(voice, CustomVoice) else voice


def tool_documents(tools: Sequence[FunctionTool]) -> tuple[dict[str, Json], ...]:
    """The tools as plain JSON, ``x-trunkline`` annotations included."""
    return tuple(tool.model_dump(mode="json") for tool in tools)
