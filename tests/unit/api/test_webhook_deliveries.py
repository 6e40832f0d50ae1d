"""Deliveries over the API: what became of each, and any of them once more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
from sqlalchemy import update
from tests.unit.api.conftest import Api
from tests.unit.jobs.test_relay import SECRET, Receiver, Wall
from tests.unit.storage.facts import whole_call

from trunkline.jobs.relay import relay
from trunkline.storage.journal import write_facts
from trunkline.storage.rows import OutboxRow


async def hook(api: Api) -> str:
    wanted = {"url": "http://shop.example/hook", "events": ["call.ended"]}
    made = await api.http.post("/api/v1/webhooks", json=wanted)
    await write_facts(api.sessions, whole_call())
    return f"/api/v1/webhooks/{made.json()['webhook_id']}/deliveries"


async def test_a_delivery_that_was_made_is_made_again_under_the_same_id(api: Api) -> None:
    path, receiver = await hook(api), Receiver()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=receiver)) as client:
        clock = Wall(datetime.now(UTC))
        assert await relay(api.sessions, client, SECRET, clock) == 1
        (one,) = (await api.http.get(path, params={"state": "delivered"})).json()
        assert (one["event"], one["attempts"], one["due_at"]) == ("call.ended", 1, None)
        assert await relay(api.sessions, client, SECRET, clock) == 0
        again = await api.http.post(f"{path}/{one['delivery_id']}/replay")
        assert (again.status_code, again.json()["state"]) == (202, "waiting")
        assert await relay(api.sessions, client, SECRET, Wall(datetime.now(UTC))) == 1
    (first, body), (second, again_body) = receiver.seen
    assert first["webhook-id"] == second["webhook-id"] == one["delivery_id"]
    assert body == again_body
    shown = (await api.http.get(f"{path}/{one['delivery_id']}")).json()
    assert shown["body"]["type"] == "call.ended"


async def test_what_was_given_up_gets_another_day_of_tries(api: Api) -> None:
    path, receiver = await hook(api), Receiver(status=500)
    long_ago = datetime.now(UTC) - timedelta(days=9)
    async with api.sessions.writing() as session:
        await session.execute(update(OutboxRow).values(given_up_at=long_ago, created_at=long_ago))
    (one,) = (await api.http.get(path, params={"state": "given_up"})).json()
    await api.http.post(f"{path}/{one['delivery_id']}/replay")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=receiver)) as client:
        await relay(api.sessions, client, SECRET, Wall(datetime.now(UTC)))
    (one,) = (await api.http.get(path)).json()
    assert (one["state"], one["last_error"]) == ("waiting", "HTTP 500")


async def test_what_is_being_delivered_or_is_not_there_is_not_replayed(api: Api) -> None:
    path = await hook(api)
    (one,) = (await api.http.get(path)).json()
    async with api.sessions.writing() as session:
        soon = datetime.now(UTC) + timedelta(minutes=1)
        await session.execute(update(OutboxRow).values(lease="lease_1", leased_until=soon))
    held = await api.http.post(f"{path}/{one['delivery_id']}/replay")
    assert (held.status_code, held.json()["code"]) == (409, "delivery_under_way")
    missing = await api.http.post(f"{path}/evt_nothing/replay")
    assert (missing.status_code, missing.json()["code"]) == (404, "delivery_not_found")
    other = await api.http.get("/api/v1/webhooks/wh_nothing/deliveries")
    assert (other.status_code, other.json()["code"]) == (404, "webhook_not_found")
    refused = await api.http.get(path, headers=await api.key("calls:read"))
    assert refused.status_code == 403
