"""The ears' frozen benchmark stays as it was written, and asks what the shipped flows ask."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from trunkline.flows.catalog import SHIPPED_AGENTS
from trunkline.flows.compile import intents_at
from trunkline.flows.flow import Flow
from trunkline.flows.schema.loader import load_flow
from trunkline.flows.slots import SlotKind
from trunkline.flows.steps import CollectStep

ROOT: Final = Path(__file__).parents[3]
SET: Final = ROOT / "tests" / "data" / "ears_frozen.yaml"
FROZEN_ON: Final = "2026-11-21"
SHA256: Final = "d0a87209ee01c53f4c0276e6f7d3e60d6a60eafc276347bd29d89e2e3629f7ae"


@pytest.fixture(scope="module")
def data() -> Any:
    return yaml.safe_load(SET.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def flows() -> dict[str, Flow]:
    return {
        path.stem: load_flow(path.read_text(encoding="utf-8"), environment={}, name=path.stem)
        for path in SHIPPED_AGENTS.glob("*.yaml")
    }


def test_the_set_is_the_one_that_was_frozen() -> None:
    """It may not be changed to fit the ears, nor its phrases taken into flows or tables."""
    found = sha256(SET.read_bytes()).hexdigest()
    assert found == SHA256, f"{SET.name} is not what was frozen on {FROZEN_ON}: restore it"


def test_every_row_asks_for_what_the_step_can_do(data: Any, flows: dict[str, Flow]) -> None:
    wrong = []
    for group in data["directed"]:
        for ask, rows in group["asks"].items():
            flow, name, *slot = ask.split("/")
            step = flows[flow].steps[name]
            wishes = set(intents_at(flows[flow], step))
            for _, _, wanted in rows:
                if slot and isinstance(step, CollectStep):
                    [asked] = [each for each in step.slots if each.name == slot[0]]
                    is_choice = asked.kind is SlotKind.CHOICE
                    is_known = wanted in asked.choices if is_choice else wanted is not None
                else:
                    is_known = wanted in wishes
                if not is_known:
                    wrong.append((ask, wanted))
    assert wrong == []


def test_no_phrase_is_asked_for_twice_at_one_question(data: Any) -> None:
    for group in data["directed"]:
        for rows in group["asks"].values():
            said = [row[0] for row in rows]
            assert len(said) == len(set(said))
