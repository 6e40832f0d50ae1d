"""An edge without a phone: ``python -m tests.soak.approval_edge``.

What stands between a call's question and the database is the edge's own: the call's record, its
parked tools, the sinks, the spool, the control stream. Only the SIP leg and the voice are missing.
One JSON line in is something a caller does (``ask``, ``withdraw``, ``hang_up``); one out is what
was asked, or what a call heard. SIGTERM ends its calls and writes what is left; SIGKILL does not.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from redis.asyncio import Redis
from tests.soak.approval_agent import storm_flow

from trunkline.audio.disk_writer import DiskWriter
from trunkline.calls.bridge import CallClock
from trunkline.calls.control import ApprovalNews, ControlCommand, ControlListener, ToolResult
from trunkline.calls.event_log import EventLog
from trunkline.calls.live_sink import LiveSink
from trunkline.calls.parked_tools import ParkedTools
from trunkline.calls.publish import FactSink, FanOut
from trunkline.calls.record import CallRecord
from trunkline.calls.registry import LiveCalls
from trunkline.calls.spool import FactSpool
from trunkline.calls.store_sink import StoreSink
from trunkline.domain.approval import CLOSED, ApprovalPolicy
from trunkline.domain.audio import AudioFormat
from trunkline.domain.call import Direction, EndCause
from trunkline.domain.clock import SystemClock
from trunkline.domain.events import CallAnswered, CallEnded, CallStarted
from trunkline.domain.ids import CallId, LegId, mint, new_call_id
from trunkline.flows.actions import ApprovalChanged, ParkTool, ToolFinished
from trunkline.flows.flow import Flow
from trunkline.runtime.logging import configure_logging
from trunkline.runtime.settings import load_settings
from trunkline.runtime.supervision import kept_up, nursery, stop_on_signals
from trunkline.storage.engine import open_sessions
from trunkline.storage.journal import write_facts

_LAST_WORDS_S: Final = 0.3  # the caller hears the outcome, and hangs up


@dataclass
class Call:
    """One call that asks one thing."""

    case: int
    call_id: CallId
    record: CallRecord
    parked: ParkedTools
    run_id: str
    heard: int = -1


class Edge:
    def __init__(self, flow: Flow, sink: FactSink, disk: DiskWriter, edge_id: str) -> None:
        self._flow = flow
        self._sink = sink
        self._disk = disk
        self._edge_id = edge_id
        self._clock = SystemClock()
        self._calls: dict[int, Call] = {}
        self.live = LiveCalls()

    def do(self, line: dict[str, Any]) -> None:
        match line["do"]:
            case "ask":
                self._ask(line)
            case "withdraw":
                if (call := self._calls.get(line["case"])) is not None:
                    call.parked.withdraw(call.run_id)
            case "hang_up":
                if (call := self._calls.get(line["case"])) is not None:
                    self._end(call, EndCause.CALLER_HANGUP, "")

    def _ask(self, line: dict[str, Any]) -> None:
        case, call_id = line["case"], new_call_id()
        call_clock = CallClock(AudioFormat(8000))
        folder = load_settings().data_dir / "events"
        record = CallRecord(
            call_id,
            self._clock,
            call_clock,
            self._sink,
            EventLog(folder / f"{call_id}.jsonl", self._disk),
        )
        parked = ParkedTools(record, call_clock, partial(self._told, case))
        call = self._calls[case] = Call(case, call_id, record, parked, mint("run"))
        self.live.add(call_id, partial(self._end, call), partial(self._take, call))
        now = self._clock.now()
        record.publish(
            CallStarted(
                call_id=call_id, at=now, leg_id=LegId(mint("leg")), direction=Direction.INBOUND,
                trunk="local", caller_number=f"+4416{case:08d}", called_number="100",
                agent="storm", flow_version=self._flow.version, engine="none",
                edge_id=self._edge_id, sip_call_id=f"{call_id}@storm",
            )
        )  # fmt: skip
        record.publish(CallAnswered(call_id=call_id, at=now, codec="PCMU/8000", setup_ms=10))
        arguments = {"account": line["account"], "amount": line["amount"]}
        spec = self._flow.tools[line["tool"]]
        plan = spec.approval
        assert plan is not None
        policy = plan.policy_for(arguments, tries=0, is_verified=True) or ApprovalPolicy()
        question = f"May {line['amount']} be paid?"
        action = ParkTool(call.run_id, spec.name, arguments, "", question, True, policy)
        parked.park(self._flow, action, dict(self._flow.variables))

    def _take(self, call: Call, news: ToolResult | ApprovalNews) -> bool:
        if isinstance(news, ToolResult):
            return call.parked.take_result(news)
        return call.parked.take_news(news)

    def _told(self, case: int, event: ToolFinished | ApprovalChanged) -> None:
        call = self._calls[case]
        if isinstance(event, ToolFinished):
            say(case=case, call_id=call.call_id, parked=event.result)
            return
        say(case=case, heard=event.state.value, revision=event.revision)
        if event.state in CLOSED:
            loop = asyncio.get_running_loop()
            loop.call_later(_LAST_WORDS_S, self._end, call, EndCause.CALLER_HANGUP, "")

    def _end(self, call: Call, cause: EndCause, reason: str) -> None:
        if self._calls.pop(call.case, None) is None:
            return
        self.live.remove(call.call_id)
        call.record.publish(
            CallEnded(
                call_id=call.call_id, at=self._clock.now(), cause=cause, sip_status=200,
                reason=reason, duration_ms=1000, stats={}, receipts={}, usage={},
            )
        )  # fmt: skip
        call.record.close()

    def end_all(self) -> None:
        for call in list(self._calls.values()):
            self._end(call, EndCause.DRAINED, "the edge is stopping")

    def obey(self, command: ControlCommand) -> None:
        if isinstance(command, ToolResult | ApprovalNews):
            self.live.tell(command)


def say(**fields: Any) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


async def serve() -> None:
    settings = load_settings()
    configure_logging("edge", level="warning", log_format="json", show_pii=False)
    flow = storm_flow(os.environ["STORM_SERVICE_URL"])
    edge_id = mint("edge", 12)
    sessions = open_sessions(settings.resolved_database_url)
    redis = Redis.from_url(settings.resolved_redis_url)
    spool = FactSpool(settings.data_dir / "spool" / f"facts-{settings.sip_port}.jsonl")
    store, live = StoreSink(partial(write_facts, sessions), spool), LiveSink(redis)
    stop = stop_on_signals()
    with DiskWriter() as disk:
        edge = Edge(flow, FanOut((store, live)), disk, edge_id)
        control = ControlListener(
            redis, edge_id, SystemClock(), obey=edge.obey,
            live_count=lambda: len(edge.live), is_draining=stop.is_set,
        )  # fmt: skip
        async with nursery("edge") as background:
            for name, work in (("store", store.run), ("live", live.run), ("control", control.run)):
                background.start(kept_up(name, work), name)
            say(edge_id=edge_id)
            listening = background.start(_listen(edge), "callers")
            await stop.wait()
            listening.cancel()
            edge.end_all()
        await store.close()
    await redis.aclose()
    await sessions.close()


async def _listen(edge: Edge) -> None:
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    while line := await lines.readline():
        edge.do(json.loads(line))


if __name__ == "__main__":
    asyncio.run(serve())
