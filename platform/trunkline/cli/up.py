"""``trunkline up``: every process of an installation on one machine, under one supervisor."""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

import redis.asyncio

from trunkline.api.first_start import prepare_installation
from trunkline.cli.edge_slots import (
    LOOPBACK,
    edge_environment,
    edge_slots,
    first_edge_port,
    front_environment,
    front_inner,
)
from trunkline.cli.front.program import kamailio_program
from trunkline.cli.private_redis import private_redis
from trunkline.cli.supervisor import ProcessSpec, Supervised, wait_ready
from trunkline.domain.errors import ConfigError
from trunkline.runtime.logging import get_logger
from trunkline.runtime.settings import Settings
from trunkline.runtime.supervision import stop_on_signals

log = get_logger(__name__)

READY_DEADLINE_S = 60.0


async def run_up(settings: Settings, out: TextIO) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit status."""
    started = time.monotonic()
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _sole_use(settings):
        check_ports(settings)
        stop = stop_on_signals()
        environment = child_environment(settings)
        first, others = process_specs(settings, environment)
        if settings.edges > 1:
            kamailio_program()
        children: list[Supervised] = []
        async with asyncio.TaskGroup() as group:
            try:
                for spec in first:
                    children.append(Supervised(spec))
                    group.create_task(children[-1].keep_alive(), name=spec.name)
                await _redis_answers(settings)
                secrets = await prepare_installation(settings)
                for spec in others:
                    children.append(Supervised(spec))
                    group.create_task(children[-1].keep_alive(), name=spec.name)
                ready = group.create_task(
                    wait_ready(others, READY_DEADLINE_S, is_patient=True), name="ready"
                )
                stopped = group.create_task(stop.wait(), name="stop")
                await asyncio.wait([ready, stopped], return_when=asyncio.FIRST_COMPLETED)
                if ready.done() and not stop.is_set():
                    ready.result()
                    _announce(settings, secrets, time.monotonic() - started, out)
                else:
                    ready.cancel()
                await stop.wait()
            finally:
                await stop_in_order(children)
    return 0


async def stop_in_order(children: Sequence[Supervised]) -> None:
    """Last started, first stopped: edges drain, side by side, while all they need is up.

    From the first moment they answer new calls with 503, and so does the front for all of them.
    """
    edges = [child for child in children if child.spec.is_edge]
    await asyncio.gather(*(edge.stop() for edge in edges))
    for child in reversed(children):
        if not child.spec.is_edge:
            await child.stop()


@contextmanager
def _sole_use(settings: Settings) -> Iterator[None]:
    """Two installations must not share one data directory."""
    lock = settings.data_dir / "up.lock"
    with lock.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"another `trunkline up` uses {settings.data_dir}: stop it, or set "
                "TRUNKLINE_DATA_DIR (and other ports) for a second one"
            ) from None
        yield


def check_ports(settings: Settings) -> None:
    """Every port we shall bind is free now; ConfigError lists all that are not, by setting."""
    wanted: list[tuple[str, int, str, int]] = [
        ("TRUNKLINE_SIP_PORT", settings.sip_port, settings.bind_address, socket.SOCK_DGRAM),
        ("TRUNKLINE_SIP_PORT", settings.sip_port, settings.bind_address, socket.SOCK_STREAM),
        ("TRUNKLINE_WEB_PORT", settings.web_port, settings.web_bind_address, socket.SOCK_STREAM),
        (
            "TRUNKLINE_MODEL_PORT",
            settings.model_port,
            settings.model_bind_address,
            socket.SOCK_STREAM,
        ),
        *_edge_ports(settings),
        (
            "TRUNKLINE_WORKER_HEALTH_PORT",
            settings.resolved_worker_health_port,
            LOOPBACK,
            socket.SOCK_STREAM,
        ),
        (
            "TRUNKLINE_SAMPLE_SERVICE_PORT",
            settings.resolved_sample_service_port,
            LOOPBACK,
            socket.SOCK_STREAM,
        ),
    ]
    if settings.model_url:
        wanted = [row for row in wanted if row[0] != "TRUNKLINE_MODEL_PORT"]
    taken = [
        f"{name}={port} ({'UDP' if kind == socket.SOCK_DGRAM else 'TCP'})"
        for name, port, address, kind in wanted
        if not port_is_free(address, port, kind)
    ]
    if taken:
        raise ConfigError(
            "these ports are taken; stop what uses them or set others: " + ", ".join(taken)
        )


def _edge_ports(settings: Settings) -> list[tuple[str, int, str, int]]:
    if settings.edges == 1:
        health = settings.resolved_sip_health_port
        return [("TRUNKLINE_SIP_HEALTH_PORT", health, LOOPBACK, socket.SOCK_STREAM)]
    inner = first_edge_port(settings)
    both = (socket.SOCK_DGRAM, socket.SOCK_STREAM)
    name = "TRUNKLINE_EDGE_PORTS"
    wanted: list[tuple[str, int, str, int]] = [(name, inner, LOOPBACK, kind) for kind in both]
    for slot in edge_slots(settings):
        wanted += [(name, slot.sip_port, LOOPBACK, kind) for kind in both]
        for port in filter(None, (slot.health_port, slot.tls_port)):
            wanted.append((name, port, LOOPBACK, socket.SOCK_STREAM))
    return wanted


def port_is_free(address: str, port: int, kind: int) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def child_environment(settings: Settings) -> dict[str, str]:
    """Ours, the data directory made absolute, the sample agent told where its service is."""
    sample = f"http://127.0.0.1:{settings.resolved_sample_service_port}"
    return {
        "TRUNKLINE_SAMPLE_SERVICE_URL": sample,
        **os.environ,
        "TRUNKLINE_DATA_DIR": str(settings.data_dir.resolve()),
    }


def process_specs(
    settings: Settings, environment: dict[str, str]
) -> tuple[Sequence[ProcessSpec], Sequence[ProcessSpec]]:
    """What must answer before anything else, and the rest in starting order (the edge last)."""

    def ours(name: str, port: int, host: str = LOOPBACK, stop_s: float = 10) -> ProcessSpec:
        host = LOOPBACK if host in {"0.0.0.0", "::"} else host
        return ProcessSpec(
            name=name,
            command=(sys.executable, "-m", "trunkline.cli", name),
            ready_url=f"http://{host}:{port}/readyz",
            stop_deadline_s=stop_s,
            environment=environment,
        )

    first: list[ProcessSpec] = []
    if not settings.redis_url:
        first.append(private_redis(settings.redis_socket, environment))
    others = [
        ours("sample-service", settings.resolved_sample_service_port),
        ours("worker", settings.resolved_worker_health_port),
        ours("web", settings.web_port, settings.web_bind_address),
        *_edges(settings, environment),
    ]
    if not settings.model_url:
        others.insert(0, ours("model", settings.model_port, settings.model_bind_address))
    return first, others


def _edges(settings: Settings, environment: dict[str, str]) -> list[ProcessSpec]:
    """The edges, and the front before them if there are several."""
    edges = [
        ProcessSpec(
            name=slot.name,
            command=(sys.executable, "-m", "trunkline.cli", "sip"),
            ready_url=f"{slot.health_url}/readyz",
            stop_deadline_s=45,
            environment={**environment, **edge_environment(settings, slot)},
            is_edge=True,
        )
        for slot in edge_slots(settings)
    ]
    if settings.edges == 1:
        return edges
    front = ProcessSpec(
        name="front",
        command=(sys.executable, "-m", "trunkline.cli", "front", "run"),
        ready_url=f"http://{front_inner(settings)}/readyz",
        environment={**environment, **front_environment(settings)},
        leaves_workers=True,
    )
    return [front, *edges]


async def _redis_answers(settings: Settings) -> None:
    client = redis.asyncio.from_url(settings.resolved_redis_url)
    deadline = time.monotonic() + 10
    try:
        while True:
            try:
                await client.ping()
            except (redis.exceptions.ConnectionError, redis.exceptions.BusyLoadingError) as exc:
                if time.monotonic() > deadline:
                    raise ConfigError(f"Redis does not answer: {exc}") from None
                await asyncio.sleep(0.02)
            else:
                return
    finally:
        await client.aclose()


def _announce(
    settings: Settings, secrets: Sequence[tuple[str, str]], took: float, out: TextIO
) -> None:
    web = f"http://{settings.web_bind_address}:{settings.web_port}"
    lines = [
        f"Trunkline is ready after {took:.1f} s.",
        f"  Call      sip:100@{settings.public_address or '127.0.0.1'}:{settings.sip_port}"
        "  (any SIP phone on this machine or a private network)",
        f"  Dashboard {web}",
        f"  Realtime  {settings.resolved_model_url.replace('http', 'ws', 1)}/realtime",
    ]
    if secrets:
        lines.append("  Shown once, keep it:")
        lines += [f"    {name:<20} {value}" for name, value in secrets]
    out.write("\n".join(lines) + "\n")
    out.flush()
