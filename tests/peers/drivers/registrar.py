"""A registrar of bare datagrams that refuses as often as it is told to, and notes the times."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import cast

from tests.peers.drivers.raw_sip import HOST, response_to


class RefusingRegistrar(asyncio.DatagramProtocol):
    """Each REGISTER is answered with the next status line; when they run out, with 200."""

    def __init__(self, refusals: Iterable[str]) -> None:
        self.asked_s: list[float] = []
        self.port = 0
        self._refusals: Iterator[str] = iter(refusals)
        self._seen: dict[str, str] = {}
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.port = self._transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        request = data.decode(errors="replace").replace("\r\n", "\n")
        if not request.startswith("REGISTER ") or self._transport is None:
            return
        branch = re.search(r"branch=(\S+)", request)
        key = branch[1] if branch else request
        if key not in self._seen:  # else it is a retransmission: the same answer again
            self.asked_s.append(asyncio.get_running_loop().time())
            self._seen[key] = self._answer(request)
        self._transport.sendto(self._seen[key].encode(), addr)

    def _answer(self, request: str) -> str:
        refusal = next(self._refusals, "")
        answer = response_to(request, refusal.partition("\n")[0] or "200 OK")
        contact = re.search(r"^Contact: .*$", request, re.MULTILINE)
        more = refusal.partition("\n")[2] or (f"{contact[0]};expires=300" if contact else "")
        return answer.replace("Content-Length", f"{more}\r\nContent-Length") if more else answer


@asynccontextmanager
async def refusing_registrar(*refusals: str) -> AsyncIterator[RefusingRegistrar]:
    """``503 Busy``, or with headers after a line feed: ``503 Busy\\nRetry-After: 2``."""
    loop = asyncio.get_running_loop()
    transport, registrar = await loop.create_datagram_endpoint(
        lambda: RefusingRegistrar(refusals), local_addr=(HOST, 0)
    )
    try:
        yield registrar
    finally:
        transport.close()
