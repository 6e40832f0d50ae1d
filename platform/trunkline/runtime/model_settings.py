"""Settings of the model table: what a server's models are called and cost."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

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
