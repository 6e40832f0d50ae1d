"""Tools that a program outside runs itself once a person has agreed: how their slips say so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

PROGRAM: Final = "program"
"""The kind of transport, in a slip, of a tool that only the program can run that had asked."""
BEGINS_WITHIN: Final = timedelta(seconds=60)
"""A granted run that its program has not begun by then has failed, and is not run any more."""
NOBODY_TO_TELL: Final = 2**31 - 1
"""The revision that a call has heard of whose edge need not be told: its program asks by itself."""
REFUSED_BY_PROGRAM: Final = "program_failed"
"""The code of a run that the program says had no effect."""


def is_programs(slip: Mapping[str, Any]) -> bool:
    transport = slip.get("transport")
    return isinstance(transport, Mapping) and transport.get("kind") == PROGRAM
