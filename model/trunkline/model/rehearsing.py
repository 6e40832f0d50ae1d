"""The next response, made while it is not yet certain that the caller has ended.

During the hangover the engine has understood the turn as it stands; what it would answer is made
here, as far as the first clause, and kept. It is used when exactly that answer is asked for, and
thrown away without a trace otherwise: no event, no item, no usage, no state of the engine's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from trunkline.domain.errors import EngineError
from trunkline.model.engine import Rehearsal, ResponseEnded, ResponsePart, ResponseRequest

# A clause of a second or two; the engine goes on with the rest when somebody listens.
_PARTS_AHEAD: Final = 16
# A turn that ended so long ago will not be answered with it any more.
_KEPT_S: Final = 10.0


class Rehearsed:
    """One response made ahead. ``request`` is what it answers."""

    def __init__(
        self,
        request: ResponseRequest,
        respond: Callable[[ResponseRequest], AsyncIterator[ResponsePart]],
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._rehearsal = Rehearsal()
        self._request = replace(request, rehearsal=self._rehearsal)
        self._parts: asyncio.Queue[ResponsePart | Exception] = asyncio.Queue(_PARTS_AHEAD)
        self._task = tasks.create_task(self._make(respond), name="rehearsal")

    def answers(self, request: ResponseRequest) -> bool:
        """Nothing that the engine is told has changed since."""
        made = self._request
        return (
            not request.is_out_of_band
            and made.history == request.history
            and made.config == request.config
        )

    def throw_away(self) -> None:
        self._task.cancel()

    async def take(self) -> AsyncGenerator[ResponsePart]:
        """Adopt it: what there is at once, the rest as it comes."""
        self._rehearsal.adopt()
        try:
            while True:
                part = await self._parts.get()
                if isinstance(part, Exception):
                    raise part
                yield part
                if isinstance(part, ResponseEnded):
                    return
        finally:
            self._task.cancel()

    async def _make(
        self, respond: Callable[[ResponseRequest], AsyncIterator[ResponsePart]]
    ) -> None:
        answer = respond(self._request)
        try:
            if isinstance(answer, AsyncGenerator):
                async with aclosing(answer) as parts:
                    await self._keep(parts)
            else:
                await self._keep(answer)
        except Exception as exc:  # it is raised where the response is taken, if it ever is
            await self._parts.put(exc)

    async def _keep(self, parts: AsyncIterator[ResponsePart]) -> None:
        async for part in parts:
            await self._parts.put(part)
            if isinstance(part, ResponseEnded):
                return
        raise EngineError("the engine ended a response without saying how")


class Rehearsals:
    """At most one at a time. ``respond`` is the engine's."""

    def __init__(
        self,
        respond: Callable[[ResponseRequest], AsyncIterator[ResponsePart]],
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._respond = respond
        self._tasks = tasks
        self._kept: Rehearsed | None = None
        self._until: asyncio.TimerHandle | None = None
        self.adopted = 0

    def begin(self, request: ResponseRequest) -> None:
        self.throw_away()
        self._kept = Rehearsed(request, self._respond, self._tasks)
        self._until = asyncio.get_running_loop().call_later(_KEPT_S, self.throw_away)

    def throw_away(self) -> None:
        """The caller went on, or was answered otherwise."""
        kept, self._kept = self._kept, None
        if self._until is not None:
            self._until.cancel()
        if kept is not None:
            kept.throw_away()

    def respond(self, request: ResponseRequest) -> AsyncIterator[ResponsePart]:
        """The engine's answer: the one that was made ahead where it is an answer to just this."""
        kept = self._kept
        if kept is None or request.is_out_of_band:
            return self._respond(request)
        if not kept.answers(request):
            self.throw_away()
            return self._respond(request)
        self._kept = None
        if self._until is not None:
            self._until.cancel()
        self.adopted += 1
        return kept.take()
