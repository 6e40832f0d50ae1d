"""Settings of the model server beside its port: the model table, hosted ports, an upstream."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

Price = Annotated[float, Field(ge=0, le=1_000_000)]


class PriceSettings(BaseModel):
    """Per million tokens, in the table's currency; a cached token costs what is said of it."""

    model_config = ConfigDict(extra="forbid")

    text_in: Price = 0.0
    audio_in: Price = 0.0
    cached_text_in: Price | None = None  # none: as text_in
    cached_audio_in: Price | None = None  # none: as audio_in
    text_out: Price = 0.0
    audio_out: Price = 0.0
    transcription_minute: Price = 0.0


class ModelSettings(BaseModel):
    """One ``[[models]]`` table: a dated name, the engine behind it, and what it costs.

    ``aliases`` may end in ``*``. A table with the name of one that ships replaces it.
    """

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")
    engine: str = Field(min_length=1)
    aliases: tuple[Annotated[str, Field(min_length=1, max_length=128)], ...] = ()
    created: int = Field(default=0, ge=0)
    capabilities: tuple[Literal["realtime", "speech", "transcription"], ...] = (
        "realtime",
        "speech",
        "transcription",
    )
    prices: PriceSettings = PriceSettings()


class HostedSettings(BaseModel):
    """One OpenAI-compatible HTTP endpoint: ``url`` is its base, such as ``https://host/v1``.

    ``voice`` (speech only) replaces every voice asked for, where the server has names of its own.
    """

    model_config = ConfigDict(extra="forbid")

    url: str = Field(pattern=r"^https?://[^/\s]+.*$")
    model: str = Field(min_length=1, max_length=256)
    key: SecretStr = SecretStr("")
    voice: str = ""
    timeout_s: float = Field(default=15.0, gt=0, le=120)
    tries: int = Field(default=2, ge=1, le=5)


class UpstreamSettings(BaseModel):
    """A Realtime endpoint elsewhere: ``url`` is its base, such as ``https://host/v1``.

    ``session_limit_s`` is used where the endpoint does not tell when a session ends.
    """

    model_config = ConfigDict(extra="forbid")

    url: str = Field(pattern=r"^(https?|wss?)://[^/\s]+.*$")
    model: str = Field(default="gpt-realtime", min_length=1, max_length=256)
    key: SecretStr = SecretStr("")
    generation: Literal["ga", "beta"] = "ga"
    voice: str = ""  # empty: the session's own
    transcription_model: str = "gpt-4o-mini-transcribe"
    connect_timeout_s: float = Field(default=5.0, gt=0, le=60)
    session_limit_s: float = Field(default=1800.0, ge=30)
    rollover_before_s: float = Field(default=120.0, ge=1)
