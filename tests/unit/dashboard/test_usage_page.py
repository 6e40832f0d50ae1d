"""Usage by key, model and day: laid out right, and shown to those who may see it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.unit.dashboard.conftest import Office
from tests.unit.dashboard.story import START
from tests.unit.storage.test_usage import RECORD, store

from trunkline.dashboard.usage_days import days_until, draw, midnights, sheets
from trunkline.realtime.usage import TokenUsage
from trunkline.storage.keys import KeyRepository
from trunkline.storage.usage import DayUsage

DAYS = (date(2026, 11, 20), date(2026, 11, 21))
ONE = DayUsage(
    day=0, key_id="key_a", model="m", currency="USD", sessions=1, responses=2, text_in=10,
    audio_in=5, cached_text_in=4, cached_audio_in=0, text_out=3, audio_out=2, transcribed_ms=0,
    cost=1.0,
)  # fmt: skip


def test_days_are_those_of_the_operators_zone() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    days = days_until(datetime(2026, 11, 20, 22, tzinfo=UTC), 2, tokyo)
    assert days == DAYS
    assert [one.isoformat() for one in midnights(days, tokyo)] == [
        "2026-11-20T00:00:00+09:00",
        "2026-11-21T00:00:00+09:00",
        "2026-11-22T00:00:00+09:00",
    ]


def test_currencies_are_never_added_to_each_other() -> None:
    rows = [ONE, replace(ONE, day=1, cost=3.0), replace(ONE, key_id="key_b", currency="EUR")]
    euro, dollar = sheets(rows, DAYS, "cost")
    assert (euro.currency, euro.total.cost, dollar.currency, dollar.total.cost) == (
        "EUR", 1.0, "USD", 4.0,
    )  # fmt: skip
    assert [used.cost for used in dollar.by_day] == [1.0, 3.0] and dollar.top == 3.0
    assert (dollar.total.tokens_in, dollar.total.cached_in, dollar.total.tokens_out) == (30, 8, 10)


def test_the_dearest_comes_first_and_a_small_day_is_still_seen() -> None:
    rows = [ONE, replace(ONE, key_id="key_b", cost=9.0)]
    (sheet,) = sheets(rows, DAYS, "requests")
    assert [line.key_id for line in sheet.lines] == ["key_b", "key_a"]
    tiny, high = draw([0.001, 1000.0], DAYS, 100, 50)
    assert tiny.height > 1 and (high.y, high.height) == (0, 50)
    assert all(bar.height == 0 for bar in draw([0.0, 0.0], DAYS, 100, 50))


async def test_the_page_names_keys_and_keeps_to_what_was_asked(office: Office) -> None:
    await office.log_in()
    async with office.sessions.writing() as session:
        key, _ = await KeyRepository(session).create("web shop", ["realtime"], START)
    today = replace(RECORD, key_id=key.key_id, began_at=START, tokens=TokenUsage(text_in=2_000_000))
    await store(
        office.sessions,
        today,
        replace(today, session_id="sess_2", key_id="environment", model="another"),
        replace(today, session_id="sess_3", began_at=START - timedelta(days=60)),
    )
    page = await office.page("/usage")
    rows = page.all("table", "usage-table")[0].one("tbody").all("tr")
    assert len(rows) == 2
    told = {row.one("td", "u-key").text: row.text for row in rows}
    assert "2,000,000" in told["web shop"] and "TRUNKLINE_API_KEY" in told
    assert len(page.one("figure", "usage-chart").all("rect", "bar")) == 30
    page = await office.page(f"/usage?days=90&key={key.key_id}")
    (row,) = page.all("table", "usage-table")[0].one("tbody").all("tr")
    assert "4,000,000" in row.text
    empty = await office.page("/usage?model=none")
    assert "Nothing was used" in empty.text


async def test_a_viewer_does_not_see_what_was_used(office: Office) -> None:
    await office.log_in("vic")
    assert (await office.client.get("/usage")).status_code == 403
    assert not (await office.page("/")).all("a", href="/usage")
