"""The page of trunks: for those who may see it, and honest when nobody tells."""

from __future__ import annotations

from dataclasses import replace

import httpx
from redis.asyncio import Redis
from tests.unit.calls.test_trunk_board import CARRIER
from tests.unit.dashboard.conftest import Office

from trunkline.calls.trunk_board import TrunkBoard, TrunkReading
from trunkline.dashboard.app import Dashboard


class Told(TrunkBoard):
    """What two edges say, without a Redis between."""

    async def read(self) -> tuple[TrunkReading, ...]:
        away = replace(CARRIER, name="backup", is_registered=False, problem="<no answer>")
        return (CARRIER, replace(CARRIER, calls_up=1), away)


async def test_a_trunk_stands_there_with_what_all_edges_say_of_it(office: Office) -> None:
    board = Told(Redis(), office.clock)
    told = Dashboard(replace(office.deps, trunks=board))
    transport = httpx.ASGITransport(told.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://house") as client:
        there = replace(office, dashboard=told, client=client)
        await there.log_in()
        page = await there.page("/trunks")
    carrier, backup = page.all("tr", data_trunk="carrier"), page.all("tr", data_trunk="backup")
    assert "3 of 30" in carrier[0].text and "2 edges" in carrier[0].text
    assert "up" in carrier[0].text
    assert "not registered" in backup[0].text and "<no answer>" in backup[0].text


async def test_without_anybody_who_tells_the_page_says_so(office: Office) -> None:
    await office.log_in()
    page = await office.page("/trunks")
    assert "Redis is away" in page.text
    assert not page.all("table")
    assert (await office.page("/")).all("a", href="/trunks")


async def test_a_viewer_does_not_see_the_trunks(office: Office) -> None:
    await office.log_in("vic")
    assert (await office.client.get("/trunks")).status_code == 403
    assert not (await office.page("/")).all("a", href="/trunks")
