"""Runs tools: arguments checked first, every wait bounded, every failure a typed error."""

from __future__ import annotations

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from trunkline.domain.events import Json, ToolOutcome
from trunkline.domain.program_runs import REFUSED_BY_PROGRAM
from trunkline.flows.tool_breaker import Breaker
from trunkline.flows.tool_context import ToolContext
from trunkline.flows.tool_dry_run import describe_run, where_to
from trunkline.flows.tool_gates import Gate
from trunkline.flows.tool_http import HttpTools
from trunkline.flows.tool_mcp import McpTools
from trunkline.flows.tool_python import PythonTools
from trunkline.flows.tool_secrets import FixedSecrets, SecretStore, secrets_from, secrets_of
from trunkline.flows.tool_validation import check_arguments
from trunkline.flows.tools import (
    HttpTransport,
    McpTransport,
    ProgramTransport,
    PythonTransport,
    ToolError,
    ToolFailed,
    ToolFault,
    ToolRunResult,
    ToolSpec,
    ToolSucceeded,
)
from trunkline.runtime.guarded_http import Resolver, resolve

__all__ = ["ToolContext", "ToolRunner", "secrets_from"]

_MAX_SERVICES: Final = 1000


@dataclass(slots=True)
class _Service:
    """One tool at one place, for all calls of this process."""

    breaker: Breaker
    gate: Gate


class ToolRunner:
    """Runs tools of many calls at once. ``run`` is the only way to a service.

    ``secrets``: a store, or what a store would say. ``mcp_commands``: command lines of MCP servers
    that flows may have started, as the operator allowed them.
    """

    def __init__(
        self,
        *,
        secrets: Mapping[str, str] | SecretStore | None = None,
        resolver: Resolver = resolve,
        mcp_commands: tuple[str, ...] = (),
        clock_ms: Callable[[], float] = lambda: time.monotonic() * 1000,
    ) -> None:
        if secrets is None or isinstance(secrets, Mapping):
            secrets = FixedSecrets(secrets)
        self._secrets: SecretStore = secrets
        self._clock_ms = clock_ms
        self._http = HttpTools(resolver)
        self._python = PythonTools()
        self._mcp = McpTools(resolver, mcp_commands)
        self._services: OrderedDict[tuple[object, ...], _Service] = OrderedDict()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        async with AsyncExitStack() as closing:
            for part in (self._http, self._python, self._mcp):
                closing.push_async_callback(part.aclose)

    async def run(
        self, tool: ToolSpec, arguments: Mapping[str, Json], context: ToolContext
    ) -> ToolRunResult:
        """One run with its retries; never raises for anything a service can do."""
        started_ms, attempts = self._clock_ms(), 0
        try:
            check_arguments(tool, arguments)
            if tool.is_dry_run:
                shown = describe_run(tool, arguments, context)
                return ToolSucceeded({"dry_run": shown}, self._since(started_ms), 0)
            while True:
                attempts += 1
                try:
                    result = await self._attempt(tool, arguments, context)
                except ToolFault as fault:
                    if not (fault.error.is_retryable and tool.may_retry):
                        raise
                    if attempts >= tool.retry.attempts:
                        raise
                    # Half of the nominal wait and up: callers that failed together come apart.
                    nominal_s = tool.retry.backoff_ms / 1000 * 2 ** (attempts - 1)
                    await asyncio.sleep(nominal_s * random.uniform(0.5, 1.0))
                else:
                    return ToolSucceeded(result, self._since(started_ms), attempts)
        except ToolFault as fault:
            return ToolFailed(fault.outcome, fault.error, self._since(started_ms), attempts)

    def _since(self, started_ms: float) -> int:
        return round(self._clock_ms() - started_ms)

    async def _attempt(
        self, tool: ToolSpec, arguments: Mapping[str, Json], context: ToolContext
    ) -> Json:
        service = self._service(tool, arguments, context)
        breaker = service.breaker
        if not breaker.admit(self._clock_ms()):
            wait_ms = breaker.retry_after_ms(self._clock_ms())
            message = f"the service keeps failing and is left alone for {wait_ms} ms more"
            raise ToolFault(ToolError("breaker_open", message))
        try:
            result = await self._bounded(tool, service.gate, arguments, context)
        except ToolFault as fault:
            if fault.blames_service:
                breaker.failed(self._clock_ms())
            elif fault.error.code in _SAYS_NOTHING:
                breaker.abandoned()
            else:
                breaker.succeeded()
            raise
        except BaseException:  # not a verdict on the service: the call ended, or a fault of ours
            breaker.abandoned()
            raise
        breaker.succeeded()
        return result

    async def _bounded(
        self, tool: ToolSpec, gate: Gate, arguments: Mapping[str, Json], context: ToolContext
    ) -> Json:
        """The attempt within the tool's timeout, the wait for a place included."""
        is_placed = False
        try:
            async with asyncio.timeout(tool.timeout_ms / 1000), gate.place():
                is_placed = True
                return await self._perform(tool, arguments, context)
        except TimeoutError:
            if not is_placed:
                message = f"no place among {tool.concurrency} became free in time"
                raise ToolFault(ToolError("too_busy", message)) from None
            message = f"no answer within {tool.timeout_ms} ms"
            error = ToolError("timed_out", message, is_retryable=True)
            raise ToolFault(error, ToolOutcome.TIMED_OUT) from None

    async def _perform(
        self, tool: ToolSpec, arguments: Mapping[str, Json], context: ToolContext
    ) -> Json:
        match tool.transport:
            case HttpTransport() as transport:
                secrets = await self._read_secrets(tool)
                return await self._http.run(tool, transport, arguments, context, secrets)
            case PythonTransport() as transport:
                return await self._python.run(tool, transport, arguments, context)
            case McpTransport() as transport:
                secrets = await self._read_secrets(tool)
                return await self._mcp.run(tool, transport, arguments, context, secrets)
            case ProgramTransport():
                message = "the program that had asked for it never began it"
                raise ToolFault(ToolError(REFUSED_BY_PROGRAM, message))
            case _:
                raise ToolFault(ToolError("unknown_tool", "the call itself does that"))

    async def _read_secrets(self, tool: ToolSpec) -> Mapping[str, str]:
        names = secrets_of(tool)
        try:
            return await self._secrets.read(names) if names else {}
        except OSError as exc:
            error = ToolError("no_secrets", f"the store of secrets: {type(exc).__name__}")
            raise ToolFault(error) from None

    def forget_failures(self) -> None:
        """Every service counts as sound again."""
        self._services.clear()

    def _service(
        self, tool: ToolSpec, arguments: Mapping[str, Json], context: ToolContext
    ) -> _Service:
        key = (tool.name, where_to(tool, context), tool.concurrency, tool.breaker)
        service = self._services.get(key)
        if service is None:
            service = _Service(Breaker(tool.breaker), Gate(tool.concurrency))
            self._services[key] = service
            while len(self._services) > _MAX_SERVICES:
                self._services.popitem(last=False)  # the one not asked for longest
        self._services.move_to_end(key)
        return service


_SAYS_NOTHING: Final = frozenset({"too_busy", "bad_template", "address_refused", "no_secrets"})
"""Codes of what happened before the service was asked anything."""
