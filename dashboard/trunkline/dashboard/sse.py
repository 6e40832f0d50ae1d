"""Server-sent events: how one is written, and the response that streams them."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from starlette.responses import StreamingResponse

RETRY = b"retry: 1500\n\n"


def event(name: str, data: str, event_id: str = "") -> bytes:
    """One event; lines of ``data`` become data fields of their own (HTML standard, 9.2.6)."""
    lines = [f"event: {name}"]
    if event_id:
        lines.append(f"id: {event_id}")
    lines += [f"data: {line}" for line in data.splitlines() or [""]]
    return ("\n".join(lines) + "\n\n").encode()


def stream(events: AsyncGenerator[bytes]) -> StreamingResponse:
    return StreamingResponse(
        events,
        media_type="text/event-stream",
        # nginx holds small pieces back unless told not to.
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )
