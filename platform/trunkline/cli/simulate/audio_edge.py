"""A SIP edge of its own for simulations: ``python -m trunkline.cli.simulate.audio_edge``.

The call's own code over the real endpoint and a real model server; what differs from ``trunkline
sip`` is told by the simulation each call belongs to: its tools, its variables, the time it is held
at, and who answers transfers. The INVITE's ``X-Trunkline-Simulation`` says which one it is.

The plan comes as one JSON line on standard input, and then one line for each call it is to place;
standard output has one JSON line a change: ``{"sip_port": N}`` once calls are taken, then
``{"simulation": N, "is_busy": bool}``. It serves until its standard input is closed.
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
from trunkline.cli.simulate.humans import SimulatedSwitch, queue_up, serve_queues
from trunkline.cli.simulate.loader import load_simulations
from trunkline.cli.simulate.outbound import begin_placed
from trunkline.cli.simulate.simulation import Simulation, TransferOutcome
from trunkline.cli.simulate.text_leg import Humans
from trunkline.cli.simulate.text_tools import SampleServiceThread, SimulatedTools
from trunkline.domain.errors import ConfigError
from trunkline.domain.leg import Leg, LegDescription, LegTransferProgress
from trunkline.domain.trunk import LOCAL_TRUNK, NumberRoute, normalise_number
from trunkline.flows.catalog import SHIPPED_AGENTS, FlowCatalog
from trunkline.runtime.logging import configure_logging
from trunkline.runtime.supervision import until_first_done
from trunkline.sip.config import EndpointConfig
from trunkline.sip.endpoint import Endpoint
from trunkline.sip.leg import SipLeg
from trunkline.sip.reception import Reception

SIMULATION_HEADER: Final = "X-Trunkline-Simulation"
SIMULATED_TRUNK: Final = replace(LOCAL_TRUNK, is_trusted=True, headers=(SIMULATION_HEADER.lower(),))
_LOOK_S: Final = 0.1
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


def simulation_of(leg: SipLeg) -> int:
    """The number of the simulation that a call on SIMULATED_TRUNK is for; ValueError for none."""
    return int(leg.description.headers[SIMULATION_HEADER.lower().replace("-", "_")])


class SimulatedLine:
    """A SIP leg with the simulation's caller on it; a REFER ends as declared and calls nobody.

    Everything else is the leg's own.
    """

    def __init__(self, leg: SipLeg, simulation: Simulation, humans: Humans) -> None:
        self.leg = leg
        self._humans = humans
        numbers = (simulation.caller_number, simulation.called_number)
        if simulation.outbound is not None:
            numbers = (numbers[1], numbers[0])
        self._description = replace(
            leg.description, caller_number=numbers[0], called_number=numbers[1]
        )
        self.is_referring = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.leg, name)

    @property
    def description(self) -> LegDescription:
        return self._description

    async def refer(self, target_uri: str) -> None:
        human = self._humans.next()
        self.is_referring = True
        self.leg.deliver(LegTransferProgress(180, "Ringing", is_final=False))
        loop = asyncio.get_running_loop()
        loop.call_later(human.rings_s, self._referred, human.outcome)

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
        self._humans = Humans(simulation.transfers)
        self._switch = SimulatedSwitch(self._humans)
        self._edge = edge(self._tools)
        self._edge.switch.connect(self._switch)
        queue_up(self._edge.queues, simulation.queues)
        self.calls = CallService(self._edge, TheseFlows(self.flows))
        self._line: SimulatedLine | None = None

    @property
    def is_busy(self) -> bool:
        """Something is being done for the caller although nobody speaks."""
        is_referring = self._line is not None and self._line.is_referring
        return self._tools.running > 0 or is_referring or self._switch.is_busy

    def take(self, leg: SipLeg, at_ms: float) -> None:
        """The simulation's caller calls, or has been dialled."""
        line = self._line = SimulatedLine(leg, self.simulation, self._humans)
        if self.simulation.outbound is None:
            self.calls.accept(cast(Leg, line), self.simulation.agent, at_ms)
        else:
            begin_placed(self.calls, cast(Leg, line), self.simulation, at_ms)

    async def serve_queues(self) -> None:
        await serve_queues(self._edge.queues, self.simulation.queues, lambda: False)


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
    async with scenes_of(plan) as scenes:

        def accept(leg: SipLeg, agent: str, at_ms: float) -> None:
            scenes[simulation_of(leg)].take(leg, at_ms)

        called = {normalise_number(scene.simulation.called_number) for scene in scenes}
        reception = Reception(
            trunks=(SIMULATED_TRUNK,),
            routes=[NumberRoute(number, "simulated", LOCAL_TRUNK.name) for number in called],
            max_calls=len(scenes) + 1,
            accept=accept,
        )
        config = EndpointConfig(rtp_ports=plan.rtp_ports)
        async with Endpoint(config, reception=reception).running() as endpoint:
            tell({"sip_port": endpoint.sip_port})
            await until_first_done(
                told=_dial_as_told(endpoint, scenes),
                busy=_tell_who_is_busy(scenes, tell),
                queues=_serve_queues(scenes),
            )
            async with asyncio.TaskGroup() as tasks:
                for scene in scenes:
                    tasks.create_task(scene.calls.drain(_WIND_UP_S), name="drain")


async def _dial_as_told(endpoint: Endpoint, scenes: Sequence[OneScene]) -> None:
    """``{"dial": N, "uri": ..., "rate_hz": ...}`` lines, until there are no more."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.buffer.readline):
        order = orjson.loads(line)
        number = int(order["dial"])
        at_ms = loop.time() * 1000
        leg = await endpoint.place(
            order["uri"],
            sample_rate_hz=int(order["rate_hz"]),
            headers={SIMULATION_HEADER: str(number)},
        )
        scenes[number].take(leg, at_ms)


async def _tell_who_is_busy(
    scenes: Sequence[OneScene], tell: Callable[[dict[str, Any]], None]
) -> None:
    told = [False] * len(scenes)
    while True:
        for number, scene in enumerate(scenes):
            if scene.is_busy != told[number]:
                told[number] = scene.is_busy
                tell({"simulation": number, "is_busy": scene.is_busy})
        await asyncio.sleep(_LOOK_S)


async def _serve_queues(scenes: Sequence[OneScene]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for scene in scenes:
            tasks.create_task(scene.serve_queues(), name="queues")


def main() -> None:
    configure_logging("simulated-edge", level="warning", log_format="json", show_pii=False)
    plan = EdgePlan.of_line(sys.stdin.buffer.readline())

    def tell(change: dict[str, Any]) -> None:
        sys.stdout.buffer.write(orjson.dumps(change) + b"\n")
        sys.stdout.buffer.flush()

    asyncio.run(serve(plan, tell))


if __name__ == "__main__":
    main()
