"""One whole edge in memory and one caller on it: what a test of a call begins with.

    async with scene(script) as call:      # inside run_virtual
        call.leg.say(voiced(700))
        await call.over()
    call.turns, call.facts(ToolRan), call.notes("turn_decision")

Leg, engine, speech and tools are fakes of our own protocols; everything between them is real.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import orjson
from tests.fakes.leg import FakeLeg
from tests.fakes.realtime import FakeEndpoint
from tests.fakes.speech import FakeSpeech
from tests.fakes.virtual_time import VirtualClock

from trunkline.audio.disk_writer import finish_in
from trunkline.calls.edge import Edge
from trunkline.calls.placing import Orders
from trunkline.calls.service import CallService
from trunkline.calls.serving import HeldFlows, Served
from trunkline.calls.speech_cache import SpeechCache
from trunkline.domain.events import CallEnded, CallFact, Json, TurnEnded
from trunkline.domain.turn import Speaker, Turn
from trunkline.flows.catalog import SHIPPED_AGENTS
from trunkline.flows.flow import Flow
from trunkline.flows.schema.loader import load_flow
from trunkline.flows.tool_runner import ToolContext
from trunkline.flows.tools import ToolRunResult, ToolSpec, ToolSucceeded
from trunkline.model.script import Script
from trunkline.runtime.supervision import nursery

T = TypeVar("T")


class InlineDisk:
    """Writes at once; ``is_full`` refuses as a queue that overflows does."""

    def __init__(self) -> None:
        self.is_full = False

    def submit(self, job: Callable[[], None]) -> bool:
        if self.is_full:
            return False
        job()
        return True

    def finish(self, job: Callable[[], T]) -> Future[T]:
        return finish_in(lambda run: run(), job)


class FactList:
    def __init__(self) -> None:
        self.facts: list[CallFact] = []
        self.at_s: list[float] = []

    def publish(self, fact: CallFact) -> None:
        self.facts.append(fact)
        self.at_s.append(asyncio.get_running_loop().time())


@dataclass
class FakeTools:
    """Answers by tool name, after ``delay_s``; a value, or a whole ToolFailed."""

    answers: dict[str, Json] = field(default_factory=dict)
    delay_s: float = 0.2
    ran: list[tuple[str, Mapping[str, Json], ToolContext]] = field(default_factory=list)

    async def run(
        self, tool: ToolSpec, arguments: Mapping[str, Json], context: ToolContext
    ) -> ToolRunResult:
        self.ran.append((tool.name, dict(arguments), context))
        await asyncio.sleep(self.delay_s)
        answer = self.answers[tool.name]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, BaseException):
            raise answer
        return ToolSucceeded(answer, 200, 1) if isinstance(answer, dict) else answer


@dataclass
class OneFlow:
    flow: Flow

    def hold(self, call_id: str) -> HeldFlows:
        served = Served(self.flow)
        return HeldFlows(call_id, {"energy": served, self.flow.agent.name: served})

    def flows(self) -> tuple[Flow, ...]:
        return (self.flow,)


@dataclass
class Scene:
    leg: FakeLeg
    endpoint: FakeEndpoint
    speech: FakeSpeech
    tools: FakeTools
    disk: InlineDisk
    sink: FactList
    service: CallService
    data_dir: Path

    def facts(self, kind: type[T]) -> list[T]:
        return [fact for fact in self.sink.facts if isinstance(fact, kind)]

    @property
    def turns(self) -> list[Turn]:
        return [fact.turn for fact in self.facts(TurnEnded)]

    def said_by(self, speaker: Speaker) -> list[str]:
        return [turn.text for turn in self.turns if turn.speaker is speaker]

    @property
    def end(self) -> CallEnded:
        (end,) = self.facts(CallEnded)
        return end

    @property
    def log(self) -> list[dict[str, Any]]:
        """The event log, read back from disk."""
        paths = list(self.data_dir.rglob("*.jsonl"))
        return [orjson.loads(line) for path in paths for line in path.read_bytes().splitlines()]

    def decisions(self) -> list[str]:
        return [line["decision"] for line in self.log if line["event"] == "turn_decision"]

    def call(self) -> None:
        now_ms = asyncio.get_running_loop().time() * 1000
        self.service.accept(self.leg, "energy", now_ms)

    async def heard(self, text: str, deadline_s: float = 60) -> None:
        """Wait until a turn of the agent's has ended in which this was heard."""
        await self.leg.until(
            lambda: any(text in said for said in self.said_by(Speaker.AGENT)), deadline_s
        )

    async def over(self, deadline_s: float = 300) -> None:
        async with asyncio.timeout(deadline_s):
            while self.service.live_count:
                await asyncio.sleep(0.02)


@lru_cache(maxsize=1)
def energy() -> Flow:
    """The shipped sample agent."""
    text = (SHIPPED_AGENTS / "energy.yaml").read_text(encoding="utf-8")
    return load_flow(text, environment={})


@asynccontextmanager
async def scene(
    script: Script | None = None,
    *,
    flow: Flow | None = None,
    leg: FakeLeg | None = None,
    is_warm: bool = True,
    orders: Orders | None = None,
    is_called: bool = True,
    **edge_fields: Any,
) -> AsyncIterator[Scene]:
    """A call that has been accepted; leaving the block ends what is left of it.

    ``orders`` are calls that may be placed; ``is_called=False``: nobody calls by themselves.
    """
    with tempfile.TemporaryDirectory() as directory:
        data_dir = Path(directory)
        endpoint, speech = FakeEndpoint(script or Script()), FakeSpeech()
        tools, disk, sink = FakeTools(), InlineDisk(), FactList()
        edge = Edge(
            edge_id="edge_test",
            clock=VirtualClock(),
            connect=endpoint.connect,
            cache=SpeechCache(data_dir / "speech", speech),
            sink=sink,
            disk=disk,
            tools=tools,
            data_dir=data_dir,
            recordings_dir=data_dir / "recordings",
            engine="scripted",
            **edge_fields,
        )
        service = CallService(edge, OneFlow(flow or energy()), orders=orders)
        one = Scene(leg or FakeLeg(), endpoint, speech, tools, disk, sink, service, data_dir)
        async with nursery("scene") as background:
            background.start(service.run(), "lines")
            background.start(service.reap(), "stuck")
            if is_warm:
                await service.warm(60)
            if is_called:
                one.call()
            try:
                yield one
            finally:
                await service.drain(0)
