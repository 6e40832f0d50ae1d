"""Simulations in audio: `trunkline flow simulate --audio` over real SIP, one edge for all of them.

Shipped ones, and one that expects what will not happen.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import wave
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from tests.peers.drivers.installation import RENDERED_LINES

pytestmark = [pytest.mark.peers, pytest.mark.timeout(480)]

SHIPPED = (
    "energy/balance_by_voice",  # spoken digits with a pause between
    "energy/interruption",  # barge-in
    "energy/backchannel_and_cough",
    "energy/operator_busy",  # DTMF, and a transfer that fails
    "after_hours/emergency_at_night",  # a warm transfer, at a declared time
    "clinic_reminder/machine",  # a call the agent places, and a beep
)
WRONG = """\
simulation: What will not happen
agent: energy
modes: audio
turns:
  - {key: "4"}
expect: {steps: [operator], ends: {by: transfer}}
"""


@dataclass(frozen=True)
class Held:
    status: int
    results: Mapping[str, Any]
    junit: Path
    kept: Path


def simulate(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("TRUNKLINE_")}
    rendered = os.environ.get(RENDERED_LINES, str(directory / "speech"))
    environment = {
        **clean,
        "TRUNKLINE_DATA_DIR": str(directory / "var"),
        "TRUNKLINE_SPEECH_CACHE_DIR": rendered,
    }
    return subprocess.run(
        [sys.executable, "-m", "trunkline.cli", "flow", "simulate", "--audio", "--json", *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=220,
        check=False,
    )


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Held:
    directory = tmp_path_factory.mktemp("audio")
    wrong = directory / "wrong.yaml"
    wrong.write_text(WRONG, encoding="utf-8")
    junit, kept = directory / "report.xml", directory / "kept"
    done = simulate(
        directory,
        *SHIPPED,
        str(wrong),
        *("--at-once", "4", "--seed", "7", "--junit", str(junit), "--keep", str(kept)),
    )
    results = by_name(done)
    # Calls in real time on whatever cores are free: what went wrong is tried once more.
    again = [name for name in SHIPPED if not results[name]["ok"]]
    if again:
        results |= by_name(simulate(directory, *again, "--at-once", "2", "--seed", "7"))
    return Held(done.returncode, results, junit, kept)


def by_name(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    return {f"{one['agent']}/{one['name']}": one for one in report["simulations"]}


@pytest.mark.parametrize("name", SHIPPED)
def test_the_call_goes_in_audio_as_it_goes_in_text(held: Held, name: str) -> None:
    result = held.results[name]
    assert result["findings"] == []
    assert result["mode"] == "audio"


def test_what_was_expected_and_did_not_happen_is_found(held: Held) -> None:
    assert held.status == 1
    wrong = held.results["energy/wrong"]
    assert {finding["line"] for finding in wrong["findings"]} == {6}
    assert "look_up_hours" in wrong["steps"]


def test_junit_has_every_call(held: Held) -> None:
    suite = ET.parse(held.junit).getroot()
    assert suite.get("tests") == "7"
    names = {f"{case.get('classname')}/{case.get('name')}" for case in suite}
    assert "energy.audio/balance_by_voice" in names


def test_the_seed_is_told_and_what_was_heard_is_kept(held: Held) -> None:
    assert {result["seed"] for result in held.results.values()} == {7}
    with wave.open(str(held.kept / "energy" / "balance_by_voice.wav")) as recording:
        assert recording.getnchannels() == 2
        assert recording.getnframes() / recording.getframerate() > 15
    log = (held.kept / "energy" / "balance_by_voice.jsonl").read_text(encoding="utf-8")
    assert '"fact":"call_ended"' in log


@pytest.mark.parametrize("name", ["energy/balance_by_voice", "energy/operator_busy"])
def test_a_call_held_in_audio_becomes_a_simulation_in_text(
    held: Held, tmp_path: Path, name: str
) -> None:
    log, again = held.kept / f"{name}.jsonl", tmp_path / "again.yaml"
    words = ("simulation-from-call", str(log), "--keep-digits", "--output", str(again))
    assert trunkline("flow", *words).returncode == 0
    text = again.read_text(encoding="utf-8")
    assert "modes:" in text
    done = trunkline("flow", "simulate", str(again))
    assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"


def trunkline(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "trunkline.cli", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
