"""The MCP library's HTTP client within our rails: guarded dialling, bounded answers, no proxies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Final

import httpcore
import httpx2

from trunkline.flows.network import AddressRefused, Resolver, guarded_pool, resolve

_EVENT_STREAM: Final = b"text/event-stream"
_TOO_SLOW: Final = httpx2.Timeout(30.0, read=300.0)  # a run has its own, shorter deadline


class RefusedHere(httpx2.TransportError):
    """The rails refused the address; the library sees a transport that failed."""


class GuardedMcpTransport(httpx2.AsyncBaseTransport):
    """httpx2 over the same guarded pool that HTTP tools use.

    ``limit_bytes`` bounds every answer that is not an event stream; events are bounded by the
    library. ``refused`` keeps why an address was refused: the library would lose it.
    """

    def __init__(
        self, allowed: Iterable[str], limit_bytes: int, resolver: Resolver = resolve
    ) -> None:
        self._pool = guarded_pool(allowed, resolver)
        self._limit_bytes = limit_bytes
        self.refused = ""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers["Accept-Encoding"] = "identity"
        try:
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
        except AddressRefused as exc:
            self.refused = str(exc)
            raise RefusedHere(str(exc)) from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as exc:
            raise httpx2.ConnectError(type(exc).__name__) from None
        kind = {name.lower(): value for name, value in response.headers}.get(b"content-type", b"")
        is_events = kind.lower().startswith(_EVENT_STREAM)
        return httpx2.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Bounded(response, None if is_events else self._limit_bytes),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, response: httpcore.Response, limit_bytes: int | None) -> None:
        self._response = response
        self._limit_bytes = limit_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        try:
            async for part in self._response.aiter_stream():
                size += len(part)
                if self._limit_bytes is not None and size > self._limit_bytes:
                    raise httpx2.StreamError(f"the answer is over {self._limit_bytes} bytes")
                yield part
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as exc:
            raise httpx2.ReadError(type(exc).__name__) from None

    async def aclose(self) -> None:
        await self._response.aclose()


def guarded_client(
    transport: GuardedMcpTransport, headers: Mapping[str, str]
) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(
        transport=transport,
        headers=dict(headers),
        timeout=_TOO_SLOW,
        trust_env=False,
        follow_redirects=False,
    )
