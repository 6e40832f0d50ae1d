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
from trunkline.calls.backchannels import keywords
from trunkline.calls.bridge import Bridge, CallClock
from trunkline.calls.dialogue import Dialogue, Setting, turn_detection
from trunkline.calls.edge import Edge
from trunkline.calls.ending import Ending
from trunkline.calls.engine_ears import EngineEars
from trunkline.calls.engine_link import EngineLink
from trunkline.calls.event_log import EventLog
from trunkline.calls.flow_driver import FlowDriver
from trunkline.calls.house_lines import house_lines
from trunkline.calls.leg_events import LegFollower
from trunkline.calls.record import CallRecord
from trunkline.calls.serving import HeldFlows, Served
from trunkline.calls.speaker import Voice
from trunkline.calls.tool_calls import ToolCalls
from trunkline.calls.turn_state import TurnSettings
from trunkline.calls.winding_up import break_off, wind_up
from trunkline.calls.wire_audio import wire_audio
from trunkline.domain.call import Answered, EndCause, Ringing
from trunkline.domain.errors import EngineError, TrunklineError
from trunkline.domain.events import CallAnswered, CallStarted, Json
from trunkline.domain.ids import CallId, new_call_id
from trunkline.domain.leg import Leg
from trunkline.flows.actions import EngineFailed, HangUpReason, Say
from trunkline.flows.flow import Flow
from trunkline.flows.runner import FlowRunner
from trunkline.runtime.logging import get_logger
from trunkline.runtime.telemetry import SETUP_SECONDS

log = get_logger(__name__)

TICK_S: Final = 0.1
LAST_CHANCE_S: Final = 3.0  # for a call whose task is cancelled: BYE and its facts, then out
GREETING_TIMEOUT_S: Final = 3.0
HANG_UP_GRACE_MS: Final = 300  # for the far end's jitter buffer to play the last word
LONGEST_GOODBYE_MS: Final = 60_000
MEDIA_TIMEOUT_MS: Final = 60_000

_CAUSES: Final = {
    HangUpReason.FLOW_ERROR: EndCause.FLOW_ERROR,
    HangUpReason.ENGINE_ERROR: EndCause.ENGINE_ERROR,
}


class _CallOver(Exception):
    """Ends the task group of a call that is over."""


