"""The model table: dated names and aliases to engines, and what their tokens cost. Pure.

``trunkline-realtime-…`` ships and stands for the server's default engine; every engine that runs
has a table row of its own too. Operators add rows, or other prices, as ``[[models]]``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from trunkline.realtime.usage import TokenUsage
from trunkline.runtime.model_settings import ModelSettings, PriceSettings

DEFAULT_ENGINE: Final = "*"
"""As a row's engine: whichever the server's default is."""

ENGINE_NAMES: Final = ("cascade", "cascade-hosted", "upstream", "scripted")
"""Every engine that a server of ours can be told to run."""

REALTIME, SPEECH, TRANSCRIPTION = "realtime", "speech", "transcription"
_RELEASED: Final = 1_795_219_200  # 2026-11-21; GET /v1/models tells it as ``created``
_PER: Final = 1_000_000

# The published example of the mission's price table; what the operator pays nobody here can know.
_PRICES: Final = PriceSettings(
    text_in=5.0,
    audio_in=100.0,
    cached_text_in=2.5,
    cached_audio_in=20.0,
    text_out=20.0,
    audio_out=200.0,
)
SHIPPED: Final[tuple[ModelSettings, ...]] = (
    ModelSettings(
        name="trunkline-realtime-2026-11-21",
        engine=DEFAULT_ENGINE,
        # What unchanged clients ask for: they get this server's default engine.
        aliases=(
            "trunkline",
            "trunkline-realtime",
            "gpt-realtime*",
            "gpt-4o-realtime*",
            "gpt-4o-mini-realtime*",
            "gpt-audio*",
        ),
        created=_RELEASED,
        prices=_PRICES,
    ),
    ModelSettings(
        name="trunkline-asr-2026-11-21",
        engine=DEFAULT_ENGINE,
        aliases=(
            "trunkline-asr",
            "whisper*",
            "gpt-transcribe*",
            "gpt-4o-transcribe*",
            "gpt-4o-mini-transcribe*",
        ),
        created=_RELEASED,
        capabilities=("transcription",),
        prices=PriceSettings(transcription_minute=0.006),
    ),
    ModelSettings(
        name="trunkline-tts-2026-11-21",
        engine=DEFAULT_ENGINE,
        aliases=("trunkline-tts", "tts-1*", "gpt-4o-mini-tts*"),
        created=_RELEASED,
        capabilities=("speech",),
        prices=PriceSettings(text_in=0.6, audio_out=12.0),
    ),
)


@dataclass(frozen=True, slots=True)
class ModelCard:
    """One row. ``name`` is dated and stands in usage records; ``engine`` is never the default's
    sign."""

    name: str
    engine: str
    aliases: tuple[str, ...]
    capabilities: frozenset[str]
    prices: PriceSettings
    created: int = 0

    def answers_to(self, name: str) -> bool:
        return name == self.name or any(_matches(alias, name) for alias in self.aliases)


class ModelTable:
    """``engines``: those that run, the default first."""

    def __init__(self, rows: Iterable[ModelSettings], engines: Sequence[str]) -> None:
        by_name = {row.name: row for row in SHIPPED}
        own = {row.name: row for row in rows}
        self._cards = tuple(
            _card(row, engines[0])
            for row in (*own.values(), *(by_name[n] for n in by_name if n not in own))
        )
        self._engines = tuple(_engine_card(name, own) for name in engines)
        self._running = frozenset(engines)

    def find(self, name: str) -> ModelCard | None:
        """The row of a dated name, an alias or an engine; exact names win over patterns, and the
        operator's rows over those that ship."""
        cards = (*self._cards, *self._engines)
        for card in cards:
            if name == card.name or name in card.aliases:
                return card if card.engine in self._running else None
        for card in cards:
            if card.answers_to(name):
                return card if card.engine in self._running else None
        return None

    def default(self) -> ModelCard:
        """The row of the default engine that may hold sessions."""
        default = self._engines[0]
        for card in self._cards:
            if card.engine == default.engine and REALTIME in card.capabilities:
                return card
        return default

    def served(self) -> tuple[ModelCard, ...]:
        """Every row whose engine runs here."""
        return tuple(c for c in (*self._cards, *self._engines) if c.engine in self._running)


def cost_of(tokens: TokenUsage, prices: PriceSettings) -> float:
    """In the table's currency; cached input is taken out of the input it is part of."""
    cached_text = prices.text_in if prices.cached_text_in is None else prices.cached_text_in
    cached_audio = prices.audio_in if prices.cached_audio_in is None else prices.cached_audio_in
    fresh_text = max(tokens.text_in - tokens.cached_text_in, 0)
    fresh_audio = max(tokens.audio_in - tokens.cached_audio_in, 0)
    per_token = (
        fresh_text * prices.text_in
        + tokens.cached_text_in * cached_text
        + fresh_audio * prices.audio_in
        + tokens.cached_audio_in * cached_audio
        + tokens.text_out * prices.text_out
        + tokens.audio_out * prices.audio_out
    )
    return per_token / _PER + tokens.transcribed_ms / 60_000 * prices.transcription_minute


def price_list(rows: Iterable[ModelSettings]) -> Mapping[str, PriceSettings]:
    """Prices by dated name, for whoever prices records without running an engine; a record of an
    engine without a row of its own is priced as the model that ships."""
    return {row.name: row.prices for row in (*SHIPPED, *rows)}


def prices_for(model: str, prices: Mapping[str, PriceSettings]) -> PriceSettings:
    return prices.get(model, _PRICES)


def _card(row: ModelSettings, default_engine: str) -> ModelCard:
    return ModelCard(
        name=row.name,
        engine=default_engine if row.engine == DEFAULT_ENGINE else row.engine,
        aliases=row.aliases,
        capabilities=frozenset(row.capabilities),
        prices=row.prices,
        created=row.created,
    )


def _engine_card(engine: str, own: Mapping[str, ModelSettings]) -> ModelCard:
    if engine in own:
        return _card(own[engine], engine)
    return ModelCard(
        name=engine,
        engine=engine,
        aliases=(f"trunkline-{engine}",),
        capabilities=frozenset((REALTIME, SPEECH, TRANSCRIPTION)),
        prices=_PRICES,
        created=_RELEASED,
    )


def _matches(alias: str, name: str) -> bool:
    if alias.endswith("*"):
        return name.startswith(alias[:-1])
    return name == alias
