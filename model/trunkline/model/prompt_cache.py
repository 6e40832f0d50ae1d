"""How much of a response's input began the one before it (usage, contract 5.3). Pure.

An engine that keeps what it has read need not read it again; what a session pays less for is the
longest common beginning: instructions and tools first, then item by item.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from trunkline.realtime.responses import (
    InputTokenDetails,
    OutputTokenDetails,
    TokenDetails,
    Usage,
)

Piece: TypeAlias = tuple[Hashable, int, int]
"""What it is, its text tokens, its audio tokens."""


@dataclass(frozen=True, slots=True)
class InputTokens:
    """``cached_…`` is part of the rest."""

    text: int = 0
    audio: int = 0
    cached_text: int = 0
    cached_audio: int = 0


NOTHING: Final = InputTokens()


class PromptCache:
    def __init__(self) -> None:
        self._last: Sequence[Piece] = ()

    def count(self, pieces: Sequence[Piece]) -> InputTokens:
        """The input's tokens; these pieces are what the next input is compared with."""
        shared = 0
        for old, new in zip(self._last, pieces, strict=False):
            if old != new:
                break
            shared += 1
        self._last = tuple(pieces)
        return InputTokens(
            text=sum(piece[1] for piece in pieces),
            audio=sum(piece[2] for piece in pieces),
            cached_text=sum(piece[1] for piece in pieces[:shared]),
            cached_audio=sum(piece[2] for piece in pieces[:shared]),
        )


def usage_of(
    counted: InputTokens,
    produced: tuple[int, int],
    own_input: Mapping[str, int] | None,
    own_output: Mapping[str, int] | None,
) -> Usage:
    """A response's usage; an engine's own counts (``text``, ``audio``, ``cached_text``,
    ``cached_audio``) win over ours, and where it counts no output of a kind ours stand.
    ``produced``: text tokens, audio tokens."""
    if own_input:
        counted = InputTokens(
            own_input.get("text", 0),
            own_input.get("audio", 0),
            own_input.get("cached_text", 0),
            own_input.get("cached_audio", 0),
        )
    text_out, audio_out = produced
    if own_output:
        text_out, audio_out = own_output.get("text", text_out), own_output.get("audio", audio_out)
    total_in = counted.text + counted.audio
    return Usage(
        total_tokens=total_in + text_out + audio_out,
        input_tokens=total_in,
        output_tokens=text_out + audio_out,
        input_token_details=InputTokenDetails(
            text_tokens=counted.text,
            audio_tokens=counted.audio,
            cached_tokens=counted.cached_text + counted.cached_audio,
            cached_tokens_details=TokenDetails(
                text_tokens=counted.cached_text, audio_tokens=counted.cached_audio
            ),
        ),
        output_token_details=OutputTokenDetails(text_tokens=text_out, audio_tokens=audio_out),
    )
