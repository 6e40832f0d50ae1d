"""One thread of another process held still, and only that one: what SIGSTOP cannot do.

SIGSTOP stops every thread of a process. A tracer stops a single one (ptrace(2), PTRACE_SEIZE and
PTRACE_INTERRUPT), wherever it is, with whatever it holds.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_SEIZE: Final = 0x4206
_INTERRUPT: Final = 0x4207
_DETACH: Final = 17
_WALL: Final = 0x40000000


@contextmanager
def stopped(thread_id: int) -> Iterator[None]:
    """Enter and leave in the same thread. A process's main thread has the process's id."""
    _ptrace(_SEIZE, thread_id)
    try:
        _ptrace(_INTERRUPT, thread_id)
        os.waitpid(thread_id, _WALL)
        yield
    finally:
        _ptrace(_DETACH, thread_id)


def _ptrace(request: int, thread_id: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    libc.ptrace.restype = ctypes.c_long
    if libc.ptrace(request, thread_id, None, None) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"ptrace: {os.strerror(number)}")
