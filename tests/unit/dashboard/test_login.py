"""Logging in, staying in, getting out, and everything that must not get in."""

from __future__ import annotations

import pytest
from tests.unit.dashboard.conftest import PASSWORD, Office, csrf_of

from trunkline.dashboard.security import CONTENT_SECURITY_POLICY
from trunkline.dashboard.sessions import SESSION_COOKIE
from trunkline.storage.audit import Audit
from trunkline.storage.users import UserRepository

PAGES = ["/", "/calls", "/calls/call_1", "/calls/call_1/recording", "/calls/call_1/peaks"]


@pytest.mark.parametrize("path", PAGES)
async def test_a_stranger_is_led_to_the_login_and_back(office: Office, path: str) -> None:
    answer = await office.client.get(path)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?to=" + path.replace("/", "%2F")


async def test_a_strangers_stream_and_partial_get_no_page(office: Office) -> None:
    stream = await office.client.get("/live/stream", headers={"accept": "text/event-stream"})
    partial = await office.client.get("/calls", headers={"hx-request": "true"})
    assert stream.status_code == partial.status_code == 401
    assert partial.headers["hx-redirect"] == "/login"


async def test_the_right_password_logs_in_with_a_cookie_scripts_cannot_read(office: Office) -> None:
    answer = await office.log_in("Sue ")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = next(
        value for value in answer.headers.get_list("set-cookie") if value.startswith(SESSION_COOKIE)
    )
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Secure" not in cookie
    assert (await office.client.get("/")).status_code == 200


async def test_over_https_the_cookie_is_secure_and_the_host_is_pinned(office: Office) -> None:
    office.client.base_url = "https://house"
    answer = await office.log_in()
    assert "Secure" in answer.headers["set-cookie"]
    assert "max-age" in answer.headers["strict-transport-security"]


@pytest.mark.parametrize(("name", "password"), [("sue", "wrong password"), ("nobody", PASSWORD)])
async def test_a_wrong_login_says_the_same_whatever_is_wrong(
    office: Office, name: str, password: str
) -> None:
    answer = await office.log_in(name, password)
    assert answer.status_code == 401
    assert "The user name or the password is wrong." in answer.text
    assert (await office.client.get("/")).status_code == 303


async def test_a_login_form_from_another_site_is_refused(office: Office) -> None:
    form = await office.client.get("/login")
    data = {"username": "sue", "password": PASSWORD, "csrf": csrf_of(form.text)}
    other = await office.client.post("/login", data=data, headers={"origin": "http://evil.example"})
    blind = await office.client.post("/login", data={**data, "csrf": "0" * 64})
    assert other.status_code == blind.status_code == 403


async def test_after_five_failures_even_the_right_password_waits(office: Office) -> None:
    for _ in range(5):
        assert (await office.log_in(password="wrong password")).status_code == 401
    answer = await office.log_in()
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) == 60
    office.clock.ms += 61_000
    assert (await office.log_in()).status_code == 303


async def test_a_login_leads_only_to_pages_of_ours(office: Office) -> None:
    form = await office.client.get("/login", params={"to": "//evil.example"})
    data = {"username": "sue", "password": PASSWORD, "csrf": csrf_of(form.text)}
    answer = await office.client.post("/login", data={**data, "to": "https://evil.example"})
    assert answer.headers["location"] == "/"


async def test_logging_out_needs_the_sessions_token_and_ends_it(office: Office) -> None:
    await office.log_in()
    assert (await office.client.post("/logout")).status_code == 403
    page = await office.client.get("/")
    answer = await office.client.post("/logout", data={"csrf": csrf_of(page.text)})
    assert answer.status_code == 303
    assert (await office.client.get("/")).status_code == 303
    async with office.sessions.reading() as session:
        actions = [link.action for link in await Audit(session).latest()]
    assert actions == ["operator.logged_out", "operator.logged_in"]


async def test_a_user_who_is_switched_off_is_out_at_once(office: Office) -> None:
    await office.log_in()
    async with office.sessions.writing() as session:
        users = UserRepository(session)
        sue = next(user for user in await users.list() if user.username == "sue")
        await users.set_active(sue.user_id, False)
    assert (await office.client.get("/")).status_code == 303


@pytest.mark.parametrize("path", ["/login", "/", "/nowhere", "/static/x/none.js"])
async def test_every_answer_carries_the_strict_headers(office: Office, path: str) -> None:
    headers = (await office.client.get(path)).headers
    assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY and "http" not in CONTENT_SECURITY_POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"


async def test_an_unknown_api_path_answers_as_an_api(office: Office) -> None:
    answer = await office.client.get("/api/v1/none")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 404


async def test_a_broken_page_says_so_and_shows_no_trace(office: Office) -> None:
    await office.log_in()
    await office.sessions.close()
    async with office.sessions.engine.begin() as connection:
        await connection.exec_driver_sql("DROP TABLE turns")
    answer = await office.client.get("/calls")
    assert answer.status_code == 500
    assert "Something broke" in answer.text
    assert "Traceback" not in answer.text and "turns" not in answer.text
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