class CallSession:
    """``invite_at_ms``: the INVITE on the monotonic clock, for the set-up receipt.

    ``flows``: all agents as they were when the call began; whom it is handed to comes from there.
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
    ) -> None:
        self._edge = edge
        self._leg = leg
        self._flow = flow
        self._invite_at_ms = invite_at_ms
        self.call_id: CallId = call_id or new_call_id()
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
        wire = wire_audio(leg.format, leg.codec)
        self.link = EngineLink(
            edge.connect,
            edge.engines_of(flow.agent),
            self._base_session(wire.format),
            rate_hz=leg.format.sample_rate_hz,
        )
        self._voice = Voice(flow.agent, edge.speech_model, leg.format.sample_rate_hz)
        self.dialogue = Dialogue(
            Setting(
                leg=leg,
                wire=wire,
                voice=self._voice,
                cache=edge.cache,
                link=self.link,
                record=self.record,
                clock=clock,
                call_clock=self.call_clock,
                spawn=self._spawn,
                turns=TurnSettings(language=flow.agent.language),
                transfer=self._transfer,
                send_digits=self._send_digits,
                hang_up=self._hang_up,
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
        self.ears = EngineEars(
            self.dialogue,
            self.link,
            self.record,
            self.call_clock,
            rate_hz=leg.format.sample_rate_hz,
            say_one_moment=self._say_one_moment,
        )
        tools = ToolCalls(
            flow, edge.tools, self.record, self.call_clock, self._spawn, self._tool_finished
        )
        runner = FlowRunner(flow, self._variables(), clock.now())
        self.driver = FlowDriver(runner, self.dialogue, self.record, lambda: tools)
        self.dialogue.driver = self.driver
        self.follower = LegFollower(self)
        self.answered_at_ms: float | None = None
        self._goodbye_cause: EndCause | None = None
        self._goodbye_since_ms = 0.0
        self._idle_since_ms: float | None = None
        self._media: tuple[int, float] = (-1, clock.monotonic_ms())

    @property
    def leg(self) -> Leg:
        return self._leg

    @property
    def edge(self) -> Edge:
        return self._edge

    def _variables(self) -> dict[str, Json]:
        about = self._leg.description
        return {
            "call_id": self.call_id,
            "caller_number": about.caller_number,
            "called_number": about.called_number,
        }

    def _base_session(self, audio_format: Any) -> dict[str, Json]:
        agent = self._flow.agent
        return {
            "type": "realtime",
            "output_modalities": ["audio"],
            "audio": {
                "input": {
                    "format": dict(audio_format),
                    "turn_detection": turn_detection(500),
                    "transcription": {
                        "model": "trunkline-asr",
                        "language": agent.language,
                        "keywords": list(keywords(agent.language)),
                    },
                },
                "output": {
                    "format": dict(audio_format),
                    "voice": agent.voice,
                    "speed": agent.speed,
                },
            },
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
            await self._leg.ring()
            self.record.advance(Ringing())
            has_engine = await self._prepare()
            if not has_engine and not self._can_apologise():
                self.ending.ask(EndCause.ENGINE_ERROR, sip_status=503, reason="no engine")
                return
            await self._answer()
        except TrunklineError as exc:
            # The dialog ended under our hands; its last event says how, if it comes at all.
            if not await self.ending.dialog_is_over(1.0):
                self.ending.ask(EndCause.TRUNK_ERROR, reason=exc.message)
            return
        self.driver.start()
        if not has_engine:
            self.dialogue.cut()  # no greeting by an agent that cannot hear the answer
            self.driver.handle(EngineFailed("engine_unreachable"))
        await self.link.run(self.ears)

    async def _prepare(self) -> bool:
        """The model session and the first lines, side by side; False without an engine."""
        lines = [
            self._voice.line(action.text)
            for action in self.driver.prepare()
            if isinstance(action, Say) and action.is_fixed
        ]
        async with asyncio.TaskGroup() as tasks:
            opening = tasks.create_task(self._open_engine(), name="engine")
            if lines:
                tasks.create_task(self._fetch(lines[0]), name="greeting")
        return opening.result()

    async def _open_engine(self) -> bool:
        try:
            await self.link.open()
        except EngineError as exc:
            self.record.note("engine_failed", code=exc.code)
            return False
        return True

    async def _fetch(self, line: Any) -> None:
        try:
            async with asyncio.timeout(GREETING_TIMEOUT_S):
                await self._edge.cache.prefetch([line])
        except TimeoutError:
            log.warning("the greeting was not rendered before the answer", call_id=self.call_id)

    async def _answer(self) -> None:
        self._leg.listen(self.bridge)
        await self._leg.answer()
        self.call_clock.answered()
        self.answered_at_ms = self._clock.monotonic_ms()
        setup_ms = round(self.answered_at_ms - self._invite_at_ms)
        SETUP_SECONDS.observe(setup_ms / 1000)
        self.dialogue.receipts.setup_ms = setup_ms
        self.record.advance(Answered())
        self.record.publish(
            CallAnswered(self.call_id, self._clock.now(), self._leg.codec, setup_ms)
        )

    async def _tick(self) -> None:
        """What no frame brings: deadlines, digits that stopped, the goodbye's end, dead media."""
        while True:
            await asyncio.sleep(TICK_S)
            now_ms = self._clock.monotonic_ms()
            self.dialogue.tick()
            self.follower.tick(now_ms)
            self._look_at_goodbye(now_ms)
            self._look_at_media(now_ms)
            self.record.flush()

    # ---- ending --------------------------------------------------------------------------------

    def _hang_up(self, reason: HangUpReason) -> None:
        """The flow is over: say what is queued, then BYE."""
        self._goodbye_cause = _CAUSES.get(reason, EndCause.AGENT_HANGUP)
        self._goodbye_since_ms = self._clock.monotonic_ms()
        self.record.note("hang_up", reason=reason)

    def _look_at_goodbye(self, now_ms: float) -> None:
        cause = self._goodbye_cause
        if cause is None:
            return
        if not self.dialogue.speaker.is_idle:
            self._idle_since_ms = None
            if not self.dialogue.is_held and now_ms - self._goodbye_since_ms < LONGEST_GOODBYE_MS:
                return
        elif self._idle_since_ms is None:
            self._idle_since_ms = now_ms
            return
        elif now_ms - self._idle_since_ms < HANG_UP_GRACE_MS:
            return
        self.ending.ask(cause)

    def _look_at_media(self, now_ms: float) -> None:
        if self.answered_at_ms is None:
            return
        packets = self._leg.stats().rx_packets
        last, since_ms = self._media
        if packets != last or self.dialogue.is_held:
            self._media = (packets, now_ms)
        elif now_ms - since_ms >= MEDIA_TIMEOUT_MS:
            self.ending.ask(EndCause.MEDIA_TIMEOUT, reason="no audio came for a minute")

    def end(self, cause: EndCause, reason: str = "") -> None:
        """Somebody outside ends the call: an operator, or the edge that drains."""
        self.ending.ask(cause, reason=reason)

    def _bridge_broke(self, exc: Exception) -> None:
        log.error("the bridge of a call broke", call_id=self.call_id, exc_info=exc)
        self.ending.ask(EndCause.INTERNAL_ERROR, reason="internal error")

    # ---- what the dialogue needs of its call ---------------------------------------------------

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        if self._tasks is None:
            work.close()
            raise RuntimeError("the call is over")
        return self._tasks.create_task(work, name=name)

    def _tool_finished(self, event: Any) -> None:
        self.driver.handle(event)

    def _transfer(self, target: str) -> None:
        self._spawn(self.follower.transfer(target), "transfer")

    def _send_digits(self, digits: str) -> None:
        self._spawn(self.follower.send_digits(digits), "send-digits")

    def _can_apologise(self) -> bool:
        line = house_lines(self._flow.agent.language).apology
        return self._edge.cache.at_hand(self._voice.line(line)) is not None

    def _say_one_moment(self) -> None:
        line = house_lines(self._flow.agent.language).one_moment
        if self._edge.cache.at_hand(self._voice.line(line)) is not None:
            self.dialogue.say(Say("", line, is_fixed=True))
