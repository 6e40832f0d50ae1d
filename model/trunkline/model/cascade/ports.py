"""The three trades of a cascade: hear, plan, speak. Hosted ones will fill the same ports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from trunkline.model.cascade.triage import Meaning
from trunkline.model.engine import EngineConfig, EngineEvent, ResponsePart, ResponseRequest


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

    def drop(self, item_id: str) -> None: ...

    def events(self) -> AsyncIterator[EngineEvent]: ...

    async def aclose(self) -> None: ...


class Recognizer(Protocol):
    async def start(self) -> None: ...

    def open(self, config: EngineConfig) -> RecognizerSession: ...

    async def aclose(self) -> None: ...


class Generator(Protocol):
    """Decides what is said or called next; what it says are TextDeltas, which the engine voices."""

    def generate(self, request: ResponseRequest) -> AsyncIterator[ResponsePart]: ...
