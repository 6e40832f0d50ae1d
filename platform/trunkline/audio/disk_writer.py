"""One thread for all the files of a process's calls, so that no disk ever holds up the loop."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Final, Protocol, Self, TypeAlias, TypeVar

from trunkline.runtime.logging import get_logger

log = get_logger(__name__)

T = TypeVar("T")
_Job: TypeAlias = Callable[[], None]

_DEPTH: Final = 4096  # half-second pieces: a minute of a slow disk with 60 calls up


class Disk(Protocol):
    """Runs jobs one after the other, in order; a job must not raise."""

    def submit(self, job: _Job) -> bool:
        """False, and the job is not taken, when the disk cannot keep up."""
        ...

    def finish(self, job: Callable[[], T]) -> Future[T]:
        """A last job whose result is wanted; taken even when the queue is full."""
        ...


class DiskWriter:
    """A thread and a bounded queue; a full queue refuses, and the caller counts its loss."""

    def __init__(self, *, depth: int = _DEPTH) -> None:
        self._jobs: queue.Queue[_Job | None] = queue.Queue()
        self._depth = depth
        self._thread = threading.Thread(target=self._run, name="disk-writer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Write what is queued, for at most five seconds."""
        self._jobs.put(None)
        self._thread.join(timeout=5)

    def submit(self, job: _Job) -> bool:
        if self._jobs.qsize() >= self._depth:
            return False
        self._jobs.put(job)
        return True

    def finish(self, job: Callable[[], T]) -> Future[T]:
        return finish_in(self._jobs.put, job)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception as exc:  # a broken job must not end every other call's recording
                log.error("a disk job failed", exc_info=exc)


def finish_in(run: Callable[[_Job], None], job: Callable[[], T]) -> Future[T]:
    """Hands ``run`` a job that settles the returned future."""
    result: Future[T] = Future()

    def settle() -> None:
        try:
            result.set_result(job())
        except Exception as exc:  # handed to whoever waits for the result
            result.set_exception(exc)

    run(settle)
    return result
