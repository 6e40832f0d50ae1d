"""A few seeded trials of ``benchmarks.guard_trials``: real calls, judged from RTP audio."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from benchmarks.guard_trials import house, make_trials, measure

pytestmark = pytest.mark.peers


def test_no_blocked_phrase_is_heard_and_the_same_search_finds_unguarded_ones(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    # A short path: the private Redis listens on a Unix socket (unix(7): 107 bytes).
    folder: Path = tmp_path_factory.mktemp("g")
    trials = [one for one in make_trials(12, seed=5) if one.phrase and one.before][:4]
    with house(folder, trials) as installation:
        figures = asyncio.run(measure(installation, trials, calls=2, turns=2))
    assert figures.lost == 0
    assert len(figures.controls) == 2 and not figures.controls_missed
    assert len(figures.blocked) == 2 and not figures.heard
    assert min(figures.leading) >= 0.6  # what was fine before it was said
