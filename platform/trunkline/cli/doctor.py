"""``trunkline doctor``: what stands in the way of answering calls, and what to do about it."""

from __future__ import annotations

import asyncio
import importlib
import os
import resource
import shutil
import socket
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

import httpx
import redis.asyncio
from sqlalchemy import text

from trunkline.cli.doctor_edges import edges
from trunkline.cli.doctor_engines import far_ends, unserved_agents
from trunkline.cli.doctor_mail import mail
from trunkline.cli.doctor_outbound import outbound
from trunkline.cli.doctor_tls import sip_tls
from trunkline.cli.doctor_trunks import trunks
from trunkline.cli.edge_slots import edge_slots
from trunkline.cli.findings import Finding, Status
from trunkline.cli.private_redis import redis_server
from trunkline.cli.up import port_is_free
from trunkline.flows.catalog import catalog_from
from trunkline.runtime.settings import Settings
from trunkline.storage.engine import create_engine
from trunkline.storage.migrate import pending_revisions

WANTED_CODECS: Final = ("PCMU", "PCMA", "G722", "opus")
MIN_FREE_BYTES: Final = 2 * 1024**3
MIN_FILES: Final = 4096


async def examine(settings: Settings) -> list[Finding]:
    """Every check, side by side; a check that crashes is itself a finding."""
    checks: Sequence[tuple[str, Callable[[Settings], Awaitable[list[Finding]]]]] = (
        ("ports", _ports),
        ("codecs", _codecs),
        ("edges", edges),
        ("trunks", trunks),
        ("SIP over TLS", sip_tls),
        ("placed calls", outbound),
        ("engine", _engine),
        ("engines", far_ends),
        ("database", _database),
        ("redis", _redis),
        ("flows", _flows),
        ("mail", mail),
        ("machine", _machine),
    )

    async def run(
        subject: str, check: Callable[[Settings], Awaitable[list[Finding]]]
    ) -> list[Finding]:
        try:
            async with asyncio.timeout(15):
                return await check(settings)
        except Exception as exc:  # whatever breaks a check is what the operator wants to read
            return [Finding(subject, Status.FAIL, f"{type(exc).__name__}: {exc}", "see the detail")]

    found = await asyncio.gather(*(run(subject, check) for subject, check in checks))
    return [finding for findings in found for finding in findings]


async def _get(url: str) -> httpx.Response | None:
    async with httpx.AsyncClient(timeout=3, trust_env=False) as client:
        try:
            return await client.get(url)
        except httpx.HTTPError:
            return None


async def _ports(settings: Settings) -> list[Finding]:
    """Each port is either served by us or free."""
    findings = []
    for name, port in (
        ("web", settings.web_port),
        ("model", settings.model_port),
        ("sip health", edge_slots(settings)[0].health_port),
        ("worker health", settings.resolved_worker_health_port),
    ):
        answer = await _get(f"http://127.0.0.1:{port}/healthz")
        if answer is not None and answer.status_code == 200:
            findings.append(Finding(f"port {port}", Status.OK, f"{name} answers"))
        elif port_is_free("127.0.0.1", port, socket.SOCK_STREAM):
            findings.append(
                Finding(
                    f"port {port}",
                    Status.WARN,
                    f"{name} is not running; the port is free",
                    "start it with `trunkline up`",
                )
            )
        else:
            findings.append(
                Finding(
                    f"port {port}",
                    Status.FAIL,
                    f"something else than Trunkline's {name} uses it",
                    "stop that program, or set another TRUNKLINE_*_PORT",
                )
            )
    sip_up = await _get(f"{edge_slots(settings)[0].health_url}/healthz") is not None
    for label, kind in (("UDP", socket.SOCK_DGRAM), ("TCP", socket.SOCK_STREAM)):
        free = port_is_free(settings.bind_address, settings.sip_port, kind)
        subject = f"SIP {label} port {settings.sip_port}"
        if sip_up and not free:
            findings.append(Finding(subject, Status.OK, "served"))
        elif free:
            findings.append(
                Finding(subject, Status.WARN, "free: nothing answers calls", "run `trunkline up`")
            )
        else:
            findings.append(
                Finding(
                    subject,
                    Status.FAIL,
                    "another program uses it",
                    "stop it, or set TRUNKLINE_SIP_PORT",
                )
            )
    first, last = settings.rtp_ports
    room = (last - first + 1) // 2
    if room < settings.max_calls:
        findings.append(
            Finding(
                "RTP ports",
                Status.FAIL,
                f"{first}-{last} carries {room} calls, TRUNKLINE_MAX_CALLS is {settings.max_calls}",
                "widen TRUNKLINE_RTP_PORTS (two ports a call) or lower TRUNKLINE_MAX_CALLS",
            )
        )
    else:
        findings.append(Finding("RTP ports", Status.OK, f"{first}-{last}: room for {room} calls"))
    return findings


