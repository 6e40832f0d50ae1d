from __future__ import annotations

import pytest

from trunkline.domain.errors import EngineError
from trunkline.model.truncation import MAX_INPUT_TOKENS, first_kept
from trunkline.realtime.session import RetentionRatio, TokenLimits


def test_nothing_is_dropped_while_all_fits() -> None:
    assert first_kept([10, 10], 5, "auto") == 0


def test_auto_drops_the_oldest_until_the_rest_fits() -> None:
    assert first_kept([MAX_INPUT_TOKENS, 10, 10], 0, "auto") == 1


def test_a_ratio_drops_more_so_that_it_happens_rarely() -> None:
    limits = TokenLimits(post_instructions=100)
    half = RetentionRatio(type="retention_ratio", retention_ratio=0.5, token_limits=limits)
    assert first_kept([30, 30, 30, 30], 0, half) == 3


def test_disabled_fails_instead() -> None:
    with pytest.raises(EngineError, match="input tokens"):
        first_kept([MAX_INPUT_TOKENS, 1], 0, "disabled")
