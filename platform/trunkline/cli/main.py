"""The command tree; each command reads the settings and hands over."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import click
import uvloop

from trunkline.cli.edges import edges as edges_group
from trunkline.cli.flow import flow
from trunkline.cli.front.commands import front
from trunkline.cli.guard import guard
from trunkline.cli.users import users
from trunkline.domain.errors import TrunklineError
from trunkline.runtime.logging import configure_logging
from trunkline.runtime.settings import Settings, load_settings


def prepare(process: str) -> Settings:
    """Settings read and logging set up, as every process does first."""
    settings = load_settings()
    configure_logging(
        settings.edge_name or process if process == "sip" else process,
        level=settings.log_level,
        log_format=settings.log_format,
        show_pii=settings.log_pii,
    )
    return settings


def serve(process: str, target: str) -> None:
    """Run ``module:function(settings) -> status`` on uvloop; the module is imported only now."""
    settings = prepare(process)
    module, _, name = target.partition(":")
    function: Callable[[Settings], Awaitable[int]] = getattr(importlib.import_module(module), name)

    async def run() -> int:
        return await function(settings)

    sys.exit(uvloop.run(run()))


class Commands(click.Group):
    """Our own errors are shown as one plain message, with status 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except TrunklineError as exc:
            click.echo(f"trunkline: {exc.message}", err=True)
            ctx.exit(2)
        except ExceptionGroup as group:
            ours, rest = group.split(TrunklineError)
            if ours is None or rest is not None:
                raise
            for leaf in _leaves(ours):
                click.echo(f"trunkline: {leaf}", err=True)
            ctx.exit(2)


def _leaves(group: BaseExceptionGroup[Any]) -> list[BaseException]:
    found: list[BaseException] = []
    for exc in group.exceptions:
        found += _leaves(exc) if isinstance(exc, BaseExceptionGroup) else [exc]
    return found


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="trunkline")
def main() -> None:
    """Telephony voice agents: SIP trunks bridged into streaming speech-to-speech sessions."""


main.add_command(edges_group)
main.add_command(flow)
main.add_command(front)
main.add_command(guard)
main.add_command(users)


@main.command()
@click.option("--edges", type=click.IntRange(1, 32), help="SIP processes, behind one port.")
def up(edges: int | None) -> None:
    """Run everything on this machine until stopped."""
    from trunkline.cli.up import run_up

    if edges is not None:  # the processes that are started must know, too
        os.environ["TRUNKLINE_EDGES"] = str(edges)
    settings = prepare("up")
    sys.exit(asyncio.run(run_up(settings, sys.stdout)))


@main.command("prepare")
def prepare_command() -> None:
    """Migrate the database and make the first key and user; prints them once."""
    from trunkline.api.first_start import prepare_installation

    settings = prepare("prepare")
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, value in asyncio.run(prepare_installation(settings)):
        click.echo(f"{name:<20} {value}")


@main.command()
def sip() -> None:
    """Run the SIP edge."""
    serve("sip", "trunkline.sip.server:serve")


@main.command()
def model() -> None:
    """Run the Realtime model server."""
    serve("model", "trunkline.model.server:serve")


@main.command()
def web() -> None:
    """Run the REST API and the dashboard."""
    serve("web", "trunkline.cli.web:serve")


@main.command()
def worker() -> None:
    """Run the background worker."""
    settings = prepare("worker")
    from trunkline.jobs.worker import serve as serve_worker

    sys.exit(serve_worker(settings))


@main.command("sample-service")
def sample_service() -> None:
    """Run the sample energy supplier's back office (what the sample agent's tools talk to)."""
    serve("sample-service", "trunkline.flows.sample_service:serve")


class OrderedScript(click.Command):
    """Keeps the order in which the script options were given, in ``ctx.meta["script"]``."""

    SCRIPT = ("say", "wav", "dtmf", "barge_in_after")

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        values, _, order = self.make_parser(ctx).parse_args(args=list(args))
        taken: dict[str, int] = {}
        script: list[tuple[str, str]] = []
        for param in order:
            name = param.name or ""
            if name in self.SCRIPT:
                index = taken.get(name, 0)
                taken[name] = index + 1
                script.append((name, values[name][index]))
        ctx.meta["script"] = script
        return super().parse_args(ctx, args)


