"""A caller in a hold queue: music, their place, one phone after the other until somebody answers.

``Queueing.run`` returns how the wait ended. Phones are rung one at a time for each caller, in the
order the flow gives them; callers behind are served when everybody ahead has a phone ringing.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from trunkline.calls.warm_transfer import Consulting
from trunkline.domain.events import CallbackRequested, QueuePlaced
from trunkline.flows.actions import Enqueue, QueueOutcome, QueuePosition
from trunkline.runtime.logging import get_logger
from trunkline.runtime.telemetry import QUEUE_CALLERS, QUEUE_WAIT_SECONDS

if TYPE_CHECKING:
    from trunkline.calls.session import CallSession

log = get_logger(__name__)

_LOOK_S: Final = 0.5
# What stands where a number would when the caller withholds it (RFC 3323 §4.1, and gateways).
_WITHHELD: Final = frozenset({"anonymous", "restricted", "unavailable", "unknown", "withheld"})
# No such number, gone, incomplete, nobody anywhere: it will be so the next time too (RFC 3261 §21).
_NEVER: Final = frozenset({404, 410, 416, 484, 485, 604})


class Queueing:
    """One wait of one caller."""

    def __init__(self, call: CallSession, action: Enqueue) -> None:
        self._call = call
        self._action = action
        self._board = call.edge.queues
        self._targets = list(dict.fromkeys(action.targets))
        self._outcome: asyncio.Future[QueueOutcome] = asyncio.get_running_loop().create_future()
        self._settled = asyncio.Event()  # set while no phone that was picked up is undecided
        self._settled.set()
        self._began_ms = call.edge.clock.monotonic_ms()
        self._position = 0
        self.human: Consulting | None = None
        self.target = ""

    @property
    def queue(self) -> str:
        return self._action.queue

    @property
    def waited_ms(self) -> int:
        return round(self._call.edge.clock.monotonic_ms() - self._began_ms)

    async def run(self) -> QueueOutcome:
        """Until somebody has the caller, or nobody will; ``human`` and ``target`` say who has."""
        call, queue = self._call, self._action.queue
        outcome = QueueOutcome.LEFT
        QUEUE_CALLERS.labels(queue=queue).inc()
        try:
            await self._board.join(queue, call.call_id, call.edge.clock)
            async with asyncio.TaskGroup() as tasks:
                telling = tasks.create_task(self._tell(), name="queue-position")
                serving = tasks.create_task(self._serve(), name="queue-service")
                outcome = await self._decided()
                telling.cancel()
                serving.cancel()
        finally:
            self._board.leave(queue, call.call_id)
            QUEUE_CALLERS.labels(queue=queue).dec()
            seconds = QUEUE_WAIT_SECONDS.labels(queue=queue, outcome=outcome.value)
            seconds.observe(self.waited_ms / 1000)
            if outcome is not QueueOutcome.CONNECTED and self.target:
                self._board.given_up(self.target, call.call_id)
        self._place(0)
        if outcome is not QueueOutcome.CONNECTED and self.human is not None:
            await self.human.hang_up()
        return outcome

    async def _decided(self) -> QueueOutcome:
        """The outcome, or the end of patience; whoever has picked up by then gets to decide."""
        try:
            async with asyncio.timeout(self._action.max_wait_ms / 1000):
                return await asyncio.shield(self._outcome)
        except TimeoutError:
            await self._settled.wait()
            return self._outcome.result() if self._outcome.done() else QueueOutcome.TIMEOUT

    def _end(self, outcome: QueueOutcome) -> None:
        if not self._outcome.done():
            self._outcome.set_result(outcome)

    # ---- the caller ----------------------------------------------------------------------------

    def key(self, digit: str) -> None:
        if digit != self._action.callback_key or self._outcome.done():
            return
        call, number = self._call, self._call.leg.description.caller_number
        call.record.publish(
            CallbackRequested(
                call_id=call.call_id,
                at=call.record.clock.now(),
                at_ms=call.call_clock.now_ms,
                queue=self._action.queue,
                number="" if number.casefold() in _WITHHELD else number,
                position=self._position,
                waited_ms=self.waited_ms,
            )
        )
        self._end(QueueOutcome.CALLBACK)

    def abandon(self) -> None:
        """The call ends here, and somebody tells the caller so."""
        self._end(QueueOutcome.LEFT)

    async def _tell(self) -> None:
        """Where the caller stands: to those who watch at once, to the caller now and then."""
        clock = asyncio.get_running_loop().time
        due_s = clock()
        every_s = self._action.announce_every_ms / 1000
        while True:
            self._place(self._board.standing(self._action.queue, self._call.call_id).position)
            if every_s and clock() >= due_s and self._call.dialogue.speaker.is_idle:
                due_s = clock() + every_s
                estimate_ms = self._estimate_ms(self._position)
                self._call.driver.handle(QueuePosition(self._position, estimate_ms))
            await asyncio.sleep(_LOOK_S)

    def _place(self, position: int) -> None:
        if position == self._position:
            return
        self._position, call = position, self._call
        call.record.publish(
            QueuePlaced(
                call_id=call.call_id,
                at=call.record.clock.now(),
                at_ms=call.call_clock.now_ms,
                queue=self._action.queue,
                position=position,
                estimated_wait_ms=self._estimate_ms(position) if position else None,
            )
        )

    def _estimate_ms(self, position: int) -> int | None:
        return self._board.of(self._action.queue).estimate_ms(position, len(self._targets))

    # ---- the humans ----------------------------------------------------------------------------

    async def _serve(self) -> None:
        call, queue = self._call, self._action.queue
        while self._targets:
            if self._board.standing(queue, call.call_id).may_ring:
                target = await self._board.take(queue, call.call_id, self._targets, call.edge.clock)
                if target is not None:
                    self.target = target
                    if await self._ring(target):
                        self._end(QueueOutcome.CONNECTED)
                        return
                    self.target = ""
                    continue
            await asyncio.sleep(_LOOK_S)
        self._end(QueueOutcome.UNAVAILABLE)

    async def _ring(self, target: str) -> bool:
        """Whether whoever has that phone took the caller."""
        call, action = self._call, self._action
        human = self.human = Consulting(
            call,
            target,
            briefing=action.briefing,
            ring_ms=action.ring_ms,
            needs_key=action.needs_key,
            detects_machine=action.detects_machine,
            noted=lambda now: self._noted(target, human),
        )
        settled = await human.run()
        self._settled.set()
        if settled.is_joined:
            self._board.answered(target)
            return True
        self.human = None
        if human.is_impossible or settled.sip_status in _NEVER:
            log.warning("a target cannot be reached", call_id=call.call_id, queue=action.queue)
            self._targets.remove(target)
        self._board.failed(action.queue, call.call_id, target, call.edge.clock)
        return False

    def _noted(self, target: str, human: Consulting) -> None:
        if human.is_picked_up:
            self._settled.clear()
        self._call.away.note(target, human.now)
