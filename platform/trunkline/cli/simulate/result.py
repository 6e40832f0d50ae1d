"""What became of one simulation, however it was held."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from trunkline.cli.simulate.judge import Finding, TurnDone
from trunkline.cli.simulate.observed import Observed
from trunkline.cli.simulate.simulation import Simulation


@dataclass(slots=True)
class SimulationResult:
    """``mode``: text or audio; ``wall_s``: what it cost; ``seen`` is what really happened.

    ``seed``: what an audio caller's noise and hesitations were made from. ``kept``: where an audio
    call's recording and event log lie, when they were to be kept.
    """

    simulation: Simulation
    mode: str
    findings: list[Finding]
    seen: Observed
    wall_s: float
    done: list[TurnDone] = field(default_factory=list)
    seed: int | None = None
    kept: Path | None = None

    @property
    def has_passed(self) -> bool:
        return not self.findings
