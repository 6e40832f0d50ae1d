"""The shipped weights are what the shipped packs give: trained anew, they say the same."""

from __future__ import annotations

import numpy as np
import pytest

from trunkline.flows.guard import training
from trunkline.flows.guard.classifier import shipped_classifier
from trunkline.flows.guard.pack import shipped_packs

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1800)]


def test_training_gives_the_shipped_weights_and_thresholds() -> None:
    packs = shipped_packs()
    shipped = shipped_classifier(packs)
    lesson = training.Lesson.of(packs)
    again = lesson.learnt()
    assert list(again.places) == list(shipped.places)
    # Kept in half precision; sums may come in another order on another processor.
    assert np.abs(again.weights - shipped.weights).max() < 0.05
    thresholds = training.choose_thresholds(again, lesson.held_out())
    for key, value in thresholds.items():
        assert value == pytest.approx(shipped.thresholds[key], abs=0.01)
