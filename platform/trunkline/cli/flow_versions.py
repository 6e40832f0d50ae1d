"""``trunkline flow import|export|publish|history|restore|canary``: flows in the database."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import click

from trunkline.calls.flow_editor import EditConflict, FlowEditor, FlowRefused, Published
from trunkline.cli.flow_report import agents_beside
from trunkline.domain.clock import SystemClock
from trunkline.domain.errors import Invalid, TrunklineError
from trunkline.flows.catalog import catalog_from
from trunkline.flows.schema.source import read_yaml
from trunkline.runtime.settings import load_settings
from trunkline.storage.engine import Sessions, open_sessions
from trunkline.storage.flow_versions import FlowRepository


@asynccontextmanager
async def _desk() -> AsyncIterator[tuple[Sessions, FlowEditor]]:
    settings = load_settings()
    sessions = open_sessions(settings.resolved_database_url, pooled=False)
    catalog = catalog_from(settings, os.environ)

    async def agents() -> frozenset[str]:
        files = [path for folder in catalog.dirs for path in sorted(folder.glob("*.y*ml"))]
        async with sessions.reading() as session:
            served = await FlowRepository(session).serving()
        return agents_beside(files) | {one.agent for one in served}

    try:
        yield (
            sessions,
            FlowEditor(sessions, SystemClock(), catalog.environment, agents=agents),
        )
    finally:
        await sessions.close()


def _by() -> str:
    return f"cli:{getpass.getuser()}"


def agent_of(text: str) -> str:
    """The agent that a flow's text names; Invalid when it names none."""
    value = read_yaml(text).value
    agent = value.get("agent") if isinstance(value, dict) else None
    name = agent.get("name") if isinstance(agent, dict) else None
    if not isinstance(name, str) or not name or len(name) > 40:
        raise Invalid("the file names no agent: write agent: {name: …}", param="agent.name")
    return name


def _told(work: Callable[[FlowEditor], Awaitable[Published]]) -> None:
    async def run() -> Published:
        async with _desk() as (_, editor):
            return await work(editor)

    try:
        done = asyncio.run(run())
    except FlowRefused as exc:
        lines = (f"line {one.line}: {one.where}: {one.message}" for one in exc.findings)
        raise TrunklineError("\n".join([exc.message, *lines]), code=exc.code) from None
    for warning in done.warnings:
        click.echo(f"warning: line {warning.line}: {warning.where}: {warning.message}", err=True)
    slots = done.publication.slots
    share = f", canary {slots.canary} {slots.percent} %" if slots.canary else ""
    click.echo(f"{done.publication.kind.value} {slots.stable or '-'}{share}")


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--replace", is_flag=True, help="Save over a draft that is there.")
def import_command(file: Path, replace: bool) -> None:
    """Make FILE the draft of the agent that it names."""
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Invalid(f"{file.name} is not UTF-8 text") from None

    async def run() -> tuple[str, int]:
        agent = agent_of(text)
        async with _desk() as (_, editor):
            based_on = None if replace else 0
            draft = await editor.save_draft(agent, text, _by(), based_on=based_on)
        return agent, draft.revision

    try:
        agent, revision = asyncio.run(run())
    except EditConflict as exc:
        who = f" by {exc.current.saved_by}" if exc.current else ""
        message = f"{exc.message}{who}; --replace saves over it"
        raise TrunklineError("\n".join([message, *exc.diff]), code=exc.code) from None
    click.echo(f"{agent}: draft, revision {revision}")


@click.command("export")
@click.argument("agent")
@click.option("--version", help="This version; else the one that serves.")
def export_command(agent: str, version: str | None) -> None:
    """Print a published flow as YAML."""

    async def run() -> str:
        async with _desk() as (sessions, _), sessions.reading() as session:
            flows = FlowRepository(session)
            wanted = version or (await flows.agent(agent)).slots.stable
            if wanted is None:
                raise Invalid("nothing of this agent is published: give --version")
            return (await flows.version(agent, wanted)).text

    click.echo(asyncio.run(run()), nl=False)


@click.command("publish")
@click.argument("agent")
@click.option("--note", default="", help="Why, for the history.")
def publish_command(agent: str, note: str) -> None:
    """Let the draft of AGENT serve."""
    _told(lambda editor: editor.publish(agent, _by(), note=note))


@click.command("restore")
@click.argument("agent")
@click.argument("version")
@click.option("--note", default="", help="Why, for the history.")
def restore_command(agent: str, version: str, note: str) -> None:
    """Let an earlier VERSION of AGENT serve again."""
    _told(lambda editor: editor.restore(agent, version, _by(), note=note))


@click.command("canary")
@click.argument("agent")
@click.argument("share", metavar="PERCENT|stop|promote")
@click.option("--version", help="Which version; else the running canary, else the draft.")
def canary_command(agent: str, share: str, version: str | None) -> None:
    """Give a new version a share of the calls; stop it, or let it serve all of them."""
    if share == "stop":
        _told(lambda editor: editor.stop_canary(agent, _by()))
    elif share == "promote":
        _told(lambda editor: editor.promote_canary(agent, _by()))
    elif share.isascii() and share.isdigit() and len(share) <= 3:
        _told(lambda editor: editor.set_canary(agent, int(share), _by(), version=version))
    else:
        raise Invalid("write a percentage from 1 to 99, stop, or promote")


@click.command("history")
@click.argument("agent")
def history_command(agent: str) -> None:
    """What served when, and who let it; newest first."""

    async def run() -> list[str]:
        async with _desk() as (sessions, _), sessions.reading() as session:
            flows = FlowRepository(session)
            await flows.agent(agent)
            return [
                f"{one.seq:>5}  {one.at:%Y-%m-%d %H:%M:%S}  {one.kind.value:<16}"
                f" {one.slots.stable or '-':<12} {one.by}  {one.note}".rstrip()
                for one in await flows.history(agent)
            ]

    click.echo("\n".join(asyncio.run(run())))


COMMANDS = (
    import_command,
    export_command,
    publish_command,
    restore_command,
    canary_command,
    history_command,
)
