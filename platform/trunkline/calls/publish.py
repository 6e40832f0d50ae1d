"""Where the facts of calls go: to storage, to live subscribers, and to any number of both.

``publish`` never blocks and never raises: a call must not feel that a database or Redis is slow.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias

from trunkline.domain.events import CallFact

FactWriter: TypeAlias = Callable[[Sequence[CallFact]], Awaitable[None]]
"""Writes facts in order, all or none; writing the same facts again changes nothing."""


class FactSink(Protocol):
    def publish(self, fact: CallFact) -> None:
        """Take a fact; returns at once, whatever becomes of it."""
        ...


class FanOut:
    """Gives every fact to each sink in turn."""

    def __init__(self, sinks: Sequence[FactSink]) -> None:
        self._sinks = tuple(sinks)

    def publish(self, fact: CallFact) -> None:
        for sink in self._sinks:
            sink.publish(fact)
