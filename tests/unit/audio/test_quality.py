from __future__ import annotations

import pytest

from trunkline.audio.quality import mean_opinion


def test_a_clean_call_is_as_good_as_the_telephone_gets() -> None:
    """G.107's default connection: R = 93.2, MOS 4.4."""
    assert mean_opinion(0, 1, 20) == pytest.approx(4.38, abs=0.05)


@pytest.mark.parametrize(
    ("loss", "jitter_ms", "rtt_ms", "mos"),
    [
        (0.01, 5, 40, 4.3),  # hardly heard
        (0.05, 20, 100, 3.6),  # some are dissatisfied
        (0.20, 40, 300, 1.9),  # nearly all are
        (1.0, 0, 0, 1.0),
        (7.0, 9e9, 9e9, 1.0),
        (-1.0, 0, 0, 4.4),
    ],
)
def test_loss_jitter_and_delay_cost(
    loss: float, jitter_ms: float, rtt_ms: float, mos: float
) -> None:
    assert mean_opinion(loss, jitter_ms, rtt_ms) == pytest.approx(mos, abs=0.3)


def test_more_loss_is_never_better() -> None:
    scores = [mean_opinion(percent / 100, 5, 60) for percent in range(101)]
    assert scores == sorted(scores, reverse=True)
