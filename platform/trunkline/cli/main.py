"""The command tree; each command reads the settings and hands over."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import click
import uvloop

from trunkline.domain.errors import TrunklineError
from trunkline.runtime.logging import configure_logging
from trunkline.runtime.settings import Settings, load_settings


def prepare(process: str) -> Settings:
    """Settings read and logging set up, as every process does first."""
    settings = load_settings()
    configure_logging(
        process,
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


@main.command()
def up() -> None:
    """Run everything on this machine until stopped."""
    from trunkline.cli.up import run_up

    settings = prepare("up")
    sys.exit(asyncio.run(run_up(settings, sys.stdout)))


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
