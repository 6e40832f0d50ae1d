"""The calls of one edge: accepted, counted, ended by command, drained."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final, Protocol

from trunkline.calls.control import ControlCommand, HangUpCall
from trunkline.calls.edge import Edge
from trunkline.calls.house_lines import house_lines
from trunkline.calls.registry import LiveCalls
from trunkline.calls.serving import HeldFlows
from trunkline.calls.session import CallSession
from trunkline.calls.speaker import Voice
from trunkline.calls.speech_source import SpokenLine
from trunkline.domain.call import EndCause
from trunkline.domain.errors import NotFound, TrunklineError
from trunkline.domain.ids import CallId, new_call_id
from trunkline.domain.leg import Leg
from trunkline.flows.flow import Flow
from trunkline.runtime.logging import get_logger
from trunkline.runtime.supervision import Nursery
from trunkline.runtime.telemetry import CALLS_LIVE

log = get_logger(__name__)

# Narrowband first: most calls are.
RATES_HZ: Final = (8000, 24000)
_RENDER_RETRY_S: Final = 3.0
_LOOK_S: Final = 1.0
_GOODBYE_S: Final = 10.0


class Flows(Protocol):
    """``calls.flow_shelf.FlowShelf`` is one."""

    def hold(self, call_id: str) -> HeldFlows:
        """Every agent as it is now, for the whole of this call."""
        ...

    def flows(self) -> tuple[Flow, ...]:
        """Every flow that a call may get now."""
        ...


class CallService:
    """``run`` keeps the agents' fixed lines rendered; ``accept`` works from the first moment."""

    def __init__(self, edge: Edge, flows: Flows) -> None:
        self._edge = edge
        self._flows = flows
        self._live = LiveCalls()
        self._nursery = Nursery("calls")
        self._is_draining = False
        self._rendered: frozenset[tuple[str, str]] = frozenset()  # agent, version: lines at hand
        self._is_warm = asyncio.Event()

    @property
    def live_count(self) -> int:
        return len(self._live)

    @property
    def is_draining(self) -> bool:
        return self._is_draining

    def accept(self, leg: Leg, agent: str, invite_at_monotonic_ms: float) -> None:
        """Start the call of an admitted leg; returns at once."""
        call_id = new_call_id()
        held = self._flows.hold(call_id)
        try:
            flow = held.take(agent)
        except NotFound as exc:
            log.error("a number leads to an agent that cannot serve", reason=exc.message)
            self._nursery.start(_refuse(leg, 404), f"refuse-{leg.description.leg_id}")
            return
        try:
            call = CallSession(
                self._edge, leg, flow, invite_at_monotonic_ms, call_id=call_id, flows=held
            )
        except Exception as exc:  # a leg or a flow we cannot serve must not hurt the other calls
            log.error("a call could not be begun", agent=agent, exc_info=exc)
            self._nursery.start(_refuse(leg, 500), f"refuse-{leg.description.leg_id}")
            return
        self._live.add(call.call_id, call.end)
        CALLS_LIVE.set(len(self._live))
        if self._is_draining:
            call.end(EndCause.DRAINED, "the edge is draining")
        task = self._nursery.start(call.run(), call.call_id)
        task.add_done_callback(lambda _: self._over(call.call_id))

    def _over(self, call_id: CallId) -> None:
        self._live.remove(call_id)
        CALLS_LIVE.set(len(self._live))

    # ---- commands ------------------------------------------------------------------------------

    def obey(self, command: ControlCommand) -> None:
        """A command from the control stream; one for a call that is over changes nothing."""
        match command:
            case HangUpCall(call_id, by):
                if self._live.end(call_id, EndCause.OPERATOR_HANGUP, f"hung up by {by}"):
                    log.info("an operator ended a call", call_id=call_id)
                else:
                    log.info("a command came for a call that is over", call_id=call_id)

    async def drain(self, deadline_s: float) -> int:
        """Let calls end by themselves; after the deadline end them. Returns how many were ended."""
        self._is_draining = True
        if len(self._live):
            log.info("draining", live=len(self._live))
        await self._live.wait_until_empty(deadline_s)
        ended = self._live.end_all(EndCause.DRAINED, "the edge is stopping")
        left = await self._nursery.drain(_GOODBYE_S)
        if left:
            log.error("calls had to be cut off", left=left)
        return ended

    # ---- lines ---------------------------------------------------------------------------------

    async def warm(self, deadline_s: float) -> bool:
        """Wait until every agent's fixed lines are at hand; False when the deadline passes."""
        try:
            async with asyncio.timeout(deadline_s):
                await self._is_warm.wait()
        except TimeoutError:
            return False
        return True

    @property
    def is_warm(self) -> bool:
        return self._is_warm.is_set()

    async def run(self) -> None:
        """Render what is new whenever a flow changes, until cancelled."""
        while True:
            is_complete = await self._render()
            if is_complete:
                self._is_warm.set()
            await asyncio.sleep(_LOOK_S if is_complete else _RENDER_RETRY_S)

    async def _render(self) -> bool:
        is_complete = True
        flows = self._flows.flows()
        for flow in flows:
            name, version = flow.agent.name, flow.version
            if (name, version) in self._rendered:
                continue
            failed = await self._edge.cache.prefetch(lines_of(flow, self._edge.speech_model))
            if failed:
                is_complete = False
                log.warning("lines are missing", agent=name, missing=failed)
            else:
                self._rendered |= {(name, version)}
                log.info("lines are at hand", agent=name, version=version)
        self._rendered &= {(flow.agent.name, flow.version) for flow in flows}
        return is_complete


def lines_of(flow: Flow, speech_model: str) -> Iterable[SpokenLine]:
    """All lines of an agent that are the same in every call, those of the house first."""
    texts = (*house_lines(flow.agent.language).all(), *flow.fixed_lines())
    for rate_hz in RATES_HZ:
        voice = Voice(flow.agent, speech_model, rate_hz)
        yield from (voice.line(text) for text in texts)


async def _refuse(leg: Leg, sip_status: int) -> None:
    try:
        await leg.hang_up(EndCause.REJECTED, sip_status=sip_status)
    except TrunklineError as exc:
        log.info("the caller had gone before the refusal", code=exc.code)
