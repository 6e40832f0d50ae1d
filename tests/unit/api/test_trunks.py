from __future__ import annotations

from tests.unit.api.conftest import Api


async def test_trunks_are_for_keys_that_may_read_calls(api: Api) -> None:
    stranger = await api.key("realtime")
    assert (await api.http.get("/api/v1/trunks", headers=stranger)).status_code == 403
    assert (await api.http.get("/api/v1/trunks", headers={"authorization": ""})).status_code == 401


async def test_without_redis_nobody_can_say_how_the_trunks_stand(api: Api) -> None:
    answer = await api.http.get("/api/v1/trunks", headers=await api.key("calls:read"))
    assert (answer.status_code, answer.json()["code"]) == (503, "redis_away")
