"""The tools of a text call: as declared, or really run against the sample service."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Coroutine, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import uvicorn

from trunkline.cli.simulate.simulation import (
    Fails,
    FromService,
    NeverAnswers,
    Returns,
    ToolBehaviour,
)
from trunkline.domain.events import Json, ToolOutcome
from trunkline.flows.sample_faults import Fault, FaultKind
from trunkline.flows.sample_service import create_app
from trunkline.flows.tool_runner import ToolContext, ToolRunner
from trunkline.flows.tools import ToolError, ToolFailed, ToolRunResult, ToolSpec, ToolSucceeded

_START_S: Final = 10.0
_RUN_S: Final = 60.0


class SampleServiceThread:
    """The sample service and a tool runner on a loop of their own, in real time.

    ``url`` is known from the start; everything is served from the first ``run`` on.
    """

    def __init__(self) -> None:
        self._config = uvicorn.Config(
            self._serve,
            host="127.0.0.1",
            port=0,
            interface="asgi3",
            log_config=None,
            access_log=False,
            lifespan="off",
        )
        self._socket = self._config.bind_socket()
        self.port = int(self._socket.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._server = uvicorn.Server(self._config)
        self._app: Any = None
        self._tools: ToolRunner | None = None
        self._stack = ExitStack()

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(scope, receive, send)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(_START_S)
        self._socket.close()
        self._stack.close()

    def fresh_books(self) -> None:
        """The next run finds the service as it is when it was never called."""
        if self._app is not None:
            for ledger in self._app.state.ledgers:
                ledger.wipe()
            self._app.state.faults.clear()
        if self._tools is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._tools.forget_failures)

    def run(
        self,
        tool: ToolSpec,
        arguments: Mapping[str, Json],
        context: ToolContext,
        answer: FromService,
    ) -> ToolRunResult:
        """One run, from any thread but the service's own."""
        self._start()
        if self._app is None:
            directory = self._stack.enter_context(tempfile.TemporaryDirectory())
            self._app = create_app(Path(directory))
        return self._submit(self._run(tool, arguments, context, answer)).result(_RUN_S)

    def _submit(self, work: Coroutine[Any, Any, ToolRunResult]) -> Future[ToolRunResult]:
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _run(
        self,
        tool: ToolSpec,
        arguments: Mapping[str, Json],
        context: ToolContext,
        answer: FromService,
    ) -> ToolRunResult:
        assert self._tools is not None
        if answer.fault:
            attempts = tool.retry.attempts if tool.may_retry else 1
            fault = Fault(kind=FaultKind(answer.fault), count=answer.times or attempts)
            self._app.state.faults.append(fault)
        try:
            return await self._tools.run(tool, arguments, context)
        finally:
            if answer.fault:
                self._app.state.faults.clear()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._main, name="sample-service", daemon=True)
            self._thread.start()
            if not self._ready.wait(_START_S):
                raise RuntimeError("the sample service did not start")

    def _main(self) -> None:
        asyncio.run(self._live())

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        # Only this machine, whatever a flow says: a simulation calls nobody.
        async with ToolRunner(resolver=_nowhere_else) as tools:
            self._tools = tools
            self._ready.set()
            await self._server.serve(sockets=[self._socket])


async def _nowhere_else(host: str, port: int) -> list[str]:
    return [host] if host in ("127.0.0.1", "::1") else []


class SimulatedTools:
    """Each run of a tool takes the next of its behaviours; the last one stays."""

    def __init__(
        self, behaviours: Mapping[str, tuple[ToolBehaviour, ...]], service: SampleServiceThread
    ) -> None:
        self._behaviours = behaviours
        self._service = service
        self._runs: dict[str, int] = {}
        self.running = 0

    async def run(
        self, tool: ToolSpec, arguments: Mapping[str, Json], context: ToolContext
    ) -> ToolRunResult:
        self.running += 1
        try:
            return await self._run(tool, arguments, context)
        finally:
            self.running -= 1

    async def _run(
        self, tool: ToolSpec, arguments: Mapping[str, Json], context: ToolContext
    ) -> ToolRunResult:
        number = self._runs[tool.name] = self._runs.get(tool.name, 0) + 1
        declared = self._behaviours.get(tool.name) or (ToolBehaviour(FromService(), 0),)
        behaviour = declared[min(number, len(declared)) - 1]
        took_ms = round(behaviour.after_s * 1000)
        match behaviour.answer:
            case Returns(result):
                await asyncio.sleep(behaviour.after_s)
                return ToolSucceeded(result, took_ms, 1)
            case Fails(code):
                await asyncio.sleep(behaviour.after_s)
                error = ToolError(code, "as the simulation says")
                return ToolFailed(ToolOutcome.FAILED, error, took_ms, 1)
            case NeverAnswers() | FromService(fault="never" | "slow"):
                await asyncio.sleep(tool.worst_case_ms / 1000)
                error = ToolError("timed_out", "no answer, as the simulation says")
                return ToolFailed(ToolOutcome.TIMED_OUT, error, tool.worst_case_ms, 1)
            case FromService() as answer:
                loop = asyncio.get_running_loop()
                really: ToolRunResult = await loop.run_in_executor(
                    None, self._service.run, tool, arguments, context, answer
                )
                await asyncio.sleep(behaviour.after_s)
                return really
