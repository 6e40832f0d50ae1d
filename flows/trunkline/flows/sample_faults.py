"""Faults of the sample service, set by its drills: the next answers go wrong as told."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

_HUGE_BYTES: Final = 10 * 1024 * 1024
_NEVER_S: Final = 3600.0


class FaultKind(StrEnum):
    SLOW = "slow"  # the right answer, after delay_s
    ERROR = "error"  # 500 with a JSON body
    HTML = "html"  # 200 with a page, as a broken proxy sends it
    NONSENSE = "nonsense"  # 200 with JSON that is not what was asked
    HUGE = "huge"  # 200 with 10 MB of JSON
    NEVER = "never"  # no answer
    AFTER = "after"  # the effect happens, and then 500


class Fault(BaseModel):
    """The next ``count`` requests whose path begins with ``path`` go wrong this way."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: FaultKind
    count: Annotated[int, Field(ge=1, le=1000)] = 1
    path: str = "/"
    delay_s: Annotated[float, Field(ge=0, le=60)] = 3.0


class FaultMiddleware:
    """Applies the first fault that matches; ``faults`` is shared with the /faults endpoints."""

    def __init__(self, app: ASGIApp, faults: list[Fault]) -> None:
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._take(scope["path"]) if scope["type"] == "http" else None
        if fault is None:
            await self._app(scope, receive, send)
            return
        match fault.kind:
            case FaultKind.SLOW:
                await asyncio.sleep(fault.delay_s)
                await self._app(scope, receive, send)
            case FaultKind.NEVER:
                await _until_gone(receive)
            case FaultKind.AFTER:
                await self._app(scope, receive, _discard)
                await _answer(FaultKind.ERROR)(scope, receive, send)
            case _:
                await _answer(fault.kind)(scope, receive, send)

    def _take(self, path: str) -> Fault | None:
        if path.startswith("/faults"):
            return None
        for place, fault in enumerate(self._faults):
            if path.startswith(fault.path):
                left = fault.count - 1
                self._faults[place : place + 1] = (
                    [fault.model_copy(update={"count": left})] if left else []
                )
                return fault
        return None


def _answer(kind: FaultKind) -> Response:
    match kind:
        case FaultKind.HTML:
            return HTMLResponse("<html><body><h1>Welcome to nginx!</h1></body></html>")
        case FaultKind.NONSENSE:
            return JSONResponse({"owed": "a great deal", "hours": [None], "reading": -1})
        case FaultKind.HUGE:
            return Response(b'{"x":"' + b"x" * _HUGE_BYTES + b'"}', media_type="application/json")
        case _:
            return JSONResponse({"detail": "a fault was asked for"}, status_code=500)


async def _until_gone(receive: Receive) -> None:
    """Wait for the peer to give up; a server that closes cancels this as well."""
    try:
        async with asyncio.timeout(_NEVER_S):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return


async def _discard(message: object) -> None:
    return
