"""One call from its INVITE to its last fact: a task group that lives as long as the call.

The model session is open and the greeting in memory before the answer; one owner ends the call,
once; every fact is published within a second of the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Final

from trunkline.audio.recording import CallRecorder
from trunkline.calls.acts import CallActs
from trunkline.calls.answering import Answering
from trunkline.calls.away import Away
from trunkline.calls.background_tools import BackgroundTools
from trunkline.calls.base_session import base_session
from trunkline.calls.bridge import Bridge, CallClock
from trunkline.calls.control import ApprovalNews, ProgramAsked, TakeOverCall
from trunkline.calls.dialogue import Dialogue, Setting
from trunkline.calls.edge import Edge
from trunkline.calls.ending import Ending
from trunkline.calls.engine_ears import EngineEars
from trunkline.calls.engine_link import EngineLink
from trunkline.calls.escalating import Escalating
from trunkline.calls.event_log import EventLog
from trunkline.calls.fillers import Fillers
from trunkline.calls.flow_driver import FlowDriver
from trunkline.calls.guard_desk import GuardDesk
from trunkline.calls.house_lines import house_lines
from trunkline.calls.leg_events import LegFollower
from trunkline.calls.metering import Allowance, keep_within
from trunkline.calls.opening import Opening
from trunkline.calls.parked_tools import ParkedTools
from trunkline.calls.parting import Parting
from trunkline.calls.placing import Orders
from trunkline.calls.record import CallRecord
from trunkline.calls.registry import Told
from trunkline.calls.serving import HeldFlows, Served
from trunkline.calls.speaker import Voice
from trunkline.calls.take_over import TakingOver
from trunkline.calls.tool_calls import ToolCalls
from trunkline.calls.turn_state import TurnSettings
from trunkline.calls.winding_up import break_off, wind_up
from trunkline.calls.wire_audio import wire_audio
from trunkline.calls.withholding import ComfortNoise
from trunkline.domain.call import EndCause
from trunkline.domain.errors import TrunklineError
from trunkline.domain.events import CallStarted, Json
from trunkline.domain.ids import CallId, new_call_id
from trunkline.domain.leg import Leg
from trunkline.flows.actions import EngineFailed, Say
from trunkline.flows.flow import Flow
from trunkline.flows.runner import FlowRunner
from trunkline.runtime.logging import get_logger
from trunkline.storage.placement_views import ClaimedPlacement

log = get_logger(__name__)

TICK_S: Final = 0.1
LAST_CHANCE_S: Final = 3.0  # for a call whose task is cancelled: BYE and its facts, then out

_WITH_GOODBYE: Final = (EndCause.DRAINED, EndCause.LIMIT_REACHED)


class _CallOver(Exception):
    """Ends the task group of a call that is over."""


class CallSession:
    """``invite_at_ms``: the INVITE on the monotonic clock, for the set-up receipt.

    ``flows``: all agents as they were when the call began; whom it is handed to comes from there.
    ``placed``: what was ordered, of a call that we dial; ``orders`` is asked for more of it.
    """

    def __init__(
        self,
        edge: Edge,
        leg: Leg,
        flow: Flow,
        invite_at_ms: float,
        *,
        call_id: CallId | None = None,
        flows: HeldFlows | None = None,
        placed: ClaimedPlacement | None = None,
        orders: Orders | None = None,
    ) -> None:
        self._edge = edge
        self._leg = leg
        self._flow = flow
        self.call_id: CallId = call_id or new_call_id()
        self.placed = placed
        self._orders = orders
        self.flows = flows or HeldFlows(self.call_id, {flow.agent.name: Served(flow)})
        self.ending = Ending()
        self._tasks: asyncio.TaskGroup | None = None
        clock = edge.clock
        self._clock = clock
        self.call_clock = CallClock(leg.format)
        stem = f"{clock.now():%Y/%m/%d}/{self.call_id}"
        self.record = CallRecord(
            self.call_id,
            clock,
            self.call_clock,
            edge.sink,
            EventLog(edge.recordings_dir / f"{stem}.jsonl", edge.disk),
        )
        self.recorder = (
            CallRecorder(edge.recordings_dir / f"{stem}.wav", leg.format, edge.disk)
            if edge.is_recording
            else None
        )
        self.record.recorder = self.recorder
        wire = wire_audio(leg.format, leg.codec)
        self.link = EngineLink(
            edge.connect,
            edge.engines_of(flow.agent),
            base_session(flow, wire.format),
            rate_hz=leg.format.sample_rate_hz,
        )
        self.dialogue = Dialogue(
            Setting(
                leg=leg,
                wire=wire,
                voice=Voice(
                    flow.agent, edge.speech_model_of(flow.agent), leg.format.sample_rate_hz
                ),
                cache=edge.cache,
                link=self.link,
                record=self.record,
                clock=clock,
                call_clock=self.call_clock,
                spawn=self.spawn,
                turns=TurnSettings(language=flow.agent.language),
                guard=GuardDesk(edge.guards, flow.guardrails, self.record, self.call_clock),
                hang_up=lambda reason: self.parting.hang_up(reason),
            )
        )
        self.bridge = Bridge(
            leg,
            self.call_clock,
            self.dialogue.playout,
            self.dialogue,
            recorder=self.recorder,
            fail=self._bridge_broke,
        )
        noise = ComfortNoise(leg.format)
        self.bridge.mask = lambda pairs: noise.over(pairs) if self.record.is_withheld else pairs
        self.ears = EngineEars(
            self.dialogue,
            self.link,
            self.record,
            self.call_clock,
            rate_hz=leg.format.sample_rate_hz,
            say_house_line=self._say_house_line,
            is_pending=lambda: self.parked.is_pending or self.dialogue.program.is_pending,
        )
        self.background = BackgroundTools(
            edge.tools,
            self.record,
            self.call_clock,
            self.spawn,
            self._tool_finished,
            is_durable=edge.is_durable,
        )
        self.parked = ParkedTools(self.record, self.call_clock, self._tool_finished)
        self._tools = self._tools_of(flow)
        runner = FlowRunner(flow, self._variables(), clock.now, find_agent=self.flows.take)
        self.driver = FlowDriver(
            runner, self.dialogue, CallActs(self), self.record, lambda: self._tools
        )
        self.dialogue.driver = self.driver
        self.follower = LegFollower(self)
        self.away = Away(self)
        self.fillers = Fillers(self)
        self.answering = Answering(self)
        self.parting = Parting(self)
        self.escalating = Escalating(self)
        self.taking_over = TakingOver(self)
        self.dialogue.guard.found = self.escalating.guarded
        self.answered_at_ms: float | None = None
        self.beside: set[Leg] = set()  # other legs of this call: a human's
        self.opening = Opening(self, invite_at_ms)

    @property
    def leg(self) -> Leg:
        return self._leg

    @property
    def flow(self) -> Flow:
        """The flow the call began with."""
        return self._flow

    @property
    def edge(self) -> Edge:
        return self._edge

    def _variables(self) -> dict[str, Json]:
        about = self._leg.description
        return {
            **(self.placed.variables if self.placed else {}),
            "call_id": self.call_id,
            "caller_number": about.caller_number,
            "called_number": about.called_number,
            "caller_asserted": about.caller_asserted,
            "diverted_from": about.diverted_from,
            "headers": dict(about.headers),
            "direction": about.direction.value,
        }

    # ---- life ----------------------------------------------------------------------------------

    async def run(self) -> None:
        """The whole call; returns when the last fact is published and the dialog is over."""
        try:
            await self._run()
        except Exception as exc:  # a fault of ours: no caller may be left ringing or in silence
            log.error("a call broke off", call_id=self.call_id, exc_info=exc)
            await break_off(self)

    async def _run(self) -> None:
        self._publish_start()
        async with asyncio.TaskGroup() as outer:
            following = outer.create_task(self.follower.run(), name="leg-events")
            try:
                await self._live()
            except asyncio.CancelledError:
                self.ending.ask(EndCause.DRAINED, reason="the edge is stopping")
                with suppress(TimeoutError):
                    async with asyncio.timeout(LAST_CHANCE_S):
                        await wind_up(self)
                following.cancel()
                raise
            await wind_up(self)
            following.cancel()

    async def _live(self) -> None:
        """Until somebody ends the call; a fault of ours ends it too."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                tasks.create_task(self._converse(), name="converse")
                tasks.create_task(self._tick(), name="tick")
                await self.ending.asked()
                self.driver.is_over = True  # nothing new is begun in a call that ends
                raise _CallOver
        except* _CallOver:
            pass
        except* Exception as group:  # whatever broke: this call ends, and says why in the log
            log.error("a call broke", call_id=self.call_id, exc_info=group)
            self.ending.ask(EndCause.INTERNAL_ERROR, reason="internal error")
        self._tasks = None

    def _publish_start(self) -> None:
        about = self._leg.description
        self.record.publish(
            CallStarted(
                call_id=self.call_id,
                at=self._clock.now(),
                leg_id=about.leg_id,
                direction=about.direction,
                trunk=about.trunk,
                caller_number=about.caller_number,
                called_number=about.called_number,
                agent=self._flow.agent.name,
                flow_version=self._flow.version,
                engine=self.link.engine,
                edge_id=self._edge.edge_id,
                sip_call_id=about.sip_call_id,
            )
        )

    async def _converse(self) -> None:
        try:
            if self.placed is not None:
                await self._converse_placed(self.placed)
                return
            if not await self.opening.inbound():
                return
        except TrunklineError as exc:
            # The dialog ended under our hands; its last event says how, if it comes at all.
            if not await self.ending.dialog_is_over(1.0):
                self.ending.ask(EndCause.TRUNK_ERROR, reason=exc.message)
            return
        self._start_flow()
        await self.link.run(self.ears)

    async def _converse_placed(self, placed: ClaimedPlacement) -> None:
        """As an answered call, but that the called person speaks first."""
        if not await self.opening.outbound(placed):
            return
        if self._orders is not None:
            allowance = Allowance(placed.granted_s, placed.longest_s, placed.is_metered)
            self.spawn(keep_within(self, allowance, self._orders.extend), "allowance")
        self.spawn(self._begin_after_hello(), "hello")
        await self.link.run(self.ears)

    async def _begin_after_hello(self) -> None:
        await self.opening.hello()
        if not self.driver.is_over:
            self._start_flow()

    def _start_flow(self) -> None:
        self.driver.start()
        if not self.opening.has_engine:
            self.dialogue.cut()  # no greeting by an agent that cannot hear the answer
            self.driver.handle(EngineFailed("engine_unreachable"))

    async def _tick(self) -> None:
        """What no frame brings: deadlines, digits that stopped, the goodbye's end, dead media."""
        while True:
            await asyncio.sleep(TICK_S)
            now_ms = self._clock.monotonic_ms()
            self.dialogue.tick()
            self.driver.tick()
            self.ears.tick()
            self.follower.tick(now_ms)
            self.away.tick()
            self.fillers.tick()
            self.escalating.tick(self.call_clock.now_ms)
            self.parting.tick(now_ms)
            self.record.flush()

    # ---- ending --------------------------------------------------------------------------------

    def end(self, cause: EndCause, reason: str = "") -> None:
        """Somebody outside ends the call: an operator, or the edge, which says goodbye first."""
        if cause in _WITH_GOODBYE and self.parting.say_goodbye(cause, reason):
            return
        self.ending.ask(cause, reason=reason)

    def take_result(self, result: Told) -> bool:
        """A worker has run a tool of this call's, or a person has decided about one.

        False when the call is past hearing of it.
        """
        if self.driver.is_over:
            return False
        if isinstance(result, TakeOverCall):
            return self.taking_over.begin(result)
        if isinstance(result, ProgramAsked):
            return self.dialogue.program.asked(result)
        if isinstance(result, ApprovalNews):
            return self.parked.take_news(result)
        return self.parked.take_result(result) or self.background.take(result)

    def _bridge_broke(self, exc: Exception) -> None:
        log.error("the bridge of a call broke", call_id=self.call_id, exc_info=exc)
        self.ending.ask(EndCause.INTERNAL_ERROR, reason="internal error")

    # ---- what the dialogue needs of its call ---------------------------------------------------

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Start work that ends with the call; RuntimeError when that is over already."""
        if self._tasks is None:
            work.close()
            raise RuntimeError("the call is over")
        return self._tasks.create_task(work, name=name)

    def _tools_of(self, flow: Flow) -> ToolCalls:
        return ToolCalls(
            flow,
            self._edge.tools,
            self.record,
            self.call_clock,
            self.spawn,
            self._tool_finished,
            self.background,
            self.parked,
        )

    def use_tools_of(self, agent: str) -> None:
        """Another agent has the call; a tool that runs still tells how it ended."""
        self._tools = self._tools_of(self.flows.take(agent))

    def _tool_finished(self, event: Any) -> None:
        self.driver.handle(event)

    @property
    def is_running_tools(self) -> bool:
        return self._tools.is_running

    def can_apologise(self) -> bool:
        line = house_lines(self.dialogue.agent.language).apology
        return self._edge.cache.at_hand(self.dialogue.voice.line(line)) is not None

    def _say_house_line(self, line: str) -> None:
        """A line that was rendered before the call; one that was not is not said."""
        if self._edge.cache.at_hand(self.dialogue.voice.line(line)) is not None:
            self.dialogue.say(Say("", line, is_fixed=True))
