"""The streams, event by event: what a page is sent first, later, and after it was away."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import timedelta

import orjson
import pytest
from starlette.requests import Request
from tests.unit.dashboard.conftest import Office
from tests.unit.dashboard.page import read_page
from tests.unit.dashboard.story import START, Story, balance_call, whole_call

from trunkline.dashboard import call_detail, live_feed, live_pages
from trunkline.dashboard.deps import Desk, Operator, shell_context
from trunkline.dashboard.live_feed import LiveFeed, seen_by
from trunkline.dashboard.sse import event
from trunkline.domain.errors import TooMany
from trunkline.domain.turn import Speaker
from trunkline.storage.views import UserView


@dataclass
class Event:
    name: str
    data: str
    event_id: str


@dataclass
class Reader:
    events: AsyncGenerator[bytes]

    async def next(self) -> Event:
        """The next event, read as a browser reads it."""
        while True:
            fields: dict[str, list[str]] = {}
            for line in (await anext(self.events)).decode().strip("\n").split("\n"):
                name, _, value = line.partition(": ")
                fields.setdefault(name, []).append(value)
            if "event" in fields:
                name, event_id = fields["event"][0], fields.get("id", [""])[0]
                return Event(name, "\n".join(fields["data"]), event_id)

    async def until(self, name: str) -> list[Event]:
        seen = [await self.next()]
        while seen[-1].name != name:
            seen.append(await self.next())
        return seen


@dataclass
class Watch:
    """A desk whose streams do not wait, so that a test runs at once."""

    office: Office
    desk: Desk

    def context(self) -> dict[str, object]:
        user = UserView("user_1", "sue", "supervisor", True, START, None, "house")
        scope = {
            "type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b"",
            "scheme": "http", "server": ("house", 80),
        }  # fmt: skip
        operator = Operator(user, "nonce", "csrf", False)
        return dict(shell_context(Request(scope), self.desk, operator))

    def live(self, last: str = "") -> Reader:
        return Reader(live_pages.live_events(self.desk, True, seen_by(None, last)))

    def call(self, last: str = "") -> Reader:
        story = Story()
        return Reader(
            call_detail.call_events(self.desk, story.call_id, self.context(), seen_by(last, None))
        )

    def show(self, story: Story, first: int) -> None:
        """Put the story's facts from ``first`` on the board and wake who watches."""
        self.office.show(story.facts[first:])
        self.desk.deps.feed._tell({story.call_id})


@pytest.fixture
def watch(office: Office, monkeypatch: pytest.MonkeyPatch) -> Watch:
    for module in (live_pages, call_detail):
        monkeypatch.setattr(module, "HEARTBEAT_S", 0.01)
        monkeypatch.setattr(module, "COALESCE_S", 0.0)
    office.deps.feed.is_connected = True
    return Watch(office, Desk(office.deps))


async def test_a_new_page_gets_every_row_the_order_and_the_servers_clock(watch: Watch) -> None:
    story = Story()
    next(balance_call(story))
    watch.office.show(story.facts)
    row, sync, status = await watch.live().until("status")
    assert read_page(row.data).one("li").attributes["data-call"] == "call_story"
    assert orjson.loads(sync.data) == ["call_story"]
    assert orjson.loads(status.data) == {
        "now": int(START.timestamp() * 1000),
        "live": 1,
        "degraded": False,
    }


async def test_a_change_sends_one_row_and_its_stream_id(watch: Watch) -> None:
    story = Story()
    story.ring()
    watch.office.show(story.facts)
    reader = watch.live()
    await reader.until("status")
    told = len(story.facts)
    story.turn(Speaker.CALLER, "my balance")
    watch.show(story, told)
    changed = await reader.until("status")
    assert [one.name for one in changed] == ["row", "status"]
    assert "my balance" in changed[0].data
    assert changed[1].event_id == f"{watch.office.stream_ms}-0"


async def test_a_page_that_missed_nothing_is_sent_no_row(watch: Watch) -> None:
    story = Story()
    story.ring()
    watch.office.show(story.facts)
    names = [one.name for one in await watch.live(f"{watch.office.stream_ms}-0").until("status")]
    assert names == ["sync", "status"]


