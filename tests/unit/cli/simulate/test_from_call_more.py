"""Calls with secrets, hand-offs, queues and machines become simulations, and tell no secret."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from trunkline.cli.simulate.from_call import simulation_from
from trunkline.cli.simulate.result import SimulationResult
from trunkline.cli.simulate.suite import run_suite
from trunkline.flows.catalog import SHIPPED_AGENTS

pytestmark = pytest.mark.enable_socket

CARD = "4111111111111111"
TILL = """\
agent: {name: till, display_name: The Till}
start: card
allow_hosts: ["http://127.0.0.1:9"]
tools:
  charge:
    description: Charge a card.
    parameters: {type: object, properties: {card: {type: string}}, required: [card]}
    http: {method: POST, url: "http://127.0.0.1:9/charge", body: {card: "{{ card }}"}}
    idempotency_key: true
steps:
  card:
    collect: {card: {use: card_number}}
    next: charge
  charge: {tool: charge, arguments: {card: "{{ card }}"}, save_as: done, next: over}
  over: {handoff: desk, say: I hand you over.}
"""
DESK = """\
agent: {name: desk, display_name: The Desk}
start: wait
intents:
  thanks: {label: thanks, description: They say thanks., examples: [thank you], goto: bye}
steps:
  wait:
    say: Please wait.
    queue:
      name: desk
      targets: ["sip:a@192.0.2.1"]
      callback_key: "1"
      announce: "You are number {{ queue_position }}."
    on_callback: {say: We call you back., goto: more}
    on_timeout: {goto: more}
    on_unavailable: {goto: more}
  more:
    say: Anything else?
    listen: {intents: [thanks]}
  bye: {say: Goodbye., hang_up: done}
"""
CALLER = f"""\
simulation: A card, and a wait
agent: till
tools: {{charge: {{result: {{ok: true}}}}}}
queues: {{desk: {{ahead: 3, leaves_every_s: 100}}}}
turns:
  - {{key: "{CARD}#"}}
  - {{key: "1", after_s: 12}}
  - say: thank you
expect: {{steps: [card, charge, over, wait, more, bye], tools: [charge], says: We call you back}}
"""


def held(directory: Path, text: str, name: str = "one") -> SimulationResult:
    agents = directory / "agents"
    agents.mkdir(exist_ok=True)
    (agents / "till.yaml").write_text(TILL, encoding="utf-8")
    (agents / "desk.yaml").write_text(DESK, encoding="utf-8")
    shutil.copy(SHIPPED_AGENTS / "clinic_reminder.yaml", agents)
    path = directory / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return run_suite([path], agents, shipped_dir=None).results[0]


@pytest.mark.parametrize("keeps_digits", [True, False])
def test_a_secret_stays_one_and_the_way_is_kept(tmp_path: Path, keeps_digits: bool) -> None:
    first = held(tmp_path, CALLER)
    assert not first.findings
    text = simulation_from(first.seen, "Again", keeps_digits=keeps_digits)
    assert CARD not in text
    assert "secret:" not in text
    assert text.startswith("# Some of what the caller keyed or said was withheld")
    assert "ahead: 3" in text
    # Whoever keeps the file puts a made-up number where the secret was.
    again = held(tmp_path, text.replace("key: '0000'", f"key: '{CARD}#'"), "again")
    assert [str(finding) for finding in again.findings] == []
    assert again.seen.step_names == first.seen.step_names


@pytest.mark.parametrize("answers", ["human", "machine", "silent", "busy"])
def test_a_call_that_was_placed_is_placed_again(tmp_path: Path, answers: str) -> None:
    ends = "{ends: {cause: busy}}" if answers == "busy" else "{steps: [who_answers]}"
    turns = "" if answers in ("busy", "machine") else "turns: [{say: wrong number}]\n"
    first = held(
        tmp_path,
        "simulation: A reminder\nagent: clinic_reminder\n"
        f"outbound: {{answers: {answers}}}\n{turns}expect: {ends}\n",
    )
    assert not first.findings
    text = simulation_from(first.seen, "Again", keeps_digits=True)
    assert f"answers: {answers}" in text
    again = held(tmp_path, text, "again")
    assert [str(finding) for finding in again.findings] == []
    assert again.seen.step_names == first.seen.step_names
