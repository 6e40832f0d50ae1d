"""A SIP edge of its own for simulations: ``python -m trunkline.cli.simulate.audio_edge``.

The call's own code over the real endpoint and a real model server; what differs from ``trunkline
sip`` is told by the simulation each call belongs to: its tools, its variables, the time it is held
at, and who answers transfers. The INVITE's ``X-Trunkline-Simulation`` says which one it is.

The plan comes as one JSON line on standard input; standard output has one JSON line a change:
``{"sip_port": N}`` once calls are taken, then ``{"simulation": N, "is_busy": bool}``. It serves
until its standard input is closed.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast

import httpx
import orjson

from trunkline.audio.disk_writer import DiskWriter
from trunkline.calls.compose import realtime_connector
from trunkline.calls.edge import Edge
from trunkline.calls.service import CallService, lines_of
from trunkline.calls.speech_cache import SpeechCache
from trunkline.calls.speech_source import HttpSpeech
from trunkline.cli.simulate.edge_parts import Nobody, TheseFlows
from trunkline.cli.simulate.loader import load_simulations
from trunkline.cli.simulate.simulation import Simulation, TransferOutcome
from trunkline.cli.simulate.text_tools import SampleServiceThread, SimulatedTools
from trunkline.domain.errors import ConfigError
from trunkline.domain.leg import Leg, LegDescription, LegTransferProgress
from trunkline.domain.trunk import LOCAL_TRUNK, NumberRoute
from trunkline.flows.catalog import SHIPPED_AGENTS, FlowCatalog
from trunkline.runtime.logging import configure_logging
from trunkline.sip.config import EndpointConfig
from trunkline.sip.endpoint import Endpoint
from trunkline.sip.leg import SipLeg
from trunkline.sip.reception import Reception

SIMULATION_HEADER: Final = "X-Trunkline-Simulation"
_LOOK_S: Final = 0.1
_RING_S: Final = 2.0
_WIND_UP_S: Final = 10.0
_LINES_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class EdgePlan:
    """Files of simulations, in the order they are numbered, and where everything is."""

    files: tuple[str, ...]
    agents_dir: str
    model_url: str
    speech_dir: str
    data_dir: str
    engine: str
    rates_hz: tuple[int, ...]
    rtp_ports: tuple[int, int]

    def to_line(self) -> bytes:
        return orjson.dumps(asdict(self)) + b"\n"

    @classmethod
    def of_line(cls, line: bytes) -> EdgePlan:
        given: dict[str, Any] = orjson.loads(line)
        return cls(**{name: _tuples(value) for name, value in given.items()})


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class ClockFrom:
    """The domain's Clock, begun at a moment of the simulation's choosing."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._began_s = asyncio.get_running_loop().time()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=asyncio.get_running_loop().time() - self._began_s)

    def monotonic_ms(self) -> float:
        return asyncio.get_running_loop().time() * 1000


class SimulatedLine:
    """A SIP leg with the simulation's caller on it; a REFER ends as declared and calls nobody.

    Everything else is the leg's own.
    """

    def __init__(self, leg: SipLeg, simulation: Simulation) -> None:
        self.leg = leg
        self._transfers = list(simulation.transfers)
        self._description = replace(leg.description, caller_number=simulation.caller_number)
        self.is_referring = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.leg, name)

    @property
    def description(self) -> LegDescription:
        return self._description

    async def refer(self, target_uri: str) -> None:
        outcome = self._transfers[0]
        if len(self._transfers) > 1:
            del self._transfers[0]
        self.is_referring = True
        self.leg.deliver(LegTransferProgress(180, "Ringing", is_final=False))
        asyncio.get_running_loop().call_later(_RING_S, self._referred, outcome)

    def _referred(self, outcome: TransferOutcome) -> None:
        self.is_referring = False
        self.leg.deliver(LegTransferProgress(outcome.sip_status, outcome.value, is_final=True))


class OneScene:
    """One simulation's edge: it takes one call."""

    def __init__(
        self,
        simulation: Simulation,
        catalog: FlowCatalog,
        service: SampleServiceThread,
        edge: Callable[[SimulatedTools], Edge],
    ) -> None:
        self.simulation = simulation
        flows = {flow.agent.name: flow for flow in catalog.flows()}
        flow = flows[simulation.agent]
        if simulation.variables:
            flow = replace(flow, variables={**flow.variables, **simulation.variables})
        self.flows = {**flows, simulation.agent: flow}
        self._tools = SimulatedTools(simulation.tools, service)
        self.calls = CallService(edge(self._tools), TheseFlows(self.flows))
        self._line: SimulatedLine | None = None

    @property
    def is_busy(self) -> bool:
        """Something is being done for the caller although nobody speaks."""
        return self._tools.running > 0 or (self._line is not None and self._line.is_referring)

    def take(self, leg: SipLeg, at_ms: float) -> None:
        self._line = SimulatedLine(leg, self.simulation)
        self.calls.accept(cast(Leg, self._line), self.simulation.agent, at_ms)


