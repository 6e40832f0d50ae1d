"""A link to one MCP server: one task holds it open, all runs share it, a lost one is made anew."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import httpx2
from mcp import Client
from mcp.client import Transport
from mcp.client.session import IncomingMessage
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import CONNECTION_CLOSED, Implementation, ToolListChangedNotification

from trunkline.domain.events import Json
from trunkline.runtime.guarded_http import GuardedTransport, Resolver, guarded_client
from trunkline.runtime.logging import get_logger
from trunkline.runtime.reach import Reach
from trunkline.runtime.supervision import Nursery

log = get_logger(__name__)
# The library logs what it cannot parse, bodies included, and those may hold what callers said.
logging.getLogger("mcp").setLevel(logging.CRITICAL)

_CONNECT_S: Final = 10.0
_TIMEOUT: Final = httpx2.Timeout(30.0, read=300.0)  # a run has its own, shorter deadline
_IDLE_S: Final = 300.0
_LIST_FRESH_S: Final = 60.0
_MAX_PAGES: Final = 50


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a server is and what it is shown; two that are equal share a link."""

    url: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    command: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = field(repr=False)
    allowed_hosts: tuple[str, ...]
    limit_bytes: int


class LinkLost(Exception):
    """No link to the server; ``refused`` says why the rails would not let us reach it."""

    def __init__(self, reason: str, refused: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.refused = refused


class _Open:
    """One connection, from its making to its end."""

    def __init__(self) -> None:
        self.ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self.closing = asyncio.Event()
        self.users = 0
        self.used_at = time.monotonic()
        self.schemas: Mapping[str, Mapping[str, Json]] | None = None
        self.listed_at = 0.0
        self.is_over = False


class McpLink:
    """``client`` borrows the connection and makes one when there is none."""

    def __init__(self, address: ServerAddress, tasks: Nursery, resolver: Resolver) -> None:
        self._address = address
        self._tasks = tasks
        self._resolver = resolver
        self._open: _Open | None = None

    def close(self) -> None:
        if self._open is not None:
            self._open.closing.set()
            self._open = None

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """Raises LinkLost when there is no reaching the server; a link that broke is let go."""
        connection = self._connection()
        connection.users += 1
        try:
            client = await asyncio.shield(connection.ready)
            yield client
        except MCPError as exc:
            if exc.error.code == CONNECTION_CLOSED:
                self._drop(connection)
            raise
        finally:
            connection.users -= 1
            connection.used_at = time.monotonic()

    async def schemas(self) -> Mapping[str, Mapping[str, Json]]:
        """Input schemas by tool name, at most a minute old, or what a notice made stale.

        Asking is also how a link that broke in silence is found out before anything is called: it
        is then made anew, once.
        """
        connection = self._connection()
        if connection.schemas is not None and (
            time.monotonic() - connection.listed_at < _LIST_FRESH_S
        ):
            return connection.schemas
        was_open = connection.ready.done()
        try:
            return await self._list()
        except MCPError as exc:
            if not was_open:
                raise
            log.info("an MCP link is made anew", code=exc.error.code)
            self._drop(connection)
            return await self._list()

    async def _list(self) -> Mapping[str, Mapping[str, Json]]:
        async with self.client() as client:
            connection = self._connection()
            found: dict[str, Mapping[str, Json]] = {}
            cursor: str | None = None
            for _ in range(_MAX_PAGES):
                page = await client.list_tools(cursor=cursor, cache_mode="refresh")
                found |= {tool.name: dict(tool.input_schema) for tool in page.tools}
                cursor = page.next_cursor
                if not cursor:
                    break
            connection.schemas, connection.listed_at = found, time.monotonic()
            return found

    def _connection(self) -> _Open:
        if self._open is None or self._open.is_over:
            self._open = _Open()
            self._tasks.start(self._hold(self._open), "link")
        return self._open

    def _drop(self, connection: _Open) -> None:
        connection.closing.set()
        if self._open is connection:
            self._open = None

    async def _hold(self, connection: _Open) -> None:
        """Open the connection, and close it in this same task, as the library's scopes demand."""
        guard: GuardedTransport | None = None
        if self._address.url:
            guard = GuardedTransport(
                Reach.of_hosts(self._address.allowed_hosts),
                resolver=self._resolver,
                limit_bytes=self._address.limit_bytes,
                limits_events=False,  # the library bounds each event
            )
        reason = "the link was closed"
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(_CONNECT_S):
                    client = await self._enter(stack, guard, connection)
                connection.ready.set_result(client)
                await _until_idle(connection)
        except Exception as exc:  # the library groups whatever failed; all of it is: no link
            reason = _reason(exc)
            log.info("an MCP link broke", error=reason)
        finally:
            connection.is_over = True
            if not connection.ready.done():
                lost = LinkLost(reason, guard.refused if guard else "")
                connection.ready.set_exception(lost)
                connection.ready.exception()  # looked at, if nobody waits for it any more

    async def _enter(
        self, stack: AsyncExitStack, guard: GuardedTransport | None, connection: _Open
    ) -> Client:
        address = self._address
        transport: Transport
        if guard is not None:
            http = await stack.enter_async_context(guarded_client(guard, address.headers, _TIMEOUT))
            transport = streamable_http_client(address.url, http_client=http)
        else:
            # A server's own chatter may hold what callers said: it is not ours to keep.
            descriptor = os.open(os.devnull, os.O_WRONLY)
            silence = stack.enter_context(os.fdopen(descriptor, "w"))
            parameters = StdioServerParameters(
                command=address.command[0], args=list(address.command[1:]), env=dict(address.env)
            )
            transport = stdio_client(parameters, errlog=silence)

        async def notice(message: IncomingMessage) -> None:
            if isinstance(message, ToolListChangedNotification):
                connection.schemas = None

        client = Client(
            transport,
            client_info=Implementation(name="trunkline", version="1"),
            message_handler=notice,
            cache=None,
        )
        return await stack.enter_async_context(client)


async def _until_idle(connection: _Open) -> None:
    """Until it is to be closed, or nobody has used it for five minutes."""
    while not connection.closing.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(_IDLE_S):
                await connection.closing.wait()
        if not connection.users and time.monotonic() - connection.used_at > _IDLE_S:
            return


def _reason(exc: BaseException) -> str:
    """The name of what went wrong at the bottom of however many groups."""
    while isinstance(exc, BaseExceptionGroup) and exc.exceptions:
        exc = exc.exceptions[0]
    return type(exc).__name__
