"""The doctor's look at engines elsewhere: their keys, their addresses, and who asks for them.

Nobody's speech and no prompt leaves: each far end is asked for its list of models, no more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Final

import httpx2

from trunkline.cli.findings import Finding, Status
from trunkline.domain.errors import ConfigError
from trunkline.flows.flow import Flow
from trunkline.model.far_keys import far_key
from trunkline.realtime.model_table import ENGINE_NAMES, ModelTable
from trunkline.runtime.engine_settings import FarEndSettings
from trunkline.runtime.guarded_http import GuardedTransport, guarded_client
from trunkline.runtime.reach import Reach
from trunkline.runtime.settings import Settings

_TIMEOUT_S: Final = 5.0
_MAX_BYTES: Final = 4 * 1024 * 1024
HOSTED, UPSTREAM = "cascade-hosted", "upstream"


async def far_ends(settings: Settings) -> list[Finding]:
    """Engines that run, and what they lean on."""
    running = _running(settings)
    findings = [
        Finding(
            f"engine {name}",
            Status.FAIL,
            "there is no engine of this name",
            f"use one of: {', '.join(ENGINE_NAMES)}",
        )
        for name in running
        if name not in ENGINE_NAMES
    ]
    asked = list(_far_ends(settings, running))
    if HOSTED in running and not any(engine == HOSTED for engine, _, _ in asked):
        findings.append(
            Finding(
                f"engine {HOSTED}",
                Status.FAIL,
                "no port of it is configured",
                "write [hosted.transcription], [hosted.chat] or [hosted.speech]",
            )
        )
    if UPSTREAM in running and settings.upstream is None:
        findings.append(
            Finding(
                f"engine {UPSTREAM}",
                Status.FAIL,
                "it is not configured",
                "write [upstream] in the file that TRUNKLINE_CONFIG names",
            )
        )
    rings = [where for engine, where, one in asked if _is_itself(settings, running, engine, one)]
    findings += [
        Finding(
            where,
            Status.FAIL,
            "it leads back to this very engine",
            "name an engine of this server as model, such as 'cascade'",
        )
        for where in rings
    ]
    straight = [(where, far_end) for _, where, far_end in asked if where not in rings]
    found = await asyncio.gather(*(_ask(where, far_end) for where, far_end in straight))
    return [*findings, *found]


def _is_itself(
    settings: Settings, running: tuple[str, ...], engine: str, far_end: FarEndSettings
) -> bool:
    """The far end is our own model server, and its model this engine."""
    if far_end.base_url != settings.resolved_model_url:
        return False
    known = tuple(name for name in running if name in ENGINE_NAMES)
    card = ModelTable(settings.models, known).find(far_end.model)
    return card is not None and card.engine == engine


def _running(settings: Settings) -> tuple[str, ...]:
    wanted = (settings.engine, settings.fallback_engine, *settings.engines)
    return tuple(dict.fromkeys(name.partition(":")[0] for name in wanted if name))


def unserved_agents(settings: Settings, flows: Iterable[Flow]) -> list[Finding]:
    """Agents whose engine the model server does not run: their calls would go to the fallback."""
    known = tuple(name for name in _running(settings) if name in ENGINE_NAMES)
    if not known:
        return []
    table = ModelTable(settings.models, known)
    return [
        Finding(
            f"agent {flow.agent.name}",
            Status.FAIL,
            f"it asks for {name!r}, which the model server does not run",
            "add the engine to TRUNKLINE_ENGINES, or the model to [[models]]",
        )
        for flow in flows
        for name in (flow.agent.model, flow.agent.fallback_model)
        if name and table.find(name) is None
    ]


def _far_ends(
    settings: Settings, running: tuple[str, ...]
) -> Iterator[tuple[str, str, FarEndSettings]]:
    hosted = settings.hosted
    ports = (
        ("transcription", hosted.transcription),
        ("chat", hosted.chat),
        ("speech", hosted.speech),
    )
    if HOSTED in running:
        for name, port in ports:
            if port is not None:
                yield HOSTED, f"[hosted.{name}]", port
    if UPSTREAM in running and settings.upstream is not None:
        yield UPSTREAM, "[upstream]", settings.upstream


async def _ask(where: str, far_end: FarEndSettings) -> Finding:
    try:
        key = far_key(where, far_end).get_secret_value()
    except ConfigError as exc:
        advice = "set the variable, or mend the file, for every process of Trunkline"
        return Finding(where, Status.FAIL, exc.message.removeprefix(f"{where}: "), advice)
    headers = dict(far_end.headers)
    if key:
        headers["Authorization"] = f"Bearer {key}"
    transport = GuardedTransport(Reach.of_hosts((far_end.base_url,)), limit_bytes=_MAX_BYTES)
    client = guarded_client(transport, headers.items(), httpx2.Timeout(_TIMEOUT_S))
    try:
        async with client, asyncio.timeout(_TIMEOUT_S):
            answer = await client.get(f"{far_end.base_url}/models")
    except (httpx2.HTTPError, TimeoutError) as exc:
        why = type(exc).__name__
        return Finding(
            where, Status.FAIL, f"{far_end.base_url} does not answer ({why})", "check base_url"
        )
    if answer.status_code in (401, 403):
        return Finding(
            where,
            Status.FAIL,
            f"{far_end.base_url} refuses our key (HTTP {answer.status_code})",
            "check the key that key_env or key_file names",
        )
    if answer.status_code != 200:
        return Finding(
            where,
            Status.WARN,
            f"{far_end.base_url} answers, but has no list of models (HTTP {answer.status_code})",
            "make a test call to be sure",
        )
    names = _model_names(answer)
    if names and far_end.model not in names:
        return Finding(
            where,
            Status.WARN,
            f"{far_end.base_url} does not list the model {far_end.model!r}",
            "check model; a far end may know names that it does not list",
        )
    return Finding(where, Status.OK, f"{far_end.model} at {far_end.base_url}")


def _model_names(answer: httpx2.Response) -> set[str]:
    try:
        data = answer.json()["data"]
        return {str(each["id"]) for each in data} | {
            alias for each in data for alias in each.get("x_aliases", ())
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return set()