async def _codecs(settings: Settings) -> list[Finding]:
    """The built binding offers every codec a trunk may want."""
    try:
        probe = importlib.import_module("trunkline.sip.probe")
    except ImportError as exc:
        return [
            Finding(
                "codecs",
                Status.FAIL,
                f"the pjsua2 binding does not load: {exc}",
                "run `make setup`; it builds the binding for this Python",
            )
        ]
    # In a thread: PJSIP's start and end block for some tens of milliseconds.
    names: list[str] = await asyncio.to_thread(probe.codec_names)
    missing = [w for w in WANTED_CODECS if not any(n.startswith(f"{w}/") for n in names)]
    if missing:
        return [
            Finding(
                "codecs",
                Status.FAIL,
                f"missing: {', '.join(missing)}",
                "run `make clean-native setup` to build the binding anew",
            )
        ]
    return [Finding("codecs", Status.OK, ", ".join(names))]


async def _engine(settings: Settings) -> list[Finding]:
    base = settings.resolved_model_url.removesuffix("/v1")
    answer = await _get(f"{base}/readyz")
    if answer is None:
        return [
            Finding(
                "engine",
                Status.WARN,
                f"no model server at {settings.resolved_model_url}",
                "run `trunkline up`, or check TRUNKLINE_MODEL_URL",
            )
        ]
    if answer.status_code != 200:
        return [Finding("engine", Status.FAIL, answer.text[:300], "see the model server's log")]
    return [Finding("engine", Status.OK, f"{settings.engine} is ready")]


async def _database(settings: Settings) -> list[Finding]:
    engine = create_engine(settings.resolved_database_url)
    kind = engine.dialect.name
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except (OSError, Exception) as exc:  # drivers raise their own kinds for "cannot connect"
        return [
            Finding(
                "database",
                Status.FAIL,
                f"{kind}: {type(exc).__name__}: {str(exc).splitlines()[0][:200]}",
                "check TRUNKLINE_DATABASE_URL, and that the server runs",
            )
        ]
    finally:
        await engine.dispose()
    pending = await pending_revisions(settings.resolved_database_url)
    if pending:
        return [
            Finding(
                "database",
                Status.WARN,
                f"{kind}: {pending} migrations are pending",
                "`trunkline up` applies them at start",
            )
        ]
    return [Finding("database", Status.OK, f"{kind}, schema up to date")]


async def _redis(settings: Settings) -> list[Finding]:
    client = redis.asyncio.from_url(settings.resolved_redis_url, socket_timeout=3)
    try:
        await client.ping()
        info = await client.info("server")
    except redis.exceptions.RedisError as exc:
        if settings.redis_url:
            return [Finding("redis", Status.FAIL, str(exc)[:200], "check TRUNKLINE_REDIS_URL")]
        if redis_server():
            return [
                Finding("redis", Status.WARN, "the private Redis is down", "run `trunkline up`")
            ]
        return [Finding("redis", Status.FAIL, "redis-server is not installed", "run `make setup`")]
    finally:
        await client.aclose()
    return [Finding("redis", Status.OK, f"version {info.get('redis_version', 'unknown')}")]


async def _flows(settings: Settings) -> list[Finding]:
    """Every flow file loads; each routed number has its agent."""
    catalog = catalog_from(settings, os.environ)
    catalog.load()
    findings = [
        Finding(
            f"flow {Path(file).name}",
            Status.FAIL,
            str(complaint),
            "mend the line; the old version keeps serving",
        )
        for file, complaints in catalog.complaints.items()
        for complaint in complaints
    ]
    findings += unserved_agents(settings, catalog.flows())
    known = {flow.agent.name for flow in catalog.flows()}
    findings += [
        Finding(
            f"number {route.number}",
            Status.FAIL,
            f"its agent {route.agent!r} does not exist",
            f"use one of: {', '.join(sorted(known))}",
        )
        for route in settings.numbers
        if route.agent not in known
    ]
    return findings or [Finding("flows", Status.OK, ", ".join(sorted(known)))]


async def _machine(settings: Settings) -> list[Finding]:
    findings = []
    where = settings.data_dir if settings.data_dir.exists() else settings.data_dir.parent
    free = shutil.disk_usage(where).free
    writable = os.access(where, os.W_OK)
    if not writable:
        findings.append(
            Finding("disk", Status.FAIL, f"{where} cannot be written", "set TRUNKLINE_DATA_DIR")
        )
    elif free < MIN_FREE_BYTES:
        findings.append(
            Finding(
                "disk",
                Status.WARN,
                f"{free / 1024**3:.1f} GiB free at {where}",
                "an hour of one call's recording takes 110 MiB; make room",
            )
        )
    else:
        findings.append(Finding("disk", Status.OK, f"{free / 1024**3:.0f} GiB free"))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < MIN_FILES:
        findings.append(
            Finding(
                "open files",
                Status.WARN,
                f"the limit is {hard}",
                f"raise it to {MIN_FILES} (ulimit -Hn): a call takes about four",
            )
        )
    else:
        findings.append(Finding("open files", Status.OK, f"limit {hard}"))
    return findings
