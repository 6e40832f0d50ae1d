"""What the test caller does, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from trunkline.domain.errors import Invalid


class StepKind(StrEnum):
    SAY = "say"
    WAV = "wav"
    DIGITS = "dtmf"


@dataclass(frozen=True, slots=True)
class Step:
    """One contribution of the caller.

    With ``barge_in_after_s`` it begins that long after the agent begins to speak again; without, it
    begins once the agent has fallen silent.
    """

    kind: StepKind
    value: str
    barge_in_after_s: float | None = None


def script_from_options(options: Sequence[tuple[str, str]]) -> list[Step]:
    """Steps from ``(option, value)`` pairs in command-line order.

    ``--barge-in-after`` belongs to the step after it; given last, to the last step.
    """
    steps: list[Step] = []
    pending: float | None = None
    for option, value in options:
        if option == "barge_in_after":
            pending = _seconds(value)
            continue
        kind = StepKind(option)
        _check(kind, value)
        steps.append(Step(kind, value, pending))
        pending = None
    if pending is not None:
        if not steps:
            raise Invalid("--barge-in-after needs a --say, --wav or --dtmf to go with it")
        steps[-1] = Step(steps[-1].kind, steps[-1].value, pending)
    return steps


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= 60:
        raise Invalid(f"--barge-in-after wants seconds from 0 to 60, not {value!r}")
    return seconds


def _check(kind: StepKind, value: str) -> None:
    match kind:
        case StepKind.DIGITS if not value or set(value.upper()) - set("0123456789*#ABCD"):
            raise Invalid(f"--dtmf wants digits (0-9 * # A-D), not {value!r}")
        case StepKind.WAV if not Path(value).is_file():
            raise Invalid(f"--wav names {value}, which is not a file")
        case StepKind.SAY if not value.strip():
            raise Invalid("--say wants something to say")
