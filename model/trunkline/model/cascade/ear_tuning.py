"""What of the recogniser an operator may switch; crosses to its processes as arguments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_PLAIN_MODEL: Final = "--plain-model"
_KEEP_NOISE: Final = "--keep-noise"


@dataclass(frozen=True, slots=True)
class EarTuning:
    """``has_transform``: the model's means are moved for a telephone band (MLLR).

    ``suppresses_noise``: a noisy turn that is in doubt is also heard with its noise suppressed.
    """

    has_transform: bool = True
    suppresses_noise: bool = True

    def arguments(self) -> tuple[str, ...]:
        """For the command line of a recogniser process."""
        plain = () if self.has_transform else (_PLAIN_MODEL,)
        return plain + (() if self.suppresses_noise else (_KEEP_NOISE,))

    @classmethod
    def from_arguments(cls, arguments: Sequence[str]) -> EarTuning:
        return cls(_PLAIN_MODEL not in arguments, _KEEP_NOISE not in arguments)
