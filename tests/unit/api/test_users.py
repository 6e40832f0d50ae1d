"""Users over the API: added, changed and kept out by admins alone."""

from __future__ import annotations

from tests.unit.api.conftest import Api

USERS = "/api/v1/users"


async def test_an_admin_adds_changes_and_keeps_out_users(api: Api) -> None:
    wanted = {"username": "Ann", "role": "admin", "email": "ann@example.org"}
    ann = (await api.http.post(USERS, json=wanted)).json()
    assert (ann["username"], len(ann["password"])) == ("ann", 20)
    taken = await api.http.post(USERS, json=wanted)
    assert (taken.status_code, taken.json()["code"]) == (409, "username_taken")
    path = f"{USERS}/{ann['user_id']}"
    last = await api.http.patch(path, json={"is_active": False})
    assert (last.status_code, last.json()["code"]) == (409, "last_admin")
    mail = await api.http.patch(path, json={"email": "nowhere"})
    assert (mail.status_code, mail.json()["param"]) == (422, "email")
    changed = await api.http.patch(path, json={"email": ""})
    assert (changed.json()["email"], changed.json()["role"]) == ("", "admin")
    rings = await api.http.patch(path, json={"phone": " +442071230000 "})
    assert (rings.json()["phone"], rings.json()["role"]) == ("+442071230000", "admin")
    spoilt = await api.http.patch(path, json={"phone": "12\n34"})
    assert (spoilt.status_code, spoilt.json()["param"]) == (422, "phone")
    fresh = await api.http.post(f"{path}/password")
    assert fresh.json()["password"] != ann["password"]
    assert "password" not in (await api.http.get(USERS)).text
    missing = await api.http.patch(f"{USERS}/user_nobody", json={"role": "viewer"})
    assert (missing.status_code, missing.json()["code"]) == (404, "user_not_found")


async def test_nobody_else_does(api: Api) -> None:
    key = await api.key("approvals:manage", "calls:control")
    assert (await api.http.get(USERS, headers=key)).status_code == 403
    assert (await api.http.post(USERS, json={}, headers=key)).status_code in (403, 422)