@asynccontextmanager
async def scenes_of(plan: EdgePlan) -> AsyncIterator[list[OneScene]]:
    """Every simulation with its own flows, books and directory; the agents' lines at hand."""
    key = os.environ["TRUNKLINE_API_KEY"]
    dirs = [SHIPPED_AGENTS, *([Path(plan.agents_dir)] if plan.agents_dir else [])]
    async with AsyncExitStack() as stack:
        disk = stack.enter_context(DiskWriter())
        http = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        cache = SpeechCache(Path(plan.speech_dir), HttpSpeech(http, plan.model_url, key))
        connect = realtime_connector(plan.model_url, key)
        scenes = []
        for number, file in enumerate(plan.files):
            service = stack.enter_context(SampleServiceThread())
            catalog = FlowCatalog(dirs, {"TRUNKLINE_SAMPLE_SERVICE_URL": service.url})
            catalog.load()
            (simulation,) = load_simulations([Path(file)], catalog.get)
            data_dir = Path(plan.data_dir) / str(number)

            def edge(tools: SimulatedTools, at: Path = data_dir, now: Any = simulation.now) -> Edge:
                return Edge(
                    edge_id="edge_simulated",
                    clock=ClockFrom(now),
                    connect=connect,
                    cache=cache,
                    sink=Nobody(),
                    disk=disk,
                    tools=tools,
                    data_dir=at,
                    recordings_dir=at / "recordings",
                    engine=plan.engine,
                )

            scenes.append(OneScene(simulation, catalog, service, edge))
        await _render(scenes, cache, plan.rates_hz)
        yield scenes


async def _render(scenes: Sequence[OneScene], cache: SpeechCache, rates_hz: Sequence[int]) -> None:
    """Fixed lines of the agents that are called, as an edge has them before it takes calls."""
    wanted = {
        line: None
        for scene in scenes
        for line in lines_of(scene.flows[scene.simulation.agent], "trunkline-tts")
        if line.sample_rate_hz in rates_hz
    }
    async with asyncio.timeout(_LINES_S):
        missing = await cache.prefetch(wanted)
    if missing:
        raise ConfigError(f"{missing} of the agents' lines could not be rendered")


async def serve(plan: EdgePlan, tell: Callable[[dict[str, Any]], None]) -> None:
    """Until standard input is closed."""
    loop = asyncio.get_running_loop()
    async with scenes_of(plan) as scenes:

        def accept(leg: SipLeg, agent: str, at_ms: float) -> None:
            given = {name.lower(): value for name, value in leg.description.headers.items()}
            number = given.get(SIMULATION_HEADER.lower(), "")
            scene = scenes[int(number)] if number.isdigit() else scenes[0]
            scene.take(leg, at_ms)

        called = dict.fromkeys(scene.simulation.called_number for scene in scenes)
        reception = Reception(
            trunks=(LOCAL_TRUNK,),
            routes=[NumberRoute(number, "simulated", LOCAL_TRUNK.name) for number in called],
            max_calls=len(scenes) + 1,
            accept=accept,
        )
        config = EndpointConfig(rtp_ports=plan.rtp_ports)
        async with Endpoint(config, reception=reception).running() as endpoint:
            tell({"sip_port": endpoint.sip_port})
            closed = loop.run_in_executor(None, sys.stdin.buffer.read)
            told = [False] * len(scenes)
            while not closed.done():
                for number, scene in enumerate(scenes):
                    if scene.is_busy != told[number]:
                        told[number] = scene.is_busy
                        tell({"simulation": number, "is_busy": scene.is_busy})
                await asyncio.wait([closed], timeout=_LOOK_S)
            async with asyncio.TaskGroup() as tasks:
                for scene in scenes:
                    tasks.create_task(scene.calls.drain(_WIND_UP_S), name="drain")


def main() -> None:
    configure_logging("simulated-edge", level="warning", log_format="json", show_pii=False)
    plan = EdgePlan.of_line(sys.stdin.buffer.readline())

    def tell(change: dict[str, Any]) -> None:
        sys.stdout.buffer.write(orjson.dumps(change) + b"\n")
        sys.stdout.buffer.flush()

    asyncio.run(serve(plan, tell))


if __name__ == "__main__":
    main()
