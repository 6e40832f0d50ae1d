"""One simulation in text: the call's own code on virtual time, a caller who is a script."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeVar

import orjson

from trunkline.audio.disk_writer import finish_in
from trunkline.calls.edge import Edge
from trunkline.calls.service import CallService
from trunkline.cli.simulate.desk import SimulatedDesk
from trunkline.cli.simulate.edge_parts import TheseFlows
from trunkline.cli.simulate.humans import SimulatedSwitch, queue_up, serve_queues
from trunkline.cli.simulate.judge import TurnDone, judge
from trunkline.cli.simulate.observed import observe
from trunkline.cli.simulate.outbound import begin_outbound, text_leg
from trunkline.cli.simulate.result import SimulationResult
from trunkline.cli.simulate.simulation import Simulation
from trunkline.cli.simulate.text_caller import TextCaller
from trunkline.cli.simulate.text_engine import TextEndpoint
from trunkline.cli.simulate.text_leg import Humans
from trunkline.cli.simulate.text_speech import InstantCache
from trunkline.cli.simulate.text_tools import SampleServiceThread, SimulatedTools
from trunkline.cli.simulate.virtual_time import VirtualClock, run_virtual
from trunkline.flows.flow import Flow

T = TypeVar("T")

LONGEST_CALL_S: Final = 1800.0
_WIND_UP_S: Final = 60.0


class _InlineDisk:
    def submit(self, job: Callable[[], None]) -> bool:
        job()
        return True

    def finish(self, job: Callable[[], T]) -> Future[T]:
        return finish_in(lambda run: run(), job)


def run_in_text(
    simulation: Simulation, flows: dict[str, Flow], service: SampleServiceThread
) -> SimulationResult:
    """Hold the call and judge it. ``flows``: every agent there is, by name."""
    began = time.monotonic()
    flow = flows[simulation.agent]
    if simulation.variables:
        flow = replace(flow, variables={**flow.variables, **simulation.variables})
    service.fresh_books()
    with tempfile.TemporaryDirectory() as directory:
        held = _hold(simulation, {**flows, simulation.agent: flow}, service, Path(directory))
        done = run_virtual(held)
        logs = sorted(Path(directory).rglob("*.jsonl"))
        seen = observe(orjson.loads(line) for log in logs for line in log.read_bytes().splitlines())
    findings = judge(simulation, flows, done, seen)
    return SimulationResult(
        simulation, "text", findings, seen, time.monotonic() - began, list(done)
    )


async def _hold(
    simulation: Simulation,
    flows: dict[str, Flow],
    service: SampleServiceThread,
    data_dir: Path,
) -> list[TurnDone]:
    clock = VirtualClock(simulation.now)
    endpoint = TextEndpoint(simulation.now.date())
    tools = SimulatedTools(simulation.tools, service)
    desk = SimulatedDesk(simulation.approvals, tools, clock, lambda news: calls.obey(news))
    edge = Edge(
        edge_id="edge_simulated",
        clock=clock,
        connect=endpoint.connect,
        cache=InstantCache(),
        sink=desk,
        disk=_InlineDisk(),
        tools=tools,
        data_dir=data_dir,
        recordings_dir=data_dir / "recordings",
        engine="simulated",
        is_recording=False,
    )
    calls = CallService(edge, TheseFlows(flows))
    humans = Humans(simulation.transfers)
    switch = SimulatedSwitch(humans)
    edge.switch.connect(switch)
    queue_up(edge.queues, simulation.queues)
    leg = text_leg(simulation, humans)
    caller = TextCaller(simulation, leg, endpoint, lambda: tools.running > 0 or switch.is_busy)
    if simulation.outbound is None:
        calls.accept(leg, simulation.agent, clock.monotonic_ms())
    else:
        begin_outbound(calls, leg, simulation, simulation.outbound, clock.monotonic_ms())
    try:
        async with asyncio.timeout(LONGEST_CALL_S), asyncio.TaskGroup() as tasks:
            serving = serve_queues(edge.queues, simulation.queues, lambda: leg.ended is not None)
            tasks.create_task(serving, name="queues")
            deciding = tasks.create_task(desk.serve(), name="approvals")
            await caller.run()
            deciding.cancel()
    except TimeoutError:
        leg.hang_up_by_caller()
    finally:
        await calls.drain(_WIND_UP_S)
    return caller.done
