from __future__ import annotations

import pytest
from tests.unit.storage.facts import NOON, after

from trunkline.domain.errors import Conflict, Invalid, NotFound
from trunkline.storage.engine import Sessions
from trunkline.storage.rows import UserRow
from trunkline.storage.users import UserRepository, authenticate, change_password, create_user

PASSWORD = "correct horse battery"


async def test_a_user_logs_in_with_the_right_password_only(sessions: Sessions) -> None:
    made = await create_user(sessions, " Ada ", PASSWORD, "admin", NOON)
    assert made.username == "ada"
    assert await authenticate(sessions, "ada", PASSWORD + "x", NOON) is None
    assert await authenticate(sessions, "ada", "", NOON) is None
    assert await authenticate(sessions, "ada", "x" * 100_000, NOON) is None
    assert await authenticate(sessions, "bob", PASSWORD, NOON) is None
    user = await authenticate(sessions, "ADA", PASSWORD, after(5))
    assert user is not None
    assert user.role == "admin"
    assert user.last_login_at == after(5)


async def test_the_password_itself_is_not_stored(sessions: Sessions) -> None:
    made = await create_user(sessions, "ada", PASSWORD, "admin", NOON)
    async with sessions.reading() as session:
        row = await session.get_one(UserRow, made.user_id)
    assert row.password_hash.startswith("$argon2id$")
    assert PASSWORD not in row.password_hash


async def test_a_user_who_was_switched_off_does_not_get_in(sessions: Sessions) -> None:
    made = await create_user(sessions, "ada", PASSWORD, "viewer", NOON)
    async with sessions.writing() as session:
        await UserRepository(session).set_active(made.user_id, False)
    assert await authenticate(sessions, "ada", PASSWORD, NOON) is None


async def test_a_changed_password_replaces_the_old_one(sessions: Sessions) -> None:
    made = await create_user(sessions, "ada", PASSWORD, "viewer", NOON)
    await change_password(sessions, made.user_id, "another password")
    assert await authenticate(sessions, "ada", PASSWORD, NOON) is None
    assert await authenticate(sessions, "ada", "another password", NOON) is not None
    with pytest.raises(NotFound):
        await change_password(sessions, "user_nobody", "another password")


async def test_a_name_is_taken_once_whatever_its_case(sessions: Sessions) -> None:
    await create_user(sessions, "ada", PASSWORD, "viewer", NOON)
    with pytest.raises(Conflict):
        await create_user(sessions, "ADA", PASSWORD, "admin", NOON)
    async with sessions.reading() as session:
        assert [user.role for user in await UserRepository(session).list()] == ["viewer"]
        assert await UserRepository(session).count() == 1


@pytest.mark.parametrize(
    ("name", "password", "role", "param"),
    [
        ("", PASSWORD, "admin", "username"),
        ("x" * 101, PASSWORD, "admin", "username"),
        ("a\x00b", PASSWORD, "admin", "username"),
        ("ada", "short", "admin", "password"),
        ("ada", "x" * 1001, "admin", "password"),
        ("ada", PASSWORD, "god", "role"),
    ],
)
async def test_a_wrong_value_is_named(
    sessions: Sessions, name: str, password: str, role: str, param: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        await create_user(sessions, name, password, role, NOON)
    assert refusal.value.param == param