async def test_pages_that_watch_together_share_a_row_and_rights_keep_it_apart(watch: Watch) -> None:
    story = Story()
    story.ring()
    watch.office.show(story.facts)
    call = watch.desk.deps.feed.board.calls[story.call_id]
    rows = watch.desk.live_rows
    mine = rows.row(call, can_hang_up=True)
    assert rows.row(call, can_hang_up=True) is mine
    assert "hang-up" in mine and "hang-up" not in rows.row(call, can_hang_up=False)
    watch.office.show([story.partial("my balance")])
    assert "my balance" in rows.row(call, can_hang_up=True)
    rows.keep([])
    assert not rows._rows


async def test_an_ended_call_leaves_the_page_after_a_moment(watch: Watch) -> None:
    story = Story()
    story.ring()
    story.end()
    watch.office.show(story.facts)
    reader = watch.live()
    row = (await reader.until("status"))[0]
    assert "is-ended" in row.data
    watch.office.clock.time += timedelta(seconds=60)
    sync = (await reader.until("sync"))[-1]
    assert orjson.loads(sync.data) == []


async def test_a_stream_ends_when_the_server_stops(watch: Watch) -> None:
    reader = watch.live()
    await reader.until("status")
    watch.desk.deps.feed.close()
    with pytest.raises(StopAsyncIteration):
        while True:
            await reader.next()


async def test_a_stream_ends_by_itself_so_that_the_login_is_looked_at_again(watch: Watch) -> None:
    reader = watch.live()
    await reader.until("status")
    watch.office.clock.ms += live_pages.MAX_STREAM_S * 1000 + 1
    with pytest.raises(StopAsyncIteration):
        while True:
            await reader.next()


async def test_a_calls_page_gets_its_entries_then_only_new_ones(watch: Watch) -> None:
    story = Story()
    scenes = balance_call(story)
    for _ in range(3):
        next(scenes)
    await watch.office.store(story.facts)
    watch.office.show(story.facts)
    reader = watch.call()
    first = await reader.until("now")
    assert [one.name for one in first] == ["entry", "entry", "now"]
    assert "hi what&#39;s my" in first[-1].data
    told = len(story.facts)
    next(scenes)
    watch.show(story, told)
    news = await reader.until("now")
    keys = [read_page(one.data).one("li").attributes["data-key"] for one in news[:-1]]
    assert keys == ["turn_call_story_2", "step_6680_ask_account", "turn_call_story_3"]
    assert news[-1].event_id == f"{watch.office.stream_ms}-0"


async def test_a_calls_page_that_comes_back_gets_what_it_missed(watch: Watch) -> None:
    story = Story()
    story.ring()
    story.turn(Speaker.CALLER, "one")
    await watch.office.store(story.facts)
    watch.office.show(story.facts)
    last = f"{watch.office.stream_ms}-0"
    told = len(story.facts)
    story.turn(Speaker.CALLER, "two")
    watch.show(story, told)
    news = await watch.call(last).until("now")
    assert [one.name for one in news] == ["entry", "now"]
    assert "two" in news[0].data


async def test_the_end_is_told_when_storage_knows_it(watch: Watch) -> None:
    facts = whole_call()
    watch.office.show(facts)
    await watch.office.store(facts)
    assert (await watch.call().until("ended"))[-1].name == "ended"


async def test_without_the_stream_a_calls_page_is_told_to_fetch_itself(watch: Watch) -> None:
    story = Story()
    story.ring()
    await watch.office.store(story.facts)
    watch.desk.deps.feed.is_connected = False
    reader = watch.call()
    assert (await reader.next()).name == "stale"
    story.end()
    await watch.office.store(story.facts)
    assert (await reader.until("ended"))[-1].name == "ended"


def test_a_line_break_in_data_cannot_start_an_event() -> None:
    written = event("row", "a\r\nevent: ended\n\ndata: x\u2028y", "1-2").decode()
    assert written == (
        "event: row\nid: 1-2\ndata: a\ndata: event: ended\ndata: \ndata: data: x\ndata: y\n\n"
    )


async def test_a_slow_page_holds_calls_not_facts(watch: Watch) -> None:
    story = Story()
    story.ring()
    with watch.desk.deps.feed.subscribe() as slow:
        for _ in range(10_000):
            slow.tell([story.call_id])
        assert await slow.wait(0.1) == {story.call_id}
        assert await slow.wait(0.001) == set()


async def test_more_pages_than_the_server_serves_are_turned_away(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_feed, "MAX_SUBSCRIBERS", 1)
    feed: LiveFeed = watch.desk.deps.feed
    feed.check_room()
    with feed.subscribe(), pytest.raises(TooMany):
        feed.check_room()
    feed.check_room()
