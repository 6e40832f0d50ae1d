"""Signed links over the API and in webhooks: looked at, used once, and refused alike."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import orjson
from tests.unit.api.conftest import Api
from tests.unit.jobs.test_relay import Receiver, Wall
from tests.unit.storage.facts import started
from tests.unit.storage.test_approvals import PARKED

from trunkline.jobs.relay import relay
from trunkline.storage.journal import write_facts
from trunkline.storage.secret import installation_secret
from trunkline.storage.users import create_user

LINKS = "/api/v1/approval-links"
URL = "https://trunkline.example.org"


async def received(api: Api, *, has_links: bool = True) -> list[dict[str, object]]:
    """The links in what a webhook is posted; the relay signs with the installation's own key."""
    await create_user(api.sessions, "sue", "a long password 1", "supervisor", datetime.now(UTC))
    hook = {
        "url": "http://bot.example/hook",
        "events": ["approval.requested"],
        "decision_links": has_links,
    }
    made = await api.http.post("/api/v1/webhooks", json=hook)
    assert made.json()["decision_links"] is has_links
    await write_facts(api.sessions, [started(), PARKED])
    receiver, secret = Receiver(), installation_secret(api.data_dir)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=receiver)) as client:
        clock = Wall(datetime.now(UTC))
        assert await relay(api.sessions, client, secret, clock, base_url=URL) == 1
    links: list[dict[str, object]] = orjson.loads(receiver.seen[0][1])["data"].get("links", [])
    return links


async def test_a_webhook_that_is_trusted_gets_a_link_for_each_who_may_decide(api: Api) -> None:
    (link,) = await received(api)
    assert (link["user"], link["role"], link["decisions"]) == (
        "sue",
        "supervisor",
        ["grant", "refuse"],
    )
    assert link["url"] == f"{URL}/decide/{link['token']}"
    nobody = {"authorization": ""}
    look = await api.http.post(f"{LINKS}/look", json={"token": link["token"]}, headers=nobody)
    told = look.json()
    assert (told["arguments"], told["person_id"]) == (PARKED.arguments, "user:sue")
    assert look.headers["cache-control"] == "no-store"
    choice = {"token": link["token"], "decision": "grant"}
    decided = await api.http.post(f"{LINKS}/decide", json=choice, headers=nobody)
    assert decided.json()["state"] == "granted"
    again = await api.http.post(f"{LINKS}/decide", json=choice, headers=nobody)
    assert (again.status_code, again.json()["code"]) == (409, "link_used")
    late = await api.http.post(f"{LINKS}/look", json={"token": link["token"]}, headers=nobody)
    assert (late.status_code, late.json()["code"]) == (409, "link_used")


async def test_a_webhook_that_nobody_trusted_gets_none(api: Api) -> None:
    assert await received(api, has_links=False) == []


async def test_forged_links_are_one_error_and_soon_too_many(api: Api) -> None:
    (link,) = await received(api)
    forged = str(link["token"])[:-3] + "AAA"
    answers = [
        await api.http.post(f"{LINKS}/look", json={"token": token})
        for token in [forged, "lk_nonsense", "x"] * 3 + [forged, forged]
    ]
    problems = {(one.status_code, one.json()["code"]) for one in answers[:10]}
    assert problems == {(404, "link_invalid")}
    assert answers[-1].status_code == 429 and int(answers[-1].headers["retry-after"]) > 0


async def test_a_new_key_can_end_every_link_at_once(api: Api) -> None:
    (link,) = await received(api)
    kept = await api.http.post(f"{LINKS}/keys", json={})
    assert (kept.status_code, kept.json()) == (201, {"generation": 2})
    assert (await api.http.post(f"{LINKS}/look", json={"token": link["token"]})).status_code == 200
    await api.http.post(f"{LINKS}/keys", json={"at_once": True})
    gone = await api.http.post(f"{LINKS}/look", json={"token": link["token"]})
    assert gone.json()["code"] == "link_invalid"
    refused = await api.http.post(
        f"{LINKS}/keys", json={}, headers=await api.key("approvals:manage")
    )
    assert refused.status_code == 403
