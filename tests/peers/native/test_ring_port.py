"""The ring port in a real bridge: two legs of one process call each other over SIP and RTP."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("calls_in_one_process.py")
pytestmark = pytest.mark.peers


def run(scenario: str) -> list[dict[str, Any]]:
    outcome = subprocess.run(
        [sys.executable, PROGRAM, scenario], capture_output=True, text=True, timeout=100
    )
    assert outcome.returncode == 0, outcome.stderr
    reports: list[dict[str, Any]] = json.loads(outcome.stdout.splitlines()[-1])
    for report in reports:
        # One pair per tick, none lost, none twice; and every byte written is accounted for.
        assert report["dropped"] == 0
        assert abs(report["ticks"] - report["pairs"] - report["unread"]) <= 1
        whole = report["played"] + report["flushed"] + report["queued"]
        assert abs(whole - report["written"]) <= 640
    return reports


def test_each_leg_hears_the_other_and_records_itself_in_step_with_rtp() -> None:
    caller, callee = run("tones")
    assert caller["agent"]["hz"] == pytest.approx(440, abs=3)
    assert caller["caller"]["hz"] == pytest.approx(1000, abs=3)
    assert callee["agent"]["hz"] == pytest.approx(1000, abs=3)
    assert callee["caller"]["hz"] == pytest.approx(440, abs=3)
    assert (
        min(leg[side]["level"] for leg in (caller, callee) for side in ("caller", "agent")) > 5000
    )
    # The bridge's clock sends one RTP packet of 20 ms per tick: the pairs keep its cadence.
    assert abs(caller["sent"] - caller["ticked"]) <= 2
    assert caller["underruns"] == callee["underruns"] == 0


def test_a_call_of_one_rate_is_not_resampled_on_its_way_through_the_bridge() -> None:
    caller, callee = run("exact")
    assert caller["is_exact"]
    assert callee["caller"]["level"] > 5000


def test_pairs_keep_coming_while_the_call_is_on_hold() -> None:
    held, resumed = run("hold")
    assert held["caller"]["level"] < 50
    assert held["caller_missing"] > 40
    assert resumed["caller"]["hz"] == pytest.approx(1000, abs=3)
    assert resumed["caller"]["level"] > 5000


def test_a_paused_port_consumes_nothing_and_sounds_comfort_noise() -> None:
    paused, still_paused, resumed = run("pause")
    assert still_paused["played"] == paused["played"]
    assert 5 < still_paused["agent"]["level"] < 100
    assert resumed["played"] > paused["played"]
    assert resumed["agent"]["hz"] == pytest.approx(440, abs=3)


def test_no_call_stays_deaf_when_rtp_comes_before_its_media_starts() -> None:
    reports = run("repeated")
    assert len(reports) == 30
    assert [report for report in reports if report["caller"]["level"] < 5000] == []
