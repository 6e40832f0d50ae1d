"""The pages about flows: who sees what, and what becomes of an edit."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from tests.unit.calls.flow_texts import BROKEN, shop
from tests.unit.dashboard.conftest import Office, csrf_of
from tests.unit.dashboard.page import read_page
from tests.unit.storage.facts import ended, started

from trunkline.domain.call import EndCause
from trunkline.domain.events import CallFact
from trunkline.domain.ids import CallId
from trunkline.flows.schema.loader import flow_version
from trunkline.storage.audit import Audit
from trunkline.storage.flow_versions import FlowRepository

HELLO, HI = shop("Hello."), shop("Hi.")
SHOP = "/flows/kiosk"


@pytest.fixture
async def desk(office: Office) -> Office:
    await office.log_in()
    return office


async def post(office: Office, path: str, **data: str) -> httpx.Response:
    form = await office.client.get("/calls")
    return await office.client.post(path, data={"csrf": csrf_of(form.text), **data})


async def save(office: Office, text: str, based_on: int, **more: str) -> httpx.Response:
    # As a browser sends it.
    written = text.replace("\n", "\r\n")
    return await post(office, f"{SHOP}/edit", text=written, based_on=str(based_on), **more)


async def publish(office: Office, text: str, revision: int, note: str = "") -> httpx.Response:
    await save(office, text, revision - 1)
    return await post(office, f"{SHOP}/publish", revision=str(revision), note=note)


async def draft(office: Office) -> str | None:
    async with office.sessions.reading() as session:
        found = await FlowRepository(session).draft("kiosk")
    return found.text if found else None


async def test_the_list_shows_what_serves_and_what_is_written(desk: Office) -> None:
    await publish(desk, HELLO, 1)
    await save(desk, HI, 1)
    page = await desk.page("/flows")
    rows = {row.one("a").text: row.text for row in page.all("tr", data_item="")}
    assert "file" in rows["Brightwater Energy"] and "100" in rows["Brightwater Energy"]
    assert flow_version(HELLO) in rows["Corner Kiosk"] and "published" in rows["Corner Kiosk"]
    assert "draft by sue" in rows["Corner Kiosk"]


async def test_a_new_agents_flow_begins_sound_and_is_saved_only_when_asked(desk: Office) -> None:
    led = await post(desk, "/flows", name="front_desk")
    assert led.headers["location"] == "/flows/front_desk/edit"
    page = await desk.page("/flows/front_desk/edit")
    assert "name: front_desk" in page.one("textarea", "code").text
    assert "Publishable" in page.one("p", "findings-sum").text
    assert (await desk.client.get("/flows/front_desk")).status_code == 404
    assert (await post(desk, "/flows", name="Front Desk!")).status_code == 400


async def test_an_edit_of_a_file_begins_with_its_text(desk: Office) -> None:
    page = await desk.page("/flows/energy/edit")
    assert "Brightwater Energy" in page.one("textarea", "code").text
    assert page.one("form", data_draft="").one("input", name="based_on").attributes["value"] == "0"
    versions = await desk.page("/flows/energy/versions/serving")
    assert "Brightwater Energy" in versions.one("table", "code-lines").text


async def test_a_draft_is_saved_byte_for_byte_with_its_complaints_beside(desk: Office) -> None:
    answer = await save(desk, f"\n{BROKEN}", 0)
    assert answer.headers["location"] == f"{SHOP}/edit?done=saved"
    assert await draft(desk) == f"\n{BROKEN}"
    page = await desk.page(f"{SHOP}/edit")
    lines = [one.attributes["data-line"] for one in page.all("li", "error")]
    assert len(lines) >= 2 and set(lines) == {"5"}
    raw = (await desk.client.get(f"{SHOP}/edit")).text
    assert ">\n\nagent:" in raw  # HTML drops the first newline, not the text's own


async def test_a_text_is_checked_without_being_saved(desk: Office) -> None:
    found = await post(desk, f"{SHOP}/check", text=BROKEN)
    assert found.status_code == 200 and "data-line" in found.text
    page = await save(desk, BROKEN, 0, then="check")
    assert page.status_code == 200 and await draft(desk) is None


async def test_of_two_edits_the_second_is_shown_both_and_a_merge(desk: Office) -> None:
    first = HELLO.replace("  bye:", "  # the end\n  bye:")
    theirs, mine = first.replace("Goodbye.", "So long."), first.replace("Hello.", "Good day.")
    await save(desk, first, 0)
    await save(desk, theirs, 1)
    refused = await save(desk, mine, 1)
    assert refused.status_code == 409 and "sue saved while you were writing" in refused.text
    assert "so both edits fit" in refused.text and await draft(desk) == theirs
    page = read_page(refused.text)
    form = page.one("form", data_draft="")
    merged = "".join(map(str, form.one("textarea").children)).removeprefix("\n")
    assert merged == mine.replace("Goodbye.", "So long.")
    revision = int(form.one("input", name="based_on").attributes["value"])
    assert (await save(desk, merged, revision)).status_code == 303
    assert await draft(desk) == merged


async def test_one_place_edited_twice_stands_twice_and_cannot_be_published(desk: Office) -> None:
    await save(desk, HELLO, 0)
    await save(desk, HI, 1)
    refused = await save(desk, shop("Good day."), 1)
    assert "1 place was changed by both" in refused.text
    assert "&lt;&lt;&lt;&lt;&lt;&lt;&lt; yours" in refused.text
    assert 'data-errors="0"' not in refused.text


async def test_a_draft_discarded_meanwhile_is_no_loss(desk: Office) -> None:
    await save(desk, HELLO, 0)
    assert (await post(desk, f"{SHOP}/ask/discard", revision="1")).headers["location"] == (
        f"{SHOP}?done=discarded"
    )
    refused = await save(desk, HI, 1)
    assert refused.status_code == 409 and "was discarded" in refused.text and "Hi." in refused.text
    assert (await save(desk, HI, 0)).status_code == 303


async def test_publishing_shows_what_changes_and_notes_why(desk: Office) -> None:
    await publish(desk, HELLO, 1, note="first")
    await save(desk, HI, 1)
    page = await desk.page(f"{SHOP}/publish")
    assert "Hi" in page.one("table", "diff").text
    done = await post(desk, f"{SHOP}/publish", revision="2", note="shorter")
    assert done.headers["location"] == f"{SHOP}?done=published"
    page = await desk.page(f"{SHOP}?done=published")
    assert "every call that begins from now on" in page.one("p", "notice").text
    row = page.all("tr", data_item="")[0].text
    assert "shorter" in row and "serves" in row and "+1 −1" in row and "sue" in row
    async with desk.sessions.reading() as session:
        assert (await Audit(session).latest(1))[0].action == "flow.published"


async def test_a_draft_with_mistakes_is_not_published(desk: Office) -> None:
    await publish(desk, HELLO, 1)
    await save(desk, BROKEN, 1)
    page = await desk.page(f"{SHOP}/publish")
    assert "cannot be published" in page.text and not page.all("input", name="note")
    assert page.all("a", "line-link")[0].attributes["href"] == f"{SHOP}/edit#L4"
    refused = await post(desk, f"{SHOP}/publish", revision="2")
    assert refused.status_code == 422 and "cannot be published" in refused.text


async def test_a_canary_is_judged_by_its_calls(desk: Office) -> None:
    await publish(desk, HELLO, 1)
    early = whole(desk, "call_early", flow_version(HI))
    desk.clock.time += timedelta(seconds=30)
    await save(desk, HI, 1)
    await post(desk, f"{SHOP}/canary", version="draft", revision="2", percent="20")
    desk.clock.time += timedelta(seconds=30)
    await post(desk, f"{SHOP}/canary", version=flow_version(HI), percent="30")
    for name, version, cause in (
        ("call_a", HELLO, EndCause.CALLER_HANGUP),
        ("call_b", HI, EndCause.TRANSFERRED),
        ("call_c", HI, EndCause.ENGINE_ERROR),
        ("call_d", HI, None),
    ):
        early += whole(desk, name, flow_version(version), cause)
    await desk.store(early)
    table = (await desk.page(SHOP)).one("table", "record-table")
    rows = [[td.text for td in row.all("td")] for row in table.one("tbody").all("tr")]
    assert [row[1:] for row in rows] == [["1", "0", "0", "0 0 %"], ["3", "1", "1", "1 50 %"]]
    link = table.all("a")[1].attributes["href"]
    calls = await desk.page(link)
    assert {row.attributes["data-call"] for row in calls.all("tr", data_item="")} == {
        "call_b", "call_c", "call_d", "call_early",
    }  # fmt: skip


def whole(
    office: Office, name: str, version: str, cause: EndCause | None = EndCause.AGENT_HANGUP
) -> list[CallFact]:
    call_id, at = CallId(name), office.clock.now() + timedelta(seconds=1)
    begun = started(call_id, at, agent="kiosk", flow_version=version)
    return [begun, *([ended(call_id, at, cause)] if cause else [])]


async def test_a_canary_with_mistakes_does_not_start_and_says_why(desk: Office) -> None:
    await publish(desk, HELLO, 1)
    await save(desk, BROKEN, 1)
    refused = await post(desk, f"{SHOP}/canary", version="draft", revision="2", percent="5")
    assert refused.status_code == 422 and "Nothing was changed" in refused.text
    page = read_page(refused.text)
    assert {one.attributes["data-line"] for one in page.all("li", "error")} == {"4"}
    assert "canary 5 %" not in (await desk.page(SHOP)).text


async def test_what_was_shown_is_what_is_published(desk: Office) -> None:
    await save(desk, HELLO, 0)
    await save(desk, HI, 1)
    late = await post(desk, f"{SHOP}/publish", revision="1")
    assert late.status_code == 409 and "sue saved meanwhile" in late.text
    again = await publish(desk, HI, 2)
    assert again.status_code == 303
    twice = await post(desk, f"{SHOP}/publish", revision="2")
    assert twice.status_code == 409 and "serves already" in twice.text


async def test_a_canary_starts_changes_stops_and_is_promoted(desk: Office) -> None:
    await publish(desk, HELLO, 1)
    await save(desk, HI, 1)
    started = await post(desk, f"{SHOP}/canary", version="draft", revision="2", percent="20")
    assert started.headers["location"] == f"{SHOP}?done=canary"
    page = await desk.page(SHOP)
    assert page.one("input", name="percent").attributes["value"] == "20"
    assert "canary 20 %" in page.text
    await post(desk, f"{SHOP}/canary", version=flow_version(HI), percent="50")
    asked = await desk.client.get(f"{SHOP}/ask/promote", headers={"hx-request": "true"})
    assert flow_version(HI) in asked.text and "<html" not in asked.text
    await post(desk, f"{SHOP}/ask/stop")
    assert (await post(desk, f"{SHOP}/ask/stop")).status_code == 409
    await post(desk, f"{SHOP}/canary", version=flow_version(HI), percent="1")
    promoted = await post(desk, f"{SHOP}/ask/promote", note="fine")
    assert promoted.headers["location"] == f"{SHOP}?done=promoted"
    page = await desk.page(SHOP)
    kinds = [one.one("b").text for one in page.one("ol", "flow-history").all("li")]
    assert kinds[:4] == ["Canary promoted", "Canary started", "Canary stopped",
                         "Canary's share changed"]  # fmt: skip
    restored = await post(desk, f"{SHOP}/restore/{flow_version(HELLO)}", note="back")
    assert restored.headers["location"] == f"{SHOP}?done=restored"
    withdrawn = await post(desk, f"{SHOP}/ask/withdraw")
    assert withdrawn.status_code == 303


async def test_any_two_texts_are_compared(desk: Office) -> None:
    await publish(desk, HELLO, 1)
    await publish(desk, HI, 2)
    await save(desk, shop("Good day."), 2)
    for query, words in (
        (f"old={flow_version(HELLO)}&new=serving", "Hi"),
        ("old=serving&new=draft", "Good day"),
        (f"old=draft&new={flow_version(HELLO)}", "Hello"),
    ):
        page = await desk.page(f"{SHOP}/diff?{query}")
        (row,) = page.one("table", "diff").all("tr", "changed")
        assert words in row.one("td", "new").text
    page = await desk.page(f"{SHOP}/diff?old=draft&new=draft")
    assert "no difference" in page.text
    assert (await desk.client.get(f"{SHOP}/diff?old=abc")).status_code == 404


async def test_a_drawing_is_an_image_that_can_run_nothing(desk: Office) -> None:
    answer = await desk.client.get("/flows/energy/drawing")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.text.startswith("<svg") and "balance" in answer.text
    await save(desk, BROKEN, 0)
    assert (await desk.client.get(f"{SHOP}/drawing?of=draft")).status_code == 404


async def test_what_a_flow_says_is_never_run(desk: Office) -> None:
    evil = shop("<script>alert(1)</script></textarea><b>")
    await publish(desk, evil, 1, note="<i>evil</i>")
    for path in ("", "/edit", "/diff?old=serving&new=draft", "/versions/serving", "/drawing"):
        text = (await desk.client.get(f"{SHOP}{path}")).text
        assert "<script>alert" not in text and "<i>evil" not in text


async def test_a_viewer_reads_everything_and_changes_nothing(office: Office) -> None:
    await office.log_in()
    await publish(office, HELLO, 1)
    await save(office, HI, 1)
    office.client.cookies.clear()
    await office.log_in("vic")
    page = await office.page(SHOP)
    assert not page.all("form", "canary-form") and not page.all("a", href=f"{SHOP}/edit")
    await office.page(f"{SHOP}/diff")
    for path in ("edit", "publish", "ask/stop"):
        assert (await office.client.get(f"{SHOP}/{path}")).status_code == 403
    for path, data in (
        ("edit", {"text": HI, "based_on": "2"}),
        ("check", {"text": HI}),
        ("publish", {"revision": "2"}),
        ("canary", {"percent": "5", "version": "draft"}),
        ("ask/withdraw", {}),
        (f"restore/{flow_version(HELLO)}", {}),
    ):
        assert (await post(office, f"{SHOP}/{path}", **data)).status_code == 403, path


async def test_a_forged_change_is_refused(desk: Office) -> None:
    await save(desk, HELLO, 0)
    for path in ("edit", "publish", "canary", "ask/discard"):
        data = {"csrf": "0" * 64, "text": HI, "percent": "5", "based_on": "1"}
        assert (await desk.client.post(f"{SHOP}/{path}", data=data)).status_code == 403
    assert await draft(desk) == HELLO


async def test_who_is_not_logged_in_is_led_to_the_login(office: Office) -> None:
    for path in ("", "/energy", "/energy/edit", "/energy/drawing", "/energy/diff"):
        answer = await office.client.get(f"/flows{path}")
        assert answer.status_code == 303 and answer.headers["location"].startswith("/login")
