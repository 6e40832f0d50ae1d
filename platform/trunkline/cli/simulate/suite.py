"""A suite: the flows there are, the files that were named, and every simulation run once."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trunkline.cli.simulate.audio_run import AudioOptions, run_in_audio
from trunkline.cli.simulate.loader import load_simulations
from trunkline.cli.simulate.result import SimulationResult
from trunkline.cli.simulate.simulation import Simulation
from trunkline.cli.simulate.text_run import run_in_text
from trunkline.cli.simulate.text_tools import SampleServiceThread
from trunkline.domain.errors import Invalid
from trunkline.flows.catalog import SHIPPED_AGENTS, FlowCatalog
from trunkline.flows.flow import Flow
from trunkline.runtime.settings import Settings

_WORTH_SHARING: Final = 20  # fewer are held before another process has read its flows
SHIPPED_SIMULATIONS: Final = SHIPPED_AGENTS.parent / "simulations"


@dataclass(frozen=True, slots=True)
class Suite:
    results: list[SimulationResult]
    flows: dict[str, Flow]

    @property
    def has_passed(self) -> bool:
        return all(result.has_passed for result in self.results)


def run_suite(
    paths: Sequence[Path],
    agents_dir: Path | None = None,
    *,
    processes: int = 1,
    shipped_dir: Path | None = SHIPPED_AGENTS,
) -> Suite:
    """Every simulation under ``paths`` (none: the shipped ones) that is for text.

    The agents are those of ``shipped_dir`` and ``agents_dir``, the latter winning. ``processes``
    share the simulations when there are many; they are forked, so only a caller without threads may
    ask for more than one.

    Raises SimulationsInvalid with all mistakes of all files, Invalid when there is none to run.
    """
    with SampleServiceThread() as service:
        flows, found = _load(paths, (shipped_dir, agents_dir), service.url)
        chosen = _for_mode(found, "text", are_named=bool(paths))
        if processes > 1 and len(chosen) >= _WORTH_SHARING and shipped_dir == SHIPPED_AGENTS:
            return Suite(_shared(chosen, agents_dir, processes), flows)
        return Suite([run_in_text(one, flows, service) for one in chosen], flows)


def _shared(
    simulations: Sequence[Simulation], agents_dir: Path | None, processes: int
) -> list[SimulationResult]:
    """Each process takes every so-manyth file, with a sample service and flows of its own."""
    shares = [[one.path for one in simulations[first::processes]] for first in range(processes)]
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        held = list(pool.map(_hold_share, shares, [agents_dir] * processes))
    results = {result.simulation.path: result for share in held for result in share}
    return [results[one.path] for one in simulations]


def _hold_share(paths: Sequence[Path], agents_dir: Path | None) -> list[SimulationResult]:
    return run_suite(paths, agents_dir).results


def run_audio_suite(
    paths: Sequence[Path],
    settings: Settings,
    options: AudioOptions,
    agents_dir: Path | None = None,
) -> Suite:
    """Every simulation under ``paths`` (none: the shipped ones) that is for audio, over SIP.

    Raises as ``run_suite``; EngineError and ConfigError when what it needs cannot be started.
    """
    # What the edge's own tools talk to is known to the edge alone.
    flows, found = _load(paths, (SHIPPED_AGENTS, agents_dir), "http://127.0.0.1:9")
    chosen = _for_mode(found, "audio", are_named=bool(paths))
    held = run_in_audio(chosen, flows, settings, options, agents_dir=agents_dir)
    return Suite(asyncio.run(held), flows)


def _load(
    paths: Sequence[Path], dirs: Sequence[Path | None], service_url: str
) -> tuple[dict[str, Flow], list[Simulation]]:
    there = [directory for directory in dirs if directory is not None]
    catalog = FlowCatalog(there, {"TRUNKLINE_SAMPLE_SERVICE_URL": service_url})
    catalog.load()
    flows = {flow.agent.name: flow for flow in catalog.flows()}
    return flows, load_simulations(paths or [SHIPPED_SIMULATIONS], catalog.get)


def _for_mode(found: list[Simulation], mode: str, *, are_named: bool) -> list[Simulation]:
    chosen = [one for one in found if mode in one.modes]
    if not chosen:
        where = "under what was named" if are_named else "that ships"
        raise Invalid(f"there is no simulation for {mode} {where}: add {mode} to its modes")
    return chosen


def named(names: Sequence[str]) -> list[Path]:
    """Files and directories, and shipped simulations by ``name`` or ``agent/name``.

    Raises Invalid for what is neither.
    """
    found = []
    for name in names:
        path = Path(name)
        if path.exists():
            found.append(path)
            continue
        shipped = sorted(SHIPPED_SIMULATIONS.glob(f"*/{name}.yaml")) or sorted(
            SHIPPED_SIMULATIONS.glob(f"{name}.yaml")
        )
        if not shipped:
            raise Invalid(f"{name!r} is neither a file nor the name of a shipped simulation")
        found += shipped
    return found
