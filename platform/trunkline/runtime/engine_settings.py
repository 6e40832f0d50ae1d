"""Settings of the engines that lean on somebody else's servers: hosted ports and the upstream."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Seconds = Annotated[float, Field(gt=0, le=600)]


def _http_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        is_whole = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_whole = False
    if not is_whole or parts.scheme not in ("http", "https"):
        raise ValueError("write an http or https URL, for example https://api.example.com/v1")
    if parts.username is not None or parts.password is not None:
        raise ValueError("no credentials in the URL: name them in key_env or key_file")
    if parts.query or parts.fragment:
        raise ValueError("the URL must end with its path")
    return value.rstrip("/")


HttpUrl = Annotated[str, AfterValidator(_http_url)]


class FarEndSettings(BaseModel):
    """One server that is not ours. Its key is named, never written here: the variable ``key_env``
    or the file ``key_file``; neither means that it wants none."""

    model_config = ConfigDict(extra="forbid")

    base_url: HttpUrl
    model: str = Field(min_length=1, max_length=256)
    key_env: str = Field(default="", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$|^$")
    key_file: Path | None = None
    headers: dict[str, str] = {}  # of every request; no secrets: they are not hidden
    connect_timeout_s: Seconds = 3.0

    @model_validator(mode="after")
    def _has_one_key(self) -> FarEndSettings:
        if self.key_env and self.key_file is not None:
            raise ValueError("name the key in key_env or in key_file, not in both")
        return self


class HostedPortSettings(FarEndSettings):
    """What all three ports of ``[hosted]`` share; times bound waiting, not speaking.

    ``first_byte_timeout_s`` is for all tries together: below what a call waits for an answer.
    """

    first_byte_timeout_s: Seconds = 5.0
    chunk_timeout_s: Seconds = 4.0
    total_timeout_s: Seconds = 30.0
    retries: int = Field(default=1, ge=0, le=5)  # only while nothing of an answer was used
    breaker_failures: int = Field(default=3, ge=1, le=100)
    breaker_open_s: Seconds = 15.0


class HostedTranscriptionSettings(HostedPortSettings):
    """``local_partials``: the local recogniser listens along, for partial texts and as a spare.

    ``is_trunkline``: the far end is another Trunkline, which may be told what to expect.
    """

    is_streamed: bool = True
    local_partials: bool = True
    is_trunkline: bool = False


class HostedChatSettings(HostedPortSettings):
    temperature: float | None = Field(default=None, ge=0, le=2)
    token_limit_field: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    sees_images: bool = False  # sessions may put in PNG and JPEG images
    takes_reasoning_effort: bool = False  # it reasons, as much as a session asks for


class HostedSpeechSettings(HostedPortSettings):
    """``voices``: our voices' names to the far end's; a name that is missing goes as it is."""

    first_byte_timeout_s: Seconds = 2.5  # a line that is not heard in four seconds is given up
    voices: dict[str, str] = {}
    instructions: str = Field(default="", max_length=4096)


class HostedSettings(BaseModel):
    """``[hosted]``: a port that is left out stays local."""

    model_config = ConfigDict(extra="forbid")

    transcription: HostedTranscriptionSettings | None = None
    chat: HostedChatSettings | None = None
    speech: HostedSpeechSettings | None = None


class UpstreamSettings(FarEndSettings):
    """``[upstream]``: a Realtime endpoint. ``is_trunkline``: it understands our annotations."""

    generation: Literal["ga", "beta"] = "ga"
    is_trunkline: bool = False
    audio_format: Literal["audio/pcm", "audio/pcmu", "audio/pcma"] = "audio/pcm"
    transcription_model: str = "gpt-4o-mini-transcribe"
    voices: dict[str, str] = {}
    connect_timeout_s: Seconds = 5.0
    first_event_timeout_s: Seconds = 8.0
    part_timeout_s: Seconds = 10.0
    transcription_timeout_s: Seconds = 8.0
    session_limit_s: Annotated[float, Field(gt=1, le=86_400)] = 3600.0
    rollover_after_s: Annotated[float, Field(gt=0, le=86_400)] = 3300.0

    @model_validator(mode="after")
    def _rolls_over_in_time(self) -> UpstreamSettings:
        if self.rollover_after_s >= self.session_limit_s:
            raise ValueError("rollover_after_s must be below session_limit_s")
        return self
