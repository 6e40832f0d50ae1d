"""The list and the detail, by their structure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.dashboard.conftest import Office, csrf_of
from tests.unit.dashboard.page import Node, read_page
from tests.unit.dashboard.story import START, Story, whole_call

from trunkline.domain.call import EndCause
from trunkline.domain.events import GuardActed, RecordingClosed, RecordingState, ToolOutcome
from trunkline.domain.ids import CallId
from trunkline.domain.turn import Speaker, TurnKind
from trunkline.storage.audit import Audit

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


@pytest.fixture
async def desk(office: Office) -> Office:
    await office.log_in()
    return office


def entry(page: Node, key: str) -> Node:
    return page.one("li", data_key=key)


async def test_a_call_is_told_turn_by_turn_in_order(desk: Office) -> None:
    await desk.store(whole_call())
    page = await desk.page("/calls/call_story")
    timeline = page.one("ol", id="timeline")
    orders = [int(item.attributes["data-order"]) for item in timeline.all("li")]
    assert orders == sorted(orders) and len(orders) == 17
    assert len(timeline.all("li", "turn")) == 10
    assert len(timeline.all("li", "step")) == 4
    assert "212 ms" in page.one("dl", "tiles").text


async def test_words_that_were_cut_are_struck_and_said_to_be_unheard(desk: Office) -> None:
    await desk.store(whole_call())
    turn = entry(await desk.page("/calls/call_story"), "turn_call_story_1")
    cut = turn.one("del")
    assert cut.text.startswith("not heard: You can ask")
    heard = [word for word in turn.all("span", "w") if word not in cut.all("span", "w")]
    assert " ".join(word.text for word in heard).endswith("how can I help you today?")
    assert (heard[1].attributes["data-s"], heard[1].attributes["data-e"]) == ("480", "740")
    assert "interrupted" in turn.text and "silent in 141 ms" in turn.text


async def test_backchannels_digits_and_doubts_are_marked(desk: Office) -> None:
    story = Story()
    story.ring()
    story.turn(Speaker.CALLER, "uh huh", kind=TurnKind.BACKCHANNEL)
    story.turn(Speaker.CALLER, "12#", kind=TurnKind.DIGITS, words=())
    story.turn(Speaker.CALLER, "balance", confidence=0.31)
    story.turn(Speaker.CALLER, "", words=())
    story.turn(Speaker.AGENT, "you owe", response_ms=412)
    await desk.store(story.facts)
    page = await desk.page("/calls/call_story")
    first, digits, doubt, nothing, reply = page.all("li", "turn")
    assert "kind-backchannel" in first.attributes["class"] and "backchannel" in first.text
    assert digits.one("span", "tag").text == "12#"
    assert "understood 31 %" in doubt.text
    assert "not understood" in nothing.text
    assert "answered in 412 ms" in reply.text


async def test_tools_approvals_and_transfers_are_on_the_timeline(desk: Office) -> None:
    await desk.store(whole_call())
    page = await desk.page("/calls/call_story")
    tool, approval = page.one("li", "tool"), page.one("li", "approval")
    assert "44172908" in tool.one("details").all("pre")[0].text
    assert "182.40" in tool.all("pre")[1].text and "86 ms" in tool.text
    # The call hung up before anybody had decided.
    assert "Caller left" in approval.text and "Withdrawn" in approval.text
    assert '"amount": "182.40"' in approval.one("pre").text
    transfer = page.one("li", "transfer")
    assert "sip:desk@192.0.2.20" in transfer.text and "SIP 486" in transfer.text


async def test_what_the_guardrails_did_is_on_the_timeline(desk: Office) -> None:
    story = Story()
    story.ring()
    story.answer()
    for side, category, action in (
        ("input", "self_harm", "escalate"),
        ("output", "promises", "refuse"),
        ("input", "profanity", "note"),
    ):
        story.add(
            GuardActed(
                story.call_id, story.at(), story.now_ms, side, category, action,
                "classifier", 0.93, f"about {category} <b>", "menu",
            )
        )  # fmt: skip
    await desk.store(story.facts)
    page = await desk.page("/calls/call_story")
    found = page.all("li", "guard")
    assert len(found) == 3
    entries = " ".join(one.text for one in found)
    assert "refused, a person told" in entries and "noted" in entries
    assert "stopped before it was heard" in entries and "What nobody heard" in entries
    assert "93 %" in entries and "about promises <b>" in entries


async def test_nothing_a_caller_says_or_a_service_answers_becomes_markup(desk: Office) -> None:
    story = Story(caller=EVIL)
    story.ring(agent=EVIL)
    story.answer()
    story.step(EVIL)
    story.turn(Speaker.CALLER, EVIL)
    story.turn(Speaker.AGENT, f"a {EVIL}", heard=1, words=())
    story.turn(Speaker.CALLER, EVIL, kind=TurnKind.DIGITS)
    story.tool(EVIL, {EVIL: EVIL}, {EVIL: EVIL}, ToolOutcome.FAILED, 5)
    story.tool("text", {}, EVIL, ToolOutcome.FAILED, 5)
    story.park(EVIL, {EVIL: EVIL})
    await desk.store(story.facts)
    desk.show(story.facts)
    for path in ("/calls/call_story", "/calls", "/", "/calls/call_story/hang-up"):
        answer = await desk.client.get(path)
        page = read_page(answer.text)
        assert answer.status_code == 200
        assert not page.all("img"), path
        assert all(script.attributes.get("src") for script in page.all("script")), path
        assert "<script>alert" not in answer.text and "onerror=alert(2)>" not in answer.text, path
        assert not [n for n in page.walk() for name in n.attributes if name.startswith("on")], path
    page = await desk.page("/calls/call_story")
    assert "<script>alert(1)</script><img src=x onerror=alert(2)>" in page.one("ol").text


async def test_a_call_without_recording_says_why_it_cannot_be_heard(desk: Office) -> None:
    story = Story()
    story.ring()
    await desk.store(story.facts)
    page = await desk.page("/calls/call_story")
    assert "when the call has ended" in page.one("p", "no-recording").text
    story.end()
    await desk.store(story.facts)
    page = await desk.page("/calls/call_story")
    assert "has no recording" in page.one("p", "no-recording").text
    assert not page.all("audio")


async def test_an_incomplete_recording_plays_and_says_so(desk: Office) -> None:
    facts = whole_call(recording="recordings/story.wav")
    for place, fact in enumerate(facts):
        if isinstance(fact, RecordingClosed):
            facts[place] = replace(fact, state=RecordingState.INCOMPLETE, lost_ms=1200)
    await desk.store(facts)
    player = (await desk.page("/calls/call_story")).one("section", id="player")
    assert "Incomplete" in player.text
    assert player.one("canvas").attributes["role"] == "slider"
    assert player.one("audio").attributes["src"] == "/calls/call_story/recording"


async def test_a_partial_request_gets_the_body_without_the_frame(desk: Office) -> None:
    await desk.store(whole_call())
    page = await desk.page("/calls/call_story", **{"hx-request": "true"})
    assert not page.all("html")
    assert page.one("section", id="call-body").attributes["data-call"] == "call_story"


async def test_an_unknown_call_is_a_page_that_says_so(desk: Office) -> None:
    answer = await desk.client.get("/calls/call_none")
    assert answer.status_code == 404
    assert "there is no such call" in answer.text


async def test_the_list_shows_who_is_answerable_for_a_bad_end(desk: Office) -> None:
    story = Story()
    story.ring()
    story.end(EndCause.ENGINE_ERROR)
    await desk.store(story.facts)
    row = (await desk.page("/calls")).one("tr", data_call="call_story")
    assert "Engine failed" in row.text and "answerable: engine" in row.text
    assert row.one("a").attributes["href"] == "/calls/call_story"


async def many(desk: Office, count: int) -> None:
    facts = []
    for number in range(count):
        story = Story(CallId(f"call_{number:03}"), START + timedelta(minutes=number))
        story.ring("energy" if number % 2 else "support")
        story.turn(Speaker.CALLER, "my meter" if number % 10 == 3 else "my balance")
        if number % 3:
            story.end(EndCause.TRUNK_ERROR if number % 6 == 1 else EndCause.AGENT_HANGUP)
        facts += story.facts
    await desk.store(facts)


async def test_older_calls_follow_page_by_page_without_a_gap(desk: Office) -> None:
    await many(desk, 120)
    page = await desk.page("/calls")
    seen: list[str] = []
    headers = {"hx-request": "true"}
    while True:
        seen += [row.attributes["data-call"] for row in page.all("tr", data_item="")]
        links = page.all("a", "button")
        if not links:
            break
        page = await desk.page(links[0].attributes["href"], **headers)
        assert not page.all("table")
    assert seen == [f"call_{number:03}" for number in reversed(range(120))]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("agent=energy", 30),
        ("state=live", 20),
        ("state=ended", 40),
        ("state=trouble", 10),
        ("cause=trunk_error", 10),
        ("text=meter", 6),
        ("number=%2B49+30+123", 60),
        ("number=999", 0),
        ("since=2026-11-22", 0),
        ("since=2026-11-21&until=2026-11-21", 60),
        ("agent=energy&text=METER&state=ended", 4),
    ],
)
async def test_filters_narrow_the_list(desk: Office, query: str, count: int) -> None:
    await many(desk, 60)
    page = await desk.page(f"/calls?{query}", **{"hx-request": "true"})
    more = page.all("a", "button")
    rows = page.all("tr", data_item="")
    if more:
        rest = await desk.page(more[0].attributes["href"], **{"hx-request": "true"})
        rows += rest.all("tr", data_item="")
    assert len(rows) == count


async def test_a_day_is_a_day_where_the_operator_is(desk: Office) -> None:
    story = Story(start=START.replace(hour=23, minute=30))
    story.ring()
    await desk.store(story.facts)
    desk.client.cookies.set("trunkline_zone", "Europe/Berlin")
    assert (await desk.page("/calls?since=2026-11-22")).all("tr", data_call="call_story")
    assert "Sun 22 Nov 00:30:00" in (await desk.page("/calls")).one("tbody").text
    desk.client.cookies.set("trunkline_zone", "../../etc/passwd")
    assert not (await desk.page("/calls?since=2026-11-22")).all("tr", data_call="call_story")


@pytest.mark.parametrize("query", ["since=tomorrow", "cause=none", "cursor=nonsense"])
async def test_a_value_that_cannot_be_read_is_named(desk: Office, query: str) -> None:
    answer = await desk.client.get(f"/calls?{query}")
    assert answer.status_code == 400
    assert query.split("=")[0] in answer.text


async def test_the_filter_form_keeps_what_was_asked(desk: Office) -> None:
    page = await desk.page("/calls?text=a%22b&state=live&since=2026-11-21")
    assert page.one("input", name="text").attributes["value"] == 'a"b'
    assert page.one("select", name="state").one("option", selected="").text == "Live"
    assert page.one("input", name="since").attributes["value"] == "2026-11-21"


async def test_a_supervisor_hangs_up_after_being_asked(desk: Office) -> None:
    story = Story()
    story.ring()
    await desk.store(story.facts)
    question = await desk.client.get("/calls/call_story/hang-up", headers={"hx-request": "true"})
    assert "Hang up this call?" in question.text and not desk.commands.hung_up
    data = {"csrf": csrf_of(question.text)}
    answer = await desk.client.post("/calls/call_story/hang-up", data=data)
    assert (answer.status_code, answer.headers["location"]) == (303, "/calls/call_story")
    assert desk.commands.hung_up == [("call_story", "edge-1", "sue")]
    async with desk.sessions.reading() as session:
        link = (await Audit(session).latest(1))[0]
    assert (link.actor, link.action, link.subject) == ("sue", "call.hang_up", "call_story")


async def test_a_call_that_has_ended_is_not_told_to_end_again(desk: Office) -> None:
    await desk.store(whole_call())
    question = await desk.client.get("/calls/call_story/hang-up")
    await desk.client.post("/calls/call_story/hang-up", data={"csrf": csrf_of(question.text)})
    assert not desk.commands.hung_up


async def test_a_forged_hang_up_is_refused(desk: Office) -> None:
    story = Story()
    story.ring()
    await desk.store(story.facts)
    url = "/calls/call_story/hang-up"
    csrf = csrf_of((await desk.client.get(url)).text)
    assert (await desk.client.post(url, data={"csrf": "0" * 64})).status_code == 403
    cross = await desk.client.post(
        url, data={"csrf": csrf}, headers={"sec-fetch-site": "cross-site"}
    )
    assert cross.status_code == 403
    assert not desk.commands.hung_up


async def test_a_viewer_sees_no_hang_up_and_may_not_do_it(office: Office) -> None:
    await office.log_in("vic")
    story = Story()
    story.ring()
    await office.store(story.facts)
    office.show(story.facts)
    page = await office.page("/")
    assert page.one("li", "live-row") and not page.all("a", data_hang_up="")
    csrf = csrf_of((await office.client.get("/")).text)
    answer = await office.client.post("/calls/call_story/hang-up", data={"csrf": csrf})
    assert answer.status_code == 403
    assert not office.commands.hung_up
