"""HTTP that dials only what a Reach admits: no proxies, no local sockets, answers with an end."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import cache
from typing import Any, Final, TypeAlias

import httpcore2
import httpx2

from trunkline.runtime.reach import AddressRefused, Reach

Resolver: TypeAlias = Callable[[str, int], Awaitable[list[str]]]
"""Host and port to addresses; OSError when there are none."""

_MAX_CONNECTIONS: Final = 100
_EVENT_STREAM: Final = "text/event-stream"
_FAILED: Final = (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException)


@cache
def trusted_authorities() -> ssl.SSLContext:
    """The machine's, read once: that takes 25 ms of a core, and a caller may be waiting."""
    return ssl.create_default_context()


class RefusedHere(httpx2.TransportError):
    """The rails refused the host; for a client library, a transport that failed."""


async def resolve(host: str, port: int) -> list[str]:
    """Addresses of a host by the machine's own resolver, to which ``0x7f.1`` is one too."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _Dialler(httpcore2.AsyncNetworkBackend):
    """Resolves once, and dials what was looked at: the name is not asked again."""

    def __init__(self, reach: Reach, resolver: Resolver) -> None:
        self._reach = reach
        self._resolver = resolver
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            addresses = await self._resolver(host, port)
        except (OSError, UnicodeError) as exc:  # a label that is too long is a UnicodeError
            raise httpcore2.ConnectError(f"cannot resolve {host}") from exc
        failure: httpcore2.ConnectError | None = None
        for address in self._reach.choose(host, port, addresses):
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except httpcore2.ConnectError as exc:
                failure = exc
        raise failure or httpcore2.ConnectError(f"{host} has no address")

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore2.AsyncNetworkStream:
        raise AddressRefused("a local socket may not be reached")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class GuardedTransport(httpx2.AsyncBaseTransport):
    """httpx2 within a Reach; redirects and deadlines are the caller's.

    ``limit_bytes`` bounds each answer (an event stream's only where ``limits_events``). ``refused``
    keeps why a host was refused and ``status`` the last answer's, which libraries above may lose.
    ``keeps_open``: a connection serves one request after another. Where answers do not name their
    question, a service that answers twice would have its surplus taken for the next one's answer.
    """

    def __init__(
        self,
        reach: Reach,
        *,
        resolver: Resolver = resolve,
        limit_bytes: int | None = None,
        limits_events: bool = True,
        keeps_open: bool = True,
    ) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=trusted_authorities(),
            max_connections=_MAX_CONNECTIONS,
            max_keepalive_connections=None if keeps_open else 0,
            keepalive_expiry=30.0,
            network_backend=_Dialler(reach, resolver),
        )
        self._limit_bytes = limit_bytes
        self._limits_events = limits_events
        self.refused = ""
        self.status = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.userinfo:
            raise self._refuse("credentials do not belong into a URL")
        request.headers["Accept-Encoding"] = "identity"  # a small answer must not unpack to a big
        try:
            response = await self._pool.handle_async_request(
                httpcore2.Request(
                    method=request.method,
                    url=httpcore2.URL(
                        scheme=request.url.raw_scheme,
                        host=request.url.raw_host,
                        port=request.url.port,
                        target=request.url.raw_path,
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        except AddressRefused as exc:
            raise self._refuse(str(exc)) from None
        except (*_FAILED, httpcore2.UnsupportedProtocol) as exc:
            raise httpx2.ConnectError(type(exc).__name__) from None
        self.status = response.status
        headers = httpx2.Headers(response.headers)
        is_events = headers.get("Content-Type", "").lower().startswith(_EVENT_STREAM)
        limit_bytes = None if is_events and not self._limits_events else self._limit_bytes
        return httpx2.Response(
            status_code=response.status,
            headers=headers,
            extensions=response.extensions,
            stream=_Bounded(response, limit_bytes),
        )

    def _refuse(self, why: str) -> RefusedHere:
        self.refused = why
        return RefusedHere(why)

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, response: httpcore2.Response, limit_bytes: int | None) -> None:
        self._response = response
        self._limit_bytes = limit_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        try:
            async for part in self._response.aiter_stream():
                size += len(part)
                if self._limit_bytes is not None and size > self._limit_bytes:
                    raise httpx2.ReadError(f"the answer is over {self._limit_bytes} bytes")
                yield part
        except _FAILED as exc:
            raise httpx2.ReadError(type(exc).__name__) from None

    async def aclose(self) -> None:
        await self._response.aclose()


def guarded_client(
    transport: GuardedTransport,
    headers: Iterable[tuple[str, str]] = (),
    timeout: httpx2.Timeout | None = None,
) -> httpx2.AsyncClient:
    """A client over ``transport`` that reads nothing of the environment; None: no deadline."""
    return httpx2.AsyncClient(
        transport=transport,
        headers=list(headers),
        timeout=timeout,
        trust_env=False,
        follow_redirects=False,
    )
