from __future__ import annotations

import pytest
from tests.unit.api.conftest import Api
from tests.unit.storage.facts import CALL, after, started, whole_call

from trunkline.domain.ids import CallId
from trunkline.storage.audit import Audit
from trunkline.storage.journal import write_facts

LIVE = CallId("call_live")


async def test_a_call_is_told_whole(api: Api) -> None:
    await write_facts(api.sessions, whole_call())
    answer = await api.http.get(f"/api/v1/calls/{CALL}")
    assert answer.status_code == 200
    call = answer.json()
    assert (call["state"], call["cause"], call["answerable"]) == (
        "ended",
        "caller_hangup",
        "caller",
    )
    assert [turn["text"] for turn in call["turns"]] == ["Good morning", "what is my balance"]
    assert [word["fate"] for word in call["turns"][0]["words"]] == [
        "heard",
        "heard",
        "cut",
        "generated",
    ]
    assert call["tool_runs"][0]["result"]["owed"] == "182.40"
    assert call["approvals"][0]["state"] == "abandoned"
    assert call["recording"]["url"] == f"/api/v1/calls/{CALL}/recording"
    assert call["receipts"] == {"setup_ms": 180.0}


async def test_lists_are_filtered_and_paged(api: Api) -> None:
    for number in range(5):
        await write_facts(
            api.sessions,
            [
                started(
                    CallId(f"call_{number}"), after(number), agent="odd" if number % 2 else "even"
                )
            ],
        )
    first = (await api.http.get("/api/v1/calls", params={"agent": "even", "limit": 2})).json()
    assert [call["call_id"] for call in first["calls"]] == ["call_4", "call_2"]
    params = {"agent": "even", "limit": 2, "cursor": first["next_cursor"]}
    second = (await api.http.get("/api/v1/calls", params=params)).json()
    assert [call["call_id"] for call in second["calls"]] == ["call_0"]
    assert second["next_cursor"] is None
    since = {"since": "2026-11-21T12:00:03", "to": "2026-11-21T14:00:04+02:00"}
    found = (await api.http.get("/api/v1/calls", params=since)).json()
    assert [call["call_id"] for call in found["calls"]] == ["call_3"]


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "nonsense"},
        {"limit": "0"},
        {"limit": "201"},
        {"state": "asleep"},
        {"since": "yesterday"},
        {"since": "0001-01-01T00:00:00+23:00"},
        {"to": "9999-12-31T23:59:59-23:00"},
        {"text": "x" * 201},
    ],
)
async def test_a_wrong_question_is_answered_with_what_is_wrong(
    api: Api, query: dict[str, str]
) -> None:
    answer = await api.http.get("/api/v1/calls", params=query)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert next(iter(query)) in answer.text


async def test_strange_characters_find_nothing_and_break_nothing(api: Api) -> None:
    await write_facts(api.sessions, whole_call())
    for name in ("text", "number", "agent"):
        for value in ("\x00", "%", "'; --", "\U0001f600", "\\"):
            answer = await api.http.get("/api/v1/calls", params={name: f"x{value}"})
            assert answer.status_code == 200, (name, value)
            assert answer.json()["calls"] == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/calls/call_nobody", 404),
        ("/api/v1/calls/call_nobody/recording", 404),
        ("/api/v1/calls/call_nobody/events", 404),
        ("/api/v1/calls/..%2f..%2fetc%2fpasswd", 404),
        ("/api/v1/calls/a%00b", 422),
        ("/api/v1/calls/" + "x" * 65, 422),
    ],
)
async def test_a_call_that_is_not_there_is_not_found(api: Api, path: str, status: int) -> None:
    answer = await api.http.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_hanging_up_tells_the_edge_and_is_audited(api: Api) -> None:
    await write_facts(api.sessions, [started(LIVE)])
    answer = await api.http.post(f"/api/v1/calls/{LIVE}/hangup")
    assert answer.status_code == 202
    assert answer.json() == {"call_id": LIVE, "state": "ending"}
    assert api.edges.told == [(LIVE, "edge_one", "TRUNKLINE_API_KEY")]
    async with api.sessions.reading() as session:
        (link,) = await Audit(session).latest()
    assert (link.action, link.subject) == ("call.hung_up", LIVE)


async def test_a_call_that_is_over_cannot_be_hung_up(api: Api) -> None:
    await write_facts(api.sessions, whole_call())
    answer = await api.http.post(f"/api/v1/calls/{CALL}/hangup")
    assert (answer.status_code, answer.json()["code"]) == (409, "call_over")
    assert api.edges.told == []


async def test_an_edge_that_is_away_is_said_and_not_audited(api: Api) -> None:
    await write_facts(api.sessions, [started(LIVE)])
    api.edges.is_away = True
    answer = await api.http.post(f"/api/v1/calls/{LIVE}/hangup")
    assert (answer.status_code, answer.json()["code"]) == (503, "control_away")
    async with api.sessions.reading() as session:
        assert await Audit(session).latest() == ()


@pytest.mark.parametrize("time", ["0", "1700000000", "-1e3", "0.5"])
async def test_a_bare_number_is_no_time(api: Api, time: str) -> None:
    refused = await api.http.get("/api/v1/calls", params={"since": time})
    assert refused.status_code == 422 and "2026-11-21T12:00:00Z" in refused.text


async def test_calls_of_one_flow_version_are_listed(api: Api) -> None:
    await write_facts(api.sessions, [started(CallId("call_a"), flow_version="aa11")])
    await write_facts(api.sessions, [started(CallId("call_b"), flow_version="bb22")])
    answer = await api.http.get("/api/v1/calls", params={"flow_version": "bb22"})
    (call,) = answer.json()["calls"]
    assert (call["call_id"], call["agent"], call["flow_version"]) == ("call_b", "energy", "bb22")
