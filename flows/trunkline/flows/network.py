"""Where a tool may connect: public addresses, and what the operator allowed by name.

The check is on the address that is really dialled, after the name was resolved, so a name that
points inward, an odd spelling of an address or a rebinding resolver gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, Final, TypeAlias

import httpcore
import httpx

from trunkline.flows.tools import split_allowed

Resolver: TypeAlias = Callable[[str, int], Awaitable[list[str]]]
"""Host and port to addresses."""

_MAX_CONNECTIONS: Final = 100
# Addresses that carry another address inside, which might be a private one.
_TUNNELS: Final = tuple(
    ipaddress.ip_network(net)
    for net in ("2002::/16", "2001::/32", "64:ff9b::/96", "64:ff9b:1::/48")
)


class AddressRefused(Exception):
    """The host resolves to nothing a tool may reach; the message names the host only."""


def is_public(address: str) -> bool:
    """Whether an address belongs to the open internet (IANA special-purpose registries)."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        elif any(parsed in net for net in _TUNNELS):
            return False
    return parsed.is_global and not parsed.is_multicast


async def resolve(host: str, port: int) -> list[str]:
    """Addresses of a host by the machine's own resolver."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Dials only addresses that pass; ``allowed`` hosts pass whatever their address."""

    def __init__(self, allowed: Iterable[str], resolver: Resolver = resolve) -> None:
        self._allowed = frozenset(split_allowed(entry) for entry in allowed)
        self._resolver = resolver
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._addresses(host, port)
        for last, address in enumerate(addresses, start=1):
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except httpcore.ConnectError:
                if last == len(addresses):
                    raise
        raise AddressRefused(f"a tool may not reach {host}")

    async def _addresses(self, host: str, port: int) -> list[str]:
        name = host.lower().rstrip(".")
        try:
            addresses = await self._resolver(host, port)
        except OSError as exc:
            raise httpcore.ConnectError(f"cannot resolve {host}") from exc
        if {(name, port), (name, None)} & self._allowed:
            return addresses
        public = [address for address in addresses if is_public(address)]
        if not public:
            raise AddressRefused(f"a tool may not reach {host}: allow it in allow_hosts")
        return public

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        raise AddressRefused("a tool may not reach a local socket")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def guarded_pool(
    allowed: Iterable[str], resolver: Resolver = resolve
) -> httpcore.AsyncConnectionPool:
    """A connection pool whose every connection is dialled by GuardedBackend."""
    return httpcore.AsyncConnectionPool(
        ssl_context=ssl.create_default_context(),
        max_connections=_MAX_CONNECTIONS,
        keepalive_expiry=30.0,
        network_backend=GuardedBackend(allowed, resolver),
    )


class GuardedTransport(httpx.AsyncBaseTransport):
    """httpx over a guarded pool."""

    def __init__(self, allowed: Iterable[str], resolver: Resolver = resolve) -> None:
        self._pool = guarded_pool(allowed, resolver)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._pool.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
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
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Stream(response),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Stream(httpx.AsyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._response.aiter_stream():
            yield part

    async def aclose(self) -> None:
        await self._response.aclose()
