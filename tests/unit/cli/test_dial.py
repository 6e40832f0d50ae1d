"""``trunkline dial`` in words, and what the doctor says of placed calls."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.storage.conftest import database_url, migrated_file
from tests.unit.storage.facts import NOON

from trunkline.calls.order_desk import CallOrder
from trunkline.cli.dial import dial, is_good, state_line, variables_from
from trunkline.cli.doctor_outbound import outbound
from trunkline.cli.findings import Status
from trunkline.domain.call import EndCause
from trunkline.domain.errors import Invalid
from trunkline.domain.ids import CallId
from trunkline.domain.placement import PlacementOutcome, PlacementState, RetryPolicy
from trunkline.runtime.settings import Settings, TrunkSettings
from trunkline.storage.placement_views import AttemptView, PlacementView

__all__ = ["database_url", "migrated_file"]

ATTEMPT = AttemptView(
    CallId("call_x"), 1, NOON, "edge", NOON, EndCause.CALLEE_HANGUP, 12_300, 1_250_000, "EUR"
)
PLACED = PlacementView(
    CallId("call_x"), PlacementState.QUEUED, "+441632960100", "", "", "energy", {}, {}, 30, 3600,
    NOON, NOON, NOON + timedelta(hours=1), RetryPolicy(), (), None, None, None, "", "house",
)  # fmt: skip
CARRIER = TrunkSettings(name="carrier", registrar="sip:carrier.example", prices={"+44": 0.02})


def test_variables_are_text_unless_json_is_asked_for() -> None:
    given = ("name=Ada Lovelace", "count:=3", "is_due:=true", "code=204817", "empty=", "eq=a=b")
    assert variables_from(given) == {
        "name": "Ada Lovelace",
        "count": 3,
        "is_due": True,
        "code": "204817",
        "empty": "",
        "eq": "a=b",
    }
    for wrong in ("name", "=x", ":=3", "count:=three"):
        with pytest.raises(Invalid, match="NAME=TEXT"):
            variables_from([wrong])


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "queued, due 2026-11-21 12:00:00 UTC"),
        ({"state": PlacementState.RINGING, "attempts": (ATTEMPT,)}, "ringing (attempt 1)"),
        (
            {
                "state": PlacementState.ENDED,
                "outcome": PlacementOutcome.ANSWERED,
                "cause": EndCause.CALLEE_HANGUP,
                "attempts": (ATTEMPT,),
            },
            "answered: callee_hangup, 12.3 s, 1.25 EUR",
        ),
        (
            {
                "state": PlacementState.ENDED,
                "outcome": PlacementOutcome.REFUSED,
                "reason": "the day's spend cap is reached",
            },
            "refused (the day's spend cap is reached)",
        ),
    ],
)
def test_a_state_is_one_line(changes: dict[str, Any], line: str) -> None:
    placement = replace(PLACED, **changes)
    assert state_line(placement) == line
    assert is_good(placement, waited=True) is (placement.outcome is PlacementOutcome.ANSWERED)


async def test_an_order_is_kept_although_nobody_can_be_told(
    migrated_file: Path, tmp_path: Path
) -> None:
    shutil.copyfile(migrated_file, tmp_path / "trunkline.db")
    settings = Settings(
        data_dir=tmp_path, trunks=(CARRIER,), outbound_prefixes=("+44",), local_trunk=False
    )
    said: list[str] = []
    order = CallOrder(to="+44 1632 960100", agent="energy", by="", idempotency_key="once")
    first = await dial(settings, order, waits=False, tell=said.append)
    again = await dial(settings, order, waits=False, tell=said.append)
    assert first.placement_id == again.placement_id
    assert said[0] == f"{first.placement_id}  +441632960100 → energy"
    with pytest.raises(Invalid, match="no agent 'nobody'"):
        await dial(settings, replace(order, agent="nobody"), waits=False, tell=said.append)


@pytest.mark.parametrize(
    ("changes", "status", "says"),
    [
        ({}, Status.OK, "no number may be called"),
        ({"outbound_prefixes": ("+44",)}, Status.FAIL, "no trunk can dial"),
        ({"outbound_prefixes": ("+44",), "trunks": (CARRIER,)}, Status.WARN, "no spend cap"),
        (
            {"outbound_prefixes": ("+44", "+1"), "trunks": (CARRIER,), "outbound_spend_cap": 5},
            Status.WARN,
            "no trunk has a price for +1",
        ),
        (
            {"outbound_prefixes": ("+4420",), "trunks": (CARRIER,), "outbound_spend_cap": 5},
            Status.OK,
            "+4420 over carrier, 5 USD a day",
        ),
        ({"outbound_quiet_hours": "at night"}, Status.FAIL, "quiet hours"),
    ],
)
async def test_the_doctor_tells_whom_may_be_called(
    changes: dict[str, Any], status: Status, says: str
) -> None:
    (finding,) = await outbound(Settings(**changes))
    assert finding.status is status
    assert says in finding.detail
