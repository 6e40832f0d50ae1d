"""The one thread of ours that calls PJSIP, and its bounded queue of commands."""

from __future__ import annotations

import asyncio
import concurrent.futures
import heapq
import itertools
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from trunkline.domain.errors import TrunkError, TrunklineError
from trunkline.runtime.logging import get_logger

log = get_logger(__name__)

T = TypeVar("T")

_MAX_COMMANDS: Final = 4096
_IDLE_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class _Command:
    work: Callable[[], Any]
    result: concurrent.futures.Future[Any] | None


@dataclass(order=True, slots=True)
class _Timed:
    due_s: float
    seq: int
    work: Callable[[], Any] = field(compare=False)


class ControlThread:
    """Runs commands in order; ``idle`` runs between them, at least four times a second."""

    def __init__(self, idle: Callable[[], None] = lambda: None) -> None:
        # Full means that PJSIP has stood still for thousands of commands: a new one is refused.
        self._commands: queue.Queue[_Command | None] = queue.Queue(_MAX_COMMANDS)
        self._timed: list[_Timed] = []  # touched by this thread only
        self._seq = itertools.count()
        self._idle = idle
        self._thread = threading.Thread(target=self._run, name="sip-control", daemon=True)
        self._is_closed = False

    def start(self) -> None:
        self._thread.start()

    @property
    def is_current(self) -> bool:
        return threading.current_thread() is self._thread

    def submit(self, work: Callable[[], T]) -> concurrent.futures.Future[T]:
        """Queue a command from any thread; its outcome is the future's."""
        result: concurrent.futures.Future[T] = concurrent.futures.Future()
        self._put(_Command(work, result))
        return result

    def post(self, work: Callable[[], Any]) -> None:
        """Queue a command nobody waits for; its failure is logged."""
        self._put(_Command(work, None))

    async def run(
        self, work: Callable[[], T], *, deadline_s: float = 10.0, is_owed: bool = False
    ) -> T:
        """Queue a command from the loop and wait for its outcome, at most ``deadline_s``.

        When nobody waits any more a command that has not begun is dropped, unless it is owed: a
        BYE goes out whoever has lost patience.
        """
        outcome = asyncio.wrap_future(self.submit(work))
        try:
            async with asyncio.timeout(deadline_s):
                return await (asyncio.shield(outcome) if is_owed else outcome)
        except TimeoutError:
            raise TrunkError(f"PJSIP did not answer within {deadline_s:g} s") from None

    def later(self, delay_s: float, work: Callable[[], Any]) -> None:
        """Run a command on this thread after a delay; call it from this thread only."""
        heapq.heappush(self._timed, _Timed(time.monotonic() + delay_s, next(self._seq), work))

    def stop(self, deadline_s: float) -> bool:
        """Let the commands queued so far run, then end; False when that took too long."""
        if not self._is_closed:
            self._is_closed = True
            self._commands.put(None)
        self._thread.join(deadline_s)
        return not self._thread.is_alive()

    def _put(self, command: _Command) -> None:
        if self._is_closed:
            raise TrunkError("the SIP endpoint has been shut down")
        try:
            self._commands.put_nowait(command)
        except queue.Full:
            raise TrunkError("the SIP endpoint is overloaded: its command queue is full") from None

    def _run(self) -> None:
        while True:
            try:
                command = self._commands.get(timeout=self._wait_s())
            except queue.Empty:
                pass
            else:
                if command is None:
                    break
                self._execute(command)
                # A command's closure may be the last owner of a pj object: let go of it here.
                del command
            while self._timed and self._timed[0].due_s <= time.monotonic():
                self._execute(_Command(heapq.heappop(self._timed).work, None))
            self._execute(_Command(self._idle, None))
        self._timed.clear()
        self._execute(_Command(self._idle, None))

    def _wait_s(self) -> float:
        if not self._timed:
            return _IDLE_S
        return max(0.0, min(_IDLE_S, self._timed[0].due_s - time.monotonic()))

    @staticmethod
    def _execute(command: _Command) -> None:
        result = command.result
        if result is not None and not result.set_running_or_notify_cancel():
            return
        try:
            value = command.work()
        except BaseException as exc:  # nothing a command does may end the only control thread
            if result is None:
                log.error("SIP command failed", error=describe(exc))
            else:
                result.set_exception(_for_other_threads(exc))
        else:
            if result is not None:
                result.set_result(value)


def _for_other_threads(exc: BaseException) -> BaseException:
    """PJSIP's errors as ours; of expected errors no traceback, whose frames hold pj objects.

    A pj object's last reference must be dropped on the control thread.
    """
    if hasattr(exc, "reason") and hasattr(exc, "title"):
        exc = TrunkError(describe(exc))
    if isinstance(exc, TrunklineError):
        exc.__traceback__ = exc.__context__ = exc.__cause__ = None
    return exc


def describe(exc: BaseException) -> str:
    """A pj.Error's own words (it has no useful str), or the exception's."""
    reason = getattr(exc, "reason", "")
    if reason:
        return f"{getattr(exc, 'title', '')}: {reason} ({getattr(exc, 'status', '')})"
    return f"{type(exc).__name__}: {exc}"
