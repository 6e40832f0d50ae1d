"""How a session begins: its generation, its kind, its limit and its defaults. Pure but for the
clock that says when it ends."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from trunkline.domain.errors import Invalid
from trunkline.domain.ids import mint
from trunkline.model.bearer import asks_for_beta
from trunkline.realtime.beta_protocol import BetaProtocol
from trunkline.realtime.beta_session import DEFAULT_TEMPERATURE, DEFAULT_VOICE
from trunkline.realtime.protocol import ServerProtocol
from trunkline.realtime.session import (
    AudioInput,
    AudioOutput,
    Session,
    SessionAudio,
    Transcription,
)

Generation: TypeAlias = Literal["ga", "beta"]
SESSION_LIMIT_S: Final = 3600
BETA_SESSION_LIMIT_S: Final = 1800
_LIMITS: Final[Mapping[Generation, int]] = {
    "ga": SESSION_LIMIT_S,
    "beta": BETA_SESSION_LIMIT_S,
}


@dataclass(frozen=True, slots=True)
class Opening:
    """What a handshake asks for; the generation is fixed for the life of the connection."""

    generation: Generation = "ga"
    is_transcription: bool = False

    @property
    def limit_s(self) -> int:
        return _LIMITS[self.generation]

    def session(self, model: str) -> Session:
        return new_session(
            model,
            limit_s=self.limit_s,
            generation=self.generation,
            is_transcription=self.is_transcription,
        )

    def protocol(self, temperature: float | None = None) -> ServerProtocol:
        """``temperature``: what an ephemeral key was minted with; GA has none."""
        if self.generation != "beta":
            return ServerProtocol()
        return BetaProtocol(temperature=DEFAULT_TEMPERATURE if temperature is None else temperature)


def opening_of(
    query: Mapping[str, str],
    openai_beta: str | None,
    subprotocols: Iterable[str],
    *,
    is_transcription: bool = False,
) -> Opening:
    """Read a WebSocket handshake; Invalid names a query parameter that cannot be served.
    ``is_transcription``: an ephemeral key was minted for such a session."""
    intent = query.get("intent", "")
    if intent not in ("", "conversation", "transcription"):
        raise Invalid(
            "The query parameter 'intent' must be 'transcription' or 'conversation'.",
            code="invalid_value",
            param="intent",
        )
    is_beta = asks_for_beta(openai_beta, subprotocols)
    return Opening("beta" if is_beta else "ga", is_transcription or intent == "transcription")


def new_session(
    model: str,
    *,
    limit_s: int = SESSION_LIMIT_S,
    generation: Generation = "ga",
    is_transcription: bool = False,
) -> Session:
    """A session with its defaults. One for transcription transcribes without being told to."""
    heard = AudioInput(transcription=Transcription()) if is_transcription else AudioInput()
    spoken = AudioOutput(voice=DEFAULT_VOICE) if generation == "beta" else AudioOutput()
    return Session(
        type="transcription" if is_transcription else "realtime",
        id=mint("sess"),
        model=model,
        expires_at=int(time.time()) + limit_s,
        audio=SessionAudio(input=heard, output=spoken),
    )
