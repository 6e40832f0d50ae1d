"""Nothing runs unattended: named tasks in groups, first-done, kept up, drained with a deadline."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

from trunkline.runtime.logging import get_logger

log = get_logger(__name__)

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 10.0
_STABLE_S: Final = 60.0


async def until_first_done(**sides: Coroutine[Any, Any, Any]) -> str:
    """Run the named coroutines side by side; when one ends, cancel the others and say which it was.

    An exception in any of them is raised (as an ExceptionGroup by the task group).
    """
    async with asyncio.TaskGroup() as group:
        tasks = {name: group.create_task(work, name=name) for name, work in sides.items()}
        done, _ = await asyncio.wait(tasks.values(), return_when=asyncio.FIRST_COMPLETED)
        for task in tasks.values():
            task.cancel()
    return next(name for name, task in tasks.items() if task in done)


async def kept_up(name: str, work: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    """``work`` for as long as the process lives: begun again, after a pause, when it fails.

    For what the whole process leans on, such as the writer of all calls' facts.
    """
    clock = asyncio.get_running_loop().time
    pause_s = _FIRST_PAUSE_S
    while True:
        started_s = clock()
        try:
            await work()
            return
        except Exception as exc:  # whatever it was, standing still would be worse
            log.error("work failed and is begun again", work=name, exc_info=exc)
        pause_s = _FIRST_PAUSE_S if clock() - started_s > _STABLE_S else pause_s
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)


class Nursery:
    """A task group whose tasks may fail alone: a failure is logged under its name, and counted.

    For work that belongs together in life but not in death, such as the calls of one edge.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: set[asyncio.Task[Any]] = set()
        self.failures = 0

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work, name=f"{self._name}:{name}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (exc := task.exception()) is not None:
            self.failures += 1
            log.error("task failed", task=task.get_name(), exc_info=exc)

    async def drain(self, deadline_s: float) -> int:
        """Let the tasks end by themselves, then cancel the rest; returns how many those were."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=deadline_s)
        left = list(self._tasks)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=5)
        return len(left)


@asynccontextmanager
async def nursery(name: str, *, drain_s: float = 0) -> AsyncIterator[Nursery]:
    """A Nursery whose tasks are ended when the block is left."""
    tasks = Nursery(name)
    try:
        yield tasks
    finally:
        await tasks.drain(drain_s)


def stop_on_signals(*signals_: signal.Signals) -> asyncio.Event:
    """An event set by SIGTERM or SIGINT (or those given); a second signal changes nothing."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for one in signals_ or (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(one, stop.set)
    return stop
