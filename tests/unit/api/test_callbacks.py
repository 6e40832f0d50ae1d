from __future__ import annotations

from tests.unit.api.conftest import Api
from tests.unit.storage.facts import CALL, after, started

from trunkline.domain.events import CallbackRequested
from trunkline.storage.journal import write_facts

WISH = CallbackRequested(CALL, after(9), 9000, "support", "+442071230000", 3, 8200)


async def test_callbacks_are_listed_and_ticked_off(api: Api) -> None:
    await write_facts(api.sessions, [started(), WISH])
    (wish,) = (await api.http.get("/api/v1/callbacks", params={"queue": "support"})).json()
    assert (wish["number"], wish["position"], wish["call_id"]) == ("+442071230000", 3, CALL)
    done = await api.http.post(f"/api/v1/callbacks/{wish['callback_id']}/done")
    assert done.status_code == 200 and done.json()["done_at"]
    assert (await api.http.get("/api/v1/callbacks")).json() == []
    all_of_them = await api.http.get("/api/v1/callbacks", params={"open": "false"})
    assert len(all_of_them.json()) == 1
    assert (await api.http.post("/api/v1/callbacks/cb_nobody/done")).status_code == 404


async def test_only_who_may_control_calls_ticks_them_off(api: Api) -> None:
    reader = await api.key("calls:read")
    assert (await api.http.get("/api/v1/callbacks", headers=reader)).status_code == 200
    answer = await api.http.post("/api/v1/callbacks/cb_x/done", headers=reader)
    assert answer.status_code == 403
