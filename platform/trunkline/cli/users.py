"""``trunkline users``: who may log in to the dashboard, and as what."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from trunkline.calls.user_desk import UserDesk
from trunkline.cli.records import as_json as to_json
from trunkline.domain.errors import NotFound
from trunkline.runtime.settings import load_settings
from trunkline.storage.engine import open_sessions
from trunkline.storage.users import ROLES
from trunkline.storage.views import UserView

_T = TypeVar("_T")
_ROLE = click.Choice(ROLES)


@click.group()
def users() -> None:
    """Who may log in, decide approvals and be written to about them."""


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_command(as_json: bool) -> None:
    """List users by name."""
    found = _with_desk(lambda desk: desk.list())
    click.echo(to_json(found) if as_json else "\n".join(_line(user) for user in found))


@users.command("add")
@click.argument("name")
@click.option("--role", type=_ROLE, required=True, help="What they may do.")
@click.option("--email", default="", help="Where approvals are sent to them.")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--prompt", is_flag=True, help="Ask for the password; else one is made and shown.")
def add_command(name: str, role: str, email: str, from_stdin: bool, prompt: bool) -> None:
    """Add a user called NAME."""
    password = _password(from_stdin, prompt)
    user, made = _with_desk(
        lambda desk: desk.add(name, role, _by(), email=email, password=password)
    )
    click.echo(_line(user))
    _show(made)


@users.command("set-role")
@click.argument("name")
@click.argument("role", type=_ROLE)
def set_role_command(name: str, role: str) -> None:
    """Let NAME do what ROLE may; the last admin stays one."""
    _change(name, lambda desk, user: desk.change(user.user_id, _by(), role=role))


@users.command("set-email")
@click.argument("name")
@click.argument("email")
def set_email_command(name: str, email: str) -> None:
    """Send NAME approvals at EMAIL; an empty one ("") sends none."""
    _change(name, lambda desk, user: desk.change(user.user_id, _by(), email=email))


@users.command("set-phone")
@click.argument("name")
@click.argument("phone")
def set_phone_command(name: str, phone: str) -> None:
    """Ring NAME at PHONE, a number or sip:user@host, when they take a call over; "" forgets it."""
    _change(name, lambda desk, user: desk.change(user.user_id, _by(), phone=phone))


@users.command("set-password")
@click.argument("name")
@click.option("--stdin", "from_stdin", is_flag=True, help="Read it from standard input.")
@click.option("--prompt", is_flag=True, help="Ask for it; else one is made and shown.")
def set_password_command(name: str, from_stdin: bool, prompt: bool) -> None:
    """Give NAME another password; wherever they are logged in, they are so no more."""
    password = _password(from_stdin, prompt)

    async def work(desk: UserDesk) -> str:
        user = await _find(desk, name)
        return await desk.set_password(user.user_id, _by(), password)

    made = _with_desk(work)
    click.echo("changed")
    _show(made)


@users.command("disable")
@click.argument("name")
def disable_command(name: str) -> None:
    """Keep NAME out: their sessions and links end at once. The last admin stays in."""
    _change(name, lambda desk, user: desk.change(user.user_id, _by(), is_active=False))


@users.command("enable")
@click.argument("name")
def enable_command(name: str) -> None:
    """Let NAME in again."""
    _change(name, lambda desk, user: desk.change(user.user_id, _by(), is_active=True))


def _with_desk(work: Callable[[UserDesk], Awaitable[_T]]) -> _T:
    async def run() -> _T:
        sessions = open_sessions(load_settings().resolved_database_url, pooled=False)
        try:
            return await work(UserDesk(sessions))
        finally:
            await sessions.close()

    return asyncio.run(run())


def _change(name: str, work: Callable[[UserDesk, UserView], Awaitable[UserView]]) -> None:
    async def run(desk: UserDesk) -> UserView:
        return await work(desk, await _find(desk, name))

    click.echo(_line(_with_desk(run)))


async def _find(desk: UserDesk, name: str) -> UserView:
    try:
        return await desk.find(name)
    except NotFound:
        raise NotFound(f"there is no user {name!r}: `trunkline users list` shows them") from None


def _password(from_stdin: bool, prompt: bool) -> str:
    """Empty: one is to be made. Never an argument, which every user of the machine could read."""
    if from_stdin and prompt:
        raise click.UsageError("--stdin and --prompt: choose one")
    if from_stdin:
        typed = sys.stdin.readline().rstrip("\r\n")
        if not typed:
            raise click.UsageError("nothing came from standard input")
        return typed
    if prompt:
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return ""


def _show(made: str) -> None:
    if made:
        click.echo(f"{'Password':<20} {made}")


def _by() -> str:
    return f"cli:{getpass.getuser()}"


def _line(user: UserView) -> str:
    last = f"{user.last_login_at:%Y-%m-%d %H:%M}" if user.last_login_at else "never logged in"
    state = "" if user.is_active else "  disabled"
    phone = f"  rings {user.phone}" if user.phone else ""
    return f"{user.username:<20} {user.role:<11} {user.email or '-':<30} {last}{phone}{state}"
