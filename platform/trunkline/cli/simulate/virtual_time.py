"""An event loop whose clock jumps to the next timer: a minute of a call takes milliseconds.

Order is the same each time. Work on threads (``run_in_executor``) takes real time, during which the
clock stands still: a tool that really runs takes no time of the call's.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from trunkline.domain.errors import TrunklineError

T = TypeVar("T")

_THREAD_WAIT_S: Final = 30.0


class Stuck(TrunklineError):
    """Everybody waits and nothing will ever happen."""

    default_code = "simulation_stuck"


class _JumpingSelector(selectors.DefaultSelector):
    loop: VirtualTimeLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        # With no thread at work and no socket but the loop's own there is nothing to ask the
        # system about: half of a call's time would go into that.
        can_be_woken = self.loop.on_threads > 0 or len(self.get_map()) > 1
        if can_be_woken or timeout is None:
            ready = super().select(0)
            if ready or timeout == 0:
                return ready
            if self.loop.on_threads or timeout is None:
                if ready := super().select(_THREAD_WAIT_S):
                    return ready
                raise Stuck("everybody waits for something that never happens")
        self.loop.now_s += timeout
        return []


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
        future.add_done_callback(self._thread_ended)
        return future

    def _thread_ended(self, _: object) -> None:
        self.on_threads -= 1


class VirtualClock:
    """The domain's Clock, read from the running virtual loop; it began at ``start``, aware."""

    def __init__(self, start: datetime) -> None:
        self._start = start

    def now(self) -> datetime:
        return self._start + timedelta(seconds=asyncio.get_running_loop().time())

    def monotonic_ms(self) -> float:
        return asyncio.get_running_loop().time() * 1000


def run_virtual(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end on a loop of its own."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(work)
