"""Escalations, take-overs and the last seconds of a call, over the API."""

from __future__ import annotations

import io
import wave

import pytest
from tests.unit.api.conftest import Api
from tests.unit.storage.facts import CALL, ended, started
from tests.unit.storage.test_escalations import RAISED

from trunkline.storage.journal import write_facts

PATH = "/api/v1/escalations"
TAKE = f"/api/v1/calls/{CALL}/take-over"


async def test_they_are_listed_acknowledged_and_resolved(api: Api) -> None:
    await write_facts(api.sessions, [started(), RAISED])
    (one,) = (await api.http.get(PATH)).json()
    assert (one["rule"], one["urgency"], one["state"]) == ("legal", "high", "raised")
    taken = await api.http.post(f"{PATH}/esc_one/acknowledge")
    assert (taken.json()["state"], taken.json()["held_by"]) == ("acknowledged", "key:environment")
    other = await api.http.post(
        f"{PATH}/esc_one/acknowledge", headers=await api.key("escalations:take")
    )
    assert (other.status_code, other.json()["code"]) == (409, "escalation_held")
    done = await api.http.post(f"{PATH}/esc_one/resolve", json={"note": "rang back"})
    assert (done.json()["state"], done.json()["note"]) == ("resolved", "rang back")
    assert (await api.http.get(PATH)).json() == []
    assert len((await api.http.get(PATH, params={"open": False})).json()) == 1


async def test_somebody_outside_raises_one_of_a_live_call(api: Api) -> None:
    await write_facts(api.sessions, [started()])
    wanted = {"call_id": CALL, "why": "the contract ends today", "urgency": "high"}
    made = await api.http.post(PATH, json=wanted)
    assert (made.status_code, made.json()["kind"]) == (201, "outside")
    await write_facts(api.sessions, [ended()])
    late = await api.http.post(PATH, json=wanted)
    assert (late.status_code, late.json()["code"]) == (409, "call_over")
    gone = (await api.http.get(f"{PATH}/{made.json()['escalation_id']}")).json()
    assert gone["state"] == "gone"
    assert (await api.http.post(PATH, json={**wanted, "call_id": "call_no"})).status_code == 404


async def test_a_take_over_is_asked_of_the_edge_and_told_by_its_stage(api: Api) -> None:
    await write_facts(api.sessions, [started()])
    asked = await api.http.post(TAKE, json={"target": "sip:ann@192.0.2.7"})
    assert (asked.status_code, asked.json()["stage"]) == (202, "asked")
    assert api.edges.told == [(CALL, "edge_one", "sip:ann@192.0.2.7")]
    again = await api.http.post(TAKE, json={"target": "sip:ben@192.0.2.7"})
    assert (again.status_code, again.json()["code"]) == (409, "take_over_under_way")
    await write_facts(api.sessions, [ended()])
    (one,) = (await api.http.get(f"{TAKE}s")).json()
    assert one["stage"] == "ended"
    over = await api.http.post(TAKE, json={"target": "sip:ann@192.0.2.7"})
    assert (over.status_code, over.json()["code"]) == (409, "call_over")


async def test_an_edge_that_is_away_leaves_nothing_in_the_way(api: Api) -> None:
    await write_facts(api.sessions, [started()])
    api.edges.is_away = True
    lost = await api.http.post(TAKE, json={"target": "sip:ann@192.0.2.7"})
    assert (lost.status_code, lost.json()["code"]) == (503, "control_away")
    (one,) = (await api.http.get(f"{TAKE}s")).json()
    assert (one["stage"], one["cause"]) == ("failed", "edge_away")
    api.edges.is_away = False
    assert (await api.http.post(TAKE, json={"target": "sip:ann@192.0.2.7"})).status_code == 202


@pytest.mark.parametrize(
    ("target", "status", "code"),
    [
        ("+442071230000", 403, "no_trunk"),
        ("sip:ann@host;<x>", 422, "bad_target"),
        ("   ", 422, "invalid"),
        ("", 422, "invalid"),
    ],
)
async def test_only_a_phone_of_the_dial_plan_rings(
    api: Api, target: str, status: int, code: str
) -> None:
    await write_facts(api.sessions, [started()])
    refused = await api.http.post(TAKE, json={"target": target})
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert api.edges.told == []


async def test_every_door_has_its_scope(api: Api) -> None:
    await write_facts(api.sessions, [started(), RAISED])
    reads = await api.key("escalations:read", "calls:read")
    assert (await api.http.get(PATH, headers=reads)).status_code == 200
    for path, body in (
        (f"{PATH}/esc_one/resolve", {}),
        (TAKE, {"target": "sip:ann@192.0.2.7"}),
        (PATH, {"call_id": CALL, "why": "x"}),
    ):
        refused = await api.http.post(path, json=body, headers=reads)
        assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope")


async def test_the_last_seconds_of_a_call_that_is_up_are_a_wav(api: Api) -> None:
    await write_facts(api.sessions, [started()])
    tail = f"/api/v1/calls/{CALL}/recording/tail"
    assert (await api.http.get(tail)).json()["code"] == "recording_not_found"
    path = api.data_dir / "recordings" / "2026" / "11" / "21" / f"{CALL}.wav"
    path.parent.mkdir(parents=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(4 * 8000) + b"\x01\x00\x02\x00" * 16000)
    with path.open("ab") as growing:
        growing.write(b"\x03\x00\x04\x00" * 8000)  # the header is behind what is on disk
    answer = await api.http.get(tail, params={"seconds": 2})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav")
    with wave.open(io.BytesIO(answer.content)) as heard:
        assert (heard.getnframes(), heard.getframerate(), heard.getnchannels()) == (16000, 8000, 2)
        frames = heard.readframes(16000)
    assert (frames[:4], frames[-4:]) == (b"\x01\x00\x02\x00", b"\x03\x00\x04\x00")
