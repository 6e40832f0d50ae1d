"""Where people ask for a call to be taken over: pages and API alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from trunkline.calls.control import TakeOverCall
from trunkline.domain.clock import Clock
from trunkline.domain.errors import Conflict, Invalid, TrunklineError
from trunkline.domain.ids import CallId
from trunkline.domain.outbound import OutboundRules
from trunkline.domain.take_over import TakeOverCause
from trunkline.storage.calls import CallRepository
from trunkline.storage.engine import Sessions
from trunkline.storage.take_overs import TakeOvers, TakeOverView
from trunkline.storage.views import HOUSE

MOST_TARGET_CHARS: Final = 200


class TakesOver(Protocol):
    """What tells the edge; ``RedisCommands`` is one."""

    async def take_over(self, edge_id: str, wanted: TakeOverCall) -> None:
        """Raises TrunklineError when no edge can take it."""
        ...


@dataclass(frozen=True, slots=True)
class TakeOverDesk:
    """``rules``: whom we may call, those who work here included."""

    sessions: Sessions
    commands: TakesOver
    rules: OutboundRules
    clock: Clock

    async def take(
        self,
        call_id: str,
        target: str,
        by: str,
        *,
        withdraws_approvals: bool = False,
        owner: str = HOUSE,
    ) -> TakeOverView:
        """Asked of the edge; how it goes on shows in ``of_call``.

        Invalid or Forbidden for a phone that may not be called, NotFound, Conflict when the call is
        over or somebody else is at it, TrunklineError when the edge cannot be told.
        """
        phone = target.strip()
        if not phone or len(phone) > MOST_TARGET_CHARS:
            raise Invalid("which phone is to ring? A number or sip:user@host", param="target")
        phone = self.rules.route(phone).target
        now = self.clock.now()
        async with self.sessions.writing(durable=True) as session:
            call = await CallRepository(session).summary(call_id, owner=owner)
            if not call.is_live:
                raise Conflict("the call is over", code="call_over")
            asked = await TakeOvers(session).ask(call_id, phone, by, now, owner=owner)
        wanted = TakeOverCall(CallId(call_id), asked.take_over_id, phone, by, withdraws_approvals)
        try:
            await self.commands.take_over(call.edge_id, wanted)
        except TrunklineError:
            async with self.sessions.writing(durable=True) as session:
                await TakeOvers(session).failed(
                    asked.take_over_id, TakeOverCause.EDGE_AWAY, self.clock.now()
                )
            raise
        return asked

    async def of_call(self, call_id: str, *, owner: str = HOUSE) -> tuple[TakeOverView, ...]:
        """The newest first. NotFound when there is no such call."""
        async with self.sessions.reading() as session:
            await CallRepository(session).summary(call_id, owner=owner)
            return await TakeOvers(session).of_call(call_id, owner=owner)
