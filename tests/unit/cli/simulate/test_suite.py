"""Every shipped flow with its simulations, and planted misbehaviour that must be reported."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from trunkline.cli.simulate.complaints import SimulationsInvalid
from trunkline.cli.simulate.coverage import coverage_of
from trunkline.cli.simulate.report import to_junit, tool_figures
from trunkline.cli.simulate.suite import Suite, run_suite
from trunkline.flows.catalog import SHIPPED_AGENTS
from trunkline.flows.routes import routes_of

pytestmark = pytest.mark.enable_socket

CALL = """\
simulation: A balance by keypad
agent: energy
tools: {get_balance: [{result: {owed: 182.4, due: "2026-12-01"}}]}
turns:
  - {key: "1"}
  - {key: "44172908"%s}
  - say: no thank you
expect:
  steps: [menu, goodbye]
%s
"""


def held(directory: Path, expect: str = "", turn: str = "") -> Suite:
    path = directory / "one.yaml"
    path.write_text(CALL % (turn, expect), encoding="utf-8")
    return with_energy(path)


def with_energy(path: Path) -> Suite:
    """One simulation, and no more flows than it needs."""
    agents = path.parent / "agents"
    agents.mkdir()
    shutil.copy(SHIPPED_AGENTS / "energy.yaml", agents)
    return run_suite([path], agents, shipped_dir=None)


@pytest.fixture(scope="module")
def shipped() -> Suite:
    return run_suite([])


def test_every_shipped_simulation_passes(shipped: Suite) -> None:
    wrong = {r.simulation.name: list(map(str, r.findings)) for r in shipped.results if r.findings}
    assert not wrong


def test_every_tool_call_of_the_suite_satisfied_its_schema(shipped: Suite) -> None:
    total, valid = tool_figures(shipped.results, shipped.flows)
    assert total >= 15
    assert valid == total


AFTER_APPROVAL = frozenset({"payment_granted", "payment_escalated", "payment_changed"})


def test_coverage_names_the_steps_nobody_came_to(shipped: Suite) -> None:
    energy = coverage_of(shipped.results, shipped.flows)["energy"]
    assert energy.missing_steps == ()
    few = [one for one in shipped.results if one.simulation.name not in AFTER_APPROVAL]
    assert coverage_of(few, shipped.flows)["energy"].missing_steps == ("payment_done",)
    assert "menu" not in energy.missing_steps


def test_coverage_names_the_routes_nobody_took(tmp_path: Path) -> None:
    suite = held(tmp_path)
    energy = coverage_of(suite.results, suite.flows)["energy"]
    missing = {(route.step, route.name) for route in energy.missing_routes}
    assert ("kind_of_balance", "case 2") in missing
    assert ("kind_of_balance", "case 1") not in missing
    assert ("look_up_balance", "ok") not in missing
    assert ("look_up_balance", "failed not_found") in missing
    assert ("menu", "key 1") not in missing
    assert ("anything_else", "intent no_more") not in missing
    assert ("", "no_input 1") in missing
    assert energy.percent < 50


def test_every_route_that_is_taken_is_one_of_the_flow(shipped: Suite) -> None:
    known = {route for flow in shipped.flows.values() for route in routes_of(flow)}
    taken = {route for result in shipped.results for route in result.seen.routes}
    assert taken <= known


def test_junit_counts_failures(tmp_path: Path) -> None:
    suite = held(tmp_path, "  never_steps: [owes]")
    assert b'failures="1"' in to_junit(suite.results)


def test_a_call_that_goes_as_expected_passes(tmp_path: Path) -> None:
    assert held(tmp_path).has_passed


@pytest.mark.parametrize(
    "expect",
    [
        "  only_steps: [welcome, menu, goodbye]",
        "  never_steps: [owes]",
        "  variables: {account: '44172909'}",
        "  variables: {bill.owed: 1}",
        "  tools: []",
        "  tools: [get_hours]",
        "  tools: [{tool: get_balance, arguments: {account: '44172909'}}]",
        "  tools: [{tool: get_balance, outcome: failed}]",
        "  tools: [{tool: get_balance, code: not_found}]",
        "  never_tools: [get_balance]",
        "  says: you are in credit",
        "  never_says: you owe",
        "  matches: 'in credit by .* dollars'",
        "  within_ms: 1",
        "  ends: {by: caller}",
        "  ends: {cause: transferred}",
        "  ends: {reason: no_input}",
        "  transferred_to: sip:operator@127.0.0.1:5070",
        "  flow_error: true",
    ],
)
def test_every_kind_of_expectation_can_fail(tmp_path: Path, expect: str) -> None:
    suite = held(tmp_path, expect)
    findings = suite.results[0].findings
    assert [finding.line for finding in findings] == [10] * len(findings)
    assert findings


@pytest.mark.parametrize(
    "expect",
    [
        "says: in credit",
        "never_says: you owe",
        "matches: in credit",
        "step: menu",
        "within_ms: 1",
    ],
)
def test_every_kind_of_expectation_of_a_turn_can_fail(tmp_path: Path, expect: str) -> None:
    suite = held(tmp_path, turn=f", expect: {{{expect}}}")
    assert [finding.line for finding in suite.results[0].findings] == [6]


@pytest.mark.parametrize("wanted", ["true", "false"])
def test_whether_the_agent_was_interrupted_is_judged(tmp_path: Path, wanted: str) -> None:
    path = tmp_path / "one.yaml"
    act = "say: what is my balance" if wanted == "false" else "backchannel: uh huh"
    path.write_text(
        "simulation: Over the greeting\nagent: energy\nturns:\n"
        f"  - {{{act}, after_s: 2.5, expect: {{interrupts: {wanted}}}}}\n"
        "expect: {steps: [menu]}\n",
        encoding="utf-8",
    )
    assert [finding.line for finding in with_energy(path).results[0].findings] == [4]


def test_steps_out_of_order_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    text = (CALL % ("", "")).replace("[menu, goodbye]", "[goodbye, menu]")
    path.write_text(text, encoding="utf-8")
    assert [finding.line for finding in with_energy(path).results[0].findings] == [9]


def test_a_turn_that_the_call_never_came_to_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "one.yaml"
    text = (CALL % ("", "")).replace("  - say: no", "  - say: goodbye\n  - say: no")
    path.write_text(text, encoding="utf-8")
    assert 8 in [finding.line for finding in with_energy(path).results[0].findings]


BROKEN = """\
simulation: Bad
agent: energy
tools:
  get_balanc: [service]
turns:
  - say: [what, -3]
  - {say: x, key: "1"}
  - kee: "4"
  - {say: hi, expect: {step: nowhere, sayz: foo, matches: "("}}
expect:
  steps: [welcome, menuu]
  says: "..."
  matches: ".*"
  ends: {cause: agent_hungup}
"""


def test_every_mistake_of_a_file_is_told_at_once_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(BROKEN, encoding="utf-8")
    with pytest.raises(SimulationsInvalid) as caught:
        with_energy(path)
    (complaints,) = caught.value.complaints.values()
    assert {complaint.line for complaint in complaints} == {4, 6, 7, 8, 9, 11, 12, 13, 14}
    assert len([complaint for complaint in complaints if complaint.line == 9]) == 3
