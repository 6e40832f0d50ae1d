"""The session object (contract 3.1); pure. session_update.py says how an update changes it."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from trunkline.domain.events import Json
from trunkline.realtime.items import MAX_TEXT_CHARS
from trunkline.realtime.tools import MAX_TOOLS, Tool, ToolChoice, refuse_repeated_names

VOICES: tuple[str, ...] = (
    "alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar",
)  # fmt: skip
DEFAULT_INSTRUCTIONS = (
    "You are a helpful voice agent on the telephone. Speak naturally, keep every answer short, and "
    "say plainly when you cannot do something."
)
MIN_SPEED, MAX_SPEED = 0.25, 4.0


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
    strength: float | None = Field(default=None, ge=0.0, le=1.0)


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


OutputModalities: TypeAlias = tuple[Literal["audio", "text"]]
MaxTokens: TypeAlias = Annotated[int, Field(ge=1, le=4096)] | Literal["inf"]


class Tracing(_Config):
    workflow_name: str | None = None
    group_id: str | None = None
    metadata: dict[str, Json] | None = None


class TokenLimits(_Config):
    """``post_instructions``: input tokens of the conversation, the instructions not counted."""

    post_instructions: int | None = Field(default=None, ge=0)


class RetentionRatio(_Config):
    """When the conversation is too long, as much is dropped as leaves this part of the limit."""

    type: Literal["retention_ratio"]
    retention_ratio: float = Field(ge=0.0, le=1.0)
    token_limits: TokenLimits | None = None


Truncation: TypeAlias = Literal["auto", "disabled"] | RetentionRatio


class PromptReference(_Config):
    id: str
    version: str | None = None
    variables: dict[str, Json] | None = None


class Reasoning(_Config):
    effort: Literal["minimal", "low", "medium", "high", "xhigh"] | None = None


class Session(_Config):
    """The whole effective configuration of a conversation, or of a transcription session, which
    uses ``audio.input`` and ``include`` alone."""

    type: Literal["realtime", "transcription"] = "realtime"
    id: str
    model: str
    expires_at: int
    output_modalities: OutputModalities = ("audio",)
    instructions: str = Field(default=DEFAULT_INSTRUCTIONS, max_length=MAX_TEXT_CHARS)
    tools: Annotated[tuple[Tool, ...], Field(max_length=MAX_TOOLS)] = ()
    tool_choice: ToolChoice = "auto"
    max_output_tokens: MaxTokens = "inf"
    tracing: Literal["auto"] | Tracing | None = None
    truncation: Truncation = "auto"
    prompt: PromptReference | None = None
    include: tuple[Literal["item.input_audio_transcription.logprobs"], ...] | None = None
    parallel_tool_calls: bool | None = None
    reasoning: Reasoning | None = None
    audio: SessionAudio = SessionAudio()

    @model_validator(mode="after")
    def _names_each_tool_once(self) -> Session:
        refuse_repeated_names(self.tools)
        return self

    @property
    def is_transcription(self) -> bool:
        return self.type == "transcription"

    def document(self) -> dict[str, Json]:
        """As clients see it: every field, nulls included, secrets of tools left out."""
        whole = self.model_dump(mode="json")
        if self.is_transcription:
            return {
                "type": self.type,
                "object": "realtime.transcription_session",
                **{key: whole[key] for key in ("id", "model", "expires_at", "include")},
                "audio": {"input": whole["audio"]["input"]},
            }
        return {"type": self.type, "object": "realtime.session", **whole}


def voice_name(voice: Voice | CustomVoice) -> str:
    return voice.id if isinstance(voice, CustomVoice) else voice
