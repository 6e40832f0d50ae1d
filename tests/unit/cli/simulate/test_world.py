"""Whom a simulated call reaches: humans of warm transfers, queues, machines, what is fetched."""

from __future__ import annotations

from pathlib import Path

import pytest

from trunkline.cli.simulate.complaints import SimulationsInvalid
from trunkline.cli.simulate.result import SimulationResult
from trunkline.cli.simulate.suite import run_suite

pytestmark = pytest.mark.enable_socket

FLOW = """\
agent: {name: house, display_name: The House}
start: START
variables: {first_name: Ada}
allow_hosts: ["http://127.0.0.1:9"]
before_answer:
  - {tool: look_up, save_as: found, timeout_s: 1, default: {name: nobody}}
tools:
  look_up:
    description: Who is calling.
    http: {url: "http://127.0.0.1:9/who"}
    timeout_s: 3
intents:
  thanks: {label: thanks, description: They say thanks., examples: [thank you], goto: done}
steps:
  hello:
    say: "Hello {{ found.name }}."
    next: back
  warm:
    say: One moment.
    transfer: "sip:desk@192.0.2.7"
    mode: warm
    briefing: A caller who has a question.
    needs_key: KEY
    ring_s: 10
    on_failure:
      busy: {say: They are busy., goto: back}
      no_answer: {say: They do not answer., goto: back}
      rejected: {say: They do not take it., goto: back}
      otherwise: {say: Nobody is there., goto: back}
  wait:
    say: Please wait.
    queue:
      name: desk
      targets: ["sip:a@192.0.2.1"]
      ring_s: 10
      callback_key: "1"
      announce_every_s: 20
      max_wait_s: 60
      announce: "You are number {{ queue_position }}, {{ queue_minutes }} minutes."
    on_callback: {say: We call you back., goto: back}
    on_timeout: {say: It took too long., goto: back}
    on_unavailable: {say: There is nobody., goto: back}
  who:
    voicemail: {human: person, machine: message, unknown: person}
  person:
    say: "Am I speaking with {{ first_name }}?"
    next: back
  message:
    say: Please call us back.
    after_beep: true
    next: done
  back:
    say: Anything else?
    listen: {intents: [thanks]}
  done: {say: Goodbye., hang_up: done}
"""


def held(directory: Path, start: str, simulation: str, *, key: str = "false") -> SimulationResult:
    agents = directory / "agents"
    agents.mkdir()
    text = FLOW.replace("START", start).replace("KEY", key)
    (agents / "house.yaml").write_text(text, encoding="utf-8")
    path = directory / "one.yaml"
    base = "simulation: One\nagent: house\n"
    if "tools:" not in simulation:
        base += "tools: {look_up: {result: {name: Ada}}}\n"
    path.write_text(base + simulation, encoding="utf-8")
    return run_suite([path], agents, shipped_dir=None).results[0]


def wrong(result: SimulationResult) -> list[str]:
    return [str(finding) for finding in result.findings]


THANKS = "turns: [{say: thank you}]\n"


@pytest.mark.parametrize(
    ("human", "key", "said"),
    [
        ("busy", "false", "They are busy"),
        ("no_answer", "false", "They do not answer"),
        ("rejected", "false", "They do not take it"),
        ("unreachable", "false", "Nobody is there"),
        ("declined", "false", "They do not take it"),
        ("hangs_up", "false", "They do not take it"),
        ("ignores", "true", "They do not answer"),
    ],
)
def test_a_human_who_does_not_take_the_caller_sends_them_back(
    tmp_path: Path, human: str, key: str, said: str
) -> None:
    result = held(
        tmp_path,
        "warm",
        f"transfers: {human}\n{THANKS}"
        f"expect: {{says: [{said}, Anything else], ends: {{by: agent}}}}\n",
        key=key,
    )
    assert not wrong(result)


