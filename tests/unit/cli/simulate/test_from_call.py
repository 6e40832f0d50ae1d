"""A call's event log becomes a simulation that holds the same call again."""

from __future__ import annotations

from pathlib import Path

import pytest

from trunkline.cli.simulate.from_call import simulation_from
from trunkline.cli.simulate.suite import SHIPPED_SIMULATIONS, run_suite

pytestmark = pytest.mark.enable_socket


@pytest.mark.parametrize(
    "name",
    ["balance_by_voice", "payment_parked", "operator_busy", "service_down", "interruption"],
)
def test_the_call_goes_the_same_way_again(tmp_path: Path, name: str) -> None:
    first = run_suite([SHIPPED_SIMULATIONS / "energy" / f"{name}.yaml"]).results[0]
    path = tmp_path / "again.yaml"
    path.write_text(simulation_from(first.seen, "Again", keeps_digits=True), encoding="utf-8")
    again = run_suite([path]).results[0]
    assert not again.findings
    assert again.seen.step_names == first.seen.step_names


def test_digits_are_kept_only_when_asked_for() -> None:
    first = run_suite([SHIPPED_SIMULATIONS / "energy" / "payment_parked.yaml"]).results[0]
    assert "44172908" in simulation_from(first.seen, "Kept", keeps_digits=True)
    assert "44172908" not in simulation_from(first.seen, "Not kept", keeps_digits=False)
