"""Which part of a conversation that has grown too long an engine still reads (contract 6). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from trunkline.domain.errors import EngineError
from trunkline.realtime.session import RetentionRatio, Truncation

MAX_INPUT_TOKENS: Final = 28_224


def first_kept(sizes: Sequence[int], head: int, truncation: Truncation) -> int:
    """The index of the oldest item still read. ``sizes``: tokens of each item, oldest first;
    ``head``: of instructions and tools. EngineError when truncation is disabled and needed."""
    limit = MAX_INPUT_TOKENS - head
    target = limit
    if isinstance(truncation, RetentionRatio):
        own = truncation.token_limits
        if own is not None and own.post_instructions is not None:
            limit = min(limit, own.post_instructions)
        target = int(limit * truncation.retention_ratio)
    total = sum(sizes)
    if total <= limit:
        return 0
    if truncation == "disabled":
        raise EngineError(
            f"The conversation has {total + head} input tokens; the limit is {MAX_INPUT_TOKENS}.",
            code="context_length_exceeded",
            retryable=False,
        )
    for index, size in enumerate(sizes):
        if total <= target:
            return index
        total -= size
    return len(sizes)