@main.command("call", cls=OrderedScript)
@click.argument("uri")
@click.option("--say", multiple=True, help="Say this, once the agent is silent.")
@click.option("--wav", multiple=True, help="Play this 16-bit WAV file.")
@click.option("--dtmf", multiple=True, help="Send these digits (RFC 4733).")
@click.option(
    "--barge-in-after",
    multiple=True,
    metavar="SECONDS",
    help="The step after this (or the last one) begins so long after the agent begins to speak.",
)
@click.option("--voice", default="ash", show_default=True, help="Our voice.")
@click.option("--codec", default="PCMU", show_default=True, help="PCMU, PCMA, G722 or opus.")
@click.option("--record", type=click.Path(dir_okay=False), help="Write both sides to this WAV.")
@click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
@click.pass_context
def call_command(
    ctx: click.Context,
    uri: str,
    say: tuple[str, ...],
    wav: tuple[str, ...],
    dtmf: tuple[str, ...],
    barge_in_after: tuple[str, ...],
    voice: str,
    codec: str,
    record: str | None,
    as_json: bool,
) -> None:
    """Place a real test call to URI, hold the conversation given by the options, and measure it.

    --say, --wav, --dtmf and --barge-in-after are a script: they are done in the order given.
    Exits 0 when the call was answered, every step was done and every one was answered.
    """
    from trunkline.cli.testcall.report import to_json, to_text
    from trunkline.cli.testcall.run import place_call
    from trunkline.cli.testcall.script import script_from_options

    steps = script_from_options(ctx.meta["script"])
    settings = prepare("call")
    report = asyncio.run(place_call(settings, uri, steps, voice=voice, codec=codec, record=record))
    click.echo(to_json(report) if as_json else to_text(report))
    sys.exit(0 if report.is_good else 1)


@main.command("dial")
@click.argument("to")
@click.option("--agent", required=True, help="Who speaks when the call is answered.")
@click.option("--var", "variables", multiple=True, metavar="NAME=TEXT", help="Or NAME:=JSON.")
@click.option("--from", "caller_id", default="", help="A number of the trunk's to show.")
@click.option("--trunk", default="", help="Over which; else the first that can dial.")
@click.option("--ring", "ring_s", default=30, show_default=True, type=click.IntRange(5, 120))
@click.option("--attempts", default=1, show_default=True, type=click.IntRange(1, 10))
@click.option("--key", "idempotency_key", help="The same key again orders no second call.")
@click.option("--no-wait", is_flag=True, help="Order it, and do not follow it to its end.")
@click.option("--json", "as_json", is_flag=True, help="The order as JSON, at the end.")
def dial_command(
    to: str,
    agent: str,
    variables: tuple[str, ...],
    caller_id: str,
    trunk: str,
    ring_s: int,
    attempts: int,
    idempotency_key: str | None,
    no_wait: bool,
    as_json: bool,
) -> None:
    """Have an agent call TO, a number or a SIP URI, and follow the call to its end.

    Exits 0 when the call was answered.
    """
    from trunkline.calls.order_desk import CallOrder
    from trunkline.cli import dial, records
    from trunkline.domain.placement import RetryPolicy

    order = CallOrder(
        to=to,
        agent=agent,
        by="",
        caller_id=caller_id,
        trunk=trunk,
        variables=dial.variables_from(variables),
        ring_s=ring_s,
        retry=RetryPolicy(attempts),
        idempotency_key=idempotency_key,
        digest=dial.digest_of(to, agent, caller_id, trunk, *sorted(variables)),
    )
    said = (lambda line: None) if as_json else click.echo
    placement = asyncio.run(dial.dial(prepare("dial"), order, waits=not no_wait, tell=said))
    if as_json:
        click.echo(records.as_json(placement))
    sys.exit(0 if dial.is_good(placement, waited=not no_wait) else 1)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
def doctor(as_json: bool) -> None:
    """Check ports, codecs, trunks, engine, database, Redis, flows and disk, with plain advice."""
    from trunkline.cli.doctor import examine
    from trunkline.cli.findings import Status
    from trunkline.cli.records import as_json as to_json

    findings = asyncio.run(examine(prepare("doctor")))
    if as_json:
        click.echo(to_json(findings))
    else:
        for finding in findings:
            click.echo(f"{finding.status.value:<5} {finding.subject:<24} {finding.detail}")
            if finding.advice:
                click.echo(f"      → {finding.advice}")
    sys.exit(1 if any(f.status is Status.FAIL for f in findings) else 0)


@main.command()
@click.option("--limit", default=20, show_default=True, help="How many, newest first.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def calls(limit: int, as_json: bool) -> None:
    """List calls, newest first."""
    from trunkline.cli import records

    found = asyncio.run(records.list_calls(prepare("calls"), limit))
    if as_json:
        click.echo(records.as_json(found))
    else:
        for call in found:
            click.echo(records.call_line(call))


@main.command()
@click.argument("call_id")
@click.option("--json", "as_json", is_flag=True, help="The whole call as JSON.")
def transcript(call_id: str, as_json: bool) -> None:
    """Print what was said in a call; what the caller never heard stands in brackets."""
    from trunkline.cli import records

    call = asyncio.run(records.one_call(prepare("transcript"), call_id))
    click.echo(records.as_json(call) if as_json else "\n".join(records.transcript_lines(call)))
