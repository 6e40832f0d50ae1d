from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import orjson
from tests.unit.api.conftest import Api

from trunkline.realtime.model_table import price_list
from trunkline.realtime.usage import TokenUsage, UsageRecord
from trunkline.storage.usage import UsageRepository

AT = datetime(2026, 11, 20, tzinfo=UTC)
RECORD = UsageRecord(
    session_id="sess_1",
    seq=1,
    kind="realtime",
    key_id="key_a",
    model="trunkline-realtime-2026-11-21",
    engine="cascade",
    began_at=AT,
    at=AT,
    responses=1,
    tokens=TokenUsage(text_in=1_000_000),
)
SPAN = {"since": "2026-11-19T00:00:00Z", "to": "2026-11-21T00:00:00Z"}


async def test_usage_is_summed_by_what_is_asked_for(api: Api) -> None:
    async with api.sessions.writing() as session:
        for record in (RECORD, replace(RECORD, session_id="sess_2", key_id="key_b")):
            await UsageRepository(session).store(record, price_list(()), "USD")
    answer = await api.http.get("/api/v1/usage", params={**SPAN, "group_by": "key_id"})
    assert [(one["group"], one["cost"]) for one in answer.json()["data"]] == [
        ("key_a", 5.0),
        ("key_b", 5.0),
    ]


async def test_usage_is_for_admins_and_wants_a_span_that_is_one(api: Api) -> None:
    stranger = await api.key("realtime")
    assert (await api.http.get("/api/v1/usage", headers=stranger)).status_code == 403
    turned = {"since": SPAN["to"], "to": SPAN["since"]}
    answer = await api.http.get("/api/v1/usage", params=turned)
    assert answer.status_code == 422 and "since" in answer.text


async def test_a_keys_quota_reaches_the_file_that_the_model_server_reads(api: Api) -> None:
    quota = {"sessions": 2, "requests_per_minute": 60, "tokens_per_day": 1000}
    quota |= {"calls_at_once": 1, "calls_per_day": 0}
    body = {"name": "web", "scopes": ["realtime"], "quota": quota}
    made = await api.http.post("/api/v1/keys", json=body)
    assert made.status_code == 201 and made.json()["quota"] == quota
    stored = orjson.loads((api.data_dir / "authority.json").read_bytes())["keys"]
    (one,) = [key for key in stored if key["id"] == made.json()["key_id"]]
    assert one["quota"] == quota
    body["quota"] = {"sessions": -1}
    assert (await api.http.post("/api/v1/keys", json=body)).status_code in (400, 422)
