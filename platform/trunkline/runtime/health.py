"""``/healthz``, ``/readyz`` and ``/metrics`` for every process, as one small ASGI app."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeAlias

import orjson
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.routing import Route

from trunkline.runtime.logging import get_logger

log = get_logger(__name__)

Check: TypeAlias = Callable[[], Awaitable[str]]
"""Returns an empty string when all is well, else what is wrong and what to do."""

Scope: TypeAlias = Mapping[str, Any]
Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]
Receive: TypeAlias = Callable[[], Awaitable[dict[str, Any]]]

_CHECK_DEADLINE_S = 2.0


class HealthApp:
    """Alive as soon as it answers; ready when every check returns an empty string.

    ``details`` are told by ``/readyz`` beside the checks, and keep nothing from being ready.
    """

    def __init__(
        self,
        process: str,
        checks: Mapping[str, Check],
        details: Mapping[str, Callable[[], Any]] | None = None,
    ) -> None:
        self._process = process
        self._checks = checks
        self._details = dict(details or {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        match scope["path"]:
            case "/healthz":
                await _reply(send, 200, orjson.dumps({"process": self._process, "alive": True}))
            case "/readyz":
                problems = await self.problems()
                body = {"process": self._process, "ready": not problems, "problems": problems}
                body |= {name: tell() for name, tell in self._details.items()}
                await _reply(send, 503 if problems else 200, orjson.dumps(body))
            case "/metrics":
                await _reply(send, 200, generate_latest(), CONTENT_TYPE_LATEST)
            case _:
                await _reply(send, 404, b'{"error":"not found"}')

    def routes(self) -> list[Route]:
        """The three paths, to be put among an application's own."""
        return [
            Route(path, self, include_in_schema=False)
            for path in ("/healthz", "/readyz", "/metrics")
        ]

    async def problems(self) -> dict[str, str]:
        """What stands in the way, by check; checks run side by side and each has two seconds."""
        names = list(self._checks)
        answers = await asyncio.gather(*(self._run(self._checks[name]) for name in names))
        return {name: answer for name, answer in zip(names, answers, strict=True) if answer}

    @staticmethod
    async def _run(check: Check) -> str:
        try:
            async with asyncio.timeout(_CHECK_DEADLINE_S):
                return await check()
        except TimeoutError:
            return "no answer within two seconds"
        except Exception as exc:  # a failing check is the answer, whatever it raises
            return f"{type(exc).__name__}: {exc}"


async def _reply(send: Send, status: int, body: bytes, kind: str = "application/json") -> None:
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-type", kind.encode()), (b"cache-control", b"no-store")],
        }
    )
    await send({"type": "http.response.body", "body": body})


class QuietServer(uvicorn.Server):
    """A uvicorn that leaves signals to the process it is part of."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serve_health(app: HealthApp, host: str, port: int) -> AsyncIterator[None]:
    """Serve ``app`` beside the process's real work, from enter to exit."""
    config = uvicorn.Config(
        app, host=host, port=port, log_level="warning", lifespan="off", access_log=False
    )
    server = QuietServer(config)
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve(), name="health")
        try:
            yield
        finally:
            server.should_exit = True
            async with asyncio.timeout(3):
                await asyncio.wait([serving])
