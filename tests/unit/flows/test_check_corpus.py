"""Every planted defect is found, on its line, and nothing else is; shipped flows pass."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trunkline.flows.catalog import SHIPPED_AGENTS
from trunkline.flows.check.checker import Checked, examine_text

CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.yaml"))
EXPECTED = re.compile(r"^# expect: (\w+) (\d+)$", re.M)


def checked(path: Path) -> Checked:
    return examine_text(path.read_text(), environment={}, name=path.name)


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_a_planted_defect_is_found_on_its_line_and_nothing_else_is(path: Path) -> None:
    expected = sorted((int(line), code) for code, line in EXPECTED.findall(path.read_text()))
    found = sorted((finding.line, finding.code) for finding in checked(path).findings)
    assert found == expected, [str(finding) for finding in checked(path).findings]


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_every_finding_says_what_to_change(path: Path) -> None:
    for finding in checked(path).findings:
        assert finding.message
        assert finding.advice or finding.code == "refused"


@pytest.mark.parametrize("path", sorted(SHIPPED_AGENTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_shipped_flow_has_nothing_wrong(path: Path) -> None:
    assert checked(path).findings == ()


def test_the_way_round_the_identity_check_is_told_step_by_step() -> None:
    path = next(path for path in CORPUS if path.stem == "unidentified")
    finding = next(f for f in checked(path).findings if f.code == "unidentified")
    assert [hop.step for hop in finding.way] == ["welcome", "menu", "fine_amount", "pay"]
    assert finding.way[1].why == "the caller presses 2"


def test_a_flow_whose_every_way_is_checked_is_proved_so() -> None:
    path = next(path for path in CORPUS if path.stem == "sound")
    (proof,) = checked(path).proofs
    assert (proof.step, proof.tool, proof.checks) == ("pay", "pay_fine", ("get_loans",))


def test_the_energy_flow_is_proved() -> None:
    (proof,) = checked(SHIPPED_AGENTS / "energy.yaml").proofs
    assert (proof.step, proof.checks) == ("pay", ("payment_balance",))
