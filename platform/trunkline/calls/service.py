"""The calls of one edge: accepted, counted, ended by command, drained."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

from trunkline.calls.control import (
    ApprovalNews,
    ControlCommand,
    HangUpCall,
    PlaceCall,
    ProgramAsked,
    TakeOverCall,
    ToolResult,
)
from trunkline.calls.edge import Edge
from trunkline.calls.house_lines import house_lines
from trunkline.calls.placing import Orders, Placing
from trunkline.calls.registry import LiveCalls
from trunkline.calls.serving import HeldFlows
from trunkline.calls.session import CallSession
from trunkline.calls.speaker import Voice
from trunkline.calls.speech_source import SpokenLine
from trunkline.calls.stuck import LOOK_S, Sign, Stuck, StuckWatch, Why
from trunkline.calls.winding_up import break_off
from trunkline.domain.call import CallState, EndCause
from trunkline.domain.errors import NotFound, TrunklineError
from trunkline.domain.ids import CallId, new_call_id
from trunkline.domain.leg import Leg
from trunkline.flows.flow import Flow
from trunkline.flows.guard.rules import REFUSAL
from trunkline.flows.opening import opening_lines
from trunkline.runtime.logging import get_logger
from trunkline.runtime.supervision import Nursery
from trunkline.runtime.telemetry import (
    CALLS_LIVE,
    CALLS_OLDEST_SECONDS,
    CALLS_REAPED,
    CALLS_STUCK,
)
from trunkline.storage.placement_views import ClaimedPlacement

log = get_logger(__name__)

# Narrowband first: most calls are.
RATES_HZ: Final = (8000, 24000)
_RENDER_RETRY_S: Final = 3.0
_LOOK_S: Final = 1.0
_GOODBYE_S: Final = 10.0
_CUT_OFF_S: Final = 5.0


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

    def __init__(
        self, edge: Edge, flows: Flows, *, orders: Orders | None = None, max_calls: int = 60
    ) -> None:
        self._edge = edge
        self._flows = flows
        self._max_calls = max_calls
        self._orders = orders
        self.placing = None if orders is None else Placing(edge, orders, self)
        self._live = LiveCalls()
        self._calls: dict[CallId, tuple[CallSession, asyncio.Task[None], float]] = {}
        self._nursery = Nursery("calls")
        self._is_draining = False
        self.is_resting = False  # no new calls for now: an operator wants it
        self._rendered: frozenset[tuple[str, str]] = frozenset()  # agent, version: lines at hand
        self._opened: frozenset[tuple[str, str]] = frozenset()  # likewise: how calls open
        self._is_warm = asyncio.Event()

    @property
    def live_count(self) -> int:
        return len(self._live)

    @property
    def guard_problem(self) -> str:
        """Why calls are guarded by patterns and numbers only; empty when they are not."""
        return self._edge.guards.problem

    @property
    def is_draining(self) -> bool:
        return self._is_draining or self.is_resting

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
        self._begin(call)

    def _begin(self, call: CallSession) -> None:
        self._live.add(call.call_id, call.end, call.take_result)
        CALLS_LIVE.set(len(self._live))
        if self._is_draining:
            call.end(EndCause.DRAINED, "the edge is draining")
        task = self._nursery.start(call.run(), call.call_id)
        self._calls[call.call_id] = (call, task, time.monotonic())
        task.add_done_callback(lambda _: self._over(call.call_id))

    # ---- calls that were ordered ---------------------------------------------------------------

    def has_room(self) -> bool:
        dialling = self.placing.count if self.placing else 0
        return not self.is_draining and len(self._live) + dialling < self._max_calls

    def hold(self, call_id: CallId) -> HeldFlows:
        return self._flows.hold(call_id)

    def is_up(self, call_id: CallId) -> bool:
        return call_id in self._live

    def begin_placed(
        self, leg: Leg, placed: ClaimedPlacement, flows: HeldFlows, invite_at_ms: float
    ) -> None:
        """Start the call of a leg that was dialled for an order."""
        call = CallSession(
            self._edge,
            leg,
            flows.take(placed.agent),
            invite_at_ms,
            call_id=placed.call_id,
            flows=flows,
            placed=placed,
            orders=self._orders,
        )
        self._begin(call)

    def _over(self, call_id: CallId) -> None:
        self._live.remove(call_id)
        self._calls.pop(call_id, None)
        CALLS_LIVE.set(len(self._live))

    # ---- calls that do not end -----------------------------------------------------------------

    async def reap(self) -> None:
        """Look once a second for calls that are stuck, and close them; until cancelled."""
        watch, clock = StuckWatch(), self._edge.clock
        while True:
            await asyncio.sleep(LOOK_S)
            now_s = clock.monotonic_ms() / 1000
            stuck = watch.look([_sign(call) for call, _, _ in self._calls.values()], now_s)
            begun = min((since for _, _, since in self._calls.values()), default=None)
            CALLS_STUCK.set(len(stuck))
            CALLS_OLDEST_SECONDS.set(0 if begun is None else time.monotonic() - begun)
            for one in stuck:
                await self._close(one)

    async def _close(self, stuck: Stuck) -> None:
        """As gently as it goes: a call that is silent is hung up, one that is over is cut off."""
        found = self._calls.get(stuck.call_id)
        if found is None:
            return  # it has ended meanwhile
        call, task, _ = found
        log.error("a call is stuck and is closed", call_id=stuck.call_id, why=stuck.why.value)
        if call.ending.ask(EndCause.MEDIA_TIMEOUT, reason="neither packets nor signalling"):
            CALLS_REAPED.labels(why=stuck.why.value).inc()
            return
        if stuck.why is not Why.WINDS_UP:
            return
        CALLS_REAPED.labels(why=stuck.why.value).inc()
        task.cancel()
        await asyncio.wait({task}, timeout=_CUT_OFF_S)
        if call.record.state is not CallState.ENDED:
            await break_off(call)
        self._over(stuck.call_id)

    # ---- commands ------------------------------------------------------------------------------

    def obey(self, command: ControlCommand) -> None:
        """A command from the control stream; one for a call that is over changes nothing."""
        match command:
            case HangUpCall(call_id, by):
                reason = f"hung up by {by}"
                if self._live.end(call_id, EndCause.OPERATOR_HANGUP, reason) or (
                    self.placing is not None and self.placing.end(call_id, reason)
                ):
                    log.info("an operator ended a call", call_id=call_id)
                else:
                    log.info("a command came for a call that is over", call_id=call_id)
            case ToolResult() | ApprovalNews() | ProgramAsked() | TakeOverCall():
                if not self._live.tell(command):
                    log.info("a result came that no call waits for", call_id=command.call_id)
            case PlaceCall(placement_id):
                if self.placing is not None and not self.is_draining:
                    self._nursery.start(self.placing.place(placement_id), f"place-{placement_id}")

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
        """Wait until every agent can begin a call without rendering; False at the deadline."""
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
        """Render what is new whenever a flow changes, until cancelled.

        First what calls open with, of every agent; then the rest, while no call is up.
        """
        while True:
            is_complete = await self._render_openings()
            if is_complete:
                self._is_warm.set()
                is_complete = await self._render()
            await asyncio.sleep(_LOOK_S if is_complete else _RENDER_RETRY_S)

    async def _render_openings(self) -> bool:
        """Of flows that are new; False when some could not be had."""
        is_complete = True
        for flow in self._flows.flows():
            name, version = flow.agent.name, flow.version
            if (name, version) in self._opened:
                continue
            lines = opening_of(flow, self._edge.speech_model_of(flow.agent))
            if failed := await self._edge.cache.prefetch(lines):
                is_complete = False
                log.warning("an opening is missing", agent=name, missing=failed)
            else:
                self._opened |= {(name, version)}
                log.info("an opening is at hand", agent=name, version=version)
        self._opened &= self._serving()
        return is_complete

    async def _render_when_idle(self, lines: Iterable[SpokenLine]) -> int:
        """One at a time, so that no caller's voice waits; how many could not be had.

        Lines are left when other flows serve meanwhile: what those open with comes first.
        """
        wanted, serving = list(dict.fromkeys(lines)), self._serving()
        random.shuffle(wanted)  # as the cache does, and for its reason
        failed, left = 0, deque(wanted)
        while left:
            is_idle = await self._live.wait_until_empty(_LOOK_S)
            if self._serving() != serving:
                return failed + len(left)
            if is_idle:
                failed += await self._edge.cache.prefetch((left.popleft(),))
        return failed

    def _serving(self) -> frozenset[tuple[str, str]]:
        return frozenset((flow.agent.name, flow.version) for flow in self._flows.flows())

    async def _render(self) -> bool:
        is_complete = True
        flows = self._flows.flows()
        for flow in flows:
            name, version = flow.agent.name, flow.version
            if (name, version) in self._rendered:
                continue
            guards = (*self._edge.guards.lines_for(flow.guardrails), REFUSAL)
            lines = lines_of(flow, self._edge.speech_model_of(flow.agent), guards)
            failed = await self._render_when_idle(lines)
            if failed:
                is_complete = False
                log.warning("lines are missing", agent=name, missing=failed)
            else:
                self._rendered |= {(name, version)}
                log.info("lines are at hand", agent=name, version=version)
        self._rendered &= {(flow.agent.name, flow.version) for flow in flows}
        return is_complete


def lines_of(flow: Flow, speech_model: str, guards: Sequence[str] = ()) -> Iterable[SpokenLine]:
    """All lines of an agent that are the same in every call, those of the house first, and those
    of its guardrails last."""
    return _in_all_rates(flow, speech_model, (*flow.fixed_lines(), *guards))


def opening_of(flow: Flow, speech_model: str) -> Iterable[SpokenLine]:
    """The lines that a call of an agent may need at once, those of the house first."""
    return _in_all_rates(flow, speech_model, opening_lines(flow))


def _in_all_rates(flow: Flow, speech_model: str, own: Sequence[str]) -> Iterator[SpokenLine]:
    texts = (*house_lines(flow.agent.language).all(), *own)
    for rate_hz in RATES_HZ:
        voice = Voice(flow.agent, speech_model, rate_hz)
        yield from (voice.line(text) for text in texts)


def _sign(call: CallSession) -> Sign:
    """What would move if anybody were there."""
    stats = call.leg.stats()
    moved = (stats.rx_packets, stats.tx_packets, call.follower.seen)
    return Sign(call.call_id, moved, call.ending.is_ending)


async def _refuse(leg: Leg, sip_status: int) -> None:
    try:
        await leg.hang_up(EndCause.REJECTED, sip_status=sip_status)
    except TrunklineError as exc:
        log.info("the caller had gone before the refusal", code=exc.code)
