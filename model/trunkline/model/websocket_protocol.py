"""uvicorn's WebSocket protocol, for clients that stop reading: a close frame is written at once,
and a connection that does not end after it is cut."""

from __future__ import annotations

from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

# For a slow client to read what is still on its way, and the close frame behind it.
LINGER_S: Final = 5.0


class CuttingWebSocketProtocol(WebSocketsSansIOProtocol):
    async def send(self, message: Any) -> None:
        if message["type"] == "websocket.close":
            self.writable.set()  # else a full buffer holds it back for as long as nobody reads
        await super().send(message)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self._cut_soon()

    async def run_asgi(self) -> None:
        await super().run_asgi()
        self._cut_soon()

    def _cut_soon(self) -> None:
        """``transport.close()`` alone waits for ever for a peer that does not read."""
        self.loop.call_later(LINGER_S, self.transport.abort)
