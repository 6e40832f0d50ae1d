"""Holds the GIL of the SIP edge again and again; a benchmark puts this folder on its PYTHONPATH.

Python imports ``sitecustomize`` at its start. Nothing of the product knows of it.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from typing import Final

HOLD_MS: Final = "BENCHMARK_GIL_HOLD_MS"
_EVERY_S: Final = 0.25


def _hold_for_ever(hold_us: int) -> None:
    # A PyDLL's functions run with the GIL held: nothing else of the process's Python moves.
    usleep = ctypes.PyDLL(None).usleep
    pause = threading.Event()
    while not pause.wait(_EVERY_S):
        usleep(hold_us)


if "sip" in sys.orig_argv and HOLD_MS in os.environ:
    threading.Thread(
        target=_hold_for_ever, args=(int(os.environ[HOLD_MS]) * 1000,), daemon=True
    ).start()
