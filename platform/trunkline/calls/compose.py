"""Puts the call side of an edge together: what ``sip.server`` enters before it takes calls."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Final

import httpx
from redis.asyncio import Redis

from trunkline.audio.disk_writer import DiskWriter
from trunkline.calls.control import ControlListener
from trunkline.calls.edge import Edge
from trunkline.calls.engine_link import Connector, RealtimeSession
from trunkline.calls.flow_shelf import FlowShelf
from trunkline.calls.live_sink import LiveSink
from trunkline.calls.outbound_rules import outbound_rules
from trunkline.calls.placed_orders import PlacedOrders
from trunkline.calls.publish import FanOut
from trunkline.calls.queue_sharing import QueueSharing
from trunkline.calls.service import CallService
from trunkline.calls.speech_cache import SpeechCache
from trunkline.calls.speech_source import HttpSpeech
from trunkline.calls.spool import FactSpool
from trunkline.calls.store_sink import StoreSink
from trunkline.calls.switch import SwitchBoard
from trunkline.domain.clock import SystemClock
from trunkline.domain.ids import mint
from trunkline.flows.catalog import catalog_from
from trunkline.flows.guard.shelf import load_shelf
from trunkline.flows.tool_runner import ToolRunner, secrets_from
from trunkline.realtime.client import RealtimeClient
from trunkline.runtime.settings import Settings
from trunkline.runtime.supervision import kept_up, nursery
from trunkline.storage.engine import Sessions, create_engine
from trunkline.storage.journal import write_facts

CONNECT_TIMEOUT_S: Final = 3.0
# Engines that may speak with another voice than the local one.
_OWN_VOICES: Final = frozenset({"cascade-hosted", "upstream"})
_FACTS_DEADLINE_S: Final = 5.0


class CallSide:
    """The service, and what tells how its surroundings are."""

    def __init__(
        self,
        service: CallService,
        shelf: FlowShelf,
        edge_id: str,
        store: StoreSink,
        live: LiveSink,
        control: ControlListener,
        switch: SwitchBoard,
    ) -> None:
        self.service = service
        self.switch = switch
        self.shelf = shelf
        self.edge_id = edge_id
        self._store = store
        self._live = live
        self._control = control

    async def lines_problem(self) -> str:
        """For ``/readyz``: empty when the fixed lines of all agents are at hand."""
        if self.service.is_warm:
            return ""
        return "fixed lines are not rendered yet; is the model server up?"

    def degradations(self) -> list[str]:
        """What does not work although calls go on; for logs and the doctor, not for readiness."""
        said = []
        if self._store.is_spooling:
            said.append("the database is away: facts of calls wait on disk")
        if self.shelf.is_away:
            said.append("the database is away: flows are served as they were published last")
        if problem := self.service.guard_problem:
            said.append(f"the guardrails have no classifier, only patterns: {problem}")
        if not (self._live.is_connected and self._control.is_connected):
            said.append("Redis is away: no live view, no commands, queues in order of each edge")
        return said


def realtime_connector(base_url: str, api_key: str) -> Connector:
    def connect(engine: str) -> AbstractAsyncContextManager[RealtimeSession]:
        return RealtimeClient.connect(
            base_url, api_key=api_key, model=engine, connect_timeout_s=CONNECT_TIMEOUT_S
        )

    return connect


def engine_name(setting: str) -> str:
    """The name a session asks for: ``scripted:FILE`` is the engine ``scripted``."""
    return setting.partition(":")[0]


@asynccontextmanager
async def call_side(settings: Settings) -> AsyncIterator[CallSide]:
    """Everything that calls need, from enter to exit; leave it after the last call has drained.

    The edge's id is new at every start: calls of an earlier process under the same address are then
    plainly another edge's, and are closed as lost when its announcement goes stale.
    """
    clock = SystemClock()
    edge_id = mint("edge", 12)
    key = settings.resolved_edge_key()
    async with AsyncExitStack() as stack:
        disk = stack.enter_context(DiskWriter())
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        tools = await stack.enter_async_context(
            ToolRunner(secrets=secrets_from(os.environ), mcp_commands=settings.mcp_commands)
        )
        sessions = Sessions(create_engine(settings.resolved_database_url))
        stack.push_async_callback(sessions.close)
        redis = Redis.from_url(settings.resolved_redis_url)
        stack.push_async_callback(redis.aclose)
        store = StoreSink(
            partial(write_facts, sessions),
            FactSpool(settings.data_dir / "spool" / f"facts-{settings.sip_port}.jsonl"),
        )
        stack.push_async_callback(store.close, _FACTS_DEADLINE_S)
        live = LiveSink(redis)
        shelf = FlowShelf(
            catalog_from(settings, os.environ), sessions, copy=settings.published_copy
        )
        await shelf.start()
        edge = Edge(
            edge_id=edge_id,
            clock=clock,
            connect=realtime_connector(settings.resolved_model_url, key),
            cache=SpeechCache(
                settings.rendered_lines_dir, HttpSpeech(http, settings.resolved_model_url, key)
            ),
            sink=FanOut((store, live)),
            disk=disk,
            tools=tools,
            data_dir=settings.data_dir,
            recordings_dir=settings.recordings_dir,
            engine=engine_name(settings.engine),
            fallback_engine=engine_name(settings.fallback_engine),
            speech_engines=_OWN_VOICES.intersection(
                (settings.engine, settings.fallback_engine, *settings.engines)
            ),
            is_recording=settings.recordings,
            is_durable=True,
            guards=load_shelf(settings.guard_packs, settings.guard_weights),
        )
        sharing = edge.queues.sharing = QueueSharing(redis, edge_id, edge.queues, clock)
        rules = outbound_rules(settings)
        orders = PlacedOrders(sessions, rules, edge_id, clock)
        service = CallService(edge, shelf, orders=orders, max_calls=settings.max_calls)
        assert service.placing is not None
        control = ControlListener(
            redis,
            edge_id,
            clock,
            obey=service.obey,
            live_count=lambda: service.live_count,
            is_draining=lambda: service.is_draining,
        )
        background = await stack.enter_async_context(nursery("call-side"))
        for name, work in (
            ("store", store.run),
            ("live", live.run),
            ("control", control.run),
            ("flows", shelf.run),
            ("lines", service.run),
            ("stuck", service.reap),
            ("queues", sharing.run),
            ("placing", service.placing.run),
        ):
            background.start(kept_up(name, work), name)
        yield CallSide(service, shelf, edge_id, store, live, control, edge.switch)