@pytest.mark.parametrize(("human", "key"), [("answered", "true"), ("ignores", "false")])
def test_a_human_takes_the_caller(tmp_path: Path, human: str, key: str) -> None:
    result = held(
        tmp_path,
        "warm",
        f"transfers: {{outcome: {human}, rings_s: 4, talks_s: 20}}\n"
        "expect: {steps: [warm], never_says: Anything else, ends: {by: transfer}}\n",
        key=key,
    )
    assert not wrong(result)
    assert result.seen.ended_ms > 24_000


def test_the_caller_hears_where_they_stand_and_is_connected(tmp_path: Path) -> None:
    result = held(
        tmp_path,
        "wait",
        "queues: {desk: {ahead: 2, leaves_every_s: 15, talk_s: 90}}\n"
        "expect:\n  matches: 'number 3, 5 minutes.*number 2, 3 minutes'\n  ends: {by: transfer}\n",
    )
    assert not wrong(result)


@pytest.mark.parametrize(
    ("world", "turns", "said"),
    [
        ("queues: {desk: {ahead: 9}}", "[{key: '1', after_s: 12}]", "We call you back"),
        ("queues: {desk: {ahead: 9, leaves_every_s: 60}}", "[{silence: 90}]", "It took too long"),
        ("transfers: unreachable", "[{silence: 10}]", "There is nobody"),
    ],
)
def test_a_wait_that_leads_to_nobody_comes_back(
    tmp_path: Path, world: str, turns: str, said: str
) -> None:
    result = held(tmp_path, "wait", f"{world}\nturns: {turns}\nexpect: {{says: {said}}}\n")
    assert not wrong(result)


@pytest.mark.parametrize(
    ("answers", "expect"),
    [
        ("human", "{steps: [person], never_steps: [message], says: speaking with Grace}"),
        ("silent", "{steps: [person], says: speaking with Grace}"),
        ("machine", "{steps: [message], never_steps: [person], says: Please call us back}"),
        ("machine_without_beep", "{steps: [message], says: Please call us back}"),
    ],
)
def test_whoever_takes_a_placed_call_is_told_apart(
    tmp_path: Path, answers: str, expect: str
) -> None:
    result = held(
        tmp_path,
        "who",
        f"outbound: {{answers: {answers}, rings_s: 3}}\nvariables: {{first_name: Grace}}\n"
        f"expect: {expect}\n",
    )
    assert not wrong(result)


@pytest.mark.parametrize("answers", ["busy", "no_answer", "rejected", "unreachable"])
def test_a_placed_call_that_nobody_takes_ends_and_says_why(tmp_path: Path, answers: str) -> None:
    result = held(
        tmp_path,
        "who",
        f"outbound: {{answers: {answers}}}\nexpect: {{ends: {{cause: {answers}}}}}\n",
    )
    assert not wrong(result)
    assert result.seen.steps == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("{result: {name: Grace}}", "Hello Grace"),
        ("{error: not_found}", "Hello nobody"),
        ("never", "Hello nobody"),
        ("{result: {name: Grace}, after_s: 2}", "Hello nobody"),
    ],
)
def test_what_is_fetched_before_the_answer_is_declared_like_any_tool(
    tmp_path: Path, answer: str, said: str
) -> None:
    result = held(
        tmp_path, "hello", f"tools: {{look_up: {answer}}}\n{THANKS}expect: {{says: {said}}}\n"
    )
    assert not wrong(result)


@pytest.mark.parametrize(
    ("simulation", "line"),
    [
        ("queues: {desks: {ahead: 1}}\n" + THANKS, 4),
        ("outbound: {answers: busy}\n" + THANKS, 5),
        ("outbound: {answers: maybe}\n" + THANKS, 4),
        ("transfers: [asleep]\n" + THANKS, 4),
        ("modes: audio\ncaller: {called: the desk}\n" + THANKS, 5),
        ("modes: audio\nturns: [{engine: lost}]\n", 5),
    ],
)
def test_a_world_that_cannot_be_is_refused(tmp_path: Path, simulation: str, line: int) -> None:
    with pytest.raises(SimulationsInvalid) as caught:
        held(tmp_path, "hello", simulation + "expect: {says: Hello}\n")
    (complaints,) = caught.value.complaints.values()
    assert line in {complaint.line for complaint in complaints}
