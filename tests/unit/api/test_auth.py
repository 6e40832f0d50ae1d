from __future__ import annotations

import orjson
import pytest
from tests.unit.api.conftest import Api

from trunkline.runtime.buckets import Buckets
from trunkline.storage.audit import Audit
from trunkline.storage.keys import hash_key

ROUTES = [
    ("GET", "/api/v1/calls", "calls:read"),
    ("GET", "/api/v1/calls/call_x", "calls:read"),
    ("GET", "/api/v1/calls/call_x/events", "calls:read"),
    ("GET", "/api/v1/calls/call_x/recording", "recordings:read"),
    ("POST", "/api/v1/calls/call_x/hangup", "calls:control"),
    ("POST", "/api/v1/calls/call_x/cancel", "calls:write"),
    ("GET", "/api/v1/placements", "calls:read"),
    ("GET", "/api/v1/flows", "flows:read"),
    ("GET", "/api/v1/keys", "admin"),
    ("DELETE", "/api/v1/keys/key_x", "admin"),
    ("GET", "/api/v1/webhooks", "admin"),
    ("DELETE", "/api/v1/webhooks/wh_x", "admin"),
]
EVERY = ("calls:read", "calls:control", "calls:write", "recordings:read", "flows:read", "realtime")


@pytest.mark.parametrize(("method", "path", "scope"), ROUTES)
async def test_a_route_asks_for_a_key_with_its_scope(
    api: Api, method: str, path: str, scope: str
) -> None:
    without = await api.http.request(method, path, headers={"authorization": ""})
    assert without.status_code == 401
    assert without.headers["www-authenticate"] == "Bearer"
    others = await api.key(*(one for one in EVERY if one != scope))
    lacking = await api.http.request(method, path, headers=others)
    assert (lacking.status_code, lacking.json()["code"]) == (403, "missing_scope")
    assert scope in lacking.json()["detail"]
    right = await api.http.request(method, path, headers=await api.key(scope))
    assert right.status_code in (200, 404)


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer tk_wrong", "Basic YTpi", "tk_given_by_the_environment"]
)
async def test_a_wrong_key_is_refused(api: Api, header: str) -> None:
    answer = await api.http.get("/api/v1/calls", headers={"authorization": header})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"


async def test_guessing_keys_is_slowed_down(api: Api) -> None:
    answers = [
        await api.http.get("/api/v1/calls", headers={"authorization": f"Bearer tk_{number}"})
        for number in range(12)
    ]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_a_bucket_empties_refills_and_says_when() -> None:
    bucket = Buckets(burst=3, per_s=0.5)
    for _ in range(3):
        assert bucket.wait_s("a", 100) == 0
        bucket.take("a", 100)
    assert bucket.wait_s("a", 100) == 2
    assert bucket.wait_s("b", 100) == 0
    assert bucket.wait_s("a", 102) == 0
    assert bucket.level("a", 10_000) == 3


async def test_a_key_lives_from_its_making_to_its_revocation(api: Api) -> None:
    wanted = {"name": "billing", "scopes": ["calls:read"]}
    made = await api.http.post("/api/v1/keys", json=wanted)
    assert made.status_code == 201
    key, secret = made.json(), made.json()["key"]
    headers = {"authorization": f"Bearer {secret}"}
    assert (await api.http.get("/api/v1/calls", headers=headers)).status_code == 200
    exported = orjson.loads((api.data_dir / "authority.json").read_bytes())["keys"]
    assert hash_key(secret) in {entry["hash"] for entry in exported}
    (listed,) = (await api.http.get("/api/v1/keys")).json()
    assert listed["key_id"] == key["key_id"]
    assert listed["last_used_at"] is not None
    assert secret not in str(listed)
    assert (await api.http.delete(f"/api/v1/keys/{key['key_id']}")).status_code == 204
    assert (await api.http.get("/api/v1/calls", headers=headers)).status_code == 401
    assert orjson.loads((api.data_dir / "authority.json").read_bytes())["keys"] == []
    assert (await api.http.delete("/api/v1/keys/key_nobody")).status_code == 404
    async with api.sessions.reading() as session:
        links = await Audit(session).latest()
        assert await Audit(session).first_broken() is None
    assert [link.action for link in links] == ["key.revoked", "key.created"]


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "\x00"},
        {"scopes": []},
        {"scopes": ["root"]},
        {"expires_at": "2001-01-01T00:00:00"},
        {"expires_at": "0001-01-01T00:00:00+23:00"},
        {"expires_at": "soon"},
        {"more": 1},
    ],
)
async def test_a_key_that_makes_no_sense_is_not_made(api: Api, change: dict[str, object]) -> None:
    wanted = {"name": "billing", "scopes": ["calls:read"]} | change
    answer = await api.http.post("/api/v1/keys", json=wanted)
    assert answer.status_code == 422
    assert (await api.http.get("/api/v1/keys")).json() == []
