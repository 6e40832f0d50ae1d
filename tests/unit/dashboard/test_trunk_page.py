"""The page of trunks: for those who may see it, and honest when nobody tells."""

from __future__ import annotations

from tests.unit.dashboard.conftest import Office


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
