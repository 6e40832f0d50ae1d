"""The hold queues of an installation, as one edge sees them: its own callers, and the others'.

What is asked here is answered at once from memory. When there is a Redis, ``calls.queue_sharing``
keeps the memory like that of the other edges; without one each edge orders its own callers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from trunkline.calls.hold_queue import HoldQueue, Standing, Targets, Waiting
from trunkline.domain.clock import Clock


class SharedTargets(Protocol):
    """Who has which target, over all edges; ``calls.queue_sharing.QueueSharing`` is one."""

    async def joined(self, queue: str) -> None:
        """A caller has come to a queue here: learn who waits elsewhere before they are placed."""
        ...

    async def take(self, target: str, call_id: str) -> bool:
        """False when another edge's caller has it, or it rests; True when nobody can tell."""
        ...

    def give_back(self, target: str, call_id: str, rest_ms: int) -> None: ...

    def left(self, queue: str, call_id: str) -> None: ...


class QueueBoard:
    """``sharing`` is connected by whoever has a Redis; until then this edge is on its own."""

    def __init__(self) -> None:
        self.queues: dict[str, HoldQueue] = {}
        self.targets = Targets()
        self.sharing: SharedTargets | None = None

    def of(self, queue: str) -> HoldQueue:
        return self.queues.setdefault(queue, HoldQueue())

    async def join(self, queue: str, call_id: str, clock: Clock) -> None:
        """A caller comes to the end of the queue."""
        self.of(queue).callers[call_id] = Waiting(call_id, wall_ms(clock))
        if self.sharing is not None:
            await self.sharing.joined(queue)

    def leave(self, queue: str, call_id: str) -> None:
        self.of(queue).callers.pop(call_id, None)
        if self.sharing is not None:
            self.sharing.left(queue, call_id)

    def standing(self, queue: str, call_id: str) -> Standing:
        return self.of(queue).standing(call_id)

    async def take(
        self, queue: str, call_id: str, targets: Sequence[str], clock: Clock
    ) -> str | None:
        """The first target that is free, now this caller's; None when all are taken or rest."""
        for target in self.targets.free(targets, wall_ms(clock)):
            self.targets.take(target, call_id)
            is_ours = False
            try:
                is_ours = self.sharing is None or await self.sharing.take(target, call_id)
            finally:
                if not is_ours:
                    self.targets.give_back(target, call_id)
            if is_ours:
                self._is_rung_for(queue, call_id, True)
                return target
        return None

    def failed(self, queue: str, call_id: str, target: str, clock: Clock) -> None:
        """Nobody took the call there: the target rests, the caller waits on."""
        rest = self.targets.failed(target, wall_ms(clock))
        self._give_back(target, call_id, rest)
        self._is_rung_for(queue, call_id, False)

    def answered(self, target: str) -> None:
        self.targets.answered(target)

    def talked(self, queue: str, target: str, call_id: str, talked_ms: int) -> None:
        """The conversation is over, and whoever had it is free again."""
        self.of(queue).talks_ms.append(talked_ms)
        self._give_back(target, call_id, 0)

    def given_up(self, target: str, call_id: str) -> None:
        """The caller left while the target rang: it is free at once."""
        self._give_back(target, call_id, 0)

    def _give_back(self, target: str, call_id: str, rest_ms: int) -> None:
        self.targets.give_back(target, call_id)
        if self.sharing is not None:
            self.sharing.give_back(target, call_id, rest_ms)

    def _is_rung_for(self, queue: str, call_id: str, is_rung_for: bool) -> None:
        callers = self.of(queue).callers
        if call_id in callers:
            callers[call_id] = replace(callers[call_id], is_rung_for=is_rung_for)


def wall_ms(clock: Clock) -> int:
    return round(clock.now().timestamp() * 1000)
