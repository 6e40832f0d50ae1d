"""The three trades of a cascade: hear, plan, speak. Local ones and hosted ones fill them alike."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from trunkline.model.cascade.dialogue_state import State
from trunkline.model.cascade.triage import Meaning
from trunkline.model.engine import (
    EngineConfig,
    EngineEvent,
    ResponsePart,
    ResponseRequest,
    SpeechDelta,
)


class RecognizerSession(Protocol):
    """Hears the turns of one conversation, one at a time."""

    def configure(self, config: EngineConfig) -> None:
        """For the next turn; getting ready for it begins at once."""
        ...

    def begin(self, item_id: str, focus: str, meaning: Meaning) -> None:
        """``focus`` is what is being asked (expectations.py); ``meaning`` what a text would do."""
        ...

    def feed(self, pcm: bytes) -> None: ...

    def end(self, item_id: str) -> None: ...

    def foresee(self, item_id: str) -> None:
        """As ``EngineSession.foresee``."""
        ...

    def go_on(self, item_id: str) -> None: ...

    def drop(self, item_id: str) -> None: ...

    def events(self) -> AsyncIterator[EngineEvent]: ...

    async def aclose(self) -> None: ...


class Recognizer(Protocol):
    """Takes PCM16 at 16 kHz."""

    async def start(self) -> None: ...

    def open(self, config: EngineConfig) -> RecognizerSession: ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class WholeText:
    """All that a response says, in one piece; a TextDelta is a part of it as it comes."""

    text: str


@dataclass(frozen=True, slots=True)
class NowExpected:
    """What the next turn will be heard with, once this response is out."""

    state: State


GeneratorPart: TypeAlias = ResponsePart | WholeText | NowExpected


class Generator(Protocol):
    """Decides what is said or called next. It says TextDeltas or a WholeText, which the engine
    voices, and ends with exactly one ResponseEnded; raises EngineError before that."""

    def generate(self, request: ResponseRequest) -> AsyncGenerator[GeneratorPart]: ...

    async def aclose(self) -> None: ...


class Synthesizer(Protocol):
    """A SpeechSynthesis with a life of its own."""

    @property
    def output_rate_hz(self) -> int: ...

    def synthesise(self, text: str, *, voice: str, speed: float) -> AsyncGenerator[SpeechDelta]: ...

    async def warm_up(self) -> None: ...

    async def aclose(self) -> None: ...
