"""A suite: the flows there are, the files that were named, and every simulation run once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trunkline.cli.simulate.loader import load_simulations
from trunkline.cli.simulate.text_run import SimulationResult, run_in_text
from trunkline.cli.simulate.text_tools import SampleServiceThread
from trunkline.domain.errors import Invalid
from trunkline.flows.catalog import SHIPPED_AGENTS, FlowCatalog
from trunkline.flows.flow import Flow

SHIPPED_SIMULATIONS: Final = SHIPPED_AGENTS.parent / "simulations"


@dataclass(frozen=True, slots=True)
class Suite:
    results: list[SimulationResult]
    flows: dict[str, Flow]

    @property
    def has_passed(self) -> bool:
        return all(result.has_passed for result in self.results)


def run_suite(paths: Sequence[Path], agents_dir: Path | None = None) -> Suite:
    """Every simulation under ``paths`` (none: the shipped ones) that is for text.

    Raises SimulationsInvalid with all mistakes of all files, Invalid when there is none to run.
    """
    dirs = [SHIPPED_AGENTS, *([agents_dir] if agents_dir else [])]
    with SampleServiceThread() as service:
        catalog = FlowCatalog(dirs, {"TRUNKLINE_SAMPLE_SERVICE_URL": service.url})
        catalog.load()
        flows = {flow.agent.name: flow for flow in catalog.flows()}
        found = load_simulations(paths or [SHIPPED_SIMULATIONS], catalog.get)
        chosen = [one for one in found if "text" in one.modes]
        if not chosen:
            raise Invalid("there is no simulation for text under what was named")
        return Suite([run_in_text(one, flows, service) for one in chosen], flows)
