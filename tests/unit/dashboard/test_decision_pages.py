"""The page behind a signed link: it shows exactly what is asked, decides once, and tells nobody."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from io import StringIO

import pytest
from tests.unit.dashboard.conftest import LINK_SECRET, Office
from tests.unit.dashboard.page import read_page
from tests.unit.dashboard.test_approvals_page import request, state
from tests.unit.storage.facts import started

from trunkline.domain.approval import ApprovalState
from trunkline.domain.decision_link import write_token
from trunkline.runtime.logging import configure_logging
from trunkline.storage.approvals import Approvals
from trunkline.storage.decision_links import DecisionLinks, deciders
from trunkline.storage.engine import Sessions, database_now
from trunkline.storage.users import UserRepository


@pytest.fixture
async def asked(office: Office) -> Office:
    await office.store([started(), request()])
    return office


async def link_of(sessions: Sessions, username: str = "sue", approval_id: str = "appr_1") -> str:
    """The path of a link that was sent to this user."""
    async with sessions.writing() as session:
        links = DecisionLinks(session)
        (to,) = [one for one in await deciders(session) if one.username == username]
        approval = (await Approvals(session).get(approval_id)).approval
        outbox_id = f"mail_{username}"
        await links.issue(approval, to, outbox_id, await database_now(session))
        await session.flush()
        (sent,) = await links.carried_by(outbox_id)
        return f"/decide/{write_token(sent.link, await links.keys(LINK_SECRET))}"


async def test_looking_changes_nothing_and_shows_exactly_what_is_asked(asked: Office) -> None:
    path = await link_of(asked.sessions)
    for _ in range(3):
        answer = await asked.client.get(path)
        page = read_page(answer.text)
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "240.50" in page.text and "44172908" in page.text and "not verified" in page.text
    assert "You decide as sue" in page.text
    # A reason that is typed and sent by Enter must not approve: two forms.
    assert [len(form.all("button")) for form in page.all("form")] == [1, 1]
    assert (await asked.client.head(path)).status_code == 405
    assert await state(asked) is ApprovalState.ASKED


async def test_a_link_approves_once_without_a_login(asked: Office) -> None:
    path = await link_of(asked.sessions)
    done = await asked.client.post(path, data={"decision": "grant"})
    assert done.status_code == 200 and "Approved" in done.text
    assert await state(asked) is ApprovalState.GRANTED
    posted = await asked.client.post(path, data={"decision": "refuse", "reason": "late"})
    for again in (await asked.client.get(path), posted):
        assert again.status_code == 409 and "decided already" in again.text


async def test_a_refusal_asks_for_its_reason(asked: Office) -> None:
    path = await link_of(asked.sessions)
    bare = await asked.client.post(path, data={"decision": "refuse", "reason": " "})
    assert bare.status_code == 422
    assert "Say why" in read_page(bare.text).one("p", "alert").text
    done = await asked.client.post(path, data={"decision": "refuse", "reason": "not today"})
    assert "Declined" in done.text
    assert await state(asked) is ApprovalState.REFUSED


@pytest.fixture
def logged() -> Iterator[StringIO]:
    root, said = logging.getLogger(), StringIO()
    before = (root.handlers, root.level)
    configure_logging("web", level="debug", log_format="json", stream=said)
    yield said
    root.handlers, _ = before
    root.setLevel(before[1])


async def test_what_is_refused_says_nothing_of_what_there_is_and_no_log_has_a_token(
    asked: Office, logged: StringIO
) -> None:
    path = await link_of(asked.sessions)
    forged = path[:-3] + ("AAA" if not path.endswith("AAA") else "BBB")
    pages = [await asked.client.get(one) for one in (forged, "/decide/lk_", "/decide/x")]
    assert {page.status_code for page in pages} == {404}
    assert len({page.text for page in pages}) == 1
    assert all(page.headers["referrer-policy"] == "no-referrer" for page in pages)
    logging.getLogger("any").warning("somebody logs %s", path)
    async with asked.sessions.writing() as session:
        users = UserRepository(session)
        await users.set_active((await users.find("sue")).user_id, False)
    off = await asked.client.get(path)
    assert off.status_code == 403 and "240.50" not in off.text
    said = logged.getvalue()
    assert "a decision link was refused" in said and "[redacted]" in said
    assert path.removeprefix("/decide/lk_")[:20] not in said


async def test_a_source_that_guesses_must_wait(asked: Office) -> None:
    answers = [await asked.client.get(f"/decide/lk_guess{n}") for n in range(12)]
    assert [one.status_code for one in answers].count(404) == 10
    assert answers[-1].status_code == 429 and answers[-1].headers["retry-after"]
