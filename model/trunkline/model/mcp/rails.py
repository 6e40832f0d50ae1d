"""Where a session's MCP servers may be, and how much they may say.

A client names the URL, so this server must not be its way into networks the client cannot reach
itself. Public addresses pass; a private one passes when it is the client's own (a client on this
machine may name this machine) or in TRUNKLINE_MCP_NETWORKS. The check is on the address that is
dialled, after the name was resolved.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import httpcore2
import httpx2

from trunkline.domain.errors import ConfigError

MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
_TIMEOUT: Final = httpx2.Timeout(10.0, read=60.0)

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
# Addresses that carry another one inside, which might be private.
_TUNNELS: Final = tuple(
    ipaddress.ip_network(net)
    for net in ("2002::/16", "2001::/32", "64:ff9b::/96", "64:ff9b:1::/48")
)


class AddressRefused(httpx2.TransportError):
    """The rails refused the address; names the host only."""


def read_networks(text: str) -> tuple[Network, ...]:
    """``10.1.0.0/16, 192.168.7.9``; ConfigError names the part that is no network."""
    networks: list[Network] = []
    for part in text.replace(",", " ").split():
        try:
            networks.append(ipaddress.ip_network(part))
        except ValueError as exc:
            raise ConfigError(f"TRUNKLINE_MCP_NETWORKS: {exc}") from None
    return tuple(networks)


def _plain(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """``client``: the address of the session's client; empty when a proxy stands between, whose
    address says nothing."""

    client: str = ""
    networks: tuple[Network, ...] = ()

    def admits(self, address: str) -> bool:
        parsed = _plain(ipaddress.ip_address(address.partition("%")[0]))
        if parsed.is_link_local or parsed.is_multicast or parsed.is_unspecified:
            return False  # cloud metadata among them
        if any(parsed in net for net in self.networks if net.version == parsed.version):
            return True
        if isinstance(parsed, ipaddress.IPv6Address) and any(parsed in net for net in _TUNNELS):
            return False
        return parsed.is_global or self._is_clients_own(parsed)

    def _is_clients_own(self, parsed: Address) -> bool:
        try:
            client = _plain(ipaddress.ip_address(self.client.partition("%")[0]))
        except ValueError:
            return False
        return parsed == client or (parsed.is_loopback and client.is_loopback)


async def resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _Backend(httpcore2.AsyncNetworkBackend):
    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy
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
            addresses = await resolve(host, port)
        except OSError as exc:
            raise httpcore2.ConnectError(f"cannot resolve {host}") from exc
        admitted = [address for address in addresses if self._policy.admits(address)]
        if not admitted:
            raise AddressRefused(f"this server may not reach {host}")
        for last, address in enumerate(admitted, start=1):
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except httpcore2.ConnectError:
                if last == len(admitted):
                    raise
        raise AddressRefused(f"this server may not reach {host}")

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore2.AsyncNetworkStream:
        raise AddressRefused("this server may not reach a local socket")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class RailedTransport(httpx2.AsyncBaseTransport):
    """httpx2 that dials what the policy admits, through no proxy, and reads bounded answers.
    ``refused`` keeps why, which the MCP library would lose."""

    def __init__(self, policy: AddressPolicy) -> None:
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(),
            max_connections=8,
            network_backend=_Backend(policy),
        )
        self.refused = ""
        self.status = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
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
            self.refused = str(exc)
            raise
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException) as exc:
            raise httpx2.ConnectError(type(exc).__name__) from None
        self.status = response.status
        return httpx2.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Bounded(response),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, response: httpcore2.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        try:
            async for part in self._response.aiter_stream():
                read += len(part)
                if read > MAX_ANSWER_BYTES:
                    raise httpx2.ReadError(f"the answer is larger than {MAX_ANSWER_BYTES} bytes")
                yield part
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException) as exc:
            raise httpx2.ReadError(type(exc).__name__) from None

    async def aclose(self) -> None:
        await self._response.aclose()


def railed_client(
    transport: RailedTransport, headers: Sequence[tuple[str, str]]
) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=transport, headers=list(headers), timeout=_TIMEOUT, trust_env=False
    )
