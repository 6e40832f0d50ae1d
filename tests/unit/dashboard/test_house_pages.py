"""The pages of the house: rules of approvals in versions, and users with their sessions."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
from tests.unit.dashboard.conftest import PASSWORD, Office, csrf_of
from tests.unit.dashboard.page import Node, read_page
from tests.unit.dashboard.story import START

from trunkline.dashboard.deps import Operator
from trunkline.dashboard.operator_stream import while_in_force
from trunkline.storage.house_rules import HouseRulesStore
from trunkline.storage.users import UserRepository, authenticate, create_user


async def as_role(office: Office, name: str, role: str) -> None:
    await create_user(office.sessions, name, PASSWORD, role, START)
    await office.log_in(name)


async def post(office: Office, path: str, page: str, **form: str) -> tuple[int, Node]:
    shown = await office.client.get(page)
    data = {"csrf": csrf_of(shown.text), **form}
    answer = await office.client.post(path, data=data)
    return answer.status_code, read_page(answer.text) if answer.text else Node("none", {})


async def test_a_manager_tightens_what_flows_demand(office: Office) -> None:
    await as_role(office, "may", "manager")
    page = await office.page("/policies")
    assert "pay_bill" in page.text and "none yet" in page.text
    rules = {"version": "0", "limit.supervisor": "100.00", "longest_sla_s": "20"}
    status, _ = await post(office, "/policies", "/policies", **rules)
    assert status == 303
    page = await office.page("/policies?done=saved")
    assert "supervisor up to 100.00" in page.text and "version 1, may" in page.text
    (field,) = page.all("input", name="limit.supervisor")
    assert field.attributes["value"] == "100.00"
    # Somebody who still looks at the rules as they were does not overwrite them.
    status, page = await post(office, "/policies", "/policies", version="0")
    assert status == 409 and "meanwhile" in page.one("p", "alert").text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit.supervisor", "lots"),
        ("longest_sla_s", "1"),
        ("longest_sla_s", "a while"),
        ("quiet_hours", "at night"),
        ("quiet_role", "viewer"),
    ],
)
async def test_what_cannot_be_read_is_said_and_stays_in_the_form(
    office: Office, name: str, value: str
) -> None:
    await as_role(office, "may", "manager")
    status, page = await post(office, "/policies", "/policies", **{"version": "0", name: value})
    assert status == 422 and page.one("p", "alert").text
    for field in page.all("input", name=name):
        assert field.attributes["value"] == value
    async with office.sessions.reading() as session:
        assert (await HouseRulesStore(session).current()).version == 0


async def test_a_supervisor_looks_and_a_viewer_does_not(office: Office) -> None:
    await office.log_in("sue")
    page = await office.page("/policies")
    assert not page.one("form", "rules").all("button")
    status, _ = await post(office, "/policies", "/policies", version="0")
    assert status == 403
    assert (await office.client.get("/users")).status_code == 403
    office.client.cookies.clear()
    await office.log_in("vic")
    assert (await office.client.get("/policies")).status_code == 403


async def test_an_admin_adds_changes_and_switches_off_users(office: Office) -> None:
    await as_role(office, "ada", "admin")
    new = {"username": "Ben", "role": "supervisor", "email": "ben@example.org"}
    status, page = await post(office, "/users", "/users", **new)
    made = page.one("code", data_made="").text
    user = await authenticate(office.sessions, "ben", made, START)
    assert status == 200 and user is not None and user.email == "ben@example.org"
    path = f"/users/{user.user_id}"
    assert (await post(office, path, "/users", role="manager", email="", phone="201"))[0] == 303
    status, page = await post(office, path, "/users", role="manager", email="nowhere")
    assert status == 422 and "address" in page.one("p", "alert").text
    assert (await post(office, f"{path}/disable", "/users"))[0] == 303
    assert "switched off" in (await office.page("/users")).text
    async with office.sessions.reading() as session:
        after = await UserRepository(session).find("ben")
        ada = await UserRepository(session).find("ada")
    assert (after.role, after.email, after.phone) == ("manager", "", "201")
    assert not after.is_active
    status, page = await post(office, f"/users/{ada.user_id}/disable", "/users")
    assert status == 409 and "last admin" in page.one("p", "alert").text


async def test_a_session_ends_with_its_user_and_with_their_password(office: Office) -> None:
    await office.log_in("sue")
    async with office.sessions.writing() as session:
        users = UserRepository(session)
        sue = await users.find("sue")
        await users.set_active(sue.user_id, False)
    assert (await office.client.get("/approvals")).status_code == 303
    async with office.sessions.writing() as session:
        await UserRepository(session).set_active(sue.user_id, True)
    # Switched on again, the old cookie is still worth nothing.
    await office.log_in("vic")
    cookie = office.client.cookies.get("trunkline_session") or ""
    async with office.sessions.writing() as session:
        users = UserRepository(session)
        vic = await users.find("vic")
        await users.set_password_hash(vic.user_id, "-")
    office.client.cookies.set("trunkline_session", cookie)
    assert (await office.client.get("/approvals")).status_code == 303


async def test_an_open_stream_ends_with_its_users_session(office: Office) -> None:
    async def beats() -> AsyncGenerator[bytes]:
        while True:
            yield b"beat"

    async with office.sessions.reading() as session:
        user = await UserRepository(session).find("sue")
    desk = office.dashboard.desk
    events = while_in_force(desk, Operator(user, "nonce", "csrf", False), beats())
    assert await anext(events) == b"beat"
    office.clock.ms += 6000
    assert await anext(events) == b"beat"
    async with office.sessions.writing() as session:
        await UserRepository(session).set_active(user.user_id, False)
    assert await anext(events) == b"beat", "between two looks nothing is asked"
    office.clock.ms += 6000
    assert [piece async for piece in events] == []
