"""The inbox's stream: what an open page is told, in which order, and after it was away."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import timedelta

import orjson
import pytest
from starlette.requests import Request
from tests.unit.dashboard.conftest import Office
from tests.unit.dashboard.page import read_page
from tests.unit.dashboard.story import START
from tests.unit.dashboard.test_approvals_page import BEN, request
from tests.unit.dashboard.test_streams import Reader
from tests.unit.storage.facts import caller_turn, started

from trunkline.calls.approval_desk import ApprovalDesk
from trunkline.dashboard import approval_stream
from trunkline.dashboard.approval_feed import ApprovalFeed
from trunkline.dashboard.approval_stream import approval_events
from trunkline.dashboard.deps import Desk, Operator, shell_context
from trunkline.domain.approval import ApprovalPolicy, Level, Role
from trunkline.storage.views import HOUSE, UserView

pytestmark = pytest.mark.timeout(30)


@pytest.fixture
async def desk(office: Office, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(approval_stream, "LISTEN_S", 0.01)
    await office.store([started(), request()])
    desk = Desk(office.deps)
    await desk.approvals.look()
    return desk


def events(desk: Desk, seen: str = "") -> AsyncGenerator[bytes]:
    user = UserView("user_1", "sue", "supervisor", True, START, None, HOUSE)
    scope = {"type": "http", "method": "GET", "path": "/approvals", "headers": [], "scheme": "http"}
    context = dict(shell_context(Request(scope), desk, Operator(user, "nonce", "csrf", False)))
    return approval_events(desk, HOUSE, "appr_1", context, seen)


async def test_a_new_request_reaches_open_pages_and_those_that_resume_are_sent_it_once(
    office: Office, desk: Desk
) -> None:
    page = Reader(events(desk))
    queue, *_, status = await page.until("status")
    assert orjson.loads(status.data)["open"] == 1 and queue.event_id
    resumed = await Reader(events(desk, queue.event_id)).until("status")
    assert "queue" not in [one.name for one in resumed]
    await office.store([request("appr_2")])
    await desk.approvals.look()
    seen = [one for one in await page.until("queue") if one.name == "queue"]
    rows = read_page(seen[-1].data).all("li", "ask-row")
    assert [row.attributes["data-approval"] for row in rows] == ["appr_1", "appr_2"]
    missed = await Reader(events(desk, queue.event_id)).until("status")
    assert missed[0].name == "queue"


async def test_whoever_looks_at_one_is_told_when_it_changes_even_once_it_is_closed(
    office: Office, desk: Desk
) -> None:
    page = Reader(events(desk))
    told = await page.until("changed")
    assert orjson.loads(told[-1].data) == {"revision": 0}
    seen = request().arguments_hash
    await ApprovalDesk(office.sessions).refuse("appr_1", BEN, seen, "no", via="api")
    await desk.approvals.look()
    told = await page.until("changed")
    assert orjson.loads(told[-1].data) == {"revision": 1}
    queue = next(one for one in told if one.name == "queue")
    assert not read_page(queue.data).all("li", "ask-row")


async def test_words_are_sent_as_they_fall(office: Office, desk: Desk) -> None:
    page = Reader(events(desk))
    await page.until("status")
    office.show([started(), caller_turn("is it done")])
    told = await page.until("said")
    assert "is it done" in read_page(told[-1].data).text


async def test_what_has_less_time_left_comes_first(office: Office, desk: Desk) -> None:
    hasty = ApprovalPolicy(levels=(Level(Role.SUPERVISOR, timedelta(seconds=5)),))
    await office.store([request("appr_2", hasty)])
    await desk.approvals.look()
    first, second = desk.approvals.queue().waiting
    assert (first.parked.approval.approval_id, second.parked.approval.approval_id) == (
        "appr_2", "appr_1",
    )  # fmt: skip


async def test_one_query_serves_all_viewers_and_only_their_own_house(office: Office) -> None:
    await office.store([started(), request()])
    feed = ApprovalFeed(office.sessions)
    with feed.watch(HOUSE, "appr_1"), feed.watch("another", "appr_1"):
        await feed.look()
        assert feed.shown("appr_1", HOUSE) is not None
        assert feed.shown("appr_1", "another") is None
        assert (feed.queue(HOUSE).open_count, feed.queue("another").open_count) == (1, 0)


async def test_the_badge_is_counted_from_memory(office: Office) -> None:
    await office.log_in()
    await office.store([started(), request()])
    await office.dashboard.desk.approvals.look()
    assert (await office.client.get("/approvals/count")).json() == {"open": 1}
    page = await office.page("/calls")
    assert page.one("b", data_approval_count="").text == "1"
