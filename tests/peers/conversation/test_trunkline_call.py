"""`trunkline call` holds whole conversations with `trunkline up`, over real SIP and RTP."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from tests.peers.drivers.installation import Installation

pytestmark = [pytest.mark.peers, pytest.mark.timeout(300)]


def call(installation: Installation, *script: str) -> dict[str, Any]:
    done = installation.command("call", installation.sip_uri, "--json", *script)
    report: dict[str, Any] = json.loads(done.stdout or "{}")
    assert done.returncode == 0, f"{report.get('problems')}\n{done.stdout}\n{done.stderr}"
    return report


def newest_call(installation: Installation) -> dict[str, Any]:
    """The call just made, once its end is written."""
    deadline = time.monotonic() + 10
    with installation.client() as client:
        while True:
            summary = client.get("/calls", params={"limit": 1}).raise_for_status().json()
            newest = summary["calls"][0]
            if newest["state"] == "ended" or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        detail: dict[str, Any] = client.get(f"/calls/{newest['call_id']}").raise_for_status().json()
    return detail


def said(detail: dict[str, Any], speaker: str) -> str:
    return " ".join(turn["text"] for turn in detail["turns"] if turn["speaker"] == speaker).lower()


def test_a_balance_is_asked_for_interrupted_and_thanked_for(installation: Installation) -> None:
    report = call(
        installation,
        "--say", "what is my balance",
        "--say", "four four one seven two nine oh eight",
        "--barge-in-after", "1.2",
        "--say", "what are your opening hours",
        "--say", "no thank you goodbye",
    )  # fmt: skip
    assert report["answer_ms"] <= 5000
    assert report["ended_by"] == "far end"
    assert report["steps"][2]["stop_to_silence_ms"] is not None

    detail = newest_call(installation)
    assert detail["cause"] == "agent_hangup"
    tools = {run["tool"]: run for run in detail["tool_runs"]}
    assert tools["get_balance"]["arguments"] == {"account": "44172908"}
    assert tools["get_balance"]["result"]["owed"] == pytest.approx(182.40)
    assert tools["get_hours"]["outcome"] == "ok"
    cut = [turn for turn in detail["turns"] if turn["is_interrupted"]]
    assert cut
    assert any(word["fate"] != "heard" for turn in cut for word in turn["words"])
    assert re.search(r"open from", said(detail, "agent"))
    assert "goodbye" in said(detail, "agent")


def test_a_payment_is_parked_and_never_made(installation: Installation) -> None:
    call(
        installation,
        "--say", "i would like to pay my bill",
        "--dtmf", "44172908",
        "--say", "forty two dollars and fifty cents",
        "--say", "yes that's right",
        "--say", "thank you goodbye",
    )  # fmt: skip
    detail = newest_call(installation)
    (parked,) = [run for run in detail["tool_runs"] if run["tool"] == "pay_bill"]
    assert parked["outcome"] == "parked"
    assert parked["arguments"] == {"account": "44172908", "amount": "42.50"}
    (approval,) = detail["approvals"]
    assert approval["state"] == "abandoned"
    assert "nothing has been taken yet" in said(detail, "agent")
    assert "has been made" not in said(detail, "agent")


def test_a_refused_number_is_reported(installation: Installation) -> None:
    uri = installation.sip_uri.replace("sip:100@", "sip:999@")
    done = installation.command("call", uri, "--json", "--say", "hello")
    report = json.loads(done.stdout)
    assert done.returncode == 1
    assert report["sip_status"] == 404
