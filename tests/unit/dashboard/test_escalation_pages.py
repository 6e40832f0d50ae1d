"""Escalations in the inbox, taking a call over, and its last seconds, as pages."""

from __future__ import annotations

import wave
from dataclasses import replace

import pytest
from tests.unit.dashboard.conftest import Office, csrf_of
from tests.unit.storage.facts import CALL, ended, started
from tests.unit.storage.test_escalations import RAISED

from trunkline.dashboard.approval_stream import approval_events
from trunkline.domain.events import CallFact, TakeOverChanged
from trunkline.storage.audit import Audit

PATH = "/escalations/esc_one"


@pytest.fixture
async def raised(office: Office) -> Office:
    facts: list[CallFact] = [started(), RAISED]
    await office.store(facts)
    office.show(facts)
    await office.log_in()
    return office


async def post(office: Office, page: str, path: str, **fields: str) -> tuple[int, str, str]:
    csrf = csrf_of((await office.client.get(page)).text)
    answer = await office.client.post(path, data={"csrf": csrf, **fields})
    return answer.status_code, answer.headers.get("location", ""), answer.text


async def test_the_inbox_shows_them_first_and_counts_them(raised: Office) -> None:
    page = (await raised.client.get("/approvals")).text
    assert RAISED.why in page
    assert "(1) Approvals" in page
    assert 'href="/escalations/esc_one"' in page
    assert "Escalated" in (await raised.client.get("/")).text, "on the live wall, too"
    assert RAISED.why in (await raised.client.get(f"/calls/{CALL}")).text, "on the timeline"


async def test_one_is_acknowledged_let_go_and_resolved_with_a_note(raised: Office) -> None:
    assert (await post(raised, PATH, f"{PATH}/acknowledge"))[:2] == (303, PATH)
    page = (await raised.client.get(PATH)).text
    assert "you have it" in page
    assert (await post(raised, PATH, f"{PATH}/release"))[0] == 303
    assert (await post(raised, PATH, f"{PATH}/resolve", note="rang back"))[0] == 303
    assert "rang back" in (await raised.client.get(PATH)).text
    status, _, text = await post(raised, PATH, f"{PATH}/acknowledge")
    assert (status, "resolved already" in text) == (409, True)


async def test_who_only_looks_takes_nothing(office: Office) -> None:
    await office.store([started(), RAISED])
    await office.log_in("vic")
    page = (await office.client.get(PATH)).text
    assert "I have it" not in page
    assert "data-take>" not in page
    assert (await post(office, PATH, f"{PATH}/acknowledge"))[0] == 403
    refused = await post(office, PATH, f"/calls/{CALL}/take-over", target="sip:vic@192.0.2.7")
    assert (refused[0], office.commands.taken) == (403, [])


async def test_a_call_is_taken_by_the_phone_that_is_remembered(raised: Office) -> None:
    take = f"/calls/{CALL}/take-over"
    told = await post(raised, PATH, take, target=" sip:sue@192.0.2.7 ", back=PATH)
    assert told[:2] == (303, PATH)
    (wanted,) = raised.commands.taken
    assert (wanted.target, wanted.by) == ("sip:sue@192.0.2.7", "user:sue")
    assert 'value="sip:sue@192.0.2.7"' in (await raised.client.get(PATH)).text
    status, _, text = await post(raised, PATH, take, target="sip:sue@192.0.2.7", back="//evil")
    assert (status, "user:sue is taking the call over" in text) == (409, True)
    assert "//evil" not in text


async def test_a_phone_that_may_not_ring_is_said_to_be_one(raised: Office) -> None:
    status, _, text = await post(raised, PATH, f"/calls/{CALL}/take-over", target="sip:<script>@x")
    assert (status, raised.commands.taken) == (409, [])
    assert "not a SIP URI" in text
    assert "<script>@x" not in text


async def test_the_last_seconds_are_served_and_noted(raised: Office) -> None:
    assert (await raised.client.get(f"/calls/{CALL}/tail")).status_code == 404
    path = raised.deps.data_dir / "recordings" / "2026" / "11" / "21" / f"{CALL}.wav"
    path.parent.mkdir(parents=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(4 * 8000 * 40))
    answer = await raised.client.get(f"/calls/{CALL}/tail")
    assert len(answer.content) == 44 + 30 * 8000 * 4
    async with raised.sessions.reading() as session:
        assert (await Audit(session).latest(1))[0].action == "recording.tail_heard"


async def test_an_open_page_is_told_of_news_words_and_who_takes_the_call(raised: Office) -> None:
    desk = raised.dashboard.desk
    await desk.approvals.look()
    context = {"operator": None, "csrf": "0", "zone": None, "path": "/"}
    stream = approval_events(desk, "house", "esc_one", context, "")
    seen: list[str] = []

    async def until(name: str) -> None:
        async for piece in stream:
            seen.append(piece.decode())
            if f"event: {name}" in seen[-1]:
                return

    await until("changed")
    assert any(RAISED.why in piece for piece in seen), "the queue came first"
    raised.show([TakeOverChanged(CALL, RAISED.at, 9000, "take_one", "user:sue", "ringing")])
    await until("take")
    assert "the phone rings" in seen[-1]
    await raised.store([replace(RAISED, escalation_id="esc_two"), ended()])
    await desk.approvals.look()
    assert desk.approvals.queue().open_count == 0
    await stream.aclose()
