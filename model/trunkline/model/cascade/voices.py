"""The voices of the Realtime contract on the four recorded voices of flite.

The eight of the first generation, and the two that the current one added (marin is its default).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trunkline.domain.errors import Invalid


@dataclass(frozen=True, slots=True)
class Voice:
    """flite's voice ``base``: voice; ``f0_shift`` moves its pitch and leaves its pace.

    ``gain`` brings it to about -20 dBFS while it speaks (an 8 s sentence at gain 1, measured: slt
    -15.1, awb -19.7, rms -20.7, kal16 -26.8 dB).
    """

    name: str
    base: str
    f0_shift: float
    gain: float


_GAIN: Final = {"slt": 0.57, "awb": 0.97, "rms": 1.09, "kal16": 2.18}

VOICES: Final = {
    name: Voice(name, base, f0_shift, _GAIN[base])
    for name, base, f0_shift in (
        ("alloy", "slt", 1.0),
        ("shimmer", "slt", 1.15),
        ("coral", "slt", 0.9),
        ("ash", "rms", 1.0),
        ("echo", "rms", 0.88),
        ("ballad", "awb", 1.0),
        ("verse", "awb", 1.12),
        ("sage", "kal16", 1.0),
        ("marin", "slt", 1.06),
        ("cedar", "rms", 0.94),
    )
}
# The contract's two newer names (marin is its default) speak with ours.
_ALIASES: Final = {"marin": "alloy", "cedar": "ash"}
BASE_VOICES: Final = tuple(sorted(_GAIN))
MIN_SPEED: Final = 0.25
MAX_SPEED: Final = 4.0


def find_voice(name: str) -> Voice:
    """Raises Invalid, naming the known ones, for any other name."""
    try:
        return VOICES[_ALIASES.get(name, name)]
    except KeyError:
        known = ", ".join(sorted(VOICES))
        raise Invalid(
            f"there is no voice {name!r}; the voices are {known}", param="voice"
        ) from None


def check_speed(speed: float) -> float:
    """Raises Invalid outside 0.25 to 4."""
    if not MIN_SPEED <= speed <= MAX_SPEED:
        raise Invalid(f"speed must lie between {MIN_SPEED} and {MAX_SPEED:g}", param="speed")
    return speed
