"""``trunkline users`` over a migrated database, as an operator would give the commands."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result
from tests.unit.cli.test_flow_versions import data_dir

from trunkline.cli.main import main
from trunkline.storage.audit import Audit
from trunkline.storage.engine import open_sessions
from trunkline.storage.users import authenticate
from trunkline.storage.views import AuditView, UserView

__all__ = ["data_dir"]


def run(*words: str, typed: str = "") -> Result:
    return CliRunner().invoke(main, ["users", *words], input=typed)


def look(folder: Path, name: str, password: str) -> tuple[UserView | None, tuple[AuditView, ...]]:
    async def read() -> tuple[UserView | None, tuple[AuditView, ...]]:
        sessions = open_sessions(f"sqlite+aiosqlite:///{folder / 'trunkline.db'}", pooled=False)
        user = await authenticate(sessions, name, password, datetime.now(UTC))
        async with sessions.reading() as session:
            chain = await Audit(session).latest()
        await sessions.close()
        return user, chain

    return asyncio.run(read())


def test_a_user_is_added_changed_and_kept_out(data_dir: Path) -> None:
    added = run("add", "Ann", "--role", "admin", "--email", "ann@example.org")
    assert added.exit_code == 0, added.output
    made = added.output.split()[-1]
    first, chain = look(data_dir, "ann", made)
    assert first is not None and (first.role, first.email) == ("admin", "ann@example.org")
    assert chain[0].action == "user.added" and chain[0].actor.startswith("cli:")
    assert made not in str(chain)
    typed = run("add", "ben", "--role", "viewer", "--stdin", typed="a long password 1\n")
    assert "Password" not in typed.output
    assert look(data_dir, "ben", "a long password 1")[0] is not None
    assert run("set-role", "ben", "supervisor").exit_code == 0
    assert run("set-email", "ben", "ben@example.org").exit_code == 0
    assert "rings 201" in run("set-phone", "ben", "201").output
    assert run("disable", "ben").output.rstrip().endswith("disabled")
    assert look(data_dir, "ben", "a long password 1")[0] is None
    assert run("enable", "ben").exit_code == 0
    fresh = run("set-password", "ben").output.split()[-1]
    user, chain = look(data_dir, "ben", fresh)
    assert user is not None and user.session_version == 2
    assert [link.action for link in chain][:6] == [
        "user.password_changed",
        "user.enabled",
        "user.disabled",
        "user.phone_changed",
        "user.email_changed",
        "user.role_changed",
    ]
    listed = orjson.loads(run("list", "--json").output)
    assert [(one["username"], one["role"]) for one in listed] == [
        ("ann", "admin"),
        ("ben", "supervisor"),
    ]
    assert "argon2" not in run("list").output


def test_the_last_admin_stays(data_dir: Path) -> None:
    run("add", "ann", "--role", "admin")
    for words in (("disable", "ann"), ("set-role", "ann", "viewer")):
        refused = run(*words)
        assert refused.exit_code == 2 and "last admin" in refused.output
    run("add", "ben", "--role", "admin")
    assert run("disable", "ann").exit_code == 0
    assert run("disable", "ben").exit_code == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("set-role", "nobody", "admin"), "users list"),
        (("add", "ann", "--role", "king"), "king"),
        (("add", "ann", "--role", "admin", "--email", "ann"), "ann@example.org"),
        (("add", "ann", "--role", "admin", "--stdin"), "standard input"),
        (("add", "ann", "--role", "admin", "--stdin", "--prompt"), "choose one"),
        (("set-email", "nobody", "a@b.org"), "nobody"),
    ],
)
def test_what_is_wrong_is_said(data_dir: Path, words: tuple[str, ...], says: str) -> None:
    refused = run(*words)
    assert refused.exit_code == 2 and says in refused.output
    assert not orjson.loads(run("list", "--json").output)
