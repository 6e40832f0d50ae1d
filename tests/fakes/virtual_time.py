"""An event loop whose clock jumps to the next timer: a minute of a call takes milliseconds.

    def test_something() -> None:
        async def scene() -> None:
            await asyncio.sleep(60)
        run_virtual(scene())

Order is the same each time. Work on threads (``asyncio.to_thread``) takes real time, during which
the clock stands still. A loop with nothing left to wait for raises Stuck instead of hanging.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")

_START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


class Stuck(Exception):
    """Everybody waits and nothing will ever happen."""


class _JumpingSelector(selectors.DefaultSelector):
    loop: VirtualTimeLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if self.loop.on_threads:
            return super().select(10)
        if timeout is None:
            if ready := super().select(5):  # a thread that the loop does not know of
                return ready
            raise Stuck("no timer, no thread, no socket: every task waits for ever")
        self.loop.now_s += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.now_s = 0.0
        self.on_threads = 0
        selector = _JumpingSelector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now_s

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        self.on_threads += 1
        future = super().run_in_executor(executor, func, *args)

        def back(_: asyncio.Future[T]) -> None:
            self.on_threads -= 1

        future.add_done_callback(back)
        return future


class VirtualClock:
    """The domain's Clock, read from the running virtual loop."""

    def now(self) -> datetime:
        return _START + timedelta(seconds=asyncio.get_running_loop().time())

    def monotonic_ms(self) -> float:
        return asyncio.get_running_loop().time() * 1000


def run_virtual(scene: Coroutine[Any, Any, T], *, deadline_s: float = 3600) -> T:
    """Run a scene on virtual time; TimeoutError when it outlasts ``deadline_s`` virtual seconds."""

    async def bounded() -> T:
        async with asyncio.timeout(deadline_s):
            return await scene

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(bounded())
